// SPDX-License-Identifier: Apache-2.0
#include "server/front/output_queue.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace tarn::server::front {
namespace {

constexpr std::size_t kept_capacity = 4096;
constexpr std::size_t most_vectors = 32;

iovec vector_of(Bytes bytes) {
  // nobody writes through it
  return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

void OutputQueue::append(std::string_view text) {
  if (text.empty()) return;
  if (pieces_.empty() || !pieces_.back().blob.empty()) pieces_.emplace_back();
  pieces_.back().text.append(text);
  bytes_ += text.size();
}

void OutputQueue::append(const Blob& blob) {
  if (blob.empty()) return;
  // An empty piece of text may stand at the end, kept for its memory.
  if (!pieces_.empty() && pieces_.back().bytes().empty()) pieces_.pop_back();
  pieces_.push_back({{}, blob});
  bytes_ += blob.size();
}

void OutputQueue::clear() {
  first_ = 0;
  offset_ = 0;
  bytes_ = 0;
  if (pieces_.size() == 1 && pieces_[0].blob.empty() && pieces_[0].text.capacity() <= kept_capacity) {
    pieces_[0].text.clear();
  } else {
    pieces_.clear();
  }
}

void OutputQueue::trim() {
  if (empty()) pieces_ = {};
}

OutputQueue::Sent OutputQueue::send(Transport& to, Bytes more, std::size_t& taken) {
  taken = 0;
  while (bytes_ > 0 || taken < more.size()) {
    std::array<iovec, most_vectors> vectors{};
    std::size_t count = 0;
    for (std::size_t i = first_; i < pieces_.size() && count < most_vectors - 1; ++i) {
      const Bytes whole = pieces_[i].bytes();
      const Bytes rest = i == first_ ? whole.subspan(offset_) : whole;
      if (!rest.empty()) vectors[count++] = vector_of(rest);
    }
    const bool reaches_more = first_ + count >= pieces_.size() || count < most_vectors - 1;
    if (reaches_more && taken < more.size()) vectors[count++] = vector_of(more.subspan(taken));
    const ssize_t sent = to.send(std::span{vectors}.first(count));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN ? Sent::blocked : Sent::failed;
    const auto queued = std::min(static_cast<std::size_t>(sent), bytes_);
    drop(queued);
    taken += static_cast<std::size_t>(sent) - queued;
  }
  return Sent::all;
}

void OutputQueue::drop(std::size_t count) {
  if (count == bytes_) {
    clear();
    return;
  }
  bytes_ -= count;
  offset_ += count;
  while (offset_ >= pieces_[first_].bytes().size()) {
    offset_ -= pieces_[first_].bytes().size();
    pieces_[first_] = {};  // gives the memory back while later ones wait
    ++first_;
  }
}

}  // namespace tarn::server::front
