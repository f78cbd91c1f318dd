// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/output_variants.h"

#include <algorithm>
#include <utility>

#include "core/timeline/output_span.h"

namespace tarn::timeline {
namespace {

constexpr std::uint64_t slots_to_measure = 3;

codecs::Kind kind_of(const Track& track) { return codecs::kind_of(track.description.info.codec); }

const VariantUse* use_in(const Track& track, std::uint32_t variant) {
  for (const auto& use : track.description.variants) {
    if (use.variant == variant) return &use;
  }
  return nullptr;
}

// Tracks of a kind that a variant uses, and those of that kind that no variant names.
std::vector<TrackId> tracks_of(const Stretch& stretch, codecs::Kind kind, std::uint32_t variant) {
  std::vector<TrackId> found;
  for (const auto& track : stretch.tracks) {
    if (kind_of(track) != kind) continue;
    const bool is_everywhere = kind != codecs::Kind::video && track.description.variants.empty();
    if (is_everywhere || use_in(track, variant) != nullptr) found.push_back(track.id);
  }
  return found;
}

void declare(const Stretch& stretch, std::uint32_t number, Variant& variant) {
  for (const auto& track : stretch.tracks) {
    const VariantUse* use = use_in(track, number);
    if (use == nullptr) continue;
    variant.bandwidth = std::max(variant.bandwidth, use->bandwidth);
    variant.average_bandwidth = std::max(variant.average_bandwidth, use->average_bandwidth);
  }
}

// In the encoder's order; what no variant names comes last.
std::vector<Variant> all_variants(const Stretch& stretch) {
  std::vector<std::uint32_t> numbers;
  for (const auto& track : stretch.tracks) {
    for (const auto& use : track.description.variants) numbers.push_back(use.variant);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());

  std::vector<Variant> variants;
  for (const std::uint32_t number : numbers) {
    Variant variant;
    const auto video = tracks_of(stretch, codecs::Kind::video, number);
    if (!video.empty()) variant.video = video.front();
    variant.audio = tracks_of(stretch, codecs::Kind::audio, number);
    variant.text = tracks_of(stretch, codecs::Kind::text, number);
    if (variant.video == 0 && variant.audio.empty()) continue;
    declare(stretch, number, variant);
    variants.push_back(std::move(variant));
  }
  std::vector<TrackId> everywhere;
  for (const auto& track : stretch.tracks) {
    if (!track.description.variants.empty()) continue;
    if (kind_of(track) == codecs::Kind::audio) everywhere.push_back(track.id);
  }
  for (const auto& track : stretch.tracks) {
    if (!track.description.variants.empty() || kind_of(track) != codecs::Kind::video) continue;
    Variant& variant = variants.emplace_back();
    variant.video = track.id;
    variant.audio = everywhere;
  }
  if (variants.empty() && !everywhere.empty()) variants.emplace_back().audio = everywhere;
  return variants;
}

// Renditions of a group must have one codec (RFC 8216bis 4.4.6.1.1): a variant with audio of several is
// several variants, in the order of the audio.
void split_by_audio_codec(const Stretch& stretch, std::vector<Variant>& variants) {
  std::vector<Variant> split;
  for (Variant& variant : variants) {
    const std::vector<TrackId> audio = std::exchange(variant.audio, {});
    std::vector<Variant> parts;
    for (const TrackId id : audio) {
      const codecs::Codec codec = stretch.find(id)->description.info.codec;
      const auto same = std::find_if(parts.begin(), parts.end(), [&](const Variant& part) {
        return stretch.find(part.audio.front())->description.info.codec == codec;
      });
      Variant& part = same != parts.end() ? *same : parts.emplace_back(variant);
      part.audio.push_back(id);
    }
    if (parts.empty()) parts.push_back(std::move(variant));
    for (Variant& part : parts) split.push_back(std::move(part));
  }
  variants = std::move(split);
}

bool is_carried(const Stretch& stretch, Protocol protocol, TrackId id) {
  const Track* track = stretch.find(id);
  if (track != nullptr && kind_of(*track) == codecs::Kind::text) return true;
  return track != nullptr &&
         (protocol != Protocol::hls || codecs::has_transport_mapping(track->description.info.codec));
}

// The variants of a stretch as far as the protocol can carry them: what MPEG-TS has no way for is left out.
std::vector<Variant> carried_variants(const Stretch& stretch, Protocol protocol) {
  std::vector<Variant> variants = all_variants(stretch);
  for (Variant& variant : variants) {
    std::erase_if(variant.audio, [&](TrackId id) { return !is_carried(stretch, protocol, id); });
  }
  std::erase_if(variants, [&](const Variant& variant) {
    return variant.video != 0 ? !is_carried(stretch, protocol, variant.video) : variant.audio.empty();
  });
  split_by_audio_codec(stretch, variants);
  return variants;
}

std::uint64_t measured_bitrate(const Timeline& timeline, const Stretch& stretch, const Variant& variant) {
  if (timeline.empty()) return 0;
  std::uint64_t bytes = 0;
  std::int64_t ticks = 0;
  const std::uint64_t first = std::max(stretch.first_slot, timeline.first_slot());
  for (std::uint64_t number = first; number < first + slots_to_measure; ++number) {
    const auto slot = timeline.find(number);
    if (slot == nullptr || slot->stretch != stretch.id) break;
    ticks += slot->end - slot->start;
    for (const TrackId id : {variant.video, variant.audio.empty() ? 0 : variant.audio.front()}) {
      if (const auto chunk = slot->find(id)) bytes += chunk->location.size;
    }
  }
  const auto duration = to_microseconds(ticks, timescale_of(stretch, stretch.reference)).count();
  return duration <= 0 ? 0 : bytes * 8'000'000 / static_cast<std::uint64_t>(duration);
}

bool is_within_bounds(const Variant& variant, const OutputSettings& settings) {
  if (variant.video == 0) return true;  // the bounds are for video
  return variant.bitrate >= settings.min_video_bitrate.value_or(0) &&
         (!settings.max_video_bitrate || variant.bitrate <= *settings.max_video_bitrate);
}

}  // namespace

std::vector<Variant> variants_of(const Timeline& timeline, const Stretch& stretch,
                                 const OutputSettings& settings) {
  std::vector<Variant> variants = carried_variants(stretch, settings.protocol);
  for (auto& variant : variants) {
    variant.bitrate = variant.average_bandwidth != 0 ? variant.average_bandwidth : variant.bandwidth;
    if (variant.bitrate == 0) variant.bitrate = measured_bitrate(timeline, stretch, variant);
  }
  std::erase_if(variants, [&](const Variant& variant) { return !is_within_bounds(variant, settings); });
  if (settings.stream_order != StreamOrder::original) {
    const bool ascending = settings.stream_order == StreamOrder::bitrate_ascending;
    std::stable_sort(variants.begin(), variants.end(), [&](const Variant& a, const Variant& b) {
      return ascending ? a.bitrate < b.bitrate : a.bitrate > b.bitrate;
    });
  }
  return variants;
}

bool is_muxed(const Stretch& stretch, const OutputSettings& settings) {
  if (settings.protocol != Protocol::hls || settings.audio_separation) return false;
  const auto variants = carried_variants(stretch, settings.protocol);
  return std::all_of(variants.begin(), variants.end(),
                     [](const Variant& variant) { return variant.video == 0 || variant.audio.size() <= 1; });
}

bool has_rendition(const Stretch& stretch, const OutputSettings& settings,
                   const std::vector<TrackId>& tracks) {
  const bool has_all = !tracks.empty() && std::all_of(tracks.begin(), tracks.end(), [&](TrackId id) {
    return is_carried(stretch, settings.protocol, id);
  });
  if (!has_all || tracks.size() == 1) return has_all;
  if (settings.protocol != Protocol::hls || tracks.size() != 2) return false;
  const auto variants = carried_variants(stretch, settings.protocol);
  return std::any_of(variants.begin(), variants.end(), [&](const Variant& variant) {
    return variant.video == tracks[0] &&
           std::find(variant.audio.begin(), variant.audio.end(), tracks[1]) != variant.audio.end();
  });
}

}  // namespace tarn::timeline
