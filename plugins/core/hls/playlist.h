// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"

// Playlists as structs whose fields are the tags (RFC 8216bis section 4); parse and write are inverse.
namespace tarn::hls {

struct Resolution {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool operator==(const Resolution&) const = default;
};

// EXT-X-STREAM-INF and the URI line after it (4.4.6.2)
struct StreamInf {
  std::uint64_t bandwidth = 0;
  std::uint64_t average_bandwidth = 0;  // 0: absent
  std::string codecs;
  std::optional<Resolution> resolution;
  std::uint32_t frame_rate_millis = 0;  // FRAME-RATE × 1000, rounded to nearest; 0: absent
  std::string video_range;
  std::string audio;  // group ids
  std::string subtitles;
  std::string closed_captions;  // group id or "NONE"
  std::string uri;
  bool operator==(const StreamInf&) const = default;
};

// EXT-X-MEDIA (4.4.6.1)
struct Media {
  std::string type;  // AUDIO, VIDEO, SUBTITLES, CLOSED-CAPTIONS
  std::string group_id;
  std::string name;
  std::string language;
  std::string uri;  // empty: muxed into the variants
  bool is_default = false;
  bool is_autoselect = false;
  bool is_forced = false;
  std::string channels;
  std::string characteristics;
  std::string instream_id;
  bool operator==(const Media&) const = default;
};

struct MultivariantPlaylist {
  std::uint32_t version = 0;  // 0: tag absent
  bool independent_segments = false;
  std::vector<std::string> session_keys;  // EXT-X-SESSION-KEY, whole lines; written only, keys are not read
  std::vector<Media> media;
  std::vector<StreamInf> variants;
  // EXT-X-I-FRAME-STREAM-INF (4.4.6.3); written only, passed over when read
  std::vector<StreamInf> i_frames{};
  bool operator==(const MultivariantPlaylist&) const = default;
};

// EXT-X-MAP (4.4.4.5)
struct Map {
  std::string uri;
  bool operator==(const Map&) const = default;
};

struct MediaSegment {
  std::string uri;
  // EXT-X-BYTERANGE: only so many bytes from the beginning; written only
  std::optional<std::uint64_t> lead{};
  Microseconds duration{};    // EXTINF
  int duration_decimals = 5;  // how the writer prints it, at most 6
  std::string title;
  bool discontinuity = false;  // EXT-X-DISCONTINUITY before it
  bool gap = false;            // EXT-X-GAP
  std::optional<Utc> program_date_time;
  std::optional<Map> map;  // EXT-X-MAP before it; holds until the next one
  // EXT-X-KEY before it, whole lines; hold until the next ones; written only
  std::vector<std::string> keys{};
  bool encrypted = false;  // an EXT-X-KEY other than METHOD=NONE applies; read only, keys are not kept
  bool operator==(const MediaSegment&) const = default;
};

// EXT-X-START (4.4.2.2)
struct Start {
  Microseconds time_offset{};  // from the beginning; negative: from the end
  bool precise = false;
  bool operator==(const Start&) const = default;
};

struct MediaPlaylist {
  std::uint32_t version = 0;
  std::uint32_t target_duration = 0;
  std::uint64_t media_sequence = 0;
  std::uint64_t discontinuity_sequence = 0;
  std::string playlist_type;  // "", "VOD", "EVENT"
  bool independent_segments = false;
  std::optional<Start> start;
  bool end_list = false;
  bool i_frames_only = false;  // EXT-X-I-FRAMES-ONLY; written only
  std::vector<MediaSegment> segments;
  bool operator==(const MediaPlaylist&) const = default;
};

struct Limits {
  std::size_t bytes = 1U << 20U;
  std::size_t lines = 20'000;
  std::size_t line_bytes = 4096;
};

enum class PlaylistKind { multivariant, media };
// By the tags present; malformed when the text is no playlist at all.
Result<PlaylistKind> classify(std::string_view text);

// Errors name the line: `line 12: EXTINF: not a duration: "x"`. Unknown tags are passed over, and so
// are tags with an enumerated value nobody knows (6.3.1). `unsupported`: I-frame playlists, byte
// ranges, delta updates and variables, which would mean something else when passed over.
Result<MultivariantPlaylist> parse_multivariant(std::string_view text, const Limits& limits = {});
Result<MediaPlaylist> parse_media(std::string_view text, const Limits& limits = {});

// write(parse(x)) is a fixpoint: parsed and written again it stays the same. Dates are written in
// milliseconds; control characters, and quotes inside quoted strings, are left out.
std::string write(const MultivariantPlaylist& playlist);
std::string write(const MediaPlaylist& playlist);

}  // namespace tarn::hls
