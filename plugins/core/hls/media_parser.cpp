// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <limits>

#include "core/base/text.h"
#include "core/hls/attributes.h"
#include "core/hls/decimal.h"
#include "core/hls/playlist.h"

namespace tarn::hls {
namespace {

// Dates outside of these do not survive being written with a four-digit year.
constexpr Utc earliest_date{std::chrono::sys_days{std::chrono::year{1900} / 1 / 1}};
constexpr Utc latest_date{std::chrono::sys_days{std::chrono::year{9999} / 12 / 31}};

constexpr std::uint64_t longest_target_duration = 86'400;  // seconds

class MediaParser {
 public:
  Status line(const Line& line) {
    if (line.tag.empty()) return uri(line);
    for (const auto& [tag, handler] : handlers) {
      if (tag == line.tag) return (this->*handler)(line);
    }
    return {};
  }

  Result<MediaPlaylist> finish() {
    if (extinf_) return line_error(ErrorCode::malformed, *extinf_, "no URI follows");
    if (!target_duration_) return malformed("playlist: EXT-X-TARGETDURATION is missing");
    playlist_.version = static_cast<std::uint32_t>(version_.value_or(0));
    playlist_.target_duration = static_cast<std::uint32_t>(*target_duration_);
    playlist_.media_sequence = media_sequence_.value_or(0);
    playlist_.discontinuity_sequence = discontinuity_sequence_.value_or(0);
    return std::move(playlist_);
  }

 private:
  using Handler = Status (MediaParser::*)(const Line&);
  struct Row {
    std::string_view tag;
    Handler handler;
  };
  static const std::array<Row, 19> handlers;

  Status number_once(const Line& line, std::uint64_t largest, std::optional<std::uint64_t>& field) {
    if (field) return line_error(ErrorCode::malformed, line, "appears twice");
    field = parse_u64(line.value);
    if (!field || *field > largest) return line_error(ErrorCode::malformed, line, "not a number", line.value);
    return {};
  }

  Status version(const Line& line) {
    return number_once(line, std::numeric_limits<std::uint32_t>::max(), version_);
  }
  Status target_duration(const Line& line) {
    return number_once(line, longest_target_duration, target_duration_);
  }
  Status media_sequence(const Line& line) {
    if (!playlist_.segments.empty()) return line_error(ErrorCode::malformed, line, "after the first segment");
    return number_once(line, std::numeric_limits<std::uint64_t>::max(), media_sequence_);
  }
  Status discontinuity_sequence(const Line& line) {
    if (!playlist_.segments.empty() || next_.discontinuity) {
      return line_error(ErrorCode::malformed, line, "after the first segment or EXT-X-DISCONTINUITY");
    }
    return number_once(line, std::numeric_limits<std::uint64_t>::max(), discontinuity_sequence_);
  }
  Status playlist_type(const Line& line) {
    if (line.value == "VOD" || line.value == "EVENT") playlist_.playlist_type = line.value;
    return {};
  }
  Status independent_segments(const Line& /*line*/) {
    playlist_.independent_segments = true;
    return {};
  }
  // Where players begin is a hint, and one that cannot be read is none.
  Status start(const Line& line) {
    const auto attributes = TRY(Attributes::parse(line));
    if (!attributes.has("TIME-OFFSET")) return {};
    std::string_view text = TRY(attributes.enumerated("TIME-OFFSET"));
    const bool from_end = text.starts_with('-');
    if (from_end) text.remove_prefix(1);
    const auto seconds = parse_decimal(text, 6);
    if (!seconds) return {};
    const auto offset = static_cast<std::int64_t>(seconds->scaled);
    playlist_.start = Start{Microseconds{from_end ? -offset : offset},
                            attributes.has("PRECISE") && TRY(attributes.enumerated("PRECISE")) == "YES"};
    return {};
  }
  Status end_list(const Line& /*line*/) {
    playlist_.end_list = true;
    return {};
  }

  Status extinf(const Line& line) {
    if (extinf_) return line_error(ErrorCode::malformed, *extinf_, "no URI follows");
    const auto comma = line.value.find(',');
    const std::string_view text = trim(line.value.substr(0, comma));
    const auto seconds = parse_decimal(text, 6);
    if (!seconds) return line_error(ErrorCode::malformed, line, "not a duration", text);
    next_.duration = Microseconds{seconds->scaled};
    next_.duration_decimals = seconds->decimals;
    if (comma != std::string_view::npos) next_.title = trim(line.value.substr(comma + 1));
    extinf_ = line;
    return {};
  }
  Status discontinuity(const Line& /*line*/) {
    next_.discontinuity = true;
    return {};
  }
  Status gap(const Line& /*line*/) {
    next_.gap = true;
    return {};
  }
  Status program_date_time(const Line& line) {
    const auto time = parse_utc(line.value);
    if (!time) return line_error(ErrorCode::malformed, line, time.error().message);
    if (*time < earliest_date || *time > latest_date) {
      return line_error(ErrorCode::malformed, line, "out of range", line.value);
    }
    next_.program_date_time = *time;
    return {};
  }
  Status map(const Line& line) {
    const auto attributes = TRY(Attributes::parse(line));
    if (attributes.has("BYTERANGE")) return unsupported_tag(line);
    next_.map = Map{std::string{TRY(attributes.required_quoted("URI"))}};
    return {};
  }
  Status key(const Line& line) {
    const auto attributes = TRY(Attributes::parse(line));
    if (!attributes.has("METHOD")) return line_error(ErrorCode::malformed, line, "METHOD: is missing");
    next_.encrypted = TRY(attributes.enumerated("METHOD")) != "NONE";
    return {};
  }

  Status multivariant_tag(const Line& line) {
    return line_error(ErrorCode::malformed, line, "a multivariant playlist's tag in a media playlist");
  }
  // Ignoring one of these would give segments a wrong meaning.
  Status unsupported_tag(const Line& line) {
    return line_error(ErrorCode::unsupported, line,
                      "byte ranges, I-frame playlists, delta updates and variables are not supported");
  }

  Status uri(const Line& line) {
    if (!extinf_) return line_error(ErrorCode::malformed, line, "URI without EXTINF", line.value);
    const bool encrypted = next_.encrypted;
    next_.uri = line.value;
    playlist_.segments.push_back(std::move(next_));
    next_ = {};
    next_.encrypted = encrypted;  // EXT-X-KEY holds until the next one
    extinf_.reset();
    return {};
  }

  MediaPlaylist playlist_;
  MediaSegment next_;
  std::optional<Line> extinf_;  // the EXTINF whose URI has not come
  std::optional<std::uint64_t> version_;
  std::optional<std::uint64_t> target_duration_;
  std::optional<std::uint64_t> media_sequence_;
  std::optional<std::uint64_t> discontinuity_sequence_;
};

const std::array<MediaParser::Row, 19> MediaParser::handlers{{
    {"EXTINF", &MediaParser::extinf},
    {"EXT-X-PROGRAM-DATE-TIME", &MediaParser::program_date_time},
    {"EXT-X-DISCONTINUITY", &MediaParser::discontinuity},
    {"EXT-X-GAP", &MediaParser::gap},
    {"EXT-X-MAP", &MediaParser::map},
    {"EXT-X-KEY", &MediaParser::key},
    {"EXT-X-VERSION", &MediaParser::version},
    {"EXT-X-TARGETDURATION", &MediaParser::target_duration},
    {"EXT-X-MEDIA-SEQUENCE", &MediaParser::media_sequence},
    {"EXT-X-DISCONTINUITY-SEQUENCE", &MediaParser::discontinuity_sequence},
    {"EXT-X-PLAYLIST-TYPE", &MediaParser::playlist_type},
    {"EXT-X-INDEPENDENT-SEGMENTS", &MediaParser::independent_segments},
    {"EXT-X-START", &MediaParser::start},
    {"EXT-X-ENDLIST", &MediaParser::end_list},
    {"EXT-X-STREAM-INF", &MediaParser::multivariant_tag},
    {"EXT-X-BYTERANGE", &MediaParser::unsupported_tag},
    {"EXT-X-I-FRAMES-ONLY", &MediaParser::unsupported_tag},
    {"EXT-X-SKIP", &MediaParser::unsupported_tag},
    {"EXT-X-DEFINE", &MediaParser::unsupported_tag},
}};

}  // namespace

Result<MediaPlaylist> parse_media(std::string_view text, const Limits& limits) {
  LineReader lines{text, limits};
  TRY(lines.begin());
  MediaParser parser;
  while (const auto line = TRY(lines.next())) TRY(parser.line(*line));
  return parser.finish();
}

}  // namespace tarn::hls
