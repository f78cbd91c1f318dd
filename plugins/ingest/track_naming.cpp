// SPDX-License-Identifier: Apache-2.0
#include "ingest/track_naming.h"

#include <algorithm>
#include <utility>

#include "ingest/segment_timing.h"

namespace tarn::ingest {
namespace {

using AudioRendition = StreamStructure::AudioRendition;

timeline::VariantUse use_of(const StreamStructure& structure, std::size_t variant) {
  return {.variant = static_cast<std::uint32_t>(variant),
          .bandwidth = structure.variants[variant].bandwidth,
          .average_bandwidth = structure.variants[variant].average_bandwidth};
}

bool is_rendition(const StreamStructure& structure, std::size_t playlist) {
  return std::any_of(structure.audio.begin(), structure.audio.end(),
                     [&](const AudioRendition& rendition) { return rendition.playlist == playlist; });
}

// What EXT-X-MEDIA says about the nth audio stream inside the segments of a variant.
const AudioRendition* muxed_rendition(const StreamStructure& structure, const std::string& group,
                                      std::size_t nth) {
  for (const AudioRendition& rendition : structure.audio) {
    if (rendition.group != group || rendition.playlist != AudioRendition::muxed) continue;
    if (nth-- == 0) return &rendition;
  }
  return nullptr;
}

void describe(timeline::TrackDescription& track, const AudioRendition& rendition) {
  track.name = rendition.name;
  if (!rendition.language.empty()) track.language = rendition.language;
  track.is_default = rendition.is_default;
  track.is_autoselect = rendition.is_autoselect;
  track.characteristics = rendition.characteristics;
}

// Those the playlist declares, else those found in the video.
std::vector<timeline::Captions> captions_of(const StreamStructure& structure, const std::string& group,
                                            const codecs::CaptionsFound& found) {
  std::vector<timeline::Captions> captions;
  if (group == "NONE") return captions;
  for (const auto& rendition : structure.captions) {
    if (!group.empty() && rendition.group == group) captions.push_back(rendition.captions);
  }
  if (!captions.empty() || !group.empty()) return captions;
  for (unsigned channel = 0; channel < 4; ++channel) {
    if ((found.cea608 >> channel & 1U) == 0) continue;
    captions.push_back({"CC" + std::to_string(channel + 1), "", "", false, false});
  }
  for (unsigned service = 1; service < 64; ++service) {
    if ((found.cea708 >> service & 1U) == 0) continue;
    captions.push_back({"SERVICE" + std::to_string(service), "", "", false, false});
  }
  return captions;
}

void add_use(timeline::TrackDescription& track, const timeline::VariantUse& use) {
  const auto at =
      std::lower_bound(track.variants.begin(), track.variants.end(), use.variant,
                       [](const timeline::VariantUse& a, std::uint32_t b) { return a.variant < b; });
  if (at == track.variants.end() || at->variant != use.variant) track.variants.insert(at, use);
}

constexpr std::string_view muxed_place = "muxed ";

// Which of a variant's sounds it is, whatever its parameters: "muxed 0".
std::string place_of(const std::string& identity) {
  return identity.substr(0, identity.find(' ', muxed_place.size()));
}

bool is_kind(const Layout::Stream& stream, codecs::Kind kind) {
  return codecs::kind_of(stream.info.codec) == kind;
}

// A rate that was measured once holds as long as nothing else changes: it must not begin a new stretch.
codecs::StreamInfo with_frame_rate(codecs::StreamInfo info, const codecs::ElementaryStream& stream,
                                   const codecs::StreamInfo* before) {
  if (codecs::kind_of(info.codec) != codecs::Kind::video || info.frame_rate_numerator != 0) return info;
  if (before != nullptr && before->config == info.config) {
    info.frame_rate_numerator = before->frame_rate_numerator;
    info.frame_rate_denominator = before->frame_rate_denominator;
    return info;
  }
  const FrameRate rate = measure_frame_rate(stream);
  info.frame_rate_numerator = rate.numerator;
  info.frame_rate_denominator = rate.denominator;
  return info;
}

}  // namespace

void Layout::add(const codecs::MediaSegment& segment) {
  const auto in_segment = [&](std::uint32_t id) {
    return std::any_of(segment.streams.begin(), segment.streams.end(),
                       [id](const codecs::ElementaryStream& stream) { return stream.id == id; });
  };
  for (const codecs::ElementaryStream& stream : segment.streams) {
    if (stream.configs.empty()) continue;
    const codecs::Kind kind = codecs::kind_of(stream.codec);
    auto at =
        std::find_if(streams_.begin(), streams_.end(), [&](const Stream& s) { return s.id == stream.id; });
    if (at == streams_.end()) {
      at = std::find_if(streams_.begin(), streams_.end(),
                        [&](const Stream& s) { return is_kind(s, kind) && !in_segment(s.id); });
    }
    const codecs::StreamInfo* const before = at != streams_.end() ? &at->info : nullptr;
    Stream now{stream.id, with_frame_rate(stream.configs.front(), stream, before), stream.language,
               at != streams_.end() ? at->captions : stream.captions};
    if (at != streams_.end()) {
      *at = std::move(now);
    } else {
      streams_.push_back(std::move(now));
    }
  }
}

const Layout::Stream* Layout::find(std::uint32_t id) const {
  const auto at = std::find_if(streams_.begin(), streams_.end(), [&](const Stream& s) { return s.id == id; });
  return at == streams_.end() ? nullptr : &*at;
}

void Layout::set_config(const codecs::ElementaryStream& stream, std::size_t index) {
  for (Stream& known : streams_) {
    if (known.id == stream.id) known.info = with_frame_rate(stream.configs[index], stream, &known.info);
  }
}

void TrackNaming::begin_structure() {
  numbers_.clear();
  playlists_.clear();
}

std::vector<TrackSource> TrackNaming::name(const StreamStructure& structure,
                                           const std::vector<Layout>& layouts) {
  std::vector<TrackSource> tracks = video(structure, layouts);
  std::vector<AudioSource> muxed = muxed_audio(structure, layouts);
  std::vector<AudioSource> apart = renditions(structure, layouts);
  keep_numbers(muxed);
  for (std::vector<AudioSource>* const sources : {&muxed, &apart}) {
    for (AudioSource& source : *sources) {
      source.track.description.key = audio_key(source.identity);
      // A rendition that has not come yet keeps its number all the same.
      if (source.track.id != 0) tracks.push_back(std::move(source.track));
    }
  }
  for (TrackSource& source : text(structure)) tracks.push_back(std::move(source));
  return tracks;
}

// Subtitles are there from the beginning, whether a file has come or not: none may come for a long time.
std::vector<TrackSource> TrackNaming::text(const StreamStructure& structure) {
  std::vector<TrackSource> tracks;
  for (const StreamStructure::TextRendition& rendition : structure.text) {
    TrackSource source;
    source.playlist = rendition.playlist;
    timeline::TrackDescription& track = source.description;
    track.key = "t" + std::to_string(tracks.size());
    // The head of every file; what else its head says comes with the samples.
    track.info = codecs::stream_info_from_config(codecs::Codec::webvtt, as_bytes("WEBVTT")).value();
    track.name = rendition.name;
    track.language = rendition.language;
    track.is_default = rendition.is_default;
    track.is_autoselect = rendition.is_autoselect;
    track.is_forced = rendition.is_forced;
    track.characteristics = rendition.characteristics;
    for (std::size_t i = 0; i < structure.variants.size(); ++i) {
      const auto& groups = rendition.groups;
      const bool uses =
          std::find(groups.begin(), groups.end(), structure.variants[i].text_group) != groups.end();
      if (uses) add_use(track, use_of(structure, i));
    }
    tracks.push_back(std::move(source));
  }
  return tracks;
}

std::vector<TrackSource> TrackNaming::video(const StreamStructure& structure,
                                            const std::vector<Layout>& layouts) {
  std::vector<TrackSource> tracks;
  for (std::size_t i = 0; i < structure.variants.size(); ++i) {
    const std::size_t playlist = structure.variants[i].playlist;
    const auto known = std::find_if(tracks.begin(), tracks.end(),
                                    [&](const TrackSource& track) { return track.playlist == playlist; });
    if (known != tracks.end()) {
      add_use(known->description, use_of(structure, i));
      continue;
    }
    for (const Layout::Stream& stream : layouts[playlist].streams()) {
      if (!is_kind(stream, codecs::Kind::video)) continue;
      TrackSource track{.description = {}, .playlist = playlist, .id = stream.id};
      track.description.key = "v" + std::to_string(i);
      track.description.info = stream.info;
      track.description.language = stream.language;
      track.description.captions =
          captions_of(structure, structure.variants[i].captions_group, stream.captions);
      add_use(track.description, use_of(structure, i));
      tracks.push_back(std::move(track));
      break;
    }
  }
  return tracks;
}

// The nth audio stream of each variant is one track as long as codec, sampling rate and channels agree.
std::vector<TrackNaming::AudioSource> TrackNaming::muxed_audio(const StreamStructure& structure,
                                                               const std::vector<Layout>& layouts) {
  std::vector<AudioSource> sources;
  for (std::size_t i = 0; i < structure.variants.size(); ++i) {
    const auto& variant = structure.variants[i];
    if (is_rendition(structure, variant.playlist)) continue;
    std::size_t nth = 0;
    for (const Layout::Stream& stream : layouts[variant.playlist].streams()) {
      if (!is_kind(stream, codecs::Kind::audio)) continue;
      const std::string identity = std::string{muxed_place} + std::to_string(nth) + ' ' +
                                   std::string{codecs::name_of(stream.info.codec)} + ' ' +
                                   std::to_string(stream.info.sample_rate) + ' ' +
                                   std::to_string(stream.info.channels);
      const AudioRendition* const rendition = muxed_rendition(structure, variant.audio_group, nth++);
      const std::size_t from = playlists_.try_emplace(identity, variant.playlist).first->second;
      auto at = std::find_if(sources.begin(), sources.end(),
                             [&](const AudioSource& source) { return source.identity == identity; });
      if (at == sources.end()) at = sources.insert(sources.end(), {identity, {}});
      timeline::TrackDescription& track = at->track.description;
      add_use(track, use_of(structure, i));
      if (from != variant.playlist) continue;
      at->track.playlist = variant.playlist;
      at->track.id = stream.id;
      track.info = stream.info;
      track.language = stream.language;
      if (rendition != nullptr) describe(track, *rendition);
    }
  }
  return sources;
}

std::vector<TrackNaming::AudioSource> TrackNaming::renditions(const StreamStructure& structure,
                                                              const std::vector<Layout>& layouts) {
  std::vector<AudioSource> sources;
  for (const AudioRendition& rendition : structure.audio) {
    if (rendition.playlist == AudioRendition::muxed) continue;
    const std::string identity = "playlist " + std::to_string(rendition.playlist);
    auto at = std::find_if(sources.begin(), sources.end(),
                           [&](const AudioSource& source) { return source.identity == identity; });
    if (at == sources.end()) {
      at = sources.insert(sources.end(), {identity, {}});
      for (const Layout::Stream& stream : layouts[rendition.playlist].streams()) {
        if (!is_kind(stream, codecs::Kind::audio)) continue;
        at->track.playlist = rendition.playlist;
        at->track.id = stream.id;
        at->track.description.info = stream.info;
        at->track.description.language = stream.language;
        break;
      }
      describe(at->track.description, rendition);
    }
    for (std::size_t i = 0; i < structure.variants.size(); ++i) {
      const auto& variant = structure.variants[i];
      if (variant.audio_group == rendition.group || variant.playlist == rendition.playlist) {
        add_use(at->track.description, use_of(structure, i));
      }
    }
  }
  return sources;
}

// Sound whose parameters change is the same track, with the same URLs: what is new takes the number of what
// went.
void TrackNaming::keep_numbers(const std::vector<AudioSource>& muxed) {
  const auto is_there = [&](const std::string& identity) {
    return std::any_of(muxed.begin(), muxed.end(),
                       [&](const AudioSource& source) { return source.identity == identity; });
  };
  for (const AudioSource& source : muxed) {
    if (numbers_.count(source.identity) > 0) continue;
    const std::string place = place_of(source.identity);
    auto went = numbers_.end();
    for (auto known = numbers_.begin(); known != numbers_.end(); ++known) {
      if (place_of(known->first) != place || is_there(known->first)) continue;
      if (went == numbers_.end() || known->second < went->second) went = known;
    }
    if (went == numbers_.end()) continue;
    const std::size_t number = went->second;
    numbers_.erase(went);
    numbers_.emplace(source.identity, number);
  }
}

std::string TrackNaming::audio_key(const std::string& identity) {
  return "a" + std::to_string(numbers_.try_emplace(identity, numbers_.size()).first->second);
}

}  // namespace tarn::ingest
