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

void announce(Scene& scene) {
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, one_variant());
    m.set_tracks(1, one_variant());
  });
}

Sending delayed(std::int64_t ms) {
  Sending how;
  how.delay_ms = ms;
  return how;
}

// All GOPs up to `last_gop` once, in order, one stretch, nothing missing, and never later than 1.5 T.
void expect_seamless(const Scene& scene, std::int64_t last_gop, std::int64_t until_ms) {
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, last_gop));
  const auto frames = scene.published("a0");
  EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1));
  EXPECT_GE(frames.size(), static_cast<std::size_t>(Scene::first_frame_of(last_gop + 1)));
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_LE(scene.longest_silence_ms(until_ms), target_ms * 3 / 2);
}

TEST(MergerRedundancy, TwoEqualInputsGiveEachMomentOnce) {
  Scene scene;
  announce(scene);
  scene.send(0, 0, 10, delayed(300));
  scene.send(1, 0, 10, delayed(450));
  scene.run(61'000);
  expect_seamless(scene, 29, 61'000);
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

TEST(MergerRedundancy, TheCopiesOfAFasterBackupAreHeldAndThenDropped) {
  Scene scene;
  announce(scene);
  scene.send(0, 0, 10, delayed(1500));
  scene.send(1, 1, 10, delayed(100));
  scene.run(62'000);
  expect_seamless(scene, 29, 62'000);
  EXPECT_EQ(scene.merger.status(1).used, 0U);
  EXPECT_EQ(scene.merger.status(1).duplicates, scene.merger.status(1).units);
}

TEST(MergerRedundancy, A1PrimaryDiesInMidSegmentAndItsCompleteGopsAreUsed) {
  Scene scene;
  announce(scene);
  scene.send(0, 0, 5);
  Sending cut;
  cut.cut_at_gop = 1;
  scene.send(0, 5, 6, cut);
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
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
  announce(scene);
  scene.send(0, 0, 5);
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
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
  announce(scene);
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
  announce(scene);
  scene.send(0, 0, 5);
  scene.send(0, 5, 8, delayed(5000));
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  const auto used = scene.merger.status(0).used;
  EXPECT_EQ(scene.merger.status(0).duplicates, scene.merger.status(0).units - used);
  EXPECT_EQ(scene.merger.status(0).late, 0U);  // nothing was missing
}

TEST(MergerRedundancy, A4ASingleInputThatDiesLeavesThePlaylistAndIsStalled) {
  Scene scene;
  announce(scene);
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
  announce(scene);
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
    announce(scene);
    scene.send(0, 0, 5);
    if (restarted) scene.at(60'000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
    scene.send(0, 10, 20);
    scene.send(1, 0, 20, delayed(400));
    scene.run(120'500);
    expect_seamless(scene, 59, 120'500);
    EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
    EXPECT_EQ(scene.merger.active(), 1U);
    EXPECT_FALSE(scene.merger.status(0).misaligned);
    EXPECT_EQ(scene.merger.status(0).state, InputState::live);
  }
}

TEST(MergerRedundancy, A5AfterItsReturnThePrimaryIsAFullStandby) {
  for (const bool restarted : {false, true}) {
    Scene scene;
    announce(scene);
    scene.send(0, 0, 5);
    if (restarted) scene.at(60'000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
    scene.send(0, 10, 20);
    scene.send(1, 0, 15, delayed(400));
    scene.run(120'400);
    expect_seamless(scene, 59, 120'400);
    EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(2));
    EXPECT_EQ(scene.merger.active(), 0U);
  }
}

TEST(MergerRedundancy, A6AFlappingPrimaryCostsNothing) {
  Scene scene;
  announce(scene);
  for (std::int64_t segment = 0; segment < 60; segment += 2) {
    scene.send(0, segment, segment + 1);
    if (segment % 4 == 0) {
      scene.at(Scene::ms_of_gop(segment * 3 + 5), [&](Merger& m) { m.discontinuity(0, scene.now()); });
    }
  }
  scene.send(1, 0, 60, delayed(400));
  scene.run(360'500);
  expect_seamless(scene, 179, 360'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
}

TEST(MergerRedundancy, A6TwoInputsThatFlapInTurnGiveEverything) {
  Scene scene;
  announce(scene);
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
    announce(scene);
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
  announce(scene);
  scene.send(0, 0, 5);
  Sending off;
  off.offset = 1700;  // 18.9 ms; half a frame is 20 ms
  off.delay_ms = 400;
  scene.send(1, 0, 10, off);
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
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
    announce(scene);
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
  announce(scene);
  Sending small;
  small.gops = 1;
  scene.send(0, 0, 15, small);
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
}

TEST(MergerRedundancy, B1WhatCameAlreadyIsADuplicate) {
  Scene scene;
  announce(scene);
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
  announce(scene);
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
  announce(scene);
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
  announce(scene);
  scene.send(0, 0, 3);
  scene.send(0, 4, 10);
  scene.send(1, 0, 10, delayed(400));
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
  ASSERT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  // The primary was given up at expected + margin; with its next segment there it would be at once.
  EXPECT_EQ(scene.all<InputSwitched>().at(0).reason, "ingest1 is late");
}

TEST(MergerRedundancy, B6WhatThePrimarySkippedIsTakenFromTheBackupAtOnce) {
  Scene scene;
  announce(scene);
  scene.send(0, 0, 3, delayed(900));
  scene.send(1, 1, 10, delayed(100));
  // Of its fourth segment the primary lacks the second GOP.
  scene.at(24'900, [&](Merger& m) {
    m.add(0, "v0", Scene::gop(9, 0), scene.now(), scene.now_utc());
    m.add(0, "v0", Scene::gop(11, 0), scene.now(), scene.now_utc());
  });
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
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
  announce(scene);
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
  expect_seamless(scene, 35, 72'500);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_TRUE(scene.merger.status(0).misaligned);
}

TEST(MergerRedundancy, B11ARestartWithTheSecondInputBehindWaitsForIt) {
  Scene scene;
  announce(scene);
  scene.send(0, 0, 5, delayed(100));
  scene.send(1, 0, 10, delayed(1700));
  scene.at(30'200, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  Sending anew;
  anew.offset = 1'000'000'000;
  for (std::int64_t segment = 5; segment < 10; ++segment) {
    scene.send_segment(0, segment, anew, Scene::ms_of_gop((segment + 1) * 3) + 100);
  }
  scene.run(61'800);
  expect_seamless(scene, 29, 61'800);
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
  announce(scene);
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
      announce(scene);
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
    announce(scene);
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

TEST(MergerRedundancy, B14TheInputKeptAsideDoesNotStepInAtADiscontinuity) {
  Scene scene;
  announce(scene);
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
  announce(scene);
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
  announce(scene);
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
  announce(scene);
  Sending silent;
  silent.has_audio = false;
  scene.send(0, 0, 3);
  scene.send(0, 3, 5, silent);
  scene.send(0, 5, 8);
  scene.send(1, 0, 8, delayed(400));
  scene.run(50'500);
  expect_seamless(scene, 23, 50'500);
  EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty());
}

TEST(MergerRedundancy, AnInputThatEndsIsReplacedAtOnce) {
  Scene scene;
  announce(scene);
  scene.send(0, 0, 5);
  scene.send(1, 0, 10, delayed(400));
  scene.at(30'350, [&](Merger& m) { m.end_of_stream(0, scene.now(), scene.now_utc()); });
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
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
  announce(scene);
  scene.send(0, 0, 5);
  scene.send(1, 0, 10, delayed(400));
  scene.at(30'350, [&](Merger& m) {
    m.set_tracks(0, {video_description("v0", 0, 1920), audio_description("a0")});
  });
  scene.send(0, 5, 10);
  scene.run(60'500);
  expect_seamless(scene, 29, 60'500);
  EXPECT_TRUE(scene.merger.status(0).misaligned);
}

TEST(MergerRedundancy, TracksThatChangeOnBothInputsBeginOneStretch) {
  Scene scene;
  announce(scene);
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
  announce(scene);
  scene.send(0, 0, 5);
  scene.at(15'000, [](Merger& m) {
    auto tracks = one_variant();
    tracks[0].variants[0].bandwidth = 4'000'000;
    m.set_tracks(0, tracks);
  });
  scene.run(31'000);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
}

// ---- what a failover would cost, said before there is one

// The input sends GOP `number` alone, with a digest, `late_ms` after its end.
void send_one(Scene& scene, InputId input, std::int64_t number, std::uint64_t digest, std::int64_t late_ms) {
  scene.at(Scene::ms_of_gop(number + 1) + late_ms, [&scene, input, number, digest](Merger& m) {
    Unit unit = Scene::gop(number, input);
    unit.digest = digest;
    m.add(input, "v0", unit, scene.now(), scene.now_utc());
    m.segment_end(input, {"v0"}, scene.now(), scene.now_utc());
  });
}

void announce_video(Scene& scene) {
  scene.at(0, [](Merger& m) {
    for (const InputId input : {0U, 1U}) m.set_tracks(input, {video_description("v0", 0)});
  });
}

TEST(MergerRedundancy, OtherBytesOfABackupAreSaidAfterSomeAndTakenBackAfterSome) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce_video(scene);
  const auto differs = [&](std::int64_t number) { return number >= 2 && number < 6 && number != 4; };
  for (std::int64_t number = 0; number < 14; ++number) {
    const bool is_other = differs(number) || (number >= 7 && number < 10);
    send_one(scene, 0, number, 7, 100);
    send_one(scene, 1, number, is_other ? 8 : 7, 150);
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

TEST(MergerRedundancy, A8_ABackupThatIsOffByWholeGopsIsNotMerged) {
  for (const std::int64_t off : {-3, -1, 1, 3}) {
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    announce_video(scene);
    for (std::int64_t number = 0; number < 30; ++number) {
      if (number < 15) send_one(scene, 0, number, 100 + static_cast<std::uint64_t>(number), 100);
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
TEST(MergerRedundancy, A8_TimesThatMoveInsideASessionAreNotMerged) {
  // Steps of more than half a GOP are known by content alone.
  for (const std::int64_t step : {-135'000, -45'000, -3'600, 3'600, 45'000, 135'000}) {
    for (const std::int64_t standby_ms : {50, 150}) {  // before and after the active input
      const bool has_digests = std::abs(step) > 90'000;
      const auto digest_of = [&](std::int64_t number) {
        return has_digests ? 100 + static_cast<std::uint64_t>(number) : 0;
      };
      Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
      announce_video(scene);
      for (std::int64_t number = 0; number < 40; ++number) {
        if (number < 25) send_one(scene, 0, number, digest_of(number), 100);
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
TEST(MergerRedundancy, A8_AnOffsetInputWhoseGopAcrossTheEdgeIsLost) {
  for (const std::int64_t offset : {9'000, 45'000, 81'000}) {
    for (std::int64_t lost = 8; lost <= 11; ++lost) {
      Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
      announce_video(scene);
      for (std::int64_t number = 0; number < 10; ++number) send_one(scene, 0, number, 0, 100);
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
TEST(MergerRedundancy, A8_TimesThatDriftApartAreLeftWhenTheyAreTooFar) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce_video(scene);
  for (std::int64_t number = 0; number < 120; ++number) {
    send_one(scene, 0, number, 0, 100);
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

TEST(MergerRedundancy, GopsOfAnotherLengthAreSaidBeforeTheyAreNeeded) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce_video(scene);
  for (std::int64_t number = 0; number < 60; ++number) send_one(scene, 0, number, 0, 100);
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

TEST(MergerRedundancy, WhatTakesOverIsNoCopyThatDiffers) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce_video(scene);
  for (std::int64_t number = 0; number < 10; ++number) send_one(scene, 0, number, 7, 100);
  for (std::int64_t number = 0; number < 20; ++number) send_one(scene, 1, number, 8, 1'500);
  scene.run(Scene::ms_of_gop(10));
  EXPECT_TRUE(scene.merger.status(1).different_content);
  EXPECT_TRUE(scene.merger.status(1).lagging);
  scene.run(Scene::ms_of_gop(20) + 2'000);
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_FALSE(scene.merger.status(1).different_content);
  EXPECT_FALSE(scene.merger.status(1).lagging);
}

TEST(MergerRedundancy, AnInputThatTakesOverHasTheTimelinesGops) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce_video(scene);
  for (std::int64_t number = 0; number < 30; ++number) send_one(scene, 0, number, 0, 100);
  send_other_gops(scene, 0, 60, 3);
  scene.run(Scene::ms_of_gop(29));
  EXPECT_TRUE(scene.merger.status(1).different_gops);
  scene.run(Scene::ms_of_gop(45));
  EXPECT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_FALSE(scene.merger.status(1).different_gops);
}

TEST(MergerRedundancy, TheSamePicturesAgainAndAgainAreNoSignOfAnOffset) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce_video(scene);
  for (std::int64_t number = 0; number < 20; ++number) {
    send_one(scene, 0, number, 7, 100);
    send_one(scene, 1, number, number % 2 == 0 ? 7 : 8, 150);
  }
  scene.run(Scene::ms_of_gop(21));
  EXPECT_FALSE(scene.merger.status(1).misaligned);
}

TEST(MergerRedundancy, ABackupThatIsTooLateForASwitchIsSaidToLag) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce_video(scene);
  const std::vector<std::int64_t> late_ms{600, 900, 600, 500, 900, 900, 500, 900, 300, 300, 300};
  const auto count = static_cast<std::int64_t>(late_ms.size());
  for (std::int64_t number = 0; number < count; ++number) {
    send_one(scene, 0, number, 7, 100);
    // The margin is 0.6 s. One late segment says nothing, nor does one that is soon here again.
    send_one(scene, 1, number, 7, late_ms[static_cast<std::size_t>(number)]);
  }
  std::vector<bool> said;
  for (std::int64_t number = 0; number < count; ++number) {
    scene.run(Scene::ms_of_gop(number + 1) + 950);
    said.push_back(scene.merger.status(1).lagging);
  }
  EXPECT_THAT(said, ElementsAre(false, false, false, false, false, false, true, true, true, true, false));
  EXPECT_FALSE(scene.merger.status(0).lagging);
}

// A10: the first GOP of its long segments is here seconds after its end and the last at once, every time.
TEST(MergerRedundancy, SegmentsThatAreLongerThanTheOthersLagAllTheTime) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce(scene);
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
TEST(MergerRedundancy, AnActiveInputThatFallsBehindLittleByLittleIsLeftWithinASegment) {
  for (const std::int64_t slowness : {3, 5, 10, 20}) {  // percent
    Scene scene;
    announce(scene);
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
TEST(MergerRedundancy, A5_AnInputThatComesBackWithItsQueueChangesNothing) {
  for (const std::int64_t slower : {900, 2'600}) {
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    announce_video(scene);
    for (std::int64_t number = 0; number < 60; ++number) {
      const std::int64_t end = Scene::ms_of_gop(number + 1) + 100;
      const bool is_cut_off = number >= 20 && number < 25;
      send_one(scene, 0, number, 7, is_cut_off ? Scene::ms_of_gop(26) + 90 - end + number : 100);
      send_one(scene, 1, number, 7, slower);
    }
    scene.run(Scene::ms_of_gop(60) + 3'000);
    scene.expect_sane();
    EXPECT_EQ(scene.published("v0"), numbers(0, 59)) << slower;
    EXPECT_LE(scene.all<InputSwitched>().size(), 1U) << slower << ": nobody fails back";
    EXPECT_FALSE(scene.merger.status(1).lagging && scene.merger.active() == InputId{1}) << slower;
  }
}

TEST(MergerRedundancy, OneLateSegmentOfTheActiveInputSaysNothing) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  announce_video(scene);
  for (std::int64_t number = 0; number < 30; ++number) {
    send_one(scene, 0, number, 7, number == 20 ? 750 : number % 2 == 0 ? 100 : 300);
    send_one(scene, 1, number, 7, 350);
    scene.run(Scene::ms_of_gop(number + 1) + 900);
    EXPECT_FALSE(scene.merger.status(0).lagging) << number;
  }
}

// What is held of the other input would be dropped before the active one has caught up with it.
TEST(MergerRedundancy, AnActiveInputThatComesMuchLaterThanTheOtherKeepsItsPlaceAndLosesNothing) {
  Scene scene;
  announce(scene);
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

TEST(MergerRedundancy, ATrackThatAnInputHasStoppedSendingIsSaidAndNotWaitedFor) {
  Scene scene;
  announce(scene);
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
  expect_seamless(scene, 59, 120'600);
  EXPECT_EQ(scene.merger.active(), InputId{0}) << "its pictures are fine";
  // Nobody waits for the margin of a switch once it is known; ingest2's audio comes 0.2 s after the pictures.
  for (const Timed& timed : scene.decided) {
    const auto* slot = std::get_if<SlotListed>(&timed.decision);
    if (slot == nullptr || slot->number < 23 || slot->number > 36) continue;
    const std::int64_t segment_end = Scene::ms_of_gop((static_cast<std::int64_t>(slot->number) + 2) / 3 * 3);
    EXPECT_LE(timed.at_ms, segment_end + 510) << slot->number;
  }
}

TEST(MergerRedundancy, ATrackThatNobodySendsAnyMoreIsSaidOfBoth) {
  Scene scene;
  announce(scene);
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
TEST(MergerRedundancy, OtherBytesOfAnyRenditionAreSaid) {
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

TEST(MergerRedundancy, GopsThatAreMultiplesOrFractionsOfTheOthersAreOtherGops) {
  for (const std::int64_t halves : {1, 4, 6}) {
    Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
    announce_video(scene);
    for (std::int64_t number = 0; number < 60; ++number) send_one(scene, 0, number, 7, 100);
    send_other_gops(scene, 6, 60, halves);
    scene.run(Scene::ms_of_gop(59));
    EXPECT_TRUE(scene.merger.status(1).different_gops) << halves;
    EXPECT_FALSE(scene.merger.status(1).different_content) << halves;
    EXPECT_THAT(scene.all<InputSwitched>(), IsEmpty()) << halves;
  }
}

}  // namespace
}  // namespace tarn::timeline
