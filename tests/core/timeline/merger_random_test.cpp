// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "merger_scene.h"
#include "support/seed.h"

// Random encoders against what must hold for all of them. TARN_SEED repeats a run, TARN_TRIALS
// makes it longer.
namespace tarn::timeline {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

unsigned number_from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

class MergerRandom : public testing::Test {
 protected:
  unsigned seed_ = test::seed_of_run();
  unsigned trials_ = number_from_environment("TARN_TRIALS", 20);
  std::mt19937 random_{seed_};
  testing::ScopedTrace trace_{__FILE__, __LINE__, "TARN_SEED=" + std::to_string(seed_)};

  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution{low, high}(random_);
  }
  bool one_in(std::int64_t n) { return pick(1, n) == 1; }
};

// What of the programme an input does not send.
struct Losses {
  std::set<std::pair<std::string, std::int64_t>> units;  // key and number
};

// A programme of `gops` GOPs that both inputs send, each with losses of its own.
struct Trial {
  std::int64_t gops = 60;
  std::vector<std::string> video;
  std::vector<std::string> audio;
  std::array<Losses, 2> losses;
  std::array<std::int64_t, 2> segment_gops{};
  std::array<std::int64_t, 2> offset{};

  [[nodiscard]] std::vector<TrackDescription> tracks() const {
    std::vector<TrackDescription> all;
    for (std::size_t i = 0; i < video.size(); ++i) {
      all.push_back(video_description(video[i], static_cast<std::uint32_t>(i)));
    }
    for (const std::string& key : audio) all.push_back(audio_description(key));
    return all;
  }
};

// One track of one segment.
void send_track(Scene& scene, Merger& m, const Trial& trial, InputId input, const std::string& key,
                std::int64_t from, std::int64_t to) {
  const bool is_video = key[0] == 'v';
  const std::int64_t first = is_video ? from : Scene::first_frame_of(from);
  const std::int64_t last = is_video ? to : Scene::first_frame_of(to);
  for (std::int64_t i = first; i < last; ++i) {
    if (trial.losses[input].units.count({key, i}) > 0) continue;
    m.add(input, key,
          is_video ? Scene::gop(i, input, key, trial.offset[input])
                   : Scene::frame(i, input, key, trial.offset[input]),
          scene.now(), scene.now_utc());
  }
}

// Sends the trial with the arrival of each segment and the order of its tracks as `random` wants.
void send(Scene& scene, const Trial& trial, std::mt19937& random) {
  scene.at(0, [&](Merger& m) {
    m.set_tracks(0, trial.tracks());
    m.set_tracks(1, trial.tracks());
  });
  for (InputId input = 0; input < 2; ++input) {
    for (std::int64_t from = 0; from < trial.gops; from += trial.segment_gops[input]) {
      const std::int64_t to = std::min(from + trial.segment_gops[input], trial.gops);
      const std::int64_t delay = std::uniform_int_distribution<std::int64_t>{50, 1500}(random);
      std::vector<std::string> keys = trial.video;
      keys.insert(keys.end(), trial.audio.begin(), trial.audio.end());
      std::shuffle(keys.begin(), keys.end(), random);
      scene.at(Scene::ms_of_gop(to) + delay, [&scene, &trial, input, keys, from, to](Merger& m) {
        for (const std::string& key : keys) send_track(scene, m, trial, input, key, from, to);
        m.segment_end(input, keys, scene.now(), scene.now_utc());
      });
    }
  }
}

void expect_everything_once(const Scene& scene, const Trial& trial) {
  scene.expect_sane();
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_THAT(scene.all<SlotListed>(), SizeIs(static_cast<std::size_t>(trial.gops)));
  for (const std::string& key : trial.video)
    EXPECT_EQ(scene.published(key), numbers(0, trial.gops - 1)) << key;
  for (const std::string& key : trial.audio) {
    const auto frames = scene.published(key);
    EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1)) << key;
    EXPECT_GE(frames.size(), static_cast<std::size_t>(Scene::first_frame_of(trial.gops))) << key;
  }
}

TEST_F(MergerRandom, WhatOneInputDeliveredInTimeIsPublishedOnceAndInOrder) {
  for (unsigned trial_number = 0; trial_number < trials_ && !HasFailure(); ++trial_number) {
    Trial trial;
    trial.gops = 3 * pick(8, 25);
    for (std::int64_t i = 0; i < pick(1, 2); ++i) trial.video.push_back("v" + std::to_string(i));
    for (std::int64_t i = 0; i < pick(0, 2); ++i) trial.audio.push_back("a" + std::to_string(i));
    // In time means: before the slot is listed. The reference is waited for as long as an input may
    // have it, the other tracks until the deadline, which longer segments of the other input miss.
    trial.segment_gops = {pick(1, 3), pick(1, 3)};
    if (trial.tracks().size() > 1) trial.segment_gops[1] = trial.segment_gops[0];
    trial.offset = {0, one_in(3) ? pick(-1700, 1700) : 0};
    const std::int64_t calm = 6;  // both begin and end whole
    const auto lose = [&](InputId input, const std::string& key, std::int64_t from, std::int64_t to) {
      const bool is_video = key[0] == 'v';
      const std::int64_t first = is_video ? from : Scene::first_frame_of(from);
      const std::int64_t last = is_video ? to : Scene::first_frame_of(to);
      for (std::int64_t i = first; i < last; ++i) {
        if (trial.losses[1 - input].units.count({key, i}) == 0) trial.losses[input].units.emplace(key, i);
      }
    };
    for (std::int64_t i = pick(0, 12); i > 0; --i) {
      const auto input = static_cast<InputId>(pick(0, 1));
      const std::int64_t from = pick(calm, trial.gops - calm - 1);
      const std::int64_t to = std::min(from + pick(1, 8), trial.gops - calm);
      const auto& keys = trial.tracks();
      const std::string only =
          keys[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(keys.size()) - 1))].key;
      const bool all_tracks = one_in(2);
      for (const TrackDescription& track : keys) {
        if (all_tracks || track.key == only) lose(input, track.key, from, to);
      }
    }
    for (std::int64_t i = trial.audio.empty() ? 0 : pick(0, 30); i > 0; --i) {
      const std::int64_t frame = pick(Scene::first_frame_of(calm), Scene::first_frame_of(trial.gops - calm));
      const std::string& key = trial.audio.back();
      const auto input = static_cast<InputId>(pick(0, 1));
      if (trial.losses[1 - input].units.count({key, frame}) == 0)
        trial.losses[input].units.emplace(key, frame);
    }
    Scene scene;
    send(scene, trial, random_);
    scene.run(Scene::ms_of_gop(trial.gops) + 20'000);
    expect_everything_once(scene, trial);
    for (InputId input = 0; input < 2; ++input) {
      const InputStatus status = scene.merger.status(input);
      // Nothing is held any more, but for audio after the last slot.
      const std::uint64_t held = status.units - status.used - status.duplicates - status.discarded;
      EXPECT_LE(held, trial.audio.size() * 3) << input;
      EXPECT_EQ(status.late, 0U);
    }
    EXPECT_FALSE(HasFailure()) << "trial " << trial_number;
  }
}

TEST_F(MergerRandom, AnyOrderOfArrivalGivesTheSameSlotsAndParts) {
  using Bounds = std::vector<std::tuple<std::uint64_t, TrackId, std::int64_t, std::size_t>>;
  const auto bounds_of = [](const Scene& scene) {
    Bounds bounds;
    for (const PartDecided& part : scene.all<PartDecided>()) {
      bounds.emplace_back(part.slot, part.track, part.start, part.payloads.size());
    }
    std::sort(bounds.begin(), bounds.end());
    return bounds;
  };
  for (unsigned i = 0; i < trials_ / 4 && !HasFailure(); ++i) {
    Trial trial;
    trial.gops = 30;
    trial.video = {"v0", "v1"};
    trial.audio = {"a0"};
    trial.segment_gops = {3, 3};
    Bounds first;
    for (int order = 0; order < 4; ++order) {
      Scene scene;
      send(scene, trial, random_);
      scene.run(Scene::ms_of_gop(trial.gops) + 20'000);
      expect_everything_once(scene, trial);
      if (order == 0) first = bounds_of(scene);
      EXPECT_EQ(bounds_of(scene), first);
    }
  }
}

TEST_F(MergerRandom, EncodersThatDieAndComeBackInTurnLoseNothing) {
  for (unsigned i = 0; i < trials_ && !HasFailure(); ++i) {
    Scene scene;
    Trial trial;
    trial.gops = 150;
    trial.video = {"v0"};
    trial.audio = {"a0"};
    trial.segment_gops = {3, 3};
    // Each outage of one input begins two segments after the other one is back.
    std::int64_t from = 9;
    InputId input = 0;
    std::size_t restarts = 0;
    while (from + 30 < trial.gops) {
      const std::int64_t to = from + pick(1, 20);
      for (std::int64_t gop = from; gop < to; ++gop) {
        trial.losses[input].units.emplace("v0", gop);
        for (std::int64_t f = Scene::first_frame_of(gop); f < Scene::first_frame_of(gop + 1); ++f) {
          trial.losses[input].units.emplace("a0", f);
        }
      }
      if (one_in(2)) {  // with the same clock, so its times fit
        scene.at(Scene::ms_of_gop(to) + 1,
                 [&scene, input](Merger& m) { m.discontinuity(input, scene.now()); });
        ++restarts;
      }
      from = to + pick(9, 15);
      input = static_cast<InputId>(pick(0, 1));
    }
    send(scene, trial, random_);
    scene.run(Scene::ms_of_gop(trial.gops) + 20'000);
    expect_everything_once(scene, trial);
    EXPECT_LE(scene.longest_silence_ms(Scene::ms_of_gop(trial.gops)), 9'000 + 1'500) << "trial " << i;
  }
}

// GOPs of half a second to three, as scene cuts make them, the same in both encoders; one dies within a
// segment. Playlists grow when a target duration more is listed, and never age by more than 1.5 of the
// longest segment.
TEST_F(MergerRandom, ADeathIsNotNoticedWhateverTheLengthOfGops) {
  constexpr std::int64_t frame = 3'600;
  constexpr std::int64_t programme = 150 * 90'000;
  for (unsigned trial = 0; trial < trials_ * 3 && !HasFailure(); ++trial) {
    const std::int64_t target = 2 * pick(1, 3);
    std::vector<std::int64_t> starts{0};  // of GOPs, and the end
    while (starts.back() < programme)
      starts.push_back(starts.back() + pick(13, std::min<std::int64_t>(target * 25, 75)) * frame);
    const auto gops = static_cast<std::int64_t>(starts.size()) - 1;
    const auto start_of = [&](std::int64_t gop) { return starts[static_cast<std::size_t>(gop)]; };
    Scene scene{{}, MergerSettings{Microseconds{target * 1'000'000}}};
    scene.announce_video();
    const std::int64_t death = pick(10, 14);
    std::int64_t longest = 0;
    for (const InputId input : {0U, 1U}) {
      const std::int64_t delay = pick(50, 400);
      std::int64_t segment = 0;
      for (std::int64_t from = 0; from < gops; ++segment) {
        std::int64_t to = from + 1;
        while (to < gops && start_of(to) - start_of(from) < target * 90'000) ++to;
        longest = std::max(longest, start_of(to) - start_of(from));
        const std::int64_t sent = input != 0 || segment < death ? to
                                  : segment == death            ? pick(from, to - 1)
                                                                : from;
        const std::int64_t at = start_of(to) / 90 + delay + pick(0, target * 50);
        if (sent > from) {
          scene.at(at, [&, input, from, sent](Merger& m) {
            for (std::int64_t gop = from; gop < sent; ++gop) {
              Unit unit = Scene::gop(gop, input);
              unit.start = first_video + start_of(gop);
              unit.duration = start_of(gop + 1) - start_of(gop);
              m.add(input, "v0", std::move(unit), scene.now(), scene.now_utc());
            }
            m.segment_end(input, {"v0"}, scene.now(), scene.now_utc());
          });
        }
        from = to;
      }
    }
    scene.run(programme / 90 + 20'000);
    scene.expect_sane();
    EXPECT_EQ(scene.published("v0"), numbers(0, gops - 1));
    EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
    std::int64_t from = first_video;
    std::int64_t last = 0;
    for (const Timed& timed : scene.decided) {
      const auto* const slot = std::get_if<SlotListed>(&timed.decision);
      if (slot == nullptr || slot->end - from < target * 90'000) continue;
      from = slot->end;
      EXPECT_TRUE(last == 0 || (timed.at_ms - last) * 90 * 2 <= longest * 3)
          << "trial " << trial << " at " << timed.at_ms;
      last = timed.at_ms;
    }
  }
}

}  // namespace
}  // namespace tarn::timeline
