// SPDX-License-Identifier: Apache-2.0
#include "core/dash/adaptation_sets.h"

#include <algorithm>

#include "core/timeline/output_bitrate.h"
#include "core/timeline/output_variants.h"

namespace tarn::dash {
namespace {

using timeline::Stretch;
using timeline::Timeline;
using timeline::Track;
using timeline::TrackId;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// xs:language: [a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*; anything else would make the MPD invalid.
std::string language_tag(const std::string& language) {
  std::size_t length = 0;
  bool is_first = true;
  for (const char c : language) {
    if (c == '-' && length > 0) {
      is_first = false;
      length = 0;
    } else if ((is_letter(c) || (is_digit(c) && !is_first)) && length < 8) {
      ++length;
    } else {
      return {};
    }
  }
  return length == 0 || language == "und" ? std::string{} : language;
}

// A player that changes between them must not change the display's mode.
bool has_same_colour(const codecs::StreamInfo& a, const codecs::StreamInfo& b) {
  return a.colour_primaries == b.colour_primaries &&
         a.transfer_characteristics == b.transfer_characteristics &&
         a.matrix_coefficients == b.matrix_coefficients;
}

void add(std::vector<AdaptationSet>& sets, const Track& track) {
  const codecs::Codec codec = track.description.info.codec;
  const codecs::Kind kind = codecs::kind_of(codec);
  const std::string language = kind != codecs::Kind::video ? language_tag(track.description.language) : "";
  for (auto& set : sets) {
    if (set.codec != codec || set.language != language) continue;
    if (set.characteristics != track.description.characteristics) continue;
    if (kind != codecs::Kind::video && set.name != track.description.name) continue;
    if (!has_same_colour(set.tracks.front()->description.info, track.description.info)) continue;
    if (std::find(set.tracks.begin(), set.tracks.end(), &track) == set.tracks.end()) {
      set.tracks.push_back(&track);
    }
    return;
  }
  sets.push_back(
      {kind, codec, language, track.description.characteristics, track.description.name, {&track}});
}

std::uint64_t rounded_up_to_two_digits(std::uint64_t value) {
  std::uint64_t step = 1;
  while (value / step >= 100) step *= 10;
  return (value + step - 1) / step * step;
}

}  // namespace

std::vector<AdaptationSet> adaptation_sets(const Timeline& timeline, const Stretch& stretch,
                                           const timeline::OutputSettings& settings) {
  const auto variants = timeline::variants_of(timeline, stretch, settings);
  std::vector<AdaptationSet> sets;
  for (const auto& variant : variants) {
    if (const Track* video = stretch.find(variant.video)) add(sets, *video);
  }
  for (const auto& variant : variants) {
    for (const TrackId audio : variant.audio) add(sets, *stretch.find(audio));
  }
  for (const auto& variant : variants) {
    for (const TrackId text : variant.text) add(sets, *stretch.find(text));
  }
  return sets;
}

std::uint64_t bandwidth_of(const Timeline& timeline, const timeline::Presentation& presentation,
                           const Stretch& stretch, const timeline::OutputSettings& settings,
                           const Track& track) {
  const auto measured =
      timeline::measure_bitrate(timeline, presentation, stretch, settings, {{track.id}, {}}).peak;
  std::uint64_t declared = 0;
  if (codecs::kind_of(track.description.info.codec) == codecs::Kind::video) {
    for (const auto& use : track.description.variants) {
      const bool is_less = declared == 0 || use.bandwidth < declared;
      if (use.bandwidth != 0 && is_less) declared = use.bandwidth;
    }
  }
  const std::uint64_t known = declared >= measured ? declared : rounded_up_to_two_digits(measured);
  return std::max<std::uint64_t>(known, 1);
}

}  // namespace tarn::dash
