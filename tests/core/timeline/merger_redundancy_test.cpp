// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "merger_scene.h"

// The rows of the fault matrix that concern two inputs and one timeline; each test names its row.
namespace tarn::timeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t margin_ms = 1800;  // max(0.5 s, 0.3 × 6 s)
constexpr std::int64_t target_ms = 6000;

TEST(MergerRedundancy, TwoEqualInputsGiveEachMomentOnce) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 10, delayed(300));
  scene.send(1, 0, 10, delayed(450));
  scene.run(61'000);
  scene.expect_seamless(29, 61'000);
  EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty());
  const InputStatus primary = scene.merger.status(0);
  const InputStatus backup = scene.merger.status(1);
  EXPECT_EQ(primary.duplicates, 0U);
  EXPECT_EQ(primary.used, primary.units);
  EXPECT_EQ(backup.used, 0U);
  EXPECT_EQ(backup.duplicates, backup.units);
  EXPECT_EQ(backup.drift, Microseconds{150'000});
  EXPECT_EQ(primary.drift, Microseconds{-150'000});
  EXPECT_FALSE(backup.misaligned);
}

TEST(MergerRedundancy, NobodyIsBehindAnInputThatIsSilent) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 10, delayed(300));
  scene.send(1, 0, 5, delayed(450));
  scene.run(31'000);
  EXPECT_EQ(scene.merger.status(1).drift, Microseconds{150'000});
  scene.run(61'000);
  EXPECT_EQ(scene.merger.status(0).drift, std::nullopt);
  EXPECT_EQ(scene.merger.status(1).drift, std::nullopt);
}

TEST(MergerRedundancy, TheCopiesOfAFasterBackupAreHeldAndThenDropped) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 10, delayed(1500));
  scene.send(1, 1, 10, delayed(100));
  scene.run(62'000);
  scene.expect_seamless(29, 62'000);
  EXPECT_EQ(scene.merger.status(1).used, 0U);
  EXPECT_EQ(scene.merger.status(1).duplicates, scene.merger.status(1).units);
}

TEST(MergerRedundancy, A1PrimaryDiesInMidSegmentAndItsCompleteGopsAreUsed) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  Sending cut;
  cut.cut_at_gop = 1;
  scene.send(0, 5, 6, cut);
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_EQ(scene.all<InputSwitched>().at(0).media_time, first_video + 16 * gop_ticks);
  EXPECT_EQ(scene.all<InputSwitched>().at(0).reason, "ingest1 is late");
  EXPECT_EQ(scene.merger.active(), 1U);
  // GOP 15 came from the primary, although its segment was cut.
  for (const PartDecided& part : scene.all<PartDecided>()) {
    if (part.track == 1) {
      EXPECT_EQ(part.input, part.start < first_video + 16 * gop_ticks ? 0U : 1U);
    }
  }
}

TEST(MergerRedundancy, A2AStalledPrimaryIsReplacedAtExpectedPlusMargin) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  // GOP 15 was last needed like the first GOP of a segment before: 4.3 s after its end. What the
  // primary had not sent by then is replaced.
  const std::int64_t expected = Scene::ms_of_gop(16) + 4300 + margin_ms;
  for (const Timed& timed : scene.decided) {
    if (std::holds_alternative<InputSwitched>(timed.decision)) {
      EXPECT_EQ(timed.at_ms, expected);
    }
  }
  EXPECT_EQ(scene.merger.status(0).state, InputState::stalled);
  EXPECT_EQ(scene.merger.status(1).state, InputState::live);
}

TEST(MergerRedundancy, DeadlinesFollowATargetDurationThatChangesMeanwhile) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.send(1, 0, 10, delayed(400));
  scene.at(20'000, [](Merger& m) { m.set_target_duration(Microseconds{1'000'000}); });
  scene.run(60'500);
  const std::int64_t expected = Scene::ms_of_gop(16) + 4300 + 500;
  std::vector<std::int64_t> switches;
  for (const Timed& timed : scene.decided) {
    if (std::holds_alternative<InputSwitched>(timed.decision)) switches.push_back(timed.at_ms);
  }
  EXPECT_EQ(switches, std::vector<std::int64_t>{expected});
}

TEST(MergerRedundancy, A3ATricklingPrimaryIsReplacedAndItsLateCopiesAreCounted) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.send(0, 5, 8, delayed(5000));
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  const auto used = scene.merger.status(0).used;
  EXPECT_EQ(scene.merger.status(0).duplicates, scene.merger.status(0).units - used);
  EXPECT_EQ(scene.merger.status(0).late, 0U);  // nothing was missing
}

TEST(MergerRedundancy, A4ASingleInputThatDiesLeavesThePlaylistAndIsStalled) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.run(39'200);
  EXPECT_EQ(scene.merger.status(0).state, InputState::late);
  const std::size_t before = scene.decided.size();
  scene.run(39'400);
  EXPECT_EQ(scene.merger.status(0).state, InputState::stalled);  // 1.5 T after the last arrival
  scene.run(600'000);
  EXPECT_EQ(scene.decided.size(), before);
  EXPECT_EQ(scene.merger.status(1).state, InputState::never_seen);
  EXPECT_EQ(scene.merger.deadline(), std::nullopt);
}

TEST(MergerRedundancy, A4WhenItComesBackLateButCompleteThereIsNoDiscontinuity) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.send(0, 5, 8, delayed(30'000));
  scene.run(100'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 23));
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_EQ(scene.missing(), 0U);
}

TEST(MergerRedundancy, A5ThePrimaryComesBackWithoutASecondSwitch) {
  for (const bool restarted : {false, true}) {
    Scene scene;
    scene.announce();
    scene.send(0, 0, 5);
    if (restarted) scene.at(60'000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
    scene.send(0, 10, 20);
    scene.send(1, 0, 20, delayed(400));
    scene.run(120'500);
    scene.expect_seamless(59, 120'500);
    EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
    EXPECT_EQ(scene.merger.active(), 1U);
    EXPECT_FALSE(scene.merger.status(0).misaligned);
    EXPECT_EQ(scene.merger.status(0).state, InputState::live);
  }
}

TEST(MergerRedundancy, A5AfterItsReturnThePrimaryIsAFullStandby) {
  for (const bool restarted : {false, true}) {
    Scene scene;
    scene.announce();
    scene.send(0, 0, 5);
    if (restarted) scene.at(60'000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
    scene.send(0, 10, 20);
    scene.send(1, 0, 15, delayed(400));
    scene.run(120'400);
    scene.expect_seamless(59, 120'400);
    EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(2));
    EXPECT_EQ(scene.merger.active(), 0U);
  }
}

TEST(MergerRedundancy, A6AFlappingPrimaryCostsNothing) {
  Scene scene;
  scene.announce();
  for (std::int64_t segment = 0; segment < 60; segment += 2) {
    scene.send(0, segment, segment + 1);
    if (segment % 4 == 0) {
      scene.at(Scene::ms_of_gop(segment * 3 + 5), [&](Merger& m) { m.discontinuity(0, scene.now()); });
    }
  }
  scene.send(1, 0, 60, delayed(400));
  scene.run(360'500);
  scene.expect_seamless(179, 360'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
}

TEST(MergerRedundancy, A6TwoInputsThatFlapInTurnGiveEverything) {
  Scene scene;
  scene.announce();
  for (std::int64_t segment = 0; segment < 60; ++segment) {
    const auto input = static_cast<InputId>(segment % 2);
    scene.send(input, segment, segment + 1);
    if (segment % 10 == 5) scene.send(1 - input, segment, segment + 1, delayed(350));
  }
  scene.run(365'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 179));
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  const auto frames = scene.published("a0");
  EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1));
}

TEST(MergerRedundancy, A7AnOutageOfBothIsOneNewStretchThatReservesNothing) {
  for (const bool restarted : {false, true}) {
    Scene scene;
    scene.announce();
    scene.send(0, 0, 5);
    scene.send(1, 0, 5, delayed(400));
    if (restarted) {
      scene.at(600'000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
      scene.at(600'000, [&](Merger& m) { m.discontinuity(1, scene.now()); });
    }
    scene.send(0, 100, 110);
    scene.send(1, 100, 110, delayed(400));
    scene.run(660'500);
    scene.expect_sane();
    const auto stretches = scene.all<StretchStarted>();
    ASSERT_THAT(stretches, SizeIs(2));
    EXPECT_THAT(stretches[1].reason, HasSubstr("outage of 5"));
    EXPECT_EQ(stretches[1].stretch.first_slot, 16U);
    EXPECT_EQ(stretches[1].stretch.start_time, first_video + 300 * gop_ticks);
    EXPECT_EQ(stretches[1].stretch.start, Scene::utc_at(600'300));
    std::vector<std::int64_t> wanted = numbers(0, 14);
    for (std::int64_t gop = 300; gop < 330; ++gop) wanted.push_back(gop);
    EXPECT_EQ(scene.published("v0"), wanted);
    EXPECT_EQ(scene.missing(), 0U);
    EXPECT_FALSE(scene.merger.status(1).misaligned);
    EXPECT_EQ(scene.merger.status(1).used, 0U);
  }
}

TEST(MergerRedundancy, A8AnOffsetWithinHalfAFrameMerges) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  Sending off;
  off.offset = 1700;  // 18.9 ms; half a frame is 20 ms
  off.delay_ms = 400;
  scene.send(1, 0, 10, off);
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  // The timeline goes on to the tick, in the primary's times.
  for (const SlotListed& slot : scene.all<SlotListed>()) {
    EXPECT_EQ((slot.start - first_video) % gop_ticks, 0);
  }
  for (const PartDecided& part : scene.all<PartDecided>()) {
    if (part.track == 1) {
      EXPECT_EQ((part.start - first_video) % gop_ticks, 0);
    }
    if (part.track == 2) {
      EXPECT_EQ((part.start - first_audio) % frame_ticks, 0);
    }
  }
}

TEST(MergerRedundancy, A8AMisalignedBackupIsKeptAsideAndUsedWithANewStretch) {
  for (const std::int64_t offset_ms : {40, -40, 3000, -500}) {
    Scene scene;
    scene.announce();
    scene.send(0, 0, 5);
    Sending off;
    off.offset = offset_ms * 90;
    off.delay_ms = 400;
    scene.send(1, 0, 10, off);
    scene.run(30'500);
    EXPECT_TRUE(scene.merger.status(1).misaligned);
    EXPECT_EQ(scene.merger.status(1).used, 0U);
    scene.run(60'500);
    scene.expect_sane();
    const auto stretches = scene.all<StretchStarted>();
    ASSERT_THAT(stretches, SizeIs(2)) << offset_ms;
    EXPECT_EQ(stretches[1].reason, "ingest2 is not aligned");
    ASSERT_THAT(scene.all<InputSwitched>(), SizeIs(1));
    // No more is lost or repeated than the offset, rounded up to GOPs.
    const auto gops = scene.published("v0");
    for (std::size_t i = 1; i < gops.size(); ++i) {
      const std::int64_t step = gops[i] - gops[i - 1] - 1;
      EXPECT_LE(std::abs(step) * 2000, std::abs(offset_ms) < 1000 ? 0 : 4000) << offset_ms;
    }
    EXPECT_EQ(gops.back(), 29);
    EXPECT_LE(scene.longest_silence_ms(60'500), target_ms * 3 / 2);
  }
}

TEST(MergerRedundancy, A10DifferentSegmentLengthsOfTheSameGopsMerge) {
  Scene scene;
  scene.announce();
  Sending small;
  small.gops = 1;
  scene.send(0, 0, 15, small);
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
}

TEST(MergerRedundancy, B1WhatCameAlreadyIsADuplicate) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 4);
  Sending again;
  again.delay_ms = 2000;
  scene.send(0, 1, 2, again);
  scene.send(0, 3, 4, again);
  scene.run(30'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 11));
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_EQ(scene.merger.status(0).duplicates, scene.merger.status(0).units - scene.merger.status(0).used);
}

TEST(MergerRedundancy, B3ContentThatComesOutOfOrderIsPutInOrder) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 3);
  scene.send_segment(1, 0, {}, 6400);
  scene.send_segment(1, 1, {}, 12'400);
  scene.send_segment(1, 2, {}, 18'400);
  // The backup's segments 5, 3, 4; the primary sends nothing any more.
  scene.send_segment(1, 5, {}, 36'500);
  scene.send_segment(1, 3, {}, 36'600);
  scene.send_segment(1, 4, {}, 36'700);
  scene.run(40'000);
  scene.expect_sane();
  const auto gops = scene.published("v0");
  EXPECT_TRUE(std::is_sorted(gops.begin(), gops.end()));
}

TEST(MergerRedundancy, B4WhatComesAfterItsSlotWasClosedIsLate) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 3);
  scene.send(0, 4, 8);
  scene.send(1, 0, 3, delayed(400));
  scene.send_segment(1, 3, {}, 44'000);
  scene.run(60'000);
  scene.expect_sane();
  const auto slots = scene.all<SlotListed>();
  ASSERT_THAT(slots, SizeIs(24));
  for (const SlotListed& slot : slots) {
    const bool hole = slot.number > 9 && slot.number <= 12;
    EXPECT_THAT(slot.missing, SizeIs(hole ? 2 : 0)) << slot.number;
  }
  EXPECT_EQ(scene.merger.status(1).late,
            static_cast<std::uint64_t>(3 + Scene::first_frame_of(12) - Scene::first_frame_of(9)));
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
}

TEST(MergerRedundancy, B6ASegmentThatNeverComesIsTakenFromTheBackup) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 3);
  scene.send(0, 4, 10);
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  ASSERT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  // The primary was given up at expected + margin; with its next segment there it would be at once.
  EXPECT_EQ(scene.all<InputSwitched>().at(0).reason, "ingest1 is late");
}

TEST(MergerRedundancy, B6WhatThePrimarySkippedIsTakenFromTheBackupAtOnce) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 3, delayed(900));
  scene.send(1, 1, 10, delayed(100));
  // Of its fourth segment the primary lacks the second GOP.
  scene.at(24'900, [&](Merger& m) {
    m.add(0, "v0", Scene::gop(9, 0), scene.now(), scene.now_utc());
    m.add(0, "v0", Scene::gop(11, 0), scene.now(), scene.now_utc());
  });
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  ASSERT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_EQ(scene.all<InputSwitched>()[0].reason, "content missing in ingest1");
  for (const Timed& timed : scene.decided) {
    const auto* part = std::get_if<PartDecided>(&timed.decision);
    if (part != nullptr && part->slot == 11) {
      EXPECT_LE(timed.at_ms, 24'900 + margin_ms);
      EXPECT_EQ(part->input, 1U);
    }
  }
}

TEST(MergerRedundancy, B6WithoutABackupTheHoleKeepsItsSlotNumbers) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 3);
  scene.send(0, 4, 6);
  scene.run(40'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  const auto slots = scene.all<SlotListed>();
  ASSERT_THAT(slots, SizeIs(18));
  const std::vector<TrackId> both{1, 2};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    EXPECT_EQ(slots[i].start, first_video + static_cast<std::int64_t>(i) * gop_ticks);
    EXPECT_EQ(slots[i].missing, i >= 9 && i < 12 ? both : std::vector<TrackId>{});
  }
  // The hole is known when what follows it is there: nobody waits for a backup that was never seen.
  for (const Timed& timed : scene.decided) {
    if (const auto* slot = std::get_if<SlotListed>(&timed.decision); slot != nullptr && slot->number == 13) {
      EXPECT_EQ(timed.at_ms, 30'300);
    }
  }
}

TEST(MergerRedundancy, B6AHoleOfTheReferenceKeepsTheOtherTracks) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 3);
  Sending audio_only;
  audio_only.has_video = false;
  scene.send(0, 3, 4, audio_only);
  scene.send(0, 4, 6);
  scene.run(40'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("a0"), numbers(0, Scene::first_frame_of(18) - 1));
  for (const SlotListed& slot : scene.all<SlotListed>()) {
    const bool hole = slot.number > 9 && slot.number <= 12;
    EXPECT_EQ(slot.missing, hole ? std::vector<TrackId>{1} : std::vector<TrackId>{}) << slot.number;
  }
}

TEST(MergerRedundancy, B6AHoleOfMoreThanThreeTargetsIsAnOutage) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 3);
  scene.send(0, 7, 8);
  scene.run(60'000);
  scene.expect_sane();
  ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(2));
  EXPECT_EQ(scene.all<StretchStarted>()[1].reason, "outage of 24.0 s");
  EXPECT_THAT(scene.all<SlotListed>(), SizeIs(12));
  EXPECT_EQ(scene.missing(), 0U);
}

TEST(MergerRedundancy, B11ARestartOfOneEncoderIsNotVisibleWhileTheOtherIsFine) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.send(1, 0, 12, delayed(400));
  // Back after 10 s with times that begin near zero again.
  scene.at(41'000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  Sending anew;
  anew.offset = -20 * gop_ticks - 77'777;
  for (std::int64_t segment = 7; segment < 12; ++segment) {
    scene.send_segment(0, segment, anew, Scene::ms_of_gop((segment + 1) * 3) + 300);
  }
  scene.run(72'500);
  scene.expect_seamless(35, 72'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_TRUE(scene.merger.status(0).misaligned);
}

TEST(MergerRedundancy, B11ARestartWithTheSecondInputBehindWaitsForIt) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5, delayed(100));
  scene.send(1, 0, 10, delayed(1700));
  scene.at(30'200, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  Sending anew;
  anew.offset = 1'000'000'000;
  for (std::int64_t segment = 5; segment < 10; ++segment) {
    scene.send_segment(0, segment, anew, Scene::ms_of_gop((segment + 1) * 3) + 100);
  }
  scene.run(61'800);
  scene.expect_seamless(29, 61'800);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
}

TEST(MergerRedundancy, B11ARestartOfTheOnlyEncoderIsOneDiscontinuity) {
  for (const std::int64_t offset : {-15 * gop_ticks, std::int64_t{0}, 1000 * gop_ticks}) {
    Scene scene;
    scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
    scene.send(0, 0, 5);
    scene.at(35'000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
    Sending anew;
    anew.offset = offset;
    scene.send(0, 5, 8, anew);
    scene.run(60'000);
    scene.expect_sane();
    EXPECT_EQ(scene.published("v0"), numbers(0, 23));
    ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(2)) << offset;
    EXPECT_EQ(scene.all<StretchStarted>()[1].reason, "discontinuity in ingest1");
    EXPECT_EQ(scene.all<StretchStarted>()[1].stretch.first_slot, 16U);
    EXPECT_EQ(scene.all<StretchStarted>()[1].stretch.start_time, first_video + 15 * gop_ticks + offset);
  }
}

TEST(MergerRedundancy, B11TheAsideInputTakesOverWithADiscontinuityWhenTheOtherDies) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.send(1, 0, 12, delayed(400));
  scene.at(31'000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  Sending anew;
  anew.offset = 500 * gop_ticks;
  scene.send(0, 5, 20, anew);
  scene.run(120'500);
  scene.expect_sane();
  ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(2));
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(2));
  EXPECT_EQ(scene.merger.active(), 0U);
  // It begins where the other one ended: all of the programme, at most one segment of it twice.
  auto gops = scene.published("v0");
  EXPECT_LE(gops.size(), 63U);
  gops.erase(std::unique(gops.begin(), gops.end()), gops.end());
  std::sort(gops.begin(), gops.end());
  gops.erase(std::unique(gops.begin(), gops.end()), gops.end());
  EXPECT_EQ(gops, numbers(0, 59));
}

TEST(MergerRedundancy, B12AJumpOfOneInputIsNotVisibleWhileTheOtherIsFine) {
  for (const bool announced : {true, false}) {
    for (const std::int64_t jump : {std::int64_t{3600} * 90'000, std::int64_t{-10} * 90'000}) {
      Scene scene;
      scene.announce();
      scene.send(0, 0, 5);
      scene.send(1, 0, 10, delayed(400));
      if (announced) scene.at(30'400, [&](Merger& m) { m.discontinuity(0, scene.now()); });
      Sending jumped;
      jumped.offset = jump;
      scene.send(0, 5, 10, jumped);
      scene.run(60'500);
      scene.expect_sane();
      EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1)) << announced << ' ' << jump;
      if (jump > 0 || announced) {
        EXPECT_EQ(scene.published("v0").size(), 30U);
      }
    }
  }
}

TEST(MergerRedundancy, B12AJumpBackOfTheOnlyInputIsADiscontinuityWithUtcThatGoesOn) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 5);
  scene.at(30'400, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  Sending jumped;
  jumped.offset = -900'000;
  scene.send(0, 5, 10, jumped);
  scene.run(60'500);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 29));
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(2));
}

TEST(MergerRedundancy, B12AnUnannouncedJumpFarBackIsFound) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 20);
  Sending jumped;
  jumped.offset = -50 * gop_ticks;
  scene.send(0, 20, 30, jumped);
  scene.run(180'500);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(2));
  EXPECT_EQ(scene.published("v0").back(), 89);
}

TEST(MergerRedundancy, B14ADiscontinuityOfBothInputsIsPassedOnOnce) {
  for (const std::int64_t backup_delay : {100, 300, 900}) {
    Scene scene;
    scene.announce();
    scene.send(0, 0, 5);
    scene.send(1, 1, 5, delayed(backup_delay));
    scene.at(30'350, [&](Merger& m) { m.discontinuity(0, scene.now()); });
    scene.at(30'050 + backup_delay, [&](Merger& m) { m.discontinuity(1, scene.now()); });
    Sending next;
    next.offset = 777 * gop_ticks;
    scene.send(0, 5, 7, next);
    next.delay_ms = backup_delay;
    scene.send(1, 5, 10, next);
    scene.run(61'500);
    scene.expect_sane();
    EXPECT_EQ(scene.published("v0"), numbers(0, 29)) << backup_delay;
    EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(2)) << backup_delay;
    EXPECT_EQ(scene.missing(), 0U);
    // The primary dies later: the backup is aligned with the new stretch.
    EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1)) << backup_delay;
  }
}

// With whom? It will be used as soon as its segment is whole.
TEST(MergerRedundancy, AnOnlyEncoderThatBeginsAnewIsNotMisaligned) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.at(30'350, [&](Merger& m) {
    m.discontinuity(0, scene.now());
    m.add(0, "v0", Scene::gop(15, 0, "v0", 777 * gop_ticks), scene.now(), scene.now_utc());
    EXPECT_FALSE(m.status(0).misaligned) << m.status(0).misalignment;
  });
  scene.run(31'000);
}

TEST(MergerRedundancy, B14TheInputKeptAsideDoesNotStepInAtADiscontinuity) {
  Scene scene;
  scene.announce();
  Sending off;
  off.offset = 40 * 90;
  scene.send(0, 0, 10);
  scene.send(1, 0, 10, off);
  scene.at(30'350, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  scene.run(61'500);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(2));
  EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty());
  EXPECT_EQ(scene.published("v0"), numbers(0, 29));
}

TEST(MergerRedundancy, B14ADiscontinuityWithContinuousTimesIsPassedOnToo) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 10);
  scene.send(1, 0, 10, delayed(400));
  scene.at(30'350, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  scene.at(30'450, [&](Merger& m) { m.discontinuity(1, scene.now()); });
  scene.run(61'500);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 29));
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(2));
  EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty());
}

TEST(MergerRedundancy, B19AudioThatStopsIsMissingAndTheRestGoesOn) {
  Scene scene;
  scene.announce();
  Sending how;
  Sending silent;
  silent.has_audio = false;
  scene.send(0, 0, 3, how);
  scene.send(0, 3, 5, silent);
  scene.send(0, 5, 8, how);
  scene.run(50'500);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 23));
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  for (const SlotListed& slot : scene.all<SlotListed>()) {
    const bool silence = slot.number > 9 && slot.number <= 15;
    EXPECT_EQ(slot.missing, silence ? std::vector<TrackId>{2} : std::vector<TrackId>{}) << slot.number;
  }
  // The three frames that came with the next segment are audible again with it.
  const auto frames = scene.published("a0");
  EXPECT_EQ(frames.size(), static_cast<std::size_t>(Scene::first_frame_of(24) -
                                                    (Scene::first_frame_of(15) - Scene::first_frame_of(9))));
}

TEST(MergerRedundancy, B19AudioThatOneInputLacksComesFromTheOther) {
  Scene scene;
  scene.announce();
  Sending silent;
  silent.has_audio = false;
  scene.send(0, 0, 3);
  scene.send(0, 3, 5, silent);
  scene.send(0, 5, 8);
  scene.send(1, 0, 8, delayed(400));
  scene.run(50'500);
  scene.expect_seamless(23, 50'500);
  EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty());
}

TEST(MergerRedundancy, AnInputThatEndsIsReplacedAtOnce) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.send(1, 0, 10, delayed(400));
  scene.at(30'350, [&](Merger& m) { m.end_of_stream(0, scene.now(), scene.now_utc()); });
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  ASSERT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_EQ(scene.all<InputSwitched>().at(0).reason, "ingest1 ended");
  EXPECT_EQ(scene.merger.status(0).state, InputState::ended);
  EXPECT_THAT(scene.all<StreamEnded>(), IsEmpty());
  for (const Timed& timed : scene.decided) {
    if (std::holds_alternative<InputSwitched>(timed.decision)) {
      EXPECT_EQ(timed.at_ms, 36'400);
    }
  }
}

TEST(MergerRedundancy, TracksThatChangeOnOneInputAreNotVisibleWhileTheOtherIsFine) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.send(1, 0, 10, delayed(400));
  scene.at(30'350, [&](Merger& m) {
    m.set_tracks(0, {video_description("v0", 0, 1920), audio_description("a0")});
  });
  scene.send(0, 5, 10);
  scene.run(60'500);
  scene.expect_seamless(29, 60'500);
  EXPECT_TRUE(scene.merger.status(0).misaligned);
}

TEST(MergerRedundancy, TracksThatChangeOnBothInputsBeginOneStretch) {
  Scene scene;
  scene.announce();
  const std::vector<TrackDescription> larger{video_description("v0", 0, 1920), audio_description("a0")};
  scene.send(0, 0, 10);
  scene.send(1, 0, 10, delayed(400));
  scene.at(30'350, [&](Merger& m) { m.set_tracks(0, larger); });
  scene.at(30'450, [&](Merger& m) { m.set_tracks(1, larger); });
  scene.run(60'500);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 29));
  const auto stretches = scene.all<StretchStarted>();
  ASSERT_THAT(stretches, SizeIs(2));
  EXPECT_EQ(stretches[1].reason, "tracks changed");
  EXPECT_EQ(stretches[1].stretch.find(1)->description.info.width, 1920U);
  EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty());
}

TEST(MergerRedundancy, OtherBandwidthsAreNoOtherTracks) {
  Scene scene;
  scene.announce();
  scene.send(0, 0, 5);
  scene.at(15'000, [](Merger& m) {
    auto tracks = one_variant();
    tracks[0].variants[0].bandwidth = 4'000'000;
    m.set_tracks(0, tracks);
  });
  scene.run(31'000);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
}

}  // namespace
}  // namespace tarn::timeline
