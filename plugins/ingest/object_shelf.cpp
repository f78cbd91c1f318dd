// SPDX-License-Identifier: Apache-2.0
#include "ingest/object_shelf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace tarn::ingest {

namespace {

constexpr std::size_t block_size = 64;
// An encoder that begins anew says so with the playlist after its first segment.
constexpr std::size_t most_repeats = 16;

// Four lanes, so that the multiplications overlap.
class Digest {
 public:
  void add(const std::uint8_t* block, std::size_t size) {
    std::array<std::uint64_t, block_size / sizeof(std::uint64_t)> words{};
    std::memcpy(words.data(), block, size);
    for (std::size_t i = 0; i < words.size(); ++i)
      lanes_[i % lanes_.size()] = mix(lanes_[i % lanes_.size()], words[i]);
  }
  [[nodiscard]] std::uint64_t finish(std::uint64_t digest) const {
    for (const std::uint64_t lane : lanes_) digest = mix(digest, lane);
    return digest == 0 ? 1 : digest;
  }

 private:
  static std::uint64_t mix(std::uint64_t lane, std::uint64_t word) {
    return std::rotl((lane ^ word) * 0x9fb21c651e98df25, 29);
  }
  std::array<std::uint64_t, 4> lanes_{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb,
                                      0xd6e8feb86659fd93};
};

}  // namespace

std::uint64_t digest_of(Bytes bytes) {
  Digest digest;
  std::size_t at = 0;
  for (; at + block_size <= bytes.size(); at += block_size) digest.add(bytes.data() + at, block_size);
  if (at < bytes.size()) digest.add(bytes.data() + at, bytes.size() - at);
  return digest.finish(bytes.size());
}

bool ObjectShelf::holds(std::string_view path, std::uint64_t digest) const {
  const auto waiting = held_.find(path);
  if (waiting == held_.end()) return false;
  const UploadedSegment& segment = waiting->second.segment;
  return segment.digest == digest && segment.usable() && !segment.cut;
}

ObjectShelf::Placed ObjectShelf::put(UploadedSegment segment) {
  if (holds(segment.path, segment.digest)) return Placed::repeated;
  const auto used = used_.find(segment.path);
  if (used != used_.end() && used->second == segment.digest && !held_.contains(segment.path)) {
    keep_aside(std::move(segment));
    return Placed::repeated;
  }
  bool known = used_.contains(segment.path);
  if (const auto waiting = held_.find(segment.path); waiting != held_.end()) {
    (void)remove(waiting);
    known = true;
  }
  held_bytes_ += segment.size;
  order_.emplace(next_number_, segment.path);
  std::string path = segment.path;
  held_.emplace(std::move(path), Waiting{next_number_, std::move(segment)});
  ++next_number_;
  while (held_.size() > limits_.segments || (held_bytes_ > limits_.bytes && held_.size() > 1)) drop_oldest();
  return known ? Placed::replaced : Placed::held;
}

const UploadedSegment* ObjectShelf::find(const ObjectName& name) const {
  const UploadedSegment* const waiting = find_waiting(name);
  return waiting != nullptr ? waiting : find_repeat(name);
}

const UploadedSegment* ObjectShelf::find_waiting(const ObjectName& name) const {
  for (const std::string& path : name.paths()) {
    const auto at = held_.find(path);
    if (at != held_.end()) return &at->second.segment;
  }
  return nullptr;
}

const UploadedSegment* ObjectShelf::find_repeat(const ObjectName& name) const {
  const auto at = std::find_if(repeats_.begin(), repeats_.end(),
                               [&](const UploadedSegment& kept) { return name.matches(kept.path); });
  return at == repeats_.end() ? nullptr : &*at;
}

void ObjectShelf::drop_repeat(const ObjectName& name) {
  std::erase_if(repeats_, [&](const UploadedSegment& kept) { return name.matches(kept.path); });
}

void ObjectShelf::keep_aside(UploadedSegment segment) {
  if (!segment.usable()) return;
  std::erase_if(repeats_, [&](const UploadedSegment& kept) { return kept.path == segment.path; });
  repeats_.push_back(std::move(segment));
  if (repeats_.size() > most_repeats) repeats_.pop_front();
}

UploadedSegment ObjectShelf::take(const ObjectName& name) {
  for (const std::string& path : name.paths()) {
    const auto at = held_.find(path);
    if (at == held_.end()) continue;
    UploadedSegment segment = remove(at);
    remember(segment.path, segment.digest);
    return segment;
  }
  const auto at = std::find_if(repeats_.begin(), repeats_.end(),
                               [&](const UploadedSegment& kept) { return name.matches(kept.path); });
  if (at == repeats_.end()) return {};
  UploadedSegment segment = std::move(*at);
  repeats_.erase(at);
  return segment;
}

void ObjectShelf::give_up(const ObjectName& name) {
  for (const std::string& path : name.paths()) {
    if (!used_.contains(path)) remember(path, 0);
  }
}

void ObjectShelf::drop_older_than(Monotonic time) {
  while (!order_.empty() && held_.find(order_.begin()->second)->second.segment.arrival < time) drop_oldest();
  while (!repeats_.empty() && repeats_.front().arrival < time) repeats_.pop_front();
}

void ObjectShelf::remember(const std::string& path, std::uint64_t digest) {
  const auto [at, is_new] = used_.insert_or_assign(path, digest);
  if (!is_new) return;
  used_order_.push_back(path);
  if (used_order_.size() <= limits_.remembered) return;
  used_.erase(used_order_.front());
  used_order_.pop_front();
}

UploadedSegment ObjectShelf::remove(Held::iterator at) {
  UploadedSegment segment = std::move(at->second.segment);
  held_bytes_ -= segment.size;
  order_.erase(at->second.number);
  held_.erase(at);
  return segment;
}

void ObjectShelf::drop_oldest() {
  (void)remove(held_.find(order_.begin()->second));
  ++dropped_;
}

}  // namespace tarn::ingest
