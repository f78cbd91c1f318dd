// SPDX-License-Identifier: Apache-2.0
#include "server/front/message_reader.h"

#include <algorithm>
#include <optional>
#include <string>

#include "server/front/head_parser.h"

namespace tarn::server::front {
namespace {

constexpr std::size_t line_end = 2;

}  // namespace

void MessageReader::refuse(int status, std::string_view reason) {
  refusal_ = {status, std::string{reason}};
  state_ = State::refused;
}

std::size_t MessageReader::feed(Bytes bytes) {
  body_.clear();
  const std::size_t offered = bytes.size();
  if (offered == 0) return 0;
  if (state_ == State::idle || state_ == State::head) {
    state_ = State::head;
    while (state_ == State::head && !bytes.empty()) take_head(bytes);
  } else if (state_ == State::body) {
    take_body(bytes);
  }
  return offered - bytes.size();
}

void MessageReader::take_head(Bytes& bytes) {
  const std::size_t head_left = limits_.head - head_bytes_;
  std::size_t limit =
      std::max(head_left, 2 * line_end) - 2 * line_end;  // the empty line has to fit in as well
  if (!has_request_line_) limit = std::min(limit, limits_.request_line);
  switch (lines_.take(bytes, limit)) {
    case LineReader::Outcome::more:
      return;
    case LineReader::Outcome::too_long:
      if (has_request_line_) return refuse(431, "a head that is too long");
      return refuse(414, "a request line that is too long");
    case LineReader::Outcome::bare_cr:
      return refuse(400, "a bare CR in the head");
    case LineReader::Outcome::bare_lf:
      return refuse(400, "a bare LF in the head");
    case LineReader::Outcome::line:
      break;
  }
  const std::string_view line = lines_.line();
  if (!has_request_line_ && line.empty()) {
    // RFC 9112 2.2: left over by clients of old after a body
    if (has_skipped_line_) return refuse(400, "empty lines before the request line");
    has_skipped_line_ = true;
    state_ = State::idle;
    return;
  }
  head_bytes_ += line.size() + line_end;
  read_head_line(line);
}

void MessageReader::read_head_line(std::string_view line) {
  std::optional<Refusal> refusal;
  if (!has_request_line_) {
    refusal = parse_request_line(line, head_);
    has_request_line_ = true;
  } else if (line.empty()) {
    refusal = finish_head(head_);
    if (!refusal) return finish();
  } else if (head_.fields.size() == limits_.fields) {
    refusal = Refusal{431, "too many fields"};
  } else {
    refusal = parse_field(line, head_);
  }
  if (refusal) refuse(refusal->status, refusal->reason);
}

void MessageReader::finish() {
  content_left_ = head_.content_length.value_or(0);
  state_ = head_.chunked || content_left_ > 0 ? State::body : State::complete;
}

void MessageReader::take_body(Bytes& bytes) {
  if (head_.chunked) {
    const ChunkDecoder::Outcome outcome = chunks_.take(bytes, lines_, limits_, body_);
    if (outcome == ChunkDecoder::Outcome::done) state_ = State::complete;
    if (outcome == ChunkDecoder::Outcome::refused) refuse(chunks_.refusal().status, chunks_.refusal().reason);
    return;
  }
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(content_left_, bytes.size()));
  body_.push_back(bytes.first(count));
  bytes = bytes.subspan(count);
  content_left_ -= count;
  if (content_left_ == 0) state_ = State::complete;
}

void MessageReader::end() {
  body_.clear();
  if (state_ == State::head) refuse(400, "the stream ended within the head");
  if (state_ == State::body) refuse(400, "the stream ended within the body");
}

void MessageReader::next() {
  if (state_ != State::complete) return;
  head_ = {};
  chunks_ = {};
  lines_.reset();
  has_request_line_ = false;
  has_skipped_line_ = false;
  head_bytes_ = 0;
  content_left_ = 0;
  body_.clear();
  state_ = State::idle;
}

}  // namespace tarn::server::front
