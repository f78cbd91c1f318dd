// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/collection_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/dash/adaptation_sets.h"
#include "core/dash/periods.h"
#include "core/dash/render.h"
#include "core/dash/segment_timeline.h"
#include "core/hls/playlist.h"
#include "core/hls/render.h"
#include "core/timeline/output_span.h"
#include "core/timeline/output_variants.h"
#include "core/timeline/slot_time.h"
#include "core/timeline/window.h"

namespace tarn::server {
namespace {

using timeline::OutputSettings;
using timeline::Timeline;
using timeline::Window;

constexpr char hls_type[] = "application/vnd.apple.mpegurl";
constexpr char dash_type[] = "application/dash+xml";

// A month in one manifest, which only files may have.
constexpr hls::Limits own_playlists{.bytes = 1U << 30U, .lines = 100'000'000};
constexpr Microseconds any_time = std::chrono::hours{24 * 36'500};

void erase_all(std::string& text, const std::string& part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at))
    text.erase(at, part.size());
}

// Names in order, each once.
class Names {
 public:
  void add(const std::string& name) {
    if (known_.insert(name).second) names_.push_back(name);
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::set<std::string> known_;
  std::vector<std::string> names_;
};

class Planner {
 public:
  Planner(const Timeline& timeline, const OutputSettings& output, Window window)
      : timeline_(timeline), output_(output), window_(std::move(window)) {
    output_.i_frames = false;  // they can be written only once everything has been packaged
  }

  Result<CollectionPlan> plan() {
    CollectionPlan plan;
    if (output_.protocol == timeline::Protocol::dash) {
      const auto text = TRY(dash::render_mpd(timeline_, output_, "", window_));
      add_dash_media();
      plan.manifests.push_back({timeline::manifest_file(output_), dash_type, text});
    } else {
      plan.manifests = TRY(hls_manifests());
    }
    plan.media = media_.take();
    if (!window_.complete) plan.manifests.clear();
    return plan;
  }

 private:
  void strip(std::string& text) const { erase_all(text, "?" + window_.query); }

  Result<std::vector<CollectedManifest>> hls_manifests() {
    std::string main = TRY(hls::render_multivariant(timeline_, output_, window_));
    strip(main);
    const auto parsed = TRY(hls::parse_multivariant(main, own_playlists));
    std::set<std::string> files;
    for (const auto& variant : parsed.variants) files.insert(variant.uri);
    for (const auto& media : parsed.media) {
      if (!media.uri.empty()) files.insert(media.uri);
    }
    std::vector<CollectedManifest> manifests;
    for (const std::string& file : files) {
      const auto name = timeline::parse_manifest_name(file, output_.manifest_name);
      if (!name || !name->rendition) return Error{ErrorCode::internal, "no such playlist: " + file};
      std::string text = TRY(hls::render_media(timeline_, output_, *name->rendition, window_));
      strip(text);
      TRY(add_hls_media(text));
      manifests.push_back({file, hls_type, std::move(text)});
    }
    manifests.push_back({timeline::manifest_file(output_), hls_type, std::move(main)});
    return manifests;
  }

  Status add_hls_media(const std::string& text) {
    const auto playlist = TRY(hls::parse_media(text, own_playlists));
    for (const auto& segment : playlist.segments) {
      if (segment.map) media_.add(segment.map->uri);
      if (!segment.gap) media_.add(segment.uri);
    }
    return {};
  }

  void add_dash_media() {
    const auto& presentation = *timeline_.presentation(output_.endpoint);
    for (const auto& period : dash::listed_periods(timeline_, presentation, output_, window_)) {
      for (const auto& set : dash::adaptation_sets(timeline_, *period.stretch, output_)) {
        for (const auto* track : set.tracks) add_dash_track(period, *track);
      }
    }
  }

  void add_dash_track(const dash::Period& period, const timeline::Track& track) {
    const auto runs = dash::segment_timeline(timeline_, period, track.id, window_.content());
    if (runs.empty()) return;
    const std::string rendition = timeline::rendition_name(*period.stretch, {track.id});
    media_.add(timeline::init_name(output_.edition, period.generation, rendition, track.config));
    timeline::SegmentName name;
    name.generation = period.generation;
    name.tracks = {track.id};
    name.stretch = period.stretch->id;
    name.edition = output_.edition;
    for (const auto& run : runs) {
      for (std::uint64_t i = 0; i <= run.repeat; ++i) {
        name.time = run.time + static_cast<std::int64_t>(i) * run.duration;
        media_.add(timeline::segment_name(name, rendition));
      }
    }
  }

  const Timeline& timeline_;
  OutputSettings output_;
  Window window_;
  Names media_;
};

// Adds up what is missing of a range; pieces that join are one.
class Missing {
 public:
  Missing(Utc start, Utc end) : from_(start), until_(start), start_(start), end_(end) {}
  void add(Utc from, Utc until) {
    from = std::clamp(from, start_, end_);
    until = std::clamp(until, start_, end_);
    if (until <= until_) return;
    if (from > until_) {
      count();
      from_ = from;
    }
    until_ = until;
  }
  Microseconds sum() {
    count();
    from_ = until_;
    return sum_;
  }

 private:
  void count() {
    constexpr Microseconds least = std::chrono::milliseconds{500};
    if (until_ - from_ >= least) sum_ += until_ - from_;
  }
  Utc from_;
  Utc until_;
  const Utc start_;
  const Utc end_;
  Microseconds sum_{};
};

// The renditions of what an endpoint offers of a stretch, the leading track first: of picture and of sound.
std::vector<std::vector<timeline::TrackId>> renditions_of(const Timeline& timeline,
                                                          const timeline::Stretch& stretch,
                                                          const OutputSettings& output) {
  std::vector<std::vector<timeline::TrackId>> renditions;
  const bool is_muxed = timeline::is_muxed(stretch, output);
  for (const timeline::Variant& variant : timeline::variants_of(timeline, stretch, output)) {
    if (variant.video != 0) renditions.push_back({variant.video});
    for (const timeline::TrackId audio : variant.audio) {
      if (is_muxed && variant.video != 0) {
        renditions.push_back({variant.video, audio});
      } else {
        renditions.push_back({audio});
      }
    }
  }
  std::sort(renditions.begin(), renditions.end());
  renditions.erase(std::unique(renditions.begin(), renditions.end()), renditions.end());
  return renditions;
}

// The slots of a cut of which a rendition has nothing: what is listed as a gap, and what plays without a
// part of it.
void miss_holes(const Timeline& timeline, const timeline::Cut& cut,
                const std::vector<std::vector<timeline::TrackId>>& renditions, Missing& missing) {
  for (std::uint64_t number = cut.first_slot; number < cut.first_slot + cut.slot_count; ++number) {
    const auto slot = timeline.find(number);
    if (slot == nullptr) continue;
    const bool is_hole = std::any_of(renditions.begin(), renditions.end(), [&](const auto& rendition) {
      if (slot->find(rendition.back()) != nullptr) return false;
      const bool is_repaired = timeline::is_repaired(timeline, cut.first_slot, cut.slot_count, rendition);
      return timeline::archived_chunk(timeline, number, rendition.back(), is_repaired) == nullptr;
    });
    if (is_hole) missing.add(slot->utc, timeline::end_of(timeline, *slot));
  }
}

// What lies between the cuts of a window, in front of them and behind, and what its cuts have not.
CollectedRange covered_by(const Timeline& timeline, const timeline::Presentation& presentation,
                          const OutputSettings& output, const Window& window, Utc start, Utc end) {
  CollectedRange covered;
  Missing missing{start, end};
  std::map<std::uint32_t, std::vector<std::vector<timeline::TrackId>>> renditions;  // by stretch
  Utc until = start;
  covered.start = timeline::start_of(timeline, presentation.cuts[*window.first]);
  for (std::size_t at = *window.first; at < std::min(window.end, presentation.cuts.size()); ++at) {
    const timeline::Cut& cut = presentation.cuts[at];
    const timeline::Stretch& stretch = *timeline.stretch(cut.stretch);
    const auto [offered, is_new] = renditions.try_emplace(cut.stretch);
    if (is_new) offered->second = renditions_of(timeline, stretch, output);
    missing.add(until, timeline::start_of(timeline, cut));
    miss_holes(timeline, cut, offered->second, missing);
    covered.end = timeline::end_of(timeline, stretch, cut);
    until = std::max(until, covered.end);
  }
  missing.add(until, end);
  covered.missing = missing.sum();
  return covered;
}

}  // namespace

Result<CollectionPlan> plan_collection(const Timeline& timeline, const OutputSettings& output, Utc start,
                                       Utc end, const CollectionLook& look) {
  if (output.is_encrypted && !output.protection)
    return Error{ErrorCode::io, "there is no key for this endpoint yet"};
  const timeline::Presentation* presentation = timeline.presentation(output.endpoint);
  const bool has_any = presentation != nullptr && !presentation->cuts.empty();
  const timeline::Stretch* last = has_any ? timeline.stretch(presentation->cuts.back().stretch) : nullptr;
  const Utc edge = last == nullptr ? Utc{} : timeline::end_of(timeline, *last, presentation->cuts.back());
  const bool is_complete = edge >= end || look.finish;
  const Utc begin = is_complete ? start : std::max(start, look.known_until);
  CollectionPlan nothing;
  nothing.edge = edge;
  if (edge <= begin) {
    if (is_complete) return not_found("nothing of this range was ever there");
    return nothing;
  }
  timeline::WindowQuery query;
  query.start = begin;
  (is_complete ? query.vod_end : query.end) = is_complete ? std::min(end, edge) : end;
  auto window = timeline::resolve_window(timeline, *presentation, query, {any_time, any_time}, edge);
  if (!window) {
    if (!is_complete) return nothing;
    return not_found("there is nothing in this range: " + window.error().message);
  }
  window->complete = is_complete;  // a stream that has ended may go on before the end is reached
  std::optional<CollectedRange> covered;
  if (is_complete) covered = covered_by(timeline, *presentation, output, *window, start, end);
  CollectionPlan plan = TRY((Planner{timeline, output, std::move(window).value()}.plan()));
  plan.covered = covered;
  plan.edge = edge;
  return plan;
}

}  // namespace tarn::server
