// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/output.h"

#include <algorithm>
#include <limits>

#include "core/base/text.h"
#include "core/timeline/output_span.h"

namespace tarn::timeline {
namespace {

constexpr std::string_view i_frames_suffix = "-iframes";

constexpr char letter_of(codecs::Kind kind) {
  switch (kind) {
    case codecs::Kind::video:
      return 'v';
    case codecs::Kind::audio:
      return 'a';
    case codecs::Kind::text:
      break;
  }
  return 't';
}

// Takes names apart from the left. Every step says whether the text was as expected.
class NameParser {
 public:
  explicit NameParser(std::string_view text) : rest_(text) {}

  bool literal(std::string_view expected) {
    if (rest_.substr(0, expected.size()) != expected) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  // Digits without leading zeros, at least `smallest`.
  template <class T>
  bool number(T& value, std::uint64_t smallest) {
    const std::size_t length = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const std::string_view digits = rest_.substr(0, length);
    const auto parsed = parse_u64(digits);
    if (!parsed || *parsed < smallest || (length > 1 && digits.front() == '0')) return false;
    if (*parsed > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return false;
    value = static_cast<T>(*parsed);
    rest_.remove_prefix(length);
    return true;
  }
  bool prefix(std::uint32_t& edition, std::uint32_t& generation) {
    edition = 1;
    if (literal("e") && !number(edition, 2)) return false;
    return literal("g") && number(generation, 1) && literal("-");
  }
  bool rendition(std::vector<TrackId>& tracks) {
    const bool is_video = next_is('v');
    if (!is_video && !next_is('a') && !next_is('t')) return false;
    if (!track(tracks)) return false;
    return !is_video || !next_is('a') || (track(tracks) && tracks[0] != tracks[1]);
  }
  [[nodiscard]] bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

 private:
  bool track(std::vector<TrackId>& tracks) {
    rest_.remove_prefix(1);
    return number(tracks.emplace_back(), 1);
  }

  std::string_view rest_;
};

Found<Cut> find_by_time(const Timeline& timeline, const Presentation& presentation, const SegmentName& name) {
  const Stretch* stretch = timeline.stretch(*name.stretch);
  if (stretch == nullptr || name.tracks.size() != 1) return nullptr;
  const Track* track = stretch->find(name.tracks.front());
  const Track* ruler = stretch->find(stretch->reference);
  if (track == nullptr || ruler == nullptr) return nullptr;
  // A track's part of a slot begins near the slot's start, but may do so on either side of it.
  const std::int64_t reference_time =
      rescale(*name.time, track->description.info.timescale, ruler->description.info.timescale);
  const auto& cuts = presentation.cuts;
  const auto later = std::partition_point(cuts.begin(), cuts.end(), [&](const Cut& cut) {
    if (cut.stretch != stretch->id) return cut.stretch < stretch->id;
    const auto slot = timeline.find(cut.first_slot);
    return slot == nullptr || slot->start <= reference_time;
  });
  constexpr std::ptrdiff_t reach = 2;
  const auto first = later - std::min(reach, later - cuts.begin());
  const auto last = later + std::min(reach, cuts.end() - later);
  const auto found = std::find_if(first, last, [&](const Cut& cut) {
    if (cut.stretch != stretch->id || cut.generation != name.generation) return false;
    const TrackSpan span = span_of(timeline, *stretch, cut, track->id, {track->id}, Content::archived);
    return span.first != nullptr && span.first->start == *name.time;
  });
  return found == last ? Found<Cut>{} : *found;
}

}  // namespace

std::string rendition_name(const Stretch& stretch, const std::vector<TrackId>& tracks) {
  std::string name;
  for (const TrackId id : tracks) {
    const Track* track = stretch.find(id);
    if (track == nullptr) continue;
    name += letter_of(codecs::kind_of(track->description.info.codec));
    name += std::to_string(id);
  }
  return name;
}

std::string manifest_file(const OutputSettings& settings) {
  return settings.manifest_name + (settings.protocol == Protocol::dash ? ".mpd" : ".m3u8");
}

std::string media_playlist_file(const OutputSettings& settings, std::string_view rendition) {
  return settings.manifest_name + "-" + std::string{rendition} + ".m3u8";
}

std::string i_frame_playlist_file(const OutputSettings& settings, std::string_view rendition) {
  return media_playlist_file(settings, std::string{rendition} + std::string{i_frames_suffix});
}

std::string name_prefix(std::uint32_t edition, std::uint32_t generation) {
  const std::string first = edition > 1 ? "e" + std::to_string(edition) : std::string{};
  return first + "g" + std::to_string(generation);
}

std::string segment_name(const SegmentName& name, std::string_view rendition) {
  std::string text = name_prefix(name.edition, name.generation) + "-" + std::string{rendition} + "-";
  if (name.time && name.stretch) {
    text += "s" + std::to_string(*name.stretch) + "-t" + std::to_string(*name.time);
  } else {
    text += std::to_string(name.number.value_or(0));
  }
  return text + (name.web_vtt ? ".vtt" : name.transport_stream ? ".ts" : ".m4s");
}

std::string init_name(std::uint32_t edition, std::uint32_t generation, std::string_view rendition,
                      std::uint32_t config) {
  return name_prefix(edition, generation) + "-" + std::string{rendition} + "-i" + std::to_string(config) +
         ".mp4";
}

std::optional<std::vector<TrackId>> parse_rendition_name(std::string_view text) {
  NameParser parser{text};
  std::vector<TrackId> tracks;
  if (!parser.rendition(tracks) || !parser.at_end()) return std::nullopt;
  return tracks;
}

std::optional<ManifestName> parse_manifest_name(std::string_view file, const std::string& manifest_name) {
  NameParser parser{file};
  if (manifest_name.empty() || !parser.literal(manifest_name)) return std::nullopt;
  ManifestName name;
  if (parser.literal("-")) {
    const std::string_view rest = file.substr(manifest_name.size() + 1);
    std::vector<TrackId> tracks;
    if (!parser.rendition(tracks)) return std::nullopt;
    const std::string_view rendition = rest.substr(0, rest.size() - parser.remaining());
    name.i_frames = rendition.starts_with('v') && parser.literal(i_frames_suffix);
    if (!parser.literal(".m3u8") || !parser.at_end()) return std::nullopt;
    name.rendition = rendition;
    return name;
  }
  name.mpd = parser.literal(".mpd");
  if ((!name.mpd && !parser.literal(".m3u8")) || !parser.at_end()) return std::nullopt;
  return name;
}

std::optional<SegmentName> parse_segment_name(std::string_view file) {
  NameParser parser{file};
  SegmentName name;
  if (!parser.prefix(name.edition, name.generation)) return std::nullopt;
  if (!parser.rendition(name.tracks) || !parser.literal("-")) return std::nullopt;
  if (parser.literal("s")) {
    if (!parser.number(name.stretch.emplace(), 1) || !parser.literal("-t")) return std::nullopt;
    if (!parser.number(name.time.emplace(), 0)) return std::nullopt;
  } else if (!parser.number(name.number.emplace(), 0)) {
    return std::nullopt;
  }
  name.transport_stream = name.number && parser.literal(".ts");
  name.web_vtt = name.number && !name.transport_stream && parser.literal(".vtt");
  if (name.web_vtt && name.tracks.size() != 1) return std::nullopt;
  const bool is_other = !name.transport_stream && !name.web_vtt;
  if (is_other && (name.tracks.size() != 1 || !parser.literal(".m4s"))) return std::nullopt;
  if (!parser.at_end()) return std::nullopt;
  return name;
}

std::optional<InitName> parse_init_name(std::string_view file) {
  NameParser parser{file};
  InitName name;
  std::vector<TrackId> tracks;
  if (!parser.prefix(name.edition, name.generation)) return std::nullopt;
  if (!parser.rendition(tracks) || tracks.size() != 1 || !parser.literal("-i")) return std::nullopt;
  if (!parser.number(name.config, 1) || !parser.literal(".mp4") || !parser.at_end()) return std::nullopt;
  name.track = tracks.front();
  return name;
}

Found<Cut> find_cut(const Timeline& timeline, const Presentation& presentation, const SegmentName& name) {
  if (name.tracks.empty()) return nullptr;
  Found<Cut> cut;
  if (name.number) {
    cut = presentation.find_cut(*name.number);
  } else if (name.stretch && name.time) {
    cut = find_by_time(timeline, presentation, name);
  }
  if (cut == nullptr || cut->generation != name.generation) return nullptr;
  const Stretch* stretch = timeline.stretch(cut->stretch);
  if (stretch == nullptr || timeline.find(cut->first_slot) == nullptr) return nullptr;
  const bool has_all = std::all_of(name.tracks.begin(), name.tracks.end(),
                                   [&](TrackId id) { return stretch->find(id) != nullptr; });
  return has_all ? cut : Found<Cut>{};
}

}  // namespace tarn::timeline
