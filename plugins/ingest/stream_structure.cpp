// SPDX-License-Identifier: Apache-2.0
#include "ingest/stream_structure.h"

#include <algorithm>

namespace tarn::ingest {
namespace {

constexpr std::size_t most_playlists = 64;

std::size_t index_of(std::vector<ObjectName>& playlists, const ObjectName& name) {
  const auto at = std::find(playlists.begin(), playlists.end(), name);
  const auto index = static_cast<std::size_t>(at - playlists.begin());
  if (at == playlists.end()) playlists.push_back(name);
  return index;
}

}  // namespace

bool StreamStructure::same_tracks(const StreamStructure& other) const {
  const auto same_variant = [](const Variant& a, const Variant& b) {
    return a.playlist == b.playlist && a.audio_group == b.audio_group && a.captions_group == b.captions_group;
  };
  return playlists == other.playlists && audio == other.audio && captions == other.captions &&
         std::equal(variants.begin(), variants.end(), other.variants.begin(), other.variants.end(),
                    same_variant);
}

Result<StreamStructure> structure_of(const std::string& path, const hls::MultivariantPlaylist& playlist) {
  StreamStructure structure;
  for (const hls::StreamInf& variant : playlist.variants) {
    const ObjectName name = TRY(ObjectName::resolve(path, variant.uri));
    structure.variants.push_back({.playlist = index_of(structure.playlists, name),
                                  .bandwidth = variant.bandwidth,
                                  .average_bandwidth = variant.average_bandwidth,
                                  .audio_group = variant.audio,
                                  .captions_group = variant.closed_captions});
  }
  if (structure.variants.empty()) return malformed("multivariant playlist without a variant");
  for (const hls::Media& media : playlist.media) {
    if (media.type == "CLOSED-CAPTIONS") {
      structure.captions.push_back({media.group_id,
                                    {.instream_id = media.instream_id,
                                     .language = media.language,
                                     .name = media.name,
                                     .is_default = media.is_default,
                                     .is_autoselect = media.is_autoselect}});
      continue;
    }
    const auto uses = [&](const hls::StreamInf& variant) { return variant.audio == media.group_id; };
    if (media.type != "AUDIO" || std::none_of(playlist.variants.begin(), playlist.variants.end(), uses))
      continue;
    StreamStructure::AudioRendition rendition{.group = media.group_id,
                                              .name = media.name,
                                              .language = media.language,
                                              .is_default = media.is_default,
                                              .is_autoselect = media.is_autoselect,
                                              .characteristics = media.characteristics};
    if (!media.uri.empty()) {
      rendition.playlist = index_of(structure.playlists, TRY(ObjectName::resolve(path, media.uri)));
    }
    structure.audio.push_back(std::move(rendition));
  }
  if (structure.playlists.size() > most_playlists) {
    return Error{ErrorCode::limit, "multivariant playlist names more than 64 media playlists"};
  }
  return structure;
}

StreamStructure structure_of_single_playlist(const std::string& path) {
  StreamStructure structure;
  structure.playlists.emplace_back(path);
  structure.variants.push_back({});
  return structure;
}

}  // namespace tarn::ingest
