// SPDX-License-Identifier: Apache-2.0
#include "core/webvtt/document.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/base/bytes.h"
#include "core/base/text.h"

namespace tarn::webvtt {
namespace {

constexpr std::uint64_t mpegts_period = std::uint64_t{1} << 33U;
constexpr std::uint64_t most_hours = 1'000'000;

bool is_utf8(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint8_t lead = bytes[i];
    const std::size_t more = lead < 0x80        ? 0
                             : lead >> 5U == 6  ? 1
                             : lead >> 4U == 14 ? 2
                             : lead >> 3U == 30 ? 3
                                                : 9;
    if (more > 3 || i + more >= bytes.size() + (more == 0 ? 1 : 0)) return false;
    std::uint32_t point = more == 0 ? lead : lead & (0x3fU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      if ((bytes[i + k] & 0xc0U) != 0x80U) return false;
      point = point << 6U | (bytes[i + k] & 0x3fU);
    }
    constexpr std::array<std::uint32_t, 4> least{0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += more + 1;
  }
  return true;
}

bool is_text(std::string_view bytes) { return is_utf8(bytes) && bytes.find('\0') == std::string_view::npos; }

// Lines without their ends, which are CR, LF or both.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  std::string_view next() {
    const std::size_t end = rest_.find_first_of("\r\n");
    const std::string_view line = rest_.substr(0, end);
    if (end == std::string_view::npos) {
      rest_ = {};
      return line;
    }
    const bool both = rest_[end] == '\r' && end + 1 < rest_.size() && rest_[end + 1] == '\n';
    rest_.remove_prefix(end + (both ? 2 : 1));
    return line;
  }

 private:
  std::string_view rest_;
};

std::optional<std::uint64_t> digits(std::string_view& text, std::size_t least, std::size_t most) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  if (count < least || count > most) return std::nullopt;
  const auto value = parse_u64(text.substr(0, count));
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// [hh…:]mm:ss.mmm
std::optional<std::int64_t> take_time(std::string_view& text) {
  const auto first = digits(text, 2, 9);
  if (!first || !skip(text, ':')) return std::nullopt;
  const auto second = digits(text, 2, 2);
  if (!second) return std::nullopt;
  std::uint64_t hours = 0;
  std::uint64_t minutes = *first;
  std::uint64_t seconds = *second;
  if (skip(text, ':')) {
    const auto third = digits(text, 2, 2);
    if (!third) return std::nullopt;
    hours = *first;
    minutes = *second;
    seconds = *third;
  }
  if (!skip(text, '.')) return std::nullopt;
  const auto ms = digits(text, 3, 3);
  if (!ms || minutes > 59 || seconds > 59 || hours > most_hours) return std::nullopt;
  return static_cast<std::int64_t>(((hours * 60 + minutes) * 60 + seconds) * 1000 + *ms);
}

bool read_timing(std::string_view line, FileCue& cue) {
  line = trim(line);
  const auto start = take_time(line);
  line = trim(line);
  if (!start || !line.starts_with("-->")) return false;
  line = trim(line.substr(3));
  const auto end = take_time(line);
  if (!end || *end <= *start || (!line.empty() && line.front() != ' ' && line.front() != '\t')) return false;
  cue.start = *start;
  cue.end = *end;
  cue.settings = std::string{trim(line)};
  return true;
}

// "LOCAL:00:00:00.000,MPEGTS:900000", in either order.
std::optional<TimestampMap> read_map(std::string_view text) {
  TimestampMap map;
  bool has_local = false;
  bool has_mpegts = false;
  for (std::string_view part : split(text, ',')) {
    part = trim(part);
    if (part.starts_with("LOCAL:")) {
      part.remove_prefix(6);
      const auto time = take_time(part);
      if (!time || !part.empty()) return std::nullopt;
      map.local = *time;
      has_local = true;
    } else if (part.starts_with("MPEGTS:")) {
      const auto value = parse_u64(part.substr(7));
      if (!value) return std::nullopt;
      map.mpegts = *value % mpegts_period;
      has_mpegts = true;
    }
  }
  return has_local && has_mpegts ? std::optional{map} : std::nullopt;
}

bool is_signature(std::string_view line) {
  return line.starts_with("WEBVTT") && (line.size() == 6 || line[6] == ' ' || line[6] == '\t');
}

std::string joined(const std::vector<std::string_view>& lines, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < lines.size(); ++i) text.append(i == from ? "" : "\n").append(lines[i]);
  return text;
}

constexpr std::string_view map_name = "X-TIMESTAMP-MAP=";

bool is_timing(std::string_view line) { return line.find("-->") != std::string_view::npos; }

bool has_timing(const std::vector<std::string_view>& lines) {
  return std::any_of(lines.begin(), lines.end(), is_timing);
}

Status take_block(const std::vector<std::string_view>& lines, Document& document) {
  if (lines.empty()) return {};
  const std::string_view first = trim(lines[0]);
  const std::size_t timing = is_timing(lines[0]) ? 0 : 1;
  const bool is_cue = lines.size() > timing && is_timing(lines[timing]);
  if (!is_cue && (first == "STYLE" || first == "REGION")) {
    if (!has_timing(lines) && document.blocks.size() < most_blocks)
      document.blocks.push_back(joined(lines, 0));
    return {};
  }
  FileCue cue;
  if (!is_cue || !read_timing(lines[timing], cue)) return {};  // NOTE, or nothing sensible
  if (timing == 1 && !lines[0].starts_with(map_name)) cue.id = std::string{lines[0]};
  cue.payload = joined(lines, timing + 1);
  if (document.cues.size() >= most_cues) return Error{ErrorCode::limit, "WebVTT: more than 2000 cues"};
  document.cues.push_back(std::move(cue));
  return {};
}

}  // namespace

Result<Document> parse_document(std::string_view text) {
  if (text.size() > most_bytes) return Error{ErrorCode::limit, "WebVTT: more than 4 MiB"};
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!is_text(text)) return malformed("WebVTT: is not UTF-8 text");
  Lines lines{text};
  if (!is_signature(lines.next())) return malformed("WebVTT: does not begin with WEBVTT");
  Document document;
  std::vector<std::string_view> block;
  bool in_header = true;
  while (!lines.at_end()) {
    const std::string_view line = lines.next();
    // Encoders also write it behind an empty line.
    if (document.cues.empty() && block.empty() && line.starts_with(map_name)) {
      document.map = read_map(line.substr(map_name.size()));
      if (!document.map) return malformed("WebVTT: X-TIMESTAMP-MAP cannot be read");
      continue;
    }
    if (line.empty()) {
      TRY(take_block(block, document));
      block.clear();
      in_header = false;
    } else if (is_timing(line) && has_timing(block)) {
      TRY(take_block(block, document));  // a cue without an empty line before it
      block = {line};
    } else if (!in_header || is_timing(line)) {
      in_header = false;
      block.push_back(line);
    }
  }
  TRY(take_block(block, document));
  return document;
}

std::optional<std::string> payload_for_file(std::string_view text) {
  if (!is_text(text)) return std::nullopt;
  std::string payload;
  for (Lines lines{text}; !lines.at_end();) {
    std::string_view line = lines.next();
    if (line.empty()) continue;
    if (!payload.empty()) payload.push_back('\n');
    for (std::size_t arrow = 0; (arrow = line.find("-->")) != std::string_view::npos;
         line.remove_prefix(arrow + 3)) {
      payload.append(line.substr(0, arrow)).append("--&gt;");
    }
    payload.append(line);
  }
  return payload;
}

std::optional<std::string> line_for_file(std::string_view text) {
  if (!is_text(text)) return std::nullopt;
  const std::string_view line = trim(Lines{text}.next());
  return is_timing(line) || line.starts_with(map_name) ? std::string{} : std::string{line};
}

std::string format_time(std::int64_t ms) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%02lld:%02lld:%02lld.%03lld",
                static_cast<long long>(ms / 3'600'000), static_cast<long long>(ms / 60'000 % 60),
                static_cast<long long>(ms / 1000 % 60), static_cast<long long>(ms % 1000));
  return text.data();
}

}  // namespace tarn::webvtt
