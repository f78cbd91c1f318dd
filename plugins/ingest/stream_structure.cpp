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

Status add_text(const std::string& path, const hls::MultivariantPlaylist& playlist, const hls::Media& media,
                StreamStructure& structure) {
  const auto uses = [&](const hls::StreamInf& variant) { return variant.subtitles == media.group_id; };
  if (media.uri.empty() || std::none_of(playlist.variants.begin(), playlist.variants.end(), uses)) return {};
  const std::size_t index = index_of(structure.playlists, TRY(ObjectName::resolve(path, media.uri)));
  for (StreamStructure::TextRendition& known : structure.text) {
    if (known.playlist != index) continue;
    known.groups.push_back(media.group_id);
    return {};
  }
  const auto is_media = [&](const auto& other) { return other.playlist == index; };
  if (std::any_of(structure.variants.begin(), structure.variants.end(), is_media) ||
      std::any_of(structure.audio.begin(), structure.audio.end(), is_media)) {
    return malformed("multivariant playlist: " + media.uri + " cannot be subtitles and a variant or audio");
  }
  structure.text.push_back({index,
                            {media.group_id},
                            media.name,
                            media.language,
                            media.is_default,
                            media.is_autoselect,
                            media.is_forced,
                            media.characteristics});
  return {};
}

}  // namespace

const StreamStructure::TextRendition* StreamStructure::text_rendition(std::size_t index) const {
  const auto at = std::find_if(text.begin(), text.end(), [index](const TextRendition& rendition) {
    return rendition.playlist == index;
  });
  return at == text.end() ? nullptr : &*at;
}

bool StreamStructure::same_tracks(const StreamStructure& other) const {
  const auto same_variant = [](const Variant& a, const Variant& b) {
    return a.playlist == b.playlist && a.audio_group == b.audio_group && a.text_group == b.text_group &&
           a.captions_group == b.captions_group;
  };
  return playlists == other.playlists && audio == other.audio && text == other.text &&
         captions == other.captions &&
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
                                  .text_group = variant.subtitles,
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
    if (media.type == "SUBTITLES") {
      TRY(add_text(path, playlist, media, structure));
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
