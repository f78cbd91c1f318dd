// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "core/hls/playlist.h"

namespace tarn::hls {
namespace {

// Text that must stay within its line: control characters are left out.
std::string one_line(std::string_view text, bool inside_quotes) {
  std::string clean;
  clean.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7F && !(inside_quotes && c == '"')) || c == '\t') clean += c;
  }
  return clean;
}

// A tag with an attribute list; attributes without a value are left out.
class Tag {
 public:
  explicit Tag(std::string_view name) : text_(name) {}

  Tag& plain(std::string_view name, std::string_view value) {
    if (!value.empty()) append(name, one_line(value, true));
    return *this;
  }
  Tag& quoted(std::string_view name, std::string_view value) {
    if (!value.empty()) append(name, "\"" + one_line(value, true) + "\"");
    return *this;
  }
  Tag& number(std::string_view name, std::uint64_t value) {
    append(name, std::to_string(value));
    return *this;
  }
  Tag& yes_no(std::string_view name, bool value) {
    append(name, value ? "YES" : "NO");
    return *this;
  }
  [[nodiscard]] std::string line() const { return text_ + "\n"; }

 private:
  void append(std::string_view name, const std::string& value) {
    text_ += is_first_ ? ':' : ',';
    is_first_ = false;
    text_ += std::string{name} + "=" + value;
  }

  std::string text_;
  bool is_first_ = true;
};

std::string numbered(std::string_view tag, std::uint64_t value) {
  return std::string{tag} + ":" + std::to_string(value) + "\n";
}

std::string begin(std::uint32_t version) {
  return std::string{"#EXTM3U\n"} + (version == 0 ? "" : numbered("#EXT-X-VERSION", version));
}

std::string media_line(const Media& media) {
  Tag tag{"#EXT-X-MEDIA"};
  tag.plain("TYPE", media.type)
      .quoted("GROUP-ID", media.group_id)
      .quoted("NAME", media.name)
      .quoted("LANGUAGE", media.language)
      .yes_no("DEFAULT", media.is_default)
      .yes_no("AUTOSELECT", media.is_autoselect);
  if (media.is_forced) tag.yes_no("FORCED", true);
  return tag.quoted("CHANNELS", media.channels)
      .quoted("CHARACTERISTICS", media.characteristics)
      .quoted("INSTREAM-ID", media.instream_id)
      .quoted("URI", media.uri)
      .line();
}

std::string text_of(const Resolution& resolution) {
  return std::to_string(resolution.width) + "x" + std::to_string(resolution.height);
}

std::string variant_lines(const StreamInf& variant) {
  Tag tag{"#EXT-X-STREAM-INF"};
  tag.number("BANDWIDTH", variant.bandwidth);
  if (variant.average_bandwidth != 0) tag.number("AVERAGE-BANDWIDTH", variant.average_bandwidth);
  tag.quoted("CODECS", variant.codecs);
  if (variant.resolution) tag.plain("RESOLUTION", text_of(*variant.resolution));
  if (variant.frame_rate_millis != 0) {
    tag.plain("FRAME-RATE", format_seconds(variant.frame_rate_millis, 1000, 3));
  }
  tag.plain("VIDEO-RANGE", variant.video_range)
      .quoted("AUDIO", variant.audio)
      .quoted("SUBTITLES", variant.subtitles);
  if (variant.closed_captions == "NONE") {
    tag.plain("CLOSED-CAPTIONS", "NONE");
  } else {
    tag.quoted("CLOSED-CAPTIONS", variant.closed_captions);
  }
  return tag.line() + one_line(variant.uri, false) + "\n";
}

std::string i_frame_line(const StreamInf& stream) {
  Tag tag{"#EXT-X-I-FRAME-STREAM-INF"};
  tag.number("BANDWIDTH", stream.bandwidth);
  if (stream.average_bandwidth != 0) tag.number("AVERAGE-BANDWIDTH", stream.average_bandwidth);
  tag.quoted("CODECS", stream.codecs);
  if (stream.resolution) tag.plain("RESOLUTION", text_of(*stream.resolution));
  return tag.plain("VIDEO-RANGE", stream.video_range).quoted("URI", stream.uri).line();
}

std::string start_line(const Start& start) {
  std::string offset = format_seconds(start.time_offset.count(), 1'000'000, 6);
  offset.erase(offset.find_last_not_of('0') + 1);
  if (offset.back() == '.') offset.pop_back();
  Tag tag{"#EXT-X-START"};
  tag.plain("TIME-OFFSET", offset);
  if (start.precise) tag.yes_no("PRECISE", true);
  return tag.line();
}

std::string segment_lines(const MediaSegment& segment) {
  std::string text;
  for (const auto& line : segment.keys) text += one_line(line, false) + "\n";
  if (segment.discontinuity) text += "#EXT-X-DISCONTINUITY\n";
  if (segment.map) text += Tag{"#EXT-X-MAP"}.quoted("URI", segment.map->uri).line();
  if (segment.program_date_time) {
    text += "#EXT-X-PROGRAM-DATE-TIME:" + format_utc(*segment.program_date_time) + "\n";
  }
  if (segment.gap) text += "#EXT-X-GAP\n";
  text += "#EXTINF:" + format_seconds(segment.duration.count(), 1'000'000, segment.duration_decimals) + "," +
          one_line(segment.title, false) + "\n";
  if (segment.lead) text += "#EXT-X-BYTERANGE:" + std::to_string(*segment.lead) + "@0\n";
  return text + one_line(segment.uri, false) + "\n";
}

}  // namespace

std::string write(const MultivariantPlaylist& playlist) {
  std::string text = begin(playlist.version);
  if (playlist.independent_segments) text += "#EXT-X-INDEPENDENT-SEGMENTS\n";
  for (const auto& line : playlist.session_keys) text += one_line(line, false) + "\n";
  for (const auto& media : playlist.media) text += media_line(media);
  for (const auto& variant : playlist.variants) text += variant_lines(variant);
  for (const auto& stream : playlist.i_frames) text += i_frame_line(stream);
  return text;
}

std::string write(const MediaPlaylist& playlist) {
  std::string text = begin(playlist.version);
  text += numbered("#EXT-X-TARGETDURATION", playlist.target_duration);
  text += numbered("#EXT-X-MEDIA-SEQUENCE", playlist.media_sequence);
  if (playlist.discontinuity_sequence != 0) {
    text += numbered("#EXT-X-DISCONTINUITY-SEQUENCE", playlist.discontinuity_sequence);
  }
  if (!playlist.playlist_type.empty()) {
    text += "#EXT-X-PLAYLIST-TYPE:" + one_line(playlist.playlist_type, false) + "\n";
  }
  if (playlist.independent_segments) text += "#EXT-X-INDEPENDENT-SEGMENTS\n";
  if (playlist.i_frames_only) text += "#EXT-X-I-FRAMES-ONLY\n";
  if (playlist.start) text += start_line(*playlist.start);
  for (const auto& segment : playlist.segments) text += segment_lines(segment);
  if (playlist.end_list) text += "#EXT-X-ENDLIST\n";
  return text;
}

}  // namespace tarn::hls
