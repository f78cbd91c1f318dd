// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/timeline/key_periods.h"
#include "core/timeline/protection.h"
#include "core/timeline/timeline.h"

// What an endpoint offers, protocol by protocol, and what its files are called. Manifests and the
// request handler both use these, so that a listed URL is always one that is understood.
namespace tarn::timeline {

enum class Protocol { hls, hls_cmaf, dash };
enum class StreamOrder { original, bitrate_ascending, bitrate_descending };

// The settings of an endpoint that manifests and segments depend on.
struct OutputSettings {
  std::string endpoint;  // id, key of Timeline::presentations
  // How many endpoints have had this URL, this one included: what they published stays in caches.
  std::uint32_t edition = 1;
  Protocol protocol = Protocol::hls;
  std::string manifest_name = "manifest";
  bool audio_separation = false;       // HLS (TS) only
  std::uint32_t segments = 3;          // in a live HLS playlist
  std::uint32_t segment_duration = 6;  // seconds
  StreamOrder stream_order = StreamOrder::original;
  std::optional<std::uint64_t> min_video_bitrate;  // bit/s, inclusive
  std::optional<std::uint64_t> max_video_bitrate;
  std::optional<std::uint32_t> program_date_time_interval;  // seconds
  std::uint32_t min_buffer_time = 12;                       // DASH, seconds
  std::uint32_t min_update_period = 12;
  std::uint32_t suggested_presentation_delay = 18;
  std::uint32_t manifest_window = 60;
  bool i_frames = false;  // HLS: I-frame playlists are offered
  bool is_encrypted = false;
  KeyPeriods<Protection> protection;  // empty while there is no key: nothing is offered then
};

// A media playlist or Representation: one track, or a video track with muxed audio (TS).
struct Rendition {
  std::vector<TrackId> tracks;  // video first
};

// The file names below an endpoint's base URL:
//   <manifest>.m3u8 | .mpd                  multivariant playlist, MPD
//   <manifest>-<rendition>.m3u8             media playlist, rendition "v1", "a3", "v1a3"
//   <manifest>-<rendition>-iframes.m3u8     I-frame playlist of a rendition that has video
//   g<generation>-<rendition>-<number>.ts   TS segment; .m4s CMAF segment addressed by number (HLS),
//                                           .vtt WebVTT segment (HLS)
//   g<generation>-<rendition>-s<stretch>-t<time>.m4s   CMAF segment addressed by time (DASH)
//   g<generation>-<rendition>-i<config>.mp4 CMAF header
// From the second endpoint of the same path on, names begin with its edition: e2g<generation>-…
// Track ids follow the letter of their kind: v video, a audio, t text. Only the TS rendition of a video
// and an audio track has two. Every file has exactly one name: numbers have no leading zeros, and ids,
// generations and configs count from 1, editions that are written from 2.
struct ManifestName {
  std::optional<std::string> rendition;  // none: the multivariant playlist or MPD
  bool mpd = false;
  bool i_frames = false;  // of the rendition
};
struct SegmentName {
  std::uint32_t generation = 0;
  std::vector<TrackId> tracks;
  bool transport_stream = false;  // .ts
  std::optional<std::uint64_t> number;
  std::optional<std::uint32_t> stretch;  // with time
  std::optional<std::int64_t> time;      // start of the track's first chunk, never negative
  std::uint32_t edition = 1;
  bool web_vtt = false;  // .vtt
};
struct InitName {
  std::uint32_t generation = 0;
  TrackId track = 0;
  std::uint32_t config = 0;
  std::uint32_t edition = 1;
};

// REQUIRES: the stretch has these tracks
std::string rendition_name(const Stretch& stretch, const std::vector<TrackId>& tracks);
std::string manifest_file(const OutputSettings& settings);  // "manifest.m3u8", "manifest.mpd"
std::string media_playlist_file(const OutputSettings& settings, std::string_view rendition);
std::string i_frame_playlist_file(const OutputSettings& settings, std::string_view rendition);
// What the names of everything that a generation publishes begin with: "g3", "e2g3".
std::string name_prefix(std::uint32_t edition, std::uint32_t generation);
std::string segment_name(const SegmentName& name, std::string_view rendition);
std::string init_name(std::uint32_t edition, std::uint32_t generation, std::string_view rendition,
                      std::uint32_t config);

// The parsers take exactly what the functions above print; whether the letters are those of the tracks'
// kinds is for the caller, who knows the stretch: print again and compare.
std::optional<std::vector<TrackId>> parse_rendition_name(std::string_view text);
std::optional<ManifestName> parse_manifest_name(std::string_view file, const std::string& manifest_name);
std::optional<SegmentName> parse_segment_name(std::string_view file);
std::optional<InitName> parse_init_name(std::string_view file);

// The cut a segment name means, if it exists in this presentation and its slots are kept. A name with a
// number finds it although nothing of the track may have come in it (semantics S4).
Found<Cut> find_cut(const Timeline& timeline, const Presentation& presentation, const SegmentName& name);

}  // namespace tarn::timeline
