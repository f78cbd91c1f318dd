// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <random>

#include "merger_scene.h"

// An input whose content lies elsewhere than the timeline's (row A8): left before it is needed, and back.
namespace tarn::timeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A8: off by whole GOPs, so that bounds fit and content does not. Input 1 sends GOP n with the times of GOP n
// + `off`.
void send_off(Scene& scene, std::int64_t number, std::int64_t off) {
  scene.at(Scene::ms_of_gop(number + 1) + 150, [&scene, number, off](Merger& m) {
    Unit unit = Scene::gop(number + off, 1);
    unit.digest = 100 + static_cast<std::uint64_t>(number);
    m.add(1, "v0", unit, scene.now(), scene.now_utc());
    m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
  });
}

TEST(MergerMisplaced, A8_ABackupThatIsOffByWholeGopsIsNotMerged) {
  for (const std::int64_t off : {-3, -1, 1, 3}) {
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    scene.announce_video();
    for (std::int64_t number = 0; number < 30; ++number) {
      if (number < 15) scene.send_one(0, number, 100 + static_cast<std::uint64_t>(number), 100);
      if (number + off >= 0) send_off(scene, number, off);
    }
    scene.run(Scene::ms_of_gop(14));
    EXPECT_TRUE(scene.merger.status(1).misaligned) << off << ": said before it is needed";
    scene.run(Scene::ms_of_gop(30) + 1000);
    scene.expect_sane();
    const auto stretches = scene.all<StretchStarted>();
    ASSERT_EQ(stretches.size(), 2U) << off;
    EXPECT_EQ(stretches.back().reason, "ingest2 is not aligned") << off;
    for (const PartDecided& part : scene.all<PartDecided>()) {
      EXPECT_EQ(part.input, part.slot < stretches.back().stretch.first_slot ? 0U : 1U) << off;
    }
    EXPECT_LE(scene.longest_silence_ms(Scene::ms_of_gop(30)), 2'000 * (std::abs(off) + 2)) << off;
  }
}

// A8: an encoder that loses a picture, or whose clock is another one, moves its times while it sends.
TEST(MergerMisplaced, A8_TimesThatMoveInsideASessionAreNotMerged) {
  // Steps of more than half a GOP are known by content alone.
  for (const std::int64_t step : {-135'000, -45'000, -3'600, 3'600, 45'000, 135'000}) {
    for (const std::int64_t standby_ms : {50, 150}) {  // before and after the active input
      const bool has_digests = std::abs(step) > 90'000;
      const auto digest_of = [&](std::int64_t number) {
        return has_digests ? 100 + static_cast<std::uint64_t>(number) : 0;
      };
      Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
      scene.announce_video();
      for (std::int64_t number = 0; number < 40; ++number) {
        if (number < 25) scene.send_one(0, number, digest_of(number), 100);
        if (number == 0) continue;
        scene.at(Scene::ms_of_gop(number + 1) + standby_ms, [=, &scene](Merger& m) {
          Unit unit = Scene::gop(number, 1, "v0", number < 10 ? 0 : step);
          unit.digest = digest_of(number);
          m.add(1, "v0", unit, scene.now(), scene.now_utc());
          m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
        });
      }
      scene.run(Scene::ms_of_gop(10));
      EXPECT_FALSE(scene.merger.status(1).misaligned);
      scene.run(Scene::ms_of_gop(24));
      EXPECT_TRUE(scene.merger.status(1).misaligned) << step << ": said before it is needed";
      scene.run(Scene::ms_of_gop(41));
      scene.expect_sane();
      const auto stretches = scene.all<StretchStarted>();
      ASSERT_EQ(stretches.size(), 2U) << step << ", " << standby_ms;
      EXPECT_EQ(stretches.back().reason, "ingest2 is not aligned");
      EXPECT_EQ(scene.missing(), 0U) << step;
      EXPECT_EQ(scene.published("v0"), numbers(0, 39)) << step << ", " << standby_ms;
      for (const PartDecided& part : scene.all<PartDecided>()) {
        EXPECT_EQ(part.input, part.slot < stretches.back().stretch.first_slot ? 0U : 1U) << step;
      }
    }
  }
}

// It never joined, one loss hits both, and what it holds shows only then that it does not fit.
TEST(MergerMisplaced, A8_AnOffsetInputWhoseGopAcrossTheEdgeIsLost) {
  for (const std::int64_t offset : {9'000, 45'000, 81'000}) {
    for (std::int64_t lost = 8; lost <= 11; ++lost) {
      Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
      scene.announce_video();
      for (std::int64_t number = 0; number < 10; ++number) scene.send_one(0, number, 0, 100);
      for (std::int64_t number = 0; number < 30; ++number) {
        if (number == lost) continue;
        scene.at(Scene::ms_of_gop(number + 1) + 150, [&scene, number, offset](Merger& m) {
          m.add(1, "v0", Scene::gop(number, 1, "v0", offset), scene.now(), scene.now_utc());
          m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
        });
      }
      scene.run(Scene::ms_of_gop(32));
      scene.expect_sane();
      EXPECT_GE(scene.all<StretchStarted>().size(), 2U) << offset << ", " << lost;
      const auto published = scene.published("v0");
      EXPECT_EQ(published.back(), 29) << offset << ", " << lost;
      EXPECT_TRUE(std::is_sorted(published.begin(), published.end())) << offset << ", " << lost;
    }
  }
}

// Half a frame is merged (A8); times that drift away are left once they are further.
TEST(MergerMisplaced, A8_TimesThatDriftApartAreLeftWhenTheyAreTooFar) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  for (std::int64_t number = 0; number < 120; ++number) {
    scene.send_one(0, number, 0, 100);
    scene.at(Scene::ms_of_gop(number + 1) + 150, [&scene, number](Merger& m) {
      m.add(1, "v0", Scene::gop(number, 1, "v0", number * 36), scene.now(), scene.now_utc());
      m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
    });
  }
  scene.run(Scene::ms_of_gop(50));
  EXPECT_FALSE(scene.merger.status(1).misaligned) << "20 ms";
  scene.run(Scene::ms_of_gop(119));
  EXPECT_TRUE(scene.merger.status(1).misaligned);
}

TEST(MergerMisplaced, TheSamePicturesAgainAndAgainAreNoSignOfAnOffset) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  for (std::int64_t number = 0; number < 20; ++number) {
    scene.send_one(0, number, 7, 100);
    scene.send_one(1, number, number % 2 == 0 ? 7 : 8, 150);
  }
  scene.run(Scene::ms_of_gop(21));
  EXPECT_FALSE(scene.merger.status(1).misaligned);
}

// The encoder's clock was set right again, or the frame it had lost was made up for: it is a standby once
// more.
TEST(MergerMisplaced, TimesThatMoveBackAreTheTimelinesAgain) {
  for (const std::int64_t step : {-3'600, 3'600, 45'000}) {
    for (const std::uint64_t digests : {0U, 1U}) {  // known, and not
      Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
      scene.announce_video();
      for (std::int64_t number = 0; number < 50; ++number) {
        const std::uint64_t digest = digests * (100 + static_cast<std::uint64_t>(number));
        if (number < 40) scene.send_one(0, number, digest, 100);
        scene.at(Scene::ms_of_gop(number + 1) + 150, [=, &scene](Merger& m) {
          Unit unit = Scene::gop(number, 1, "v0", number < 10 || number >= 25 ? 0 : step);
          unit.digest = digest;
          m.add(1, "v0", unit, scene.now(), scene.now_utc());
          m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
        });
      }
      scene.run(Scene::ms_of_gop(24));
      EXPECT_TRUE(scene.merger.status(1).misaligned) << step;
      EXPECT_THAT(scene.merger.status(1).misalignment, HasSubstr("its content lies ")) << step;
      scene.run(Scene::ms_of_gop(36));
      EXPECT_FALSE(scene.merger.status(1).misaligned) << step << ", " << digests;
      EXPECT_EQ(scene.merger.status(1).misalignment, "");
      scene.run(Scene::ms_of_gop(52));
      scene.expect_sane();
      EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1)) << "it takes over without a seam";
      EXPECT_EQ(scene.missing(), 0U) << step;
      EXPECT_EQ(scene.published("v0"), numbers(0, 49)) << step << ", " << digests;
    }
  }
}

// Bounds that fit again are not enough where the content is another.
TEST(MergerMisplaced, ContentThatIsElsewhereComesBackWithItsContentAlone) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  for (std::int64_t number = 0; number < 60; ++number) {
    scene.send_one(0, number, 100 + static_cast<std::uint64_t>(number), 100);
    send_off(scene, number, number < 40 ? 2 : 0);
  }
  for (const std::int64_t gop : {15, 25, 39}) {
    scene.run(Scene::ms_of_gop(gop));
    EXPECT_TRUE(scene.merger.status(1).misaligned) << gop;
    EXPECT_EQ(scene.merger.status(1).misalignment, "its content lies 4.000 s later");
  }
  scene.run(Scene::ms_of_gop(54));
  EXPECT_FALSE(scene.merger.status(1).misaligned);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
}

// It drifts on after it was left: what is taken up when it is needed is what comes next, by then.
TEST(MergerMisplaced, TimesThatDriftOnAreFollowed) {
  for (const std::int64_t drift : {-900, 900}) {  // 90 kHz, a GOP: 1 % too fast or too slow
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    scene.announce_video();
    for (std::int64_t number = 0; number < 160; ++number) {
      if (number < 150) scene.send_one(0, number, 0, 100);
      scene.at(Scene::ms_of_gop(number + 1) + 150, [=, &scene](Merger& m) {
        m.add(1, "v0", Scene::gop(number, 1, "v0", number * drift), scene.now(), scene.now_utc());
        m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
      });
    }
    scene.run(Scene::ms_of_gop(149));
    EXPECT_TRUE(scene.merger.status(1).misaligned);
    scene.run(Scene::ms_of_gop(162));
    scene.expect_sane();
    EXPECT_EQ(scene.published("v0"), numbers(0, 159)) << drift;
    EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(2));
  }
}

// Its copies of what comes next are here long before the active input's: that is no sign that that one has
// fallen behind.
TEST(MergerMisplaced, AStandbyWhoseTimesJumpAheadIsNotTakenForAFasterOne) {
  for (std::int64_t gops = 1; gops <= 6; ++gops) {
    for (const bool has_digests : {false, true}) {
      Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
      scene.announce_video();
      for (std::int64_t number = 0; number < 60; ++number) {
        const std::uint64_t digest = has_digests ? 100 + static_cast<std::uint64_t>(number) : 0;
        scene.send_one(0, number, digest, 100);
        scene.at(Scene::ms_of_gop(number + 1) + 150, [=, &scene](Merger& m) {
          Unit unit = Scene::gop(number, 1, "v0", number < 12 ? 0 : gops * gop_ticks);
          unit.digest = digest;
          m.add(1, "v0", unit, scene.now(), scene.now_utc());
          m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
        });
      }
      scene.run(Scene::ms_of_gop(60) + 200);
      EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty()) << gops;
      EXPECT_EQ(scene.published("v0"), numbers(0, 59)) << gops;
      // five segments are looked back upon
      EXPECT_EQ(scene.merger.status(1).misaligned, has_digests && gops <= 5) << gops;
      EXPECT_FALSE(scene.merger.status(0).misaligned) << gops;
      EXPECT_FALSE(scene.merger.status(0).lagging) << gops;
    }
  }
}

// It takes over with a discontinuity, and the other one, once it is back, is as far from it as before.
TEST(MergerMisplaced, A8_WhatIsKnownOfTwoInputsOutlivesTheSwitch) {
  for (const std::int64_t off : {-2, 2}) {
    for (std::int64_t away = 2; away <= 5; ++away) {
      for (std::int64_t back = 1; back <= 5; ++back) {
        Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
        scene.announce_video();
        for (std::int64_t number = 0; number < 40; ++number) {
          if (number < 14 || number >= 14 + away)
            scene.send_one(0, number, 100 + static_cast<std::uint64_t>(number), 100);
          if (number + off < 0 || number >= 14 + away + back) continue;
          scene.at(Scene::ms_of_gop(number + 1) + 150, [=, &scene](Merger& m) {
            Unit unit = Scene::gop(number, 1, "v0", off * gop_ticks);
            unit.digest = 100 + static_cast<std::uint64_t>(number);
            m.add(1, "v0", unit, scene.now(), scene.now_utc());
            m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
          });
        }
        scene.run(Scene::ms_of_gop(45));
        scene.expect_sane();
        EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(3)) << off << ", " << away << ", " << back;
        const auto published = scene.published("v0");
        EXPECT_TRUE(std::is_sorted(published.begin(), published.end()))
            << off << ", " << away << ", " << back;
        EXPECT_EQ(std::adjacent_find(published.begin(), published.end()), published.end()) << off;
        EXPECT_GE(published.size(), 39U) << off << ", " << away << ", " << back;
      }
    }
  }
}

// Half a frame apart, and the other one begins the stretch after an outage of both: what was the distance
// before is not any more.
TEST(MergerMisplaced, ANewStretchIsJoinedWithItsOwnDistance) {
  for (const std::int64_t off : {-1'350, 1'350}) {
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    scene.announce_video();
    for (std::int64_t number = 0; number < 40; ++number) {
      if (number < 10 || number >= 17) scene.send_one(0, number, 0, 100);
      if (number >= 10 && (number < 16 || number >= 30)) continue;
      scene.at(Scene::ms_of_gop(number + 1) + 150, [=, &scene](Merger& m) {
        m.add(1, "v0", Scene::gop(number, 1, "v0", off), scene.now(), scene.now_utc());
        m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
      });
    }
    scene.run(Scene::ms_of_gop(42));
    scene.expect_sane();
    EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(2));
    for (const SlotListed& slot : scene.all<SlotListed>()) EXPECT_EQ(slot.end - slot.start, gop_ticks) << off;
    for (const PartDecided& part : scene.all<PartDecided>()) {
      const auto slots = scene.all<SlotListed>();
      const auto its = std::find_if(slots.begin(), slots.end(),
                                    [&](const SlotListed& slot) { return slot.number == part.slot; });
      EXPECT_EQ(part.start, its->start) << off;
    }
  }
}

// Around what is tolerated: said once, not again and again.
TEST(MergerMisplaced, TimesThatJitterDoNotComeAndGo) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  std::mt19937 random{7};
  for (std::int64_t number = 0; number < 400; ++number) {
    scene.send_one(0, number, 0, 100);
    const std::int64_t off = std::uniform_int_distribution<std::int64_t>{-2'520, 2'520}(random);  // 28 ms
    scene.at(Scene::ms_of_gop(number + 1) + 150, [=, &scene](Merger& m) {
      m.add(1, "v0", Scene::gop(number, 1, "v0", off), scene.now(), scene.now_utc());
      m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
    });
  }
  int changes = 0;
  for (std::int64_t number = 0; number < 400; ++number) {
    const bool was = scene.merger.status(1).misaligned;
    scene.run(Scene::ms_of_gop(number) + 1'000);
    changes += scene.merger.status(1).misaligned != was ? 1 : 0;
  }
  EXPECT_LE(changes, 3);
}

// It was off from its first segment on, by whole GOPs or not: nothing is shown twice, nothing is left out.
TEST(MergerMisplaced, AStandbyThatNeverFittedGoesOnWhereTheOtherEnded) {
  for (const std::int64_t off : {-270'000, -135'000, -90'000, 90'000, 135'000, 225'000, 270'000, 450'000}) {
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    scene.announce_video();
    for (std::int64_t number = 0; number < 40; ++number) {
      const std::uint64_t digest = 100 + static_cast<std::uint64_t>(number);
      if (number < 20) scene.send_one(0, number, digest, 50);
      if (number == 0) continue;
      scene.at(Scene::ms_of_gop(number + 1) + 150, [=, &scene](Merger& m) {
        Unit unit = Scene::gop(number, 1, "v0", off);
        unit.digest = digest;
        m.add(1, "v0", unit, scene.now(), scene.now_utc());
        m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
      });
    }
    scene.run(Scene::ms_of_gop(42));
    scene.expect_sane();
    EXPECT_EQ(scene.published("v0"), numbers(0, 39)) << off;
    EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(2)) << off;
  }
}

// Sound alone: frames fit everywhere, and only their bytes say where they belong.
struct SoundOnly {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};

  SoundOnly() {
    scene.at(0, [](Merger& m) {
      for (const InputId input : {0U, 1U}) m.set_tracks(input, {audio_description("a0")});
    });
  }
  // Frames [from, to) of the programme in pieces of 96, with the times of those `off` frames later.
  void send(InputId input, std::int64_t from, std::int64_t to, std::int64_t off,
            const std::function<std::uint64_t(std::int64_t)>& digest) {
    for (std::int64_t first = from; first < to; first += 96) {
      const std::int64_t last = std::min(first + 96, to);
      const std::int64_t ms = last * frame_ticks * 1000 / audio_rate + (input == 0 ? 100 : 150);
      scene.at(ms, [=, this](Merger& m) {
        for (std::int64_t number = first; number < last; ++number) {
          Unit unit = Scene::frame(number, input, "a0", 0);
          unit.start += off * frame_ticks;
          unit.digest = digest(number);
          m.add(input, "a0", unit, scene.now(), scene.now_utc());
        }
        m.segment_end(input, {"a0"}, scene.now(), scene.now_utc());
      });
    }
  }
};

std::uint64_t sound(std::int64_t number) { return 1'000 + static_cast<std::uint64_t>(number); }
// A second of sound, a second of silence.
std::uint64_t speech(std::int64_t number) { return number / 47 % 2 == 0 ? sound(number) : 7; }

TEST(MergerMisplaced, A8_SoundThatIsElsewhereIsNotMerged) {
  for (const std::int64_t off : {-140, -1, 1, 140}) {
    for (const auto& digest : {sound, speech}) {
      SoundOnly stage;
      stage.send(0, 0, 1'920, 0, digest);
      stage.send(1, 200, 3'000, off, digest);
      stage.scene.run(40'000);
      EXPECT_TRUE(stage.scene.merger.status(1).misaligned) << off;
      stage.scene.run(70'000);
      stage.scene.expect_sane();
      const auto stretches = stage.scene.all<StretchStarted>();
      ASSERT_EQ(stretches.size(), 2U) << off;
      EXPECT_EQ(stretches.back().reason, "ingest2 is not aligned");
      const auto frames = stage.scene.published("a0");
      EXPECT_EQ(frames, numbers(0, frames.back())) << off;
      EXPECT_GE(frames.back(), 2'900) << off;
    }
  }
}

TEST(MergerMisplaced, SoundThatIsTheSameMergesAndOtherBytesAreSaid) {
  SoundOnly stage;
  const auto other = [](std::int64_t number) { return sound(number) + (number < 600 ? 0 : 100'000); };
  stage.send(0, 0, 1'200, 0, sound);
  stage.send(1, 0, 1'200, 0, other);
  stage.scene.run(12'000);
  EXPECT_FALSE(stage.scene.merger.status(1).different_content);
  stage.scene.run(24'000);
  EXPECT_TRUE(stage.scene.merger.status(1).different_content);
  EXPECT_FALSE(stage.scene.merger.status(1).misaligned);
}

}  // namespace
}  // namespace tarn::timeline
