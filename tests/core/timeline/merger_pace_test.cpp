// SPDX-License-Identifier: Apache-2.0
#include "merger_scene.h"

// Encoders whose segments (6 s) are longer than the channel was told (1 s): patience with an input is
// measured by what it really sends.
namespace tarn::timeline {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr MergerSettings one_second{Microseconds{1'000'000}};

class MergerPace : public testing::Test {
 protected:
  MergerPace() {
    scene.at(0, [](Merger& m) {
      m.set_tracks(0, one_variant());
      m.set_tracks(1, one_variant());
    });
  }
  void end(std::int64_t at_ms, InputId input) {
    scene.at(at_ms, [=, this](Merger& m) { m.end_of_stream(input, scene.now(), scene.now_utc()); });
  }
  Scene scene{{}, one_second};
};

TEST_F(MergerPace, ALivingInputThatIsLateOnceIsNotDeadWhenTheOtherEnds) {
  Sending behind;
  behind.delay_ms = 900;
  Sending late;
  late.delay_ms = 4'900;
  scene.send(0, 0, 2);
  scene.send(1, 0, 2, behind);
  scene.send(1, 2, 3, late);
  scene.send(1, 3, 5, behind);
  end(12'500, 0);
  scene.run(31'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StreamEnded>(), IsEmpty());
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_EQ(scene.published("v0"), numbers(0, 14));
}

TEST_F(MergerPace, SilenceOfThreeSegmentsIsTheEndWhenTheOtherEnded) {
  Sending behind;
  behind.delay_ms = 900;
  scene.send(0, 0, 2);
  scene.send(1, 0, 1, behind);
  end(12'500, 0);
  scene.run(24'899);
  EXPECT_THAT(scene.all<StreamEnded>(), IsEmpty());
  scene.run(24'900);
  EXPECT_THAT(scene.all<StreamEnded>(), SizeIs(1));
}

TEST_F(MergerPace, AnInputStallsOneAndAHalfSegmentsAfterItsLastOne) {
  scene.send(0, 0, 2);
  scene.run(21'300);
  EXPECT_NE(scene.merger.status(0).state, InputState::stalled);
  scene.run(21'301);
  EXPECT_EQ(scene.merger.status(0).state, InputState::stalled);
}

TEST_F(MergerPace, B6ASegmentThatNeverComesIsAHoleAndNoOutage) {
  scene.send(0, 0, 3);
  scene.send(0, 4, 6);
  scene.run(40'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  const auto slots = scene.all<SlotListed>();
  ASSERT_THAT(slots, SizeIs(18));
  const std::vector<TrackId> both{1, 2};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    EXPECT_EQ(slots[i].missing, i >= 9 && i < 12 ? both : std::vector<TrackId>{}) << i;
  }
}

TEST_F(MergerPace, B1ASegmentThatIsRepeatedIsNoRestart) {
  scene.send(0, 0, 3);
  scene.send_segment(0, 0, {}, 19'000);
  scene.send(0, 3, 5);
  scene.run(31'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_EQ(scene.published("v0"), numbers(0, 14));
}

TEST_F(MergerPace, ABackupOneSegmentBehindJoinsTheTimeline) {
  Sending behind;
  behind.delay_ms = 6'900;
  scene.send(0, 0, 4);
  scene.send(1, 0, 8, behind);
  scene.run(56'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_EQ(scene.published("v0"), numbers(0, 23));
}

// Of a longer unit than any segment may last nothing is learnt: its input is dead as soon as before.
TEST_F(MergerPace, ASegmentOfImpossibleLengthSaysNothing) {
  scene.send(0, 0, 2);
  scene.at(13'000, [&](Merger& m) {
    Unit unit = Scene::gop(6, 0);
    unit.duration = 60 * 90'000;
    m.add(0, "v0", std::move(unit), scene.now(), scene.now_utc());
    m.segment_end(0, {"v0"}, scene.now(), scene.now_utc());
  });
  scene.run(22'000);
  EXPECT_NE(scene.merger.status(0).state, InputState::stalled);
  scene.run(22'001);
  EXPECT_EQ(scene.merger.status(0).state, InputState::stalled);
}

// Sound in files of its own that end half a second after those of pictures, as packagers write it: `late_ms`
// after its slot's pictures have come, every time.
struct LateSound {
  std::int64_t late_ms = 0;
  std::int64_t gops = 40;
  std::int64_t until = 40;  // no sound of a later GOP comes
  Scene scene{{}, MergerSettings{Microseconds{2'000'000}}};

  void run() {
    scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
    const auto first_of = [](std::int64_t gop) { return gop == 0 ? 0 : Scene::first_frame_of(gop) + 26; };
    for (std::int64_t gop = 0; gop < gops; ++gop) {
      const std::int64_t at = Scene::ms_of_gop(gop + 1) + 100;
      scene.at(at, [this, gop](Merger& m) {
        m.add(0, "v0", Scene::gop(gop, 0), scene.now(), scene.now_utc());
        m.segment_end(0, {"v0"}, scene.now(), scene.now_utc());
      });
      if (gop >= until) continue;
      scene.at(at + late_ms, [this, from = first_of(gop), to = first_of(gop + 1)](Merger& m) {
        for (std::int64_t i = from; i < to; ++i)
          m.add(0, "a0", Scene::frame(i, 0), scene.now(), scene.now_utc());
        m.segment_end(0, {"a0"}, scene.now(), scene.now_utc());
      });
    }
    scene.run(Scene::ms_of_gop(gops) + 20'000);
    scene.expect_sane();
  }
};

TEST(MergerPatience, SoundThatIsAlwaysLateIsExpectedLate) {
  for (const std::int64_t late_ms : {300, 700, 1'500, 1'900}) {
    LateSound late{late_ms};
    late.run();
    EXPECT_EQ(late.scene.published("v0"), numbers(0, 39));
    const auto frames = late.scene.published("a0");
    EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1)) << late_ms;
    EXPECT_EQ(late.scene.missing(), 0U) << late_ms;
    EXPECT_LE(late.scene.longest_silence_ms(Scene::ms_of_gop(39)), 3'000) << late_ms;
  }
}

// It is waited for as before for three target durations and no longer, and nothing waits beyond a segment.
TEST(MergerPatience, SoundThatWasLateAndStopsIsNotWaitedForForLong) {
  LateSound late{1'200};
  late.until = 20;
  late.run();
  EXPECT_EQ(late.scene.published("v0"), numbers(0, 39));
  EXPECT_LE(late.scene.longest_silence_ms(Scene::ms_of_gop(39)), 3'000);
  std::map<std::uint64_t, std::int64_t> after;
  for (const Timed& timed : late.scene.decided) {
    if (const auto* slot = std::get_if<SlotListed>(&timed.decision)) {
      const std::int64_t came = Scene::ms_of_gop((slot->end - first_video) / gop_ticks) + 100;
      after[slot->number] = timed.at_ms - came;
    }
  }
  EXPECT_EQ(after.at(15), 1'200);
  EXPECT_LE(after.at(25), 1'800);
  EXPECT_EQ(after.at(30), 600);  // max(0.5 s, 0.3 T)
}

// Each track in files of its own, of three GOPs: one file of the active input never comes, the other input
// has it.
TEST(MergerPatience, OneLostFileAgesNoPlaylist) {
  for (const std::string lost : {"v1", "a0"}) {
    Scene scene;
    auto tracks = one_variant();
    tracks.push_back(video_description("v1", 1, 640));
    scene.at(0, [tracks](Merger& m) {
      m.set_tracks(0, tracks);
      m.set_tracks(1, tracks);
    });
    for (const InputId input : {0U, 1U}) {
      for (std::int64_t gop = 0; gop < 90; gop += 3) {
        for (const std::string key : {"v0", "v1", "a0"}) {
          if (input == 0 && key == lost && gop == 24) continue;
          const std::int64_t later = key == "v0" ? 0 : key == "v1" ? 20 : 40;
          scene.at(Scene::ms_of_gop(gop + 3) + 300 + 50 * input + later,
                   [&scene, input, gop, key](Merger& m) {
                     for (std::int64_t i = gop; key[0] == 'v' && i < gop + 3; ++i)
                       m.add(input, key, Scene::gop(i, input, key), scene.now(), scene.now_utc());
                     for (std::int64_t i = Scene::first_frame_of(gop);
                          key[0] == 'a' && i < Scene::first_frame_of(gop + 3); ++i)
                       m.add(input, key, Scene::frame(i, input, key), scene.now(), scene.now_utc());
                     m.segment_end(input, {key}, scene.now(), scene.now_utc());
                   });
        }
      }
    }
    scene.run(180'400);
    scene.expect_sane();
    EXPECT_EQ(scene.missing(), 0U) << lost;
    // Playlists grow when the last of a segment's GOPs is listed.
    std::int64_t last = 0;
    std::int64_t oldest = 0;
    for (const Timed& timed : scene.decided) {
      const auto* const slot = std::get_if<SlotListed>(&timed.decision);
      if (slot == nullptr || slot->number % 3 != 0) continue;
      if (last != 0) oldest = std::max(oldest, timed.at_ms - last);
      last = timed.at_ms;
    }
    EXPECT_LE(oldest, 9'000) << lost;
  }
}

// Its times are a tick later than those of the input that died, and one of its segments is short.
TEST(MergerPatience, WhatComesInOneFileIsWaitedForToItsEnd) {
  for (const std::int64_t offset : {-1, 0, 1, 1'500}) {
    for (const std::int64_t at : {14, 15}) {
      Scene scene;
      scene.announce();
      for (const InputId input : {0U, 1U}) {
        std::int64_t gop = 0;
        for (std::int64_t i = 0; gop < 60; ++i) {
          const std::int64_t from = gop;
          gop += i == at ? 1 : 3;
          if (input == 0 && i >= 8) continue;
          scene.at(Scene::ms_of_gop(gop) + 300 + 50 * input,
                   [&scene, input, from, to = gop, offset](Merger& m) {
                     const std::int64_t by = input == 0 ? 0 : offset;
                     for (std::int64_t k = from; k < to; ++k)
                       m.add(input, "v0", Scene::gop(k, input, "v0", by), scene.now(), scene.now_utc());
                     for (std::int64_t k = Scene::first_frame_of(from); k < Scene::first_frame_of(to); ++k)
                       m.add(input, "a0", Scene::frame(k, input, "a0", by), scene.now(), scene.now_utc());
                     m.segment_end(input, {"v0", "a0"}, scene.now(), scene.now_utc());
                   });
        }
      }
      scene.run(125'000);
      scene.expect_sane();
      EXPECT_EQ(scene.missing(), 0U) << offset << ' ' << at;
      const auto frames = scene.published("a0");
      EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1)) << offset << ' ' << at;
      EXPECT_EQ(scene.published("v0"),
                numbers(0, static_cast<std::int64_t>(scene.published("v0").size()) - 1));
    }
  }
}

// Renditions whose encoders reorder by other numbers of pictures: their decode times lie `earlier` before
// those of the reference, and their first pictures are shown together.
TEST(MergerRenditions, GopsThatAreShownTogetherAreOneSlot) {
  for (const std::int64_t earlier : {-7'200, -1, 0, 1, 3'600, 7'200, 14'400}) {
    Scene scene;
    auto tracks = one_variant();
    tracks.push_back(video_description("v1", 1, 640));
    scene.at(0, [tracks](Merger& m) { m.set_tracks(0, tracks); });
    for (std::int64_t gop = 0; gop < 30; gop += 3) {
      scene.at(Scene::ms_of_gop(gop + 3) + 300, [&scene, gop, earlier](Merger& m) {
        for (std::int64_t i = gop; i < gop + 3; ++i) {
          Unit first = Scene::gop(i, 0);
          first.lead = 14'400;
          m.add(0, "v0", first, scene.now(), scene.now_utc());
          Unit second = Scene::gop(i, 0, "v1", -earlier);
          second.lead = 14'400 + earlier;
          m.add(0, "v1", second, scene.now(), scene.now_utc());
        }
        for (std::int64_t i = Scene::first_frame_of(gop); i < Scene::first_frame_of(gop + 3); ++i)
          m.add(0, "a0", Scene::frame(i, 0), scene.now(), scene.now_utc());
        m.segment_end(0, {"v0", "v1", "a0"}, scene.now(), scene.now_utc());
      });
    }
    scene.run(75'000);
    scene.expect_sane();
    EXPECT_EQ(scene.missing(), 0U) << earlier;
    EXPECT_EQ(scene.published("v0"), numbers(0, 29)) << earlier;
    EXPECT_EQ(scene.published("v1"), numbers(0, 29)) << earlier;
    for (const PartDecided& part : scene.all<PartDecided>()) {
      const Sample& sample = *std::static_pointer_cast<Sample>(part.payloads.front());
      if (sample.key[0] == 'v') {
        EXPECT_EQ(static_cast<std::int64_t>(part.slot), sample.number + 1) << earlier << ' ' << sample.key;
      }
    }
  }
}

}  // namespace
}  // namespace tarn::timeline
