// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "merger_scene.h"

// What a failover would cost, said before there is one.
namespace tarn::timeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(MergerCompare, OtherBytesOfABackupAreSaidAfterSomeAndTakenBackAfterSome) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  const auto differs = [&](std::int64_t number) { return number >= 2 && number < 6 && number != 4; };
  for (std::int64_t number = 0; number < 14; ++number) {
    const bool is_other = differs(number) || (number >= 7 && number < 10);
    scene.send_one(0, number, 7, 100);
    scene.send_one(1, number, is_other ? 8 : 7, 150);
  }
  std::vector<bool> said;
  for (std::int64_t number = 0; number < 14; ++number) {
    scene.run(Scene::ms_of_gop(number + 1) + 200);
    said.push_back(scene.merger.status(1).different_content);
    EXPECT_FALSE(scene.merger.status(0).different_content);
  }
  // 2, 3 and 5 differ, but not in a row; 7 to 9 do; 10 to 12 are the same again.
  for (std::size_t number = 0; number < said.size(); ++number)
    EXPECT_EQ(said[number], number >= 9 && number < 12) << number;
  EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty());
  EXPECT_FALSE(scene.merger.status(1).misaligned);
}

// Input 1 sends GOPs of `halves` half GOPs of the other's, in the same programme.
void send_other_gops(Scene& scene, std::int64_t begin, std::int64_t end, std::int64_t halves) {
  const std::int64_t ticks = halves * gop_ticks / 2;
  for (std::int64_t start = begin * gop_ticks; start < end * gop_ticks; start += ticks) {
    scene.at((start + ticks) / 90 + 150, [&scene, start, ticks](Merger& m) {
      Unit unit = Scene::gop(0, 1);
      unit.start = first_video + start;
      unit.duration = ticks;
      m.add(1, "v0", unit, scene.now(), scene.now_utc());
      m.segment_end(1, {"v0"}, scene.now(), scene.now_utc());
    });
  }
}

TEST(MergerCompare, GopsOfAnotherLengthAreSaidBeforeTheyAreNeeded) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  for (std::int64_t number = 0; number < 60; ++number) scene.send_one(0, number, 0, 100);
  // They meet the other's at every third.
  send_other_gops(scene, 0, 30, 3);
  // The encoder was set right.
  send_other_gops(scene, 30, 60, 2);
  scene.run(Scene::ms_of_gop(4));
  EXPECT_FALSE(scene.merger.status(1).different_gops) << "some say nothing";
  scene.run(Scene::ms_of_gop(29));
  EXPECT_TRUE(scene.merger.status(1).different_gops);
  EXPECT_FALSE(scene.merger.status(0).different_gops);
  scene.run(Scene::ms_of_gop(59));
  EXPECT_FALSE(scene.merger.status(1).different_gops);
  EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty());
}

TEST(MergerCompare, WhatTakesOverIsNoCopyThatDiffers) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  for (std::int64_t number = 0; number < 10; ++number) scene.send_one(0, number, 7, 100);
  for (std::int64_t number = 0; number < 20; ++number) scene.send_one(1, number, 8, 1'500);
  scene.run(Scene::ms_of_gop(10));
  EXPECT_TRUE(scene.merger.status(1).different_content);
  EXPECT_TRUE(scene.merger.status(1).lagging);
  scene.run(Scene::ms_of_gop(20) + 2'000);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_FALSE(scene.merger.status(1).different_content);
  EXPECT_FALSE(scene.merger.status(1).lagging);
}

TEST(MergerCompare, AnInputThatTakesOverHasTheTimelinesGops) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  for (std::int64_t number = 0; number < 30; ++number) scene.send_one(0, number, 0, 100);
  send_other_gops(scene, 0, 60, 3);
  scene.run(Scene::ms_of_gop(29));
  EXPECT_TRUE(scene.merger.status(1).different_gops);
  scene.run(Scene::ms_of_gop(45));
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_FALSE(scene.merger.status(1).different_gops);
}

TEST(MergerCompare, ABackupThatIsTooLateForASwitchIsSaidToLag) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  const std::vector<std::int64_t> late_ms{600, 900, 600, 500, 900, 900, 500, 900, 300, 300, 300};
  const auto count = static_cast<std::int64_t>(late_ms.size());
  for (std::int64_t number = 0; number < count; ++number) {
    scene.send_one(0, number, 7, 100);
    // The margin is 0.6 s. One late segment says nothing, nor does one that is soon here again.
    scene.send_one(1, number, 7, late_ms[static_cast<std::size_t>(number)]);
  }
  std::vector<bool> said;
  for (std::int64_t number = 0; number < count; ++number) {
    scene.run(Scene::ms_of_gop(number + 1) + 950);
    said.push_back(scene.merger.status(1).lagging);
  }
  EXPECT_THAT(said, ElementsAre(false, false, false, false, false, false, true, true, true, true, false));
  EXPECT_FALSE(scene.merger.status(0).lagging);
}

// What was said of an input beside another one that is not there any more says nothing.
TEST(MergerCompare, NobodyLagsBehindAnInputThatIsGone) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  // Input 0 falls behind by 0.1 s a GOP, from its tenth on.
  for (std::int64_t number = 0; number < 40; ++number)
    scene.send_one(0, number, 7, 100 + std::max<std::int64_t>(number - 10, 0) * 100);
  for (std::int64_t number = 0; number < 22; ++number) scene.send_one(1, number, 7, 150);
  scene.run(Scene::ms_of_gop(22) + 1'100);
  EXPECT_EQ(scene.merger.active(), InputId{0});
  EXPECT_TRUE(scene.merger.status(0).lagging);
  scene.run(Scene::ms_of_gop(26));
  EXPECT_EQ(scene.merger.status(1).state, InputState::stalled);
  EXPECT_FALSE(scene.merger.status(0).lagging);
}

// A10: the first GOP of its long segments is here seconds after its end and the last at once, every time.
TEST(MergerCompare, SegmentsThatAreLongerThanTheOthersLagAllTheTime) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce();
  Sending brief;
  brief.gops = 1;
  scene.send(0, 0, 50, brief);
  Sending lengthy;
  lengthy.gops = 5;
  scene.send(1, 0, 10, lengthy);
  int changes = 0;
  for (std::int64_t ms = 0; ms < 100'000; ms += 250) {
    const bool before = scene.merger.status(1).lagging;
    scene.run(ms);
    changes += scene.merger.status(1).lagging != before ? 1 : 0;
  }
  EXPECT_EQ(changes, 1);
  EXPECT_TRUE(scene.merger.status(1).lagging);
  EXPECT_FALSE(scene.merger.status(0).lagging);
}

// An encoder that is slower than real time: each of its segments is within what the last ones let expect.
TEST(MergerCompare, AnActiveInputThatFallsBehindLittleByLittleIsLeftWithinASegment) {
  for (const std::int64_t slowness : {3, 5, 10, 20}) {  // percent
    Scene scene;
    scene.announce();
    for (std::int64_t segment = 0; segment < 100; ++segment) {
      Sending how;
      how.delay_ms = 300 + segment * 6'000 * slowness / (100 - slowness);
      scene.send(0, segment, segment + 1, how);
    }
    scene.send(1, 0, 100, delayed(800));
    std::optional<std::int64_t> told;
    for (std::int64_t ms = 0; ms < 603'000; ms += 1'000) {
      scene.run(ms);
      if (scene.merger.status(0).lagging && !told) told = ms;
    }
    scene.expect_sane();
    EXPECT_EQ(scene.published("v0"), numbers(0, 299)) << slowness;
    EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1)) << slowness;
    const auto switches = scene.all<InputSwitched>();
    ASSERT_THAT(switches, SizeIs(1)) << slowness;
    EXPECT_EQ(switches[0].reason, "ingest1 has fallen behind") << slowness;
    for (const Timed& timed : scene.decided) {
      if (!std::holds_alternative<InputSwitched>(timed.decision)) continue;
      ASSERT_TRUE(told) << slowness;
      EXPECT_LT(*told, timed.at_ms) << slowness << ": said before it is done";
    }
    EXPECT_LE(scene.longest_silence_ms(603'000), 9'000) << slowness;  // 1.5 segments
  }
}

// A5: what it could not send comes all at once, and says nothing about how late it is in general.
TEST(MergerCompare, A5_AnInputThatComesBackWithItsQueueChangesNothing) {
  for (const std::int64_t slower : {900, 2'600}) {
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    scene.announce_video();
    for (std::int64_t number = 0; number < 60; ++number) {
      const std::int64_t end = Scene::ms_of_gop(number + 1) + 100;
      const bool is_cut_off = number >= 20 && number < 25;
      scene.send_one(0, number, 7, is_cut_off ? Scene::ms_of_gop(26) + 90 - end + number : 100);
      scene.send_one(1, number, 7, slower);
    }
    scene.run(Scene::ms_of_gop(60) + 3'000);
    scene.expect_sane();
    EXPECT_EQ(scene.published("v0"), numbers(0, 59)) << slower;
    EXPECT_LE(scene.all<InputSwitched>().size(), 1U) << slower << ": nobody fails back";
    EXPECT_FALSE(scene.merger.status(1).lagging && scene.merger.active() == InputId{1}) << slower;
  }
}

TEST(MergerCompare, OneLateSegmentOfTheActiveInputSaysNothing) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  for (std::int64_t number = 0; number < 30; ++number) {
    scene.send_one(0, number, 7, number == 20 ? 750 : number % 2 == 0 ? 100 : 300);
    scene.send_one(1, number, 7, 350);
    scene.run(Scene::ms_of_gop(number + 1) + 900);
    EXPECT_FALSE(scene.merger.status(0).lagging) << number;
  }
}

// What is held of the other input would be dropped before the active one has caught up with it.
TEST(MergerCompare, AnActiveInputThatComesMuchLaterThanTheOtherKeepsItsPlaceAndLosesNothing) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 60, delayed(25'000));
  scene.send(1, 6, 60, delayed(300));
  scene.at(330'000, [&](Merger& m) { m.end_of_stream(0, scene.now(), scene.now_utc()); });
  scene.run(400'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 179));
  for (const Timed& timed : scene.decided) {
    if (std::holds_alternative<InputSwitched>(timed.decision)) {
      EXPECT_GE(timed.at_ms, 330'000);
    }
  }
}

TEST(MergerCompare, ATrackThatAnInputHasStoppedSendingIsSaidAndNotWaitedFor) {
  Scene scene;
  scene.announce();
  Sending mute;
  mute.has_audio = false;
  scene.send(0, 0, 5);
  scene.send(0, 5, 12, mute);
  scene.send(0, 12, 20);
  scene.send(1, 0, 20, delayed(500));
  scene.run(30'400);
  EXPECT_THAT(scene.merger.status(0).silent_tracks, IsEmpty());
  scene.run(Scene::ms_of_gop(24) + 400);
  EXPECT_THAT(scene.merger.status(0).silent_tracks, ElementsAre("a0"));
  EXPECT_THAT(scene.merger.status(1).silent_tracks, IsEmpty());
  EXPECT_EQ(scene.merger.status(0).state, InputState::live);
  scene.run(Scene::ms_of_gop(41) + 1'700);
  EXPECT_THAT(scene.merger.status(0).silent_tracks, IsEmpty()) << "it is back";
  scene.run(120'600);
  scene.expect_seamless(59, 120'600);
  EXPECT_EQ(scene.merger.active(), InputId{0}) << "its pictures are fine";
  // Nobody waits for the margin of a switch once it is known; ingest2's audio comes 0.2 s after the pictures.
  for (const Timed& timed : scene.decided) {
    const auto* slot = std::get_if<SlotListed>(&timed.decision);
    if (slot == nullptr || slot->number < 23 || slot->number > 36) continue;
    const std::int64_t segment_end = Scene::ms_of_gop((static_cast<std::int64_t>(slot->number) + 2) / 3 * 3);
    EXPECT_LE(timed.at_ms, segment_end + 510) << slot->number;
  }
}

TEST(MergerCompare, ATrackThatNobodySendsAnyMoreIsSaidOfBoth) {
  Scene scene;
  scene.announce();
  Sending mute;
  mute.has_audio = false;
  scene.send(0, 0, 5);
  scene.send(0, 5, 10, mute);
  scene.run(62'200);
  EXPECT_THAT(scene.merger.status(0).silent_tracks, ElementsAre("a0"));
  EXPECT_EQ(scene.published("v0"), numbers(0, 29)) << "the pictures go on";
  EXPECT_EQ(scene.all<SlotListed>().size(), 30U);
}

// Other renditions than the one that makes the slots.
TEST(MergerCompare, OtherBytesOfAnyRenditionAreSaid) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  const std::vector<TrackDescription> two{video_description("v0", 0), video_description("v1", 1, 640)};
  scene.at(0, [&](Merger& m) {
    for (const InputId input : {0U, 1U}) m.set_tracks(input, two);
  });
  for (std::int64_t number = 0; number < 16; ++number) {
    for (const InputId input : {0U, 1U}) {
      scene.at(Scene::ms_of_gop(number + 1) + 100 + 50 * input, [&scene, input, number](Merger& m) {
        for (const char* key : {"v0", "v1"}) {
          Unit unit = Scene::gop(number, input, key);
          const bool is_other = input == 1 && std::string{key} == "v1" && number >= 4 && number < 10;
          unit.digest = is_other ? 8 : 7;
          m.add(input, key, unit, scene.now(), scene.now_utc());
        }
        m.segment_end(input, {"v0", "v1"}, scene.now(), scene.now_utc());
      });
    }
  }
  scene.run(Scene::ms_of_gop(6));
  EXPECT_FALSE(scene.merger.status(1).different_content);
  scene.run(Scene::ms_of_gop(8));
  EXPECT_TRUE(scene.merger.status(1).different_content);
  scene.run(Scene::ms_of_gop(16) + 1'000);
  EXPECT_FALSE(scene.merger.status(1).different_content);
  EXPECT_FALSE(scene.merger.status(0).different_content);
}

TEST(MergerCompare, GopsThatAreMultiplesOrFractionsOfTheOthersAreOtherGops) {
  for (const std::int64_t halves : {1, 4, 6}) {
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    scene.announce_video();
    for (std::int64_t number = 0; number < 60; ++number) scene.send_one(0, number, 7, 100);
    send_other_gops(scene, 6, 60, halves);
    scene.run(Scene::ms_of_gop(59));
    EXPECT_TRUE(scene.merger.status(1).different_gops) << halves;
    EXPECT_FALSE(scene.merger.status(1).different_content) << halves;
    EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty()) << halves;
  }
}

}  // namespace
}  // namespace tarn::timeline
