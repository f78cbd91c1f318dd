// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/timeline/timeline.h"

namespace tarn::test {

// Makes timelines as a merger and a cutter would, by simple rules of its own: video in GOPs, audio in whole
// frames that lag behind as in ffmpeg's TS segments (semantics S2), sizes from a byte rate.
class TimelineBuilder {
 public:
  struct Source {
    timeline::TrackDescription description;
    std::uint64_t bytes_per_second = 0;
    std::uint32_t config = 1;
  };

  static Source video(std::vector<timeline::VariantUse> variants, std::uint32_t width, std::uint32_t height,
                      std::uint32_t rate_numerator = 25, std::uint32_t rate_denominator = 1) {
    Source source;
    source.description.key = "v" + std::to_string(variants.empty() ? 0 : variants.front().variant);
    source.description.variants = std::move(variants);
    codecs::StreamInfo& info = source.description.info;
    info.codec = codecs::Codec::h264;
    info.codec_string = height > 400 ? "avc1.64001F" : "avc1.4D401E";
    info.width = width;
    info.height = height;
    info.frame_rate_numerator = rate_numerator;
    info.frame_rate_denominator = rate_denominator;
    source.bytes_per_second = std::uint64_t{width} * height / 4;
    return source;
  }

  static Source audio(std::vector<timeline::VariantUse> variants, std::string language = "",
                      std::uint32_t rate = 48'000) {
    Source source;
    source.description.key = "a" + language;
    source.description.variants = std::move(variants);
    source.description.language = std::move(language);
    codecs::StreamInfo& info = source.description.info;
    info.codec = codecs::Codec::aac;
    info.timescale = rate;
    info.sample_rate = rate;
    info.channels = 2;
    info.samples_per_frame = 1024;
    info.codec_string = "mp4a.40.2";
    source.bytes_per_second = 16'000;
    return source;
  }

  TimelineBuilder() { presentation_.endpoint = "e"; }

  // Track ids count from 1 in the order of `sources`, or are given. The first one is the reference.
  TimelineBuilder& stretch(Utc start, std::int64_t start_time, const std::vector<Source>& sources,
                           std::vector<timeline::TrackId> ids = {}) {
    auto next = std::make_shared<timeline::Stretch>();
    next->id = static_cast<std::uint32_t>(timeline_.stretches.size() + 1 + skipped_ids_);
    next->first_slot = next_slot_;
    next->start = start;
    next->start_time = start_time;
    sources_.clear();
    edges_.clear();
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const auto id = ids.empty() ? static_cast<timeline::TrackId>(i + 1) : ids[i];
      next->tracks.push_back({id, sources[i].description, sources[i].config});
      sources_[id] = sources[i];
      const std::uint32_t scale = sources[i].description.info.timescale;
      edges_[id] = rescale(start_time, reference_scale(sources), scale);
    }
    next->reference = next->tracks.front().id;
    std::sort(next->tracks.begin(), next->tracks.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    if (timeline_.stretches.empty()) timeline_.availability_start = start;
    time_ = start_time;
    clock_ = Microseconds{};
    stretch_ = next;
    timeline_.stretches[next->id] = std::move(next);
    return *this;
  }

  // `count` slots of `frames` frames of the reference track each; `missing` tracks have no chunk in them.
  TimelineBuilder& slots(int count, std::uint32_t frames, const std::set<timeline::TrackId>& missing = {}) {
    const codecs::StreamInfo& reference = stretch_->find(stretch_->reference)->description.info;
    for (int i = 0; i < count; ++i) {
      const std::int64_t length = reference.frame_rate_numerator == 0
                                      ? std::int64_t{frames} * reference.samples_per_frame
                                      : rescale(std::int64_t{frames} * reference.frame_rate_denominator,
                                                reference.frame_rate_numerator, reference.timescale);
      slot(length, missing);
    }
    return *this;
  }

  // What follows is that much later than its media time says (semantics S13).
  TimelineBuilder& set_clock(Microseconds by) {
    const std::uint32_t scale = stretch_->find(stretch_->reference)->description.info.timescale;
    const Microseconds length = to_microseconds(time_ - stretch_->start_time, scale);
    clock_ += by;
    timeline_.anchors[next_slot_] = {next_slot_, stretch_->id, time_, stretch_->start + length + clock_};
    return *this;
  }

  // Begins a generation with the next cut.
  TimelineBuilder& generation(std::uint32_t segment_duration, std::uint32_t target_duration) {
    const auto number = static_cast<std::uint32_t>(presentation_.generations.size() + 1);
    const auto slot = timeline_.find(cut_slots_);
    presentation_.generations.push_back(
        {number, cut_slots_, segment_duration, target_duration, slot == nullptr ? Utc{} : slot->utc});
    return *this;
  }

  // A generation that a slot too long begins (semantics S6).
  TimelineBuilder& long_gop_generation(std::uint32_t segment_duration, std::uint32_t target_duration) {
    next_discontinuity_ = true;
    return generation(segment_duration, target_duration);
  }

  // Leaves out an id, as a stretch does that ended before its first slot was listed.
  TimelineBuilder& skip_stretch_id() {
    ++skipped_ids_;
    return *this;
  }

  // Makes cuts of `per_cut` slots out of the slots not yet cut, never across stretches; the last cut of a
  // stretch may be shorter. Recorded at the UTC end of the cut.
  TimelineBuilder& cuts(std::uint32_t per_cut) {
    while (cut_slots_ < next_slot_) {
      timeline::Cut cut;
      cut.number = next_cut_++;
      cut.first_slot = cut_slots_;
      cut.stretch = timeline_.find(cut_slots_)->stretch;
      cut.generation = presentation_.generations.back().number;
      while (cut.slot_count < per_cut && cut_slots_ < next_slot_ &&
             timeline_.find(cut_slots_)->stretch == cut.stretch) {
        const auto slot = timeline_.find(cut_slots_++);
        const timeline::Stretch* stretch = timeline_.stretch(cut.stretch);
        const auto scale = stretch->find(stretch->reference)->description.info.timescale;
        cut.recorded = slot->utc + to_microseconds(slot->end - slot->start, scale);
        ++cut.slot_count;
      }
      const bool is_first = presentation_.cuts.empty();
      const bool is_other = !is_first && presentation_.cuts.back().stretch != cut.stretch;
      cut.discontinuity = is_other || std::exchange(next_discontinuity_, false);
      cut.discontinuity_sequence = is_first ? 0 : presentation_.cuts.back().discontinuity_sequence;
      if (cut.discontinuity) ++cut.discontinuity_sequence;
      presentation_.cuts.push_back(cut);
    }
    return *this;
  }

  [[nodiscard]] timeline::Timeline build() const {
    timeline::Timeline built = timeline_;
    built.presentations[presentation_.endpoint] =
        std::make_shared<const timeline::Presentation>(presentation_);
    return built;
  }

 private:
  static constexpr std::int64_t lag_frames = 3;

  static std::uint32_t reference_scale(const std::vector<Source>& sources) {
    return sources.front().description.info.timescale;
  }

  void slot(std::int64_t length, const std::set<timeline::TrackId>& missing) {
    const std::uint32_t scale = stretch_->find(stretch_->reference)->description.info.timescale;
    timeline::Slot next;
    next.number = next_slot_++;
    next.stretch = stretch_->id;
    next.start = time_;
    next.end = time_ + length;
    next.utc = stretch_->start + to_microseconds(time_ - stretch_->start_time, scale) + clock_;
    time_ = next.end;
    for (const auto& track : stretch_->tracks) {
      timeline::Chunk chunk = part(track, next.end, scale);
      if (missing.count(track.id) == 0 && chunk.duration > 0) next.chunks.push_back(chunk);
    }
    timeline_.append(std::move(next));
  }

  timeline::Chunk part(const timeline::Track& track, std::int64_t slot_end, std::uint32_t reference) {
    const codecs::StreamInfo& info = track.description.info;
    std::int64_t end = rescale(slot_end, reference, info.timescale);
    timeline::Chunk chunk;
    chunk.track = track.id;
    chunk.start = edges_[track.id];
    if (track.id != stretch_->reference && info.samples_per_frame != 0) {
      const std::int64_t frame = info.samples_per_frame;
      end = chunk.start + ((end - chunk.start + frame - 1) / frame - lag_frames) * frame;
      end = std::max(end, chunk.start);
    }
    edges_[track.id] = end;
    chunk.duration = end - chunk.start;
    chunk.serial = ++serial_;
    chunk.location.size = static_cast<std::uint32_t>(rescale(
        chunk.duration, info.timescale, static_cast<std::uint32_t>(sources_.at(track.id).bytes_per_second)));
    return chunk;
  }

  timeline::Timeline timeline_;
  timeline::Presentation presentation_;
  std::shared_ptr<const timeline::Stretch> stretch_;
  std::map<timeline::TrackId, Source> sources_;
  std::map<timeline::TrackId, std::int64_t> edges_;
  std::int64_t time_ = 0;
  Microseconds clock_{};
  std::uint64_t next_slot_ = 1;
  std::uint64_t cut_slots_ = 1;  // first slot that no cut has
  std::uint64_t next_cut_ = 1;
  bool next_discontinuity_ = false;
  std::size_t skipped_ids_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace tarn::test
