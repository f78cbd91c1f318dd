// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "core/hls/listing.h"
#include "core/hls/playlist.h"
#include "core/hls/render.h"
#include "core/timeline/output_span.h"
#include "core/timeline/output_variants.h"

namespace tarn::hls {
namespace {

using timeline::OutputSettings;
using timeline::Protocol;
using timeline::Timeline;
using timeline::TrackId;
using timeline::TrackSpan;
using timeline::Window;

// RFC 8216bis section 8: decimal durations need 3, EXT-X-MAP 6 (7 is what CMAF players know it by),
// EXT-X-GAP 8.
constexpr std::uint32_t transport_stream_version = 3;
constexpr std::uint32_t cmaf_version = 7;
constexpr std::uint32_t gap_version = 8;
// EXT-X-I-FRAMES-ONLY and EXT-X-BYTERANGE need 4, with EXT-X-MAP 5.
constexpr std::uint32_t i_frames_version = 4;

std::int64_t intervals_before(Utc time, std::uint32_t interval) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count() / interval;
}

class MediaRenderer {
 public:
  MediaRenderer(const Timeline& timeline, const OutputSettings& settings, std::string_view rendition,
                std::vector<TrackId> tracks, const Window& window)
      : timeline_(timeline),
        settings_(settings),
        rendition_(rendition),
        tracks_(std::move(tracks)),
        window_(window) {}

  // Only the first pictures; null: all that is named is wanted, see names().
  void take_leads(const Leads* leads) {
    playlist_.i_frames_only = true;
    leads_ = leads;
  }

  Result<std::string> render() {
    TRY(fill());
    return write(playlist_);
  }

  // What is listed and no gap.
  Result<std::vector<std::string>> names() {
    TRY(fill());
    std::vector<std::string> names;
    for (const auto& segment : playlist_.segments) {
      if (!segment.gap) names.push_back(segment.uri);
    }
    return names;
  }

 private:
  Status fill() {
    const auto listed = listed_cuts(timeline_, settings_, window_);
    if (listed.empty()) return not_found("no segment yet");
    if (playlist_.i_frames_only && listed.size() > most_i_frames) {
      return not_found("a window of so many segments has no I-frame playlist");
    }
    if (std::none_of(listed.begin(), listed.end(), [&](const Listed& l) { return is_in(*l.stretch); })) {
      return not_found("no such rendition: " + rendition_);
    }
    if (settings_.is_encrypted && !settings_.protection) return not_found("no key yet");
    begin(listed.front(), listed.size());
    for (const auto& next : listed) add(next);
    return {};
  }

  [[nodiscard]] bool is_in(const timeline::Stretch& stretch) {
    if (asked_ != &stretch) {
      asked_ = &stretch;
      is_in_ = timeline::has_rendition(stretch, settings_, tracks_) &&
               timeline::rendition_name(stretch, tracks_) == rendition_;
    }
    return is_in_;
  }

  // The name says of which kind the rendition is, in every stretch.
  [[nodiscard]] bool is_text() const { return rendition_.starts_with('t'); }

  // Where the keys change: those of all systems, each of which replaces the one it had.
  void set_keys(const timeline::Cut& cut, MediaSegment& segment) {
    if (!settings_.protection || is_text()) return;  // subtitles are not encrypted
    const auto* presentation = timeline_.presentation(settings_.endpoint);
    const auto* protection = settings_.protection.at(presentation->keyed_at(cut.generation)).get();
    if (std::exchange(keys_, protection) == protection) return;
    const auto& track = rendition_.starts_with('a') ? protection->audio : protection->video;
    for (const auto& system : track.systems) {
      if (!system.hls_media.empty()) segment.keys.push_back(system.hls_media);
    }
  }

  void begin(const Listed& first, std::size_t count) {
    const std::uint32_t ts_version = playlist_.i_frames_only ? i_frames_version : transport_stream_version;
    playlist_.version = settings_.protocol == Protocol::hls ? ts_version : cmaf_version;
    const timeline::Cut cut = first.cut();
    playlist_.media_sequence = cut.number;
    // The one in front of the first listed segment is still in the playlist.
    playlist_.discontinuity_sequence = cut.discontinuity_sequence - (cut.discontinuity ? 1 : 0);
    playlist_.independent_segments = true;
    playlist_.end_list = window_.query.empty() ? timeline_.ended.has_value() : window_.complete;
    if (window_.kind == Window::Kind::vod) playlist_.playlist_type = "VOD";
    if (window_.kind == Window::Kind::event) {
      playlist_.playlist_type = "EVENT";
      playlist_.start = Start{Microseconds{0}, true};
    }
    playlist_.segments.reserve(count);
  }

  void add(const Listed& listed) {
    const timeline::Cut cut = listed.cut();
    const bool present_here = is_in(*listed.stretch);
    // Subtitles are cut where the reference is, and what has none is an empty file (semantics S17).
    const TrackId leader = present_here && !is_text() ? tracks_.front() : listed.stretch->reference;
    const TrackSpan span =
        present_here && !is_text()
            ? timeline::span_of(timeline_, *listed.stretch, cut, leader, tracks_, window_.content())
            : timeline::span_of(timeline_, *listed.stretch, cut, leader);
    MediaSegment segment;
    segment.uri = uri(cut);
    segment.duration =
        to_microseconds(span.end - span.start, timeline::timescale_of(*listed.stretch, leader));
    segment.discontinuity = cut.discontinuity;
    segment.gap = !present_here || (span.first == nullptr && !is_text());
    if (playlist_.i_frames_only) set_lead(span, segment);
    segment.program_date_time = program_date_time(listed, cut, leader, span);
    set_keys(cut, segment);
    if (present_here && settings_.protocol == Protocol::hls_cmaf && !is_text()) set_map(listed, cut, segment);
    if (segment.gap) playlist_.version = std::max(playlist_.version, gap_version);
    if (!segment.gap && !is_text() && !span.first->independent) playlist_.independent_segments = false;
    raise_target_duration(cut, segment.duration);
    playlist_.segments.push_back(std::move(segment));
  }

  [[nodiscard]] std::string uri(const timeline::Cut& cut) const {
    timeline::SegmentName name;
    name.edition = settings_.edition;
    name.generation = cut.generation;
    name.tracks = tracks_;
    name.transport_stream = settings_.protocol == Protocol::hls && !is_text();
    name.web_vtt = is_text();
    name.number = cut.number;
    return timeline::segment_name(name, rendition_);
  }

  void set_lead(const TrackSpan& span, MediaSegment& segment) {
    segment.gap = segment.gap || !span.first->independent;
    if (segment.gap || leads_ == nullptr) return;
    const auto lead = leads_->find(segment.uri);
    segment.gap = lead == leads_->end() || lead->second == 0;
    if (!segment.gap) segment.lead = lead->second;
  }

  // Where the CMAF header changes, and after a discontinuity, where decoders begin anew.
  void set_map(const Listed& listed, const timeline::Cut& cut, MediaSegment& segment) {
    const timeline::Track* track = listed.stretch->find(tracks_.front());
    Map map{timeline::init_name(settings_.edition, cut.generation, rendition_, track->config)};
    if (!segment.discontinuity && map == map_) return;
    map_ = map;
    segment.map = std::move(map);
  }

  // Semantics S14. All renditions have the tag at the same cuts, each with the time of its own first sample.
  [[nodiscard]] std::optional<Utc> program_date_time(const Listed& listed, const timeline::Cut& cut,
                                                     TrackId leader, const TrackSpan& span) const {
    if (!is_date_due(listed, cut)) return {};
    const auto slot = timeline_.find(cut.first_slot);
    const auto& stretch = *listed.stretch;
    return slot->utc - to_microseconds(slot->start, timeline::timescale_of(stretch, stretch.reference)) +
           to_microseconds(span.start, timeline::timescale_of(stretch, leader));
  }

  [[nodiscard]] bool is_date_due(const Listed& listed, const timeline::Cut& cut) const {
    if (window_.first && playlist_.segments.empty()) return true;
    const std::uint32_t interval = settings_.program_date_time_interval.value_or(0);
    if (interval == 0) return false;
    const auto previous = listed.previous();
    if (cut.discontinuity || previous == nullptr) return true;
    if (timeline_.find(previous->first_slot) == nullptr) return true;
    const Utc before = timeline::start_of(timeline_, *previous);
    const Utc start = timeline::start_of(timeline_, cut);
    const Utc expected = timeline::end_of(timeline_, *listed.stretch, *previous);
    return timeline::is_clock_step(expected, start) ||
           intervals_before(start, interval) > intervals_before(before, interval);
  }

  // Semantics S6; and no EXTINF, rounded to the nearest second, is larger (RFC 8216bis 4.4.3.1).
  void raise_target_duration(const timeline::Cut& cut, Microseconds duration) {
    const timeline::Presentation* presentation = timeline_.presentation(settings_.endpoint);
    const timeline::Generation* generation = presentation->find_generation(cut.generation);
    const std::uint32_t set = generation == nullptr ? 0 : generation->target_duration;
    const auto rounded =
        static_cast<std::uint32_t>(std::max<std::int64_t>(1, rescale(duration.count(), 1'000'000, 1)));
    playlist_.target_duration = std::max({playlist_.target_duration, set, rounded});
  }

  const Timeline& timeline_;
  const OutputSettings& settings_;
  std::string rendition_;
  std::vector<TrackId> tracks_;  // the first one leads: its chunks are the segment's duration
  const Window& window_;
  MediaPlaylist playlist_;
  const Leads* leads_ = nullptr;
  std::optional<Map> map_;
  const timeline::Protection* keys_ = nullptr;
  const timeline::Stretch* asked_ = nullptr;  // what is_in_ is the answer for
  bool is_in_ = false;
};

}  // namespace

Result<std::string> render_media(const Timeline& timeline, const OutputSettings& settings,
                                 std::string_view rendition, const Window& window) {
  auto tracks = timeline::parse_rendition_name(rendition);
  if (!tracks || settings.protocol == Protocol::dash) {
    return not_found("no such rendition: " + std::string{rendition.substr(0, 40)});
  }
  return MediaRenderer{timeline, settings, rendition, std::move(*tracks), window}.render();
}

namespace {

Result<MediaRenderer> i_frame_renderer(const Timeline& timeline, const OutputSettings& settings,
                                       std::string_view rendition, const Window& window, const Leads* leads) {
  auto tracks = timeline::parse_rendition_name(rendition);
  const bool has_video = tracks && rendition.starts_with('v');
  if (!has_video || !settings.i_frames || settings.protocol == Protocol::dash) {
    return not_found("no such I-frame playlist: " + std::string{rendition.substr(0, 40)});
  }
  MediaRenderer renderer{timeline, settings, rendition, std::move(*tracks), window};
  renderer.take_leads(leads);
  return renderer;
}

}  // namespace

Result<std::vector<std::string>> i_frame_segments(const Timeline& timeline, const OutputSettings& settings,
                                                  std::string_view rendition, const Window& window) {
  auto renderer = TRY(i_frame_renderer(timeline, settings, rendition, window, nullptr));
  return renderer.names();
}

Result<std::string> render_i_frames(const Timeline& timeline, const OutputSettings& settings,
                                    std::string_view rendition, const Leads& leads, const Window& window) {
  auto renderer = TRY(i_frame_renderer(timeline, settings, rendition, window, &leads));
  return renderer.render();
}

}  // namespace tarn::hls
