// SPDX-License-Identifier: Apache-2.0
#include "merger_scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "decision_checker.h"

namespace tarn::timeline {

TrackDescription video_description(const std::string& key, std::uint32_t variant, std::uint32_t width) {
  TrackDescription track;
  track.key = key;
  track.info.codec = codecs::Codec::h264;
  track.info.timescale = 90'000;
  track.info.width = width;
  track.info.frame_rate_numerator = 25;
  track.variants.push_back({variant, 3'000'000, 0});
  return track;
}

TrackDescription audio_description(const std::string& key) {
  TrackDescription track;
  track.key = key;
  track.info.codec = codecs::Codec::aac;
  track.info.timescale = track.info.sample_rate = audio_rate;
  track.info.samples_per_frame = frame_ticks;
  track.variants.push_back({0, 3'000'000, 0});
  return track;
}

Sending delayed(std::int64_t ms) {
  Sending how;
  how.delay_ms = ms;
  return how;
}

std::vector<TrackDescription> one_variant() { return {video_description("v0", 0), audio_description("a0")}; }

Scene::Scene(Resume resume, MergerSettings settings) : merger{settings, std::move(resume)} {}

Utc Scene::utc_at(std::int64_t ms) {
  using namespace std::chrono;
  return Utc{sys_days{year{2026} / 1 / 1}} + milliseconds{ms};
}

Unit Scene::gop(std::int64_t number, InputId input, const std::string& key, std::int64_t offset) {
  return {first_video + number * gop_ticks + offset, gop_ticks, true,
          std::make_shared<Sample>(Sample{key, number, input})};
}

Unit Scene::frame(std::int64_t number, InputId input, const std::string& key, std::int64_t offset) {
  return {first_audio + number * frame_ticks + rescale(offset, 90'000, audio_rate), frame_ticks, true,
          std::make_shared<Sample>(Sample{key, number, input})};
}

std::int64_t Scene::first_frame_of(std::int64_t gop_number) {
  if (gop_number == 0) return 0;
  const std::int64_t samples = gop_number * 2 * audio_rate;
  return (samples + frame_ticks - 1) / frame_ticks - frames_left_over;
}

void Scene::at(std::int64_t ms, std::function<void(Merger&)> what) { plan_.emplace(ms, std::move(what)); }

void Scene::send_segment(InputId input, std::int64_t segment, const Sending& how, std::int64_t at_ms) {
  at(at_ms, [=, this](Merger& m) {
    const auto video = [&] {
      for (const std::string& key : how.video) {
        const std::int64_t complete = std::min(how.gops, how.cut_at_gop);
        for (std::int64_t i = 0; how.has_video && i < complete; ++i) {
          m.add(input, key, gop(segment * how.gops + i, input, key, how.offset), now(), now_utc());
        }
      }
    };
    const auto audio = [&] {
      for (const std::string& key : how.audio) {
        const std::int64_t complete = std::min(how.gops, how.cut_at_gop);
        const std::int64_t last = first_frame_of(segment * how.gops + complete);
        for (std::int64_t i = first_frame_of(segment * how.gops); how.has_audio && i < last; ++i) {
          m.add(input, key, frame(i, input, key, how.offset), now(), now_utc());
        }
      }
    };
    if (how.audio_first) audio();
    video();
    if (!how.audio_first) audio();
    std::vector<std::string> keys;
    if (how.has_video) keys = how.video;
    if (how.has_audio) keys.insert(keys.end(), how.audio.begin(), how.audio.end());
    m.segment_end(input, keys, now(), now_utc());
  });
}

void Scene::send(InputId input, std::int64_t from, std::int64_t to, const Sending& how) {
  for (std::int64_t segment = from; segment < to; ++segment) {
    send_segment(input, segment, how, ms_of_gop((segment + 1) * how.gops) + how.delay_ms);
  }
}

void Scene::collect() {
  const std::int64_t ms = now_.time_since_epoch().count() / 1000;
  for (Decision& decision : merger.take()) {
    if (on_decided) on_decided(decision);
    decided.push_back({ms, std::move(decision)});
  }
}

void Scene::run(std::int64_t ms) {
  const Monotonic until{Microseconds{ms * 1000}};
  for (;;) {
    std::optional<Monotonic> next = merger.deadline();
    const bool planned =
        !plan_.empty() && (!next || Monotonic{Microseconds{plan_.begin()->first * 1000}} <= *next);
    if (planned) next = Monotonic{Microseconds{plan_.begin()->first * 1000}};
    if (!next || *next > until) break;
    if (!planned) {
      ASSERT_GT(*next, now_) << "a deadline that does not move would be a busy loop";
    }
    now_ = std::max(now_, *next);
    if (planned) {
      const auto what = std::move(plan_.begin()->second);
      plan_.erase(plan_.begin());
      what(merger);
    } else {
      merger.advance(now_, now_utc());
    }
    collect();
  }
  now_ = std::max(now_, until);
  merger.advance(now_, now_utc());
  collect();
}

std::vector<Decision> Scene::decisions() const {
  std::vector<Decision> all;
  for (const Timed& timed : decided) all.push_back(timed.decision);
  return all;
}

std::vector<std::int64_t> Scene::published(const std::string& key) const {
  std::vector<std::int64_t> found;
  for (const PartDecided& part : all<PartDecided>()) {
    for (const auto& payload : part.payloads) {
      const Sample& sample = *std::static_pointer_cast<Sample>(payload);
      if (sample.key == key) found.push_back(sample.number);
    }
  }
  return found;
}

void Scene::announce() {
  at(0, [](Merger& m) {
    for (const InputId input : {0U, 1U}) m.set_tracks(input, one_variant());
  });
}

void Scene::announce_video() {
  at(0, [](Merger& m) {
    for (const InputId input : {0U, 1U}) m.set_tracks(input, {video_description("v0", 0)});
  });
}

void Scene::send_one(InputId input, std::int64_t number, std::uint64_t digest, std::int64_t late_ms) {
  at(ms_of_gop(number + 1) + late_ms, [this, input, number, digest](Merger& m) {
    Unit unit = gop(number, input);
    unit.digest = digest;
    m.add(input, "v0", unit, now(), now_utc());
    m.segment_end(input, {"v0"}, now(), now_utc());
  });
}

std::int64_t Scene::longest_silence_ms(std::int64_t until_ms) const {
  std::int64_t longest = 0;
  std::int64_t last = -1;
  for (const Timed& timed : decided) {
    if (!std::holds_alternative<SlotListed>(timed.decision)) continue;
    if (last >= 0) longest = std::max(longest, timed.at_ms - last);
    last = timed.at_ms;
  }
  return std::max(longest, until_ms - last);
}

std::size_t Scene::missing() const {
  std::size_t count = 0;
  for (const SlotListed& slot : all<SlotListed>()) count += slot.missing.size();
  return count;
}

void Scene::expect_sane() const {
  DecisionChecker checker;
  for (const Timed& timed : decided) {
    EXPECT_EQ(checker.read(timed.decision), "")
        << testing::PrintToString(timed.decision) << " at " << timed.at_ms;
  }
}

void Scene::expect_seamless(std::int64_t last_gop, std::int64_t until_ms) const {
  expect_sane();
  EXPECT_EQ(published("v0"), numbers(0, last_gop));
  const auto frames = published("a0");
  EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1));
  EXPECT_GE(frames.size(), static_cast<std::size_t>(first_frame_of(last_gop + 1)));
  EXPECT_EQ(missing(), 0U);
  EXPECT_THAT(all<StretchStarted>(), testing::SizeIs(1));
  EXPECT_LE(longest_silence_ms(until_ms), 9'000);
}

std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = first; i <= last; ++i) all.push_back(i);
  return all;
}

void PrintTo(const Decision& decision, std::ostream* out) {
  if (const auto* started = std::get_if<StretchStarted>(&decision)) {
    *out << "stretch " << started->stretch.id << " (" << started->reason << ") at "
         << started->stretch.start_time;
  } else if (const auto* part = std::get_if<PartDecided>(&decision)) {
    *out << "part of slot " << part->slot << " track " << part->track << " from ingest" << part->input + 1
         << " at " << part->start << " (" << part->payloads.size()
         << (part->independent ? ")" : ", dependent)");
  } else if (const auto* late = std::get_if<PartRepaired>(&decision)) {
    *out << "late ";
    PrintTo(Decision{late->part}, out);
  } else if (const auto* slot = std::get_if<SlotListed>(&decision)) {
    *out << "slot " << slot->number << " [" << slot->start << ", " << slot->end << ") without "
         << testing::PrintToString(slot->missing);
  } else if (const auto* switched = std::get_if<InputSwitched>(&decision)) {
    *out << "switch " << switched->from << " -> " << switched->to << " (" << switched->reason << ")";
  } else {
    *out << "end";
  }
}

}  // namespace tarn::timeline
