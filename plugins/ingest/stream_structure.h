// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/hls/playlist.h"
#include "core/timeline/timeline.h"
#include "ingest/object_path.h"

namespace tarn::ingest {

// Which media playlists make up the stream, and how variants use them: the multivariant playlist
// with its URIs resolved, or a single media playlist without one.
struct StreamStructure {
  struct Variant {
    std::size_t playlist = 0;  // into `playlists`
    std::uint64_t bandwidth = 0;
    std::uint64_t average_bandwidth = 0;
    std::string audio_group;     // empty: none
    std::string text_group;      // empty: none
    std::string captions_group;  // empty: nothing is said of closed captions, "NONE": there are none
    bool operator==(const Variant&) const = default;
  };
  // EXT-X-MEDIA of type AUDIO in a group that a variant names.
  struct AudioRendition {
    static constexpr std::size_t muxed = SIZE_MAX;  // no URI: the audio is in the variants' own segments
    std::size_t playlist = muxed;
    std::string group;
    std::string name;
    std::string language;
    bool is_default = false;
    bool is_autoselect = false;
    std::string characteristics;
    bool operator==(const AudioRendition&) const = default;
  };
  // EXT-X-MEDIA of type SUBTITLES in groups that variants name, one a playlist.
  struct TextRendition {
    std::size_t playlist = 0;
    std::vector<std::string> groups;
    std::string name;
    std::string language;
    bool is_default = false;
    bool is_autoselect = false;
    bool is_forced = false;
    std::string characteristics;
    bool operator==(const TextRendition&) const = default;
  };
  // EXT-X-MEDIA of type CLOSED-CAPTIONS in a group that a variant names.
  struct CaptionRendition {
    std::string group;
    timeline::Captions captions;
    bool operator==(const CaptionRendition&) const = default;
  };
  std::vector<ObjectName> playlists;
  std::vector<Variant> variants;
  std::vector<AudioRendition> audio;
  std::vector<TextRendition> text;
  std::vector<CaptionRendition> captions;

  // What playlist `index` is a rendition of; null: it is no subtitles'.
  [[nodiscard]] const TextRendition* text_rendition(std::size_t index) const;
  // Equal but for bandwidths, which some encoders measure anew with each segment.
  [[nodiscard]] bool same_tracks(const StreamStructure& other) const;
};

Result<StreamStructure> structure_of(const std::string& path, const hls::MultivariantPlaylist& playlist);
StreamStructure structure_of_single_playlist(const std::string& path);

}  // namespace tarn::ingest
