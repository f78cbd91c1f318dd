// SPDX-License-Identifier: Apache-2.0
#include "server/front/chunk_decoder.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "server/front/field_syntax.h"

namespace tarn::server::front {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";

std::optional<std::uint64_t> parse_size(std::string_view digits) {
  constexpr std::size_t most_digits = 16;
  if (digits.empty() || digits.size() > most_digits) return std::nullopt;
  std::uint64_t size = 0;
  for (const char digit : digits) {
    const std::size_t at = hex_digits.find(digit);
    size = size << 4U | (at < 16 ? at : at - 6);
  }
  if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return size;
}

// A quoted-string (RFC 9110 5.6.4) at the front of `text` is removed from it.
bool skip_quoted(std::string_view& text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return true;
    }
  }
  return false;
}

bool skip_token(std::string_view& text) {
  const std::string_view token = text.substr(0, text.find_first_of(";=\""));
  text.remove_prefix(token.size());
  return is_token(token);
}

// chunk-ext (RFC 9112 7.1.1) without the white space that it tolerates.
bool are_extensions(std::string_view text) {
  if (!is_field_value(text)) return false;
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    if (!skip_token(text)) return false;
    if (!text.starts_with('=')) continue;
    text.remove_prefix(1);
    if (!(text.starts_with('"') ? skip_quoted(text) : skip_token(text))) return false;
  }
  return true;
}

// Where a message ends and who asks is said before its body; other readers heed some of it even behind it.
bool belongs_into_head(std::string_view name) {
  return delimits_messages(name) || equals_ignoring_case(name, "host") ||
         equals_ignoring_case(name, "authorization");
}

}  // namespace

ChunkDecoder::Outcome ChunkDecoder::refuse(int status, std::string_view reason) {
  refusal_ = {status, std::string{reason}};
  return Outcome::refused;
}

ChunkDecoder::Outcome ChunkDecoder::take(Bytes& bytes, LineReader& lines, const MessageLimits& limits,
                                         std::vector<Bytes>& data) {
  while (!bytes.empty()) {
    Outcome outcome = Outcome::more;
    switch (step_) {
      case Step::size:
        outcome = take_size(bytes, lines, limits);
        break;
      case Step::data:
        outcome = take_data(bytes, data);
        break;
      case Step::data_cr:
      case Step::data_lf:
        outcome = take_data_end(bytes);
        break;
      case Step::trailer:
        outcome = take_trailer(bytes, lines, limits);
        break;
      case Step::done:
        return Outcome::done;
    }
    if (outcome != Outcome::more) return outcome;
  }
  return Outcome::more;
}

ChunkDecoder::Outcome ChunkDecoder::take_size(Bytes& bytes, LineReader& lines, const MessageLimits& limits) {
  switch (lines.take(bytes, limits.chunk_line)) {
    case LineReader::Outcome::more:
      return Outcome::more;
    case LineReader::Outcome::too_long:
      return refuse(400, "a chunk's size line that is too long");
    case LineReader::Outcome::bare_cr:
      return refuse(400, "a bare CR in a chunk's size line");
    case LineReader::Outcome::bare_lf:
      return refuse(400, "a bare LF at a chunk's size line");
    case LineReader::Outcome::line:
      break;
  }
  const std::string_view line = lines.line();
  const std::size_t digits = std::min(line.find_first_not_of(hex_digits), line.size());
  const auto size = parse_size(line.substr(0, digits));
  if (!size) return refuse(400, "a malformed chunk size");
  if (!are_extensions(line.substr(digits))) return refuse(400, "a malformed chunk extension");
  left_ = *size;
  step_ = left_ == 0 ? Step::trailer : Step::data;
  return Outcome::more;
}

ChunkDecoder::Outcome ChunkDecoder::take_data(Bytes& bytes, std::vector<Bytes>& data) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  data.push_back(bytes.first(count));
  bytes = bytes.subspan(count);
  left_ -= count;
  if (left_ == 0) step_ = Step::data_cr;
  return Outcome::more;
}

ChunkDecoder::Outcome ChunkDecoder::take_data_end(Bytes& bytes) {
  const bool is_cr = step_ == Step::data_cr;
  const std::uint8_t byte = bytes.front();
  bytes = bytes.subspan(1);
  if (byte != (is_cr ? 0x0d : 0x0a)) return refuse(400, "chunk data without CR LF at its end");
  step_ = is_cr ? Step::data_lf : Step::size;
  return Outcome::more;
}

ChunkDecoder::Outcome ChunkDecoder::take_trailer(Bytes& bytes, LineReader& lines,
                                                 const MessageLimits& limits) {
  constexpr std::size_t line_end = 2;
  switch (lines.take(bytes, limits.trailer - trailer_)) {
    case LineReader::Outcome::more:
      return Outcome::more;
    case LineReader::Outcome::too_long:
      return refuse(431, "a trailer section that is too long");
    case LineReader::Outcome::bare_cr:
      return refuse(400, "a bare CR in the trailer section");
    case LineReader::Outcome::bare_lf:
      return refuse(400, "a bare LF in the trailer section");
    case LineReader::Outcome::line:
      break;
  }
  const std::string_view line = lines.line();
  if (line.empty()) {
    step_ = Step::done;
    return Outcome::done;
  }
  const FieldLine field = split_field_line(line);
  if (!field.problem.empty()) return refuse(400, field.problem);
  if (belongs_into_head(field.name))
    return refuse(400, "a field in the trailer section that belongs into the head");
  trailer_ = std::min(limits.trailer, trailer_ + line.size() + line_end);
  return Outcome::more;
}

}  // namespace tarn::server::front
