// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <limits>

#include "core/base/text.h"
#include "core/hls/attributes.h"
#include "core/hls/playlist.h"

namespace tarn::hls {
namespace {

constexpr std::array<std::string_view, 4> media_types{"AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"};

// None: the tag is to be ignored, for it has an enumerated value nobody knows (RFC 8216bis 6.3.1).
Result<std::optional<Media>> parse_media_tag(const Line& line) {
  const auto attributes = TRY(Attributes::parse(line));
  if (!attributes.has("TYPE")) return line_error(ErrorCode::malformed, line, "TYPE: is missing");
  Media media;
  media.type = TRY(attributes.enumerated("TYPE"));
  media.group_id = TRY(attributes.required_quoted("GROUP-ID"));
  media.name = TRY(attributes.required_quoted("NAME"));
  media.language = TRY(attributes.quoted("LANGUAGE"));
  media.uri = TRY(attributes.quoted("URI"));
  media.channels = TRY(attributes.quoted("CHANNELS"));
  media.characteristics = TRY(attributes.quoted("CHARACTERISTICS"));
  media.instream_id = TRY(attributes.quoted("INSTREAM-ID"));
  const auto is_default = TRY(attributes.yes_no("DEFAULT"));
  const auto is_autoselect = TRY(attributes.yes_no("AUTOSELECT"));
  const auto is_forced = TRY(attributes.yes_no("FORCED"));
  const bool known_type = std::find(media_types.begin(), media_types.end(), media.type) != media_types.end();
  if (!known_type || !is_default || !is_autoselect || !is_forced) return std::optional<Media>{};
  media.is_default = *is_default;
  media.is_autoselect = *is_autoselect;
  media.is_forced = *is_forced;
  return std::optional{std::move(media)};
}

Result<StreamInf> parse_stream_inf(const Line& line) {
  const auto attributes = TRY(Attributes::parse(line));
  StreamInf variant;
  variant.bandwidth = TRY(attributes.required_integer("BANDWIDTH"));
  variant.average_bandwidth = TRY(attributes.integer("AVERAGE-BANDWIDTH"));
  variant.codecs = TRY(attributes.quoted("CODECS"));
  variant.resolution = TRY(attributes.resolution("RESOLUTION"));
  variant.frame_rate_millis = TRY(attributes.decimal_thousandths("FRAME-RATE"));
  variant.video_range = TRY(attributes.enumerated("VIDEO-RANGE"));
  variant.audio = TRY(attributes.quoted("AUDIO"));
  variant.subtitles = TRY(attributes.quoted("SUBTITLES"));
  variant.closed_captions = TRY(attributes.quoted_or_none("CLOSED-CAPTIONS"));
  return variant;
}

class MultivariantParser {
 public:
  Status line(const Line& line) {
    if (line.tag.empty()) return uri(line);
    if (line.tag == "EXT-X-VERSION") return version(line);
    if (line.tag == "EXT-X-INDEPENDENT-SEGMENTS") {
      playlist_.independent_segments = true;
    } else if (line.tag == "EXT-X-MEDIA") {
      if (auto media = TRY(parse_media_tag(line))) playlist_.media.push_back(std::move(*media));
    } else if (line.tag == "EXT-X-STREAM-INF") {
      TRY(no_open_variant());
      playlist_.variants.push_back(TRY(parse_stream_inf(line)));
      open_ = line;
    } else if (line.tag == "EXTINF" || line.tag == "EXT-X-TARGETDURATION") {
      return line_error(ErrorCode::malformed, line, "a media playlist's tag in a multivariant playlist");
    } else if (line.tag == "EXT-X-DEFINE") {
      return line_error(ErrorCode::unsupported, line, "variables are not supported");
    }
    return {};
  }

  Result<MultivariantPlaylist> finish() {
    TRY(no_open_variant());
    return std::move(playlist_);
  }

 private:
  Status version(const Line& line) {
    const auto value = parse_u64(line.value);
    if (playlist_.version != 0) return line_error(ErrorCode::malformed, line, "appears twice");
    if (!value || *value == 0 || *value > std::numeric_limits<std::uint32_t>::max()) {
      return line_error(ErrorCode::malformed, line, "not a version", line.value);
    }
    playlist_.version = static_cast<std::uint32_t>(*value);
    return {};
  }

  Status uri(const Line& line) {
    if (!open_) return line_error(ErrorCode::malformed, line, "URI without EXT-X-STREAM-INF", line.value);
    playlist_.variants.back().uri = line.value;
    open_.reset();
    return {};
  }

  Status no_open_variant() const {
    if (open_) return line_error(ErrorCode::malformed, *open_, "no URI follows");
    return {};
  }

  MultivariantPlaylist playlist_;
  std::optional<Line> open_;  // the EXT-X-STREAM-INF whose URI has not come
};

}  // namespace

Result<MultivariantPlaylist> parse_multivariant(std::string_view text, const Limits& limits) {
  LineReader lines{text, limits};
  TRY(lines.begin());
  MultivariantParser parser;
  while (const auto line = TRY(lines.next())) TRY(parser.line(*line));
  return parser.finish();
}

}  // namespace tarn::hls
