// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/merger.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "merger_scene.h"

namespace tarn::timeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

void one_input(Scene& scene, std::int64_t segments, const Sending& how = {}) {
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, segments, how);
}

constexpr std::int64_t start_of(std::int64_t gop) { return first_video + gop * gop_ticks; }

TEST(Merger, OneInputGivesAStretchASlotPerGopAndAPartPerTrack) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 2);
  scene.run(20'000);
  EXPECT_THAT(scene.decisions(), ElementsAre(IsStretch(1, "first content"),                             //
                                             IsPart(1, 1, 0), IsPart(1, 2, 0), IsSlot(1, start_of(0)),  //
                                             IsPart(2, 1, 0), IsPart(2, 2, 0), IsSlot(2, start_of(1)),  //
                                             IsPart(3, 1, 0), IsPart(3, 2, 0), IsSlot(3, start_of(2)),  //
                                             IsPart(4, 1, 0), IsPart(4, 2, 0), IsSlot(4, start_of(3)),  //
                                             IsPart(5, 1, 0), IsPart(5, 2, 0), IsSlot(5, start_of(4)),  //
                                             IsPart(6, 1, 0), IsPart(6, 2, 0), IsSlot(6, start_of(5))));
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 5));
  EXPECT_EQ(scene.published("a0"), numbers(0, Scene::first_frame_of(6) - 1));
  for (const Timed& timed : scene.decided) EXPECT_TRUE(timed.at_ms == 6300 || timed.at_ms == 12'300);
  const Stretch stretch = scene.all<StretchStarted>().at(0).stretch;
  EXPECT_EQ(stretch.first_slot, 1U);
  EXPECT_EQ(stretch.start_time, first_video);
  EXPECT_EQ(stretch.reference, 1U);
  EXPECT_EQ(stretch.find(2)->description.key, "a0");
  EXPECT_EQ(scene.merger.active(), 0U);
  EXPECT_EQ(scene.merger.edge_90k(), start_of(6));
}

TEST(Merger, SlotsCarryUtcExactToTheMicrosecond) {
  Scene scene;
  one_input(scene, 2);
  scene.run(20'000);
  // No PDT: arrival less what arrived (S13).
  const auto slots = scene.all<SlotListed>();
  ASSERT_EQ(slots.size(), 6U);
  const Utc start = scene.all<StretchStarted>().at(0).stretch.start;
  EXPECT_EQ(start, Scene::utc_at(300));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    EXPECT_EQ(slots[i].utc, start + std::chrono::seconds{2 * i});
  }
}

// Bounds of every part of a track.
std::vector<std::pair<std::int64_t, std::size_t>> parts_of(const Scene& scene, TrackId track) {
  std::vector<std::pair<std::int64_t, std::size_t>> found;
  for (const PartDecided& part : scene.all<PartDecided>()) {
    if (part.track == track) found.emplace_back(part.start, part.payloads.size());
  }
  return found;
}

TEST(Merger, AudioThatComesWithTheNextSegmentBelongsToTheNextPart) {
  Scene scene;
  one_input(scene, 3);
  scene.run(20'000);
  const auto parts = parts_of(scene, 2);
  ASSERT_THAT(parts, SizeIs(9));
  EXPECT_EQ(parts[2].first + static_cast<std::int64_t>(parts[2].second) * frame_ticks,
            first_audio + Scene::first_frame_of(3) * frame_ticks);
  // The next part begins three frames before its slot.
  EXPECT_EQ(parts[3].first, first_audio + Scene::first_frame_of(3) * frame_ticks);
  EXPECT_LT(parts[3].first, first_audio + 3 * 2 * audio_rate);
}

TEST(Merger, TheOrderOfTracksInsideASegmentDoesNotMatter) {
  Scene video_first;
  Scene audio_first;
  Sending how;
  one_input(video_first, 5, how);
  how.audio_first = true;
  one_input(audio_first, 5, how);
  video_first.run(40'000);
  audio_first.run(40'000);
  EXPECT_EQ(parts_of(video_first, 1), parts_of(audio_first, 1));
  EXPECT_EQ(parts_of(video_first, 2), parts_of(audio_first, 2));
  EXPECT_EQ(video_first.all<StretchStarted>()[0].stretch.start,
            audio_first.all<StretchStarted>()[0].stretch.start);
}

TEST(Merger, TheFirstStretchWaitsForAllTracksOfTheSet) {
  Scene scene;
  Sending no_audio;
  no_audio.has_audio = false;
  Sending no_video;
  no_video.has_video = false;
  no_video.delay_ms = 900;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 1, no_audio);
  scene.send(0, 0, 1, no_video);
  scene.run(6'899);
  EXPECT_THAT(scene.decided, IsEmpty());
  scene.run(6'900);
  EXPECT_THAT(scene.all<SlotListed>(), SizeIs(3));
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_EQ(scene.all<StretchStarted>()[0].stretch.start, Scene::utc_at(300));
}

TEST(Merger, ATrackWithoutDataIsWaitedForAndThenMissing) {
  Scene scene;
  Sending no_audio;
  no_audio.has_audio = false;
  one_input(scene, 4, no_audio);
  scene.run(15'299);
  EXPECT_THAT(scene.decided, IsEmpty());
  EXPECT_EQ(scene.merger.deadline(), Monotonic{Microseconds{15'300'000}});  // 1.5 T after the first unit
  scene.run(30'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 11));
  ASSERT_THAT(scene.all<SlotListed>(), SizeIs(12));
  for (const SlotListed& slot : scene.all<SlotListed>()) EXPECT_THAT(slot.missing, ElementsAre(2U));
}

TEST(Merger, ASlotIsListedWithoutALateTrackAtItsDeadline) {
  Scene scene;
  Sending no_audio;
  no_audio.has_audio = false;
  one_input(scene, 2);
  scene.send(0, 2, 3, no_audio);
  scene.run(30'000);
  const auto& last = scene.decided.back();
  EXPECT_THAT(last.decision, IsSlotWithout(9, start_of(8), std::vector<TrackId>{2}));
  EXPECT_EQ(last.at_ms, 18'300 + 1800);  // max(0.5 s, 0.3 T) after the reference
}

TEST(Merger, TheReferenceIsTheFirstVideoOfTheFirstVariant) {
  Scene scene;
  auto second = video_description("v1", 1);
  auto first = video_description("v0", 0);
  scene.at(0, [=](Merger& m) { m.set_tracks(0, {audio_description("a0"), second, first}); });
  Sending how;
  how.video = {"v1", "v0"};
  scene.send(0, 0, 3, how);
  scene.run(20'000);
  scene.expect_sane();
  const Stretch stretch = scene.all<StretchStarted>().at(0).stretch;
  EXPECT_EQ(stretch.find(stretch.reference)->description.key, "v0");
  EXPECT_EQ(scene.published("v0"), numbers(0, 8));
  EXPECT_EQ(scene.published("v1"), numbers(0, 8));
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_EQ(stretch.tracks.size(), 3U);
}

TEST(Merger, OtherVideoIsCutAtItsOwnGops) {
  // v1 has GOPs of 4 s that begin 40 ms after every second one of v0.
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0), video_description("v1", 1)}); });
  for (std::int64_t segment = 0; segment < 5; ++segment) {
    scene.at((segment + 1) * 4000, [&, segment](Merger& m) {
      Unit wide = Scene::gop(segment * 2, 0, "v1", 3600);
      wide.duration = 2 * gop_ticks;
      for (std::int64_t i = 0; i < 2; ++i) {
        m.add(0, "v0", Scene::gop(segment * 2 + i, 0), scene.now(), scene.now_utc());
      }
      m.add(0, "v1", wide, scene.now(), scene.now_utc());
      m.segment_end(0, {"v0", "v1"}, scene.now(), scene.now_utc());
    });
  }
  scene.run(30'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 9));
  EXPECT_THAT(scene.published("v1"), ElementsAre(0, 2, 4, 6, 8));
  EXPECT_EQ(scene.missing(), 0U) << "a GOP covers the slots in which none begins";
  for (const PartDecided& part : scene.all<PartDecided>()) {
    if (part.track == 2) {
      EXPECT_EQ(part.slot % 2, 1U);
    }
  }
}

TEST(Merger, UnitsBeforeTheFirstSyncSampleAreDropped) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0)}); });
  scene.at(1000, [&](Merger& m) {
    Unit rest = Scene::gop(0, 0);
    rest.sync = false;
    m.add(0, "v0", rest, scene.now(), scene.now_utc());
    m.add(0, "v0", Scene::gop(1, 0), scene.now(), scene.now_utc());
    m.segment_end(0, {"v0"}, scene.now(), scene.now_utc());
  });
  scene.run(2000);
  EXPECT_EQ(scene.published("v0"), numbers(1, 1));
  EXPECT_EQ(scene.merger.status(0).discarded, 1U);
  EXPECT_TRUE(scene.merger.status(0).open_segments);
  EXPECT_FALSE(scene.merger.status(1).open_segments);
  scene.at(3000, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  scene.run(3000);
  EXPECT_FALSE(scene.merger.status(0).open_segments) << "an encoder that begins anew may do better";
}

TEST(Merger, AUnitThatContinuesAGopGoesWithTheNextOne) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0)}); });
  const auto unit = [&](std::int64_t number, std::int64_t start, std::int64_t length, bool sync) {
    scene.at(start / 90 + length / 90, [=, &scene](Merger& m) {
      Unit u{first_video + start, length, sync, std::make_shared<Sample>(Sample{"v0", number, 0})};
      m.add(0, "v0", u, scene.now(), scene.now_utc());
      m.segment_end(0, {"v0"}, scene.now(), scene.now_utc());
    });
  };
  unit(0, 0, 180'000, true);
  unit(1, 180'000, 90'000, true);   // its segment ends inside the GOP
  unit(2, 270'000, 90'000, false);  // the rest
  unit(3, 360'000, 180'000, true);
  scene.run(20'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 3));
  const auto parts = scene.all<PartDecided>();
  ASSERT_THAT(parts, SizeIs(3));
  EXPECT_TRUE(parts[1].independent);
  EXPECT_FALSE(parts[2].independent);
  EXPECT_THAT(parts[2].payloads, SizeIs(2));
  EXPECT_EQ(parts[2].start, first_video + 270'000);
  EXPECT_EQ(scene.all<SlotListed>()[2].end, first_video + 540'000);
}

TEST(Merger, ADroppedFrameIsNoHole) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0)}); });
  for (std::int64_t number = 0; number < 5; ++number) {
    scene.at(number * 2000 + 2000, [&, number](Merger& m) {
      Unit u = Scene::gop(number, 0);
      u.duration -= number == 2 ? 3600 : 0;  // its last frame is missing
      m.add(0, "v0", u, scene.now(), scene.now_utc());
    });
  }
  scene.run(20'000);
  scene.expect_sane();
  const auto slots = scene.all<SlotListed>();
  ASSERT_THAT(slots, SizeIs(5));
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_EQ(slots[3].start, slots[2].end);
  EXPECT_EQ(scene.all<PartDecided>()[3].start, start_of(3));
  EXPECT_EQ(slots[3].end, start_of(4));
}

TEST(Merger, AHoleInsideAudioEndsThePartAndTheRestBeginsTheNext) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  const auto second = [](std::int64_t ms) { return ms * audio_rate / 1000 / frame_ticks; };
  scene.at(6'300, [&](Merger& m) {
    for (std::int64_t i = 0; i < 3; ++i) m.add(0, "v0", Scene::gop(i, 0), scene.now(), scene.now_utc());
    for (std::int64_t i = 0; i < Scene::first_frame_of(3); ++i) {
      const bool early = i > second(500) && i < second(1000);      // of slot 1
      const bool near_end = i > second(3700) && i < second(3800);  // of slot 2
      if (!early && !near_end) m.add(0, "a0", Scene::frame(i, 0), scene.now(), scene.now_utc());
    }
    m.segment_end(0, {"v0", "a0"}, scene.now(), scene.now_utc());
  });
  scene.run(20'000);
  scene.expect_sane();
  EXPECT_EQ(scene.missing(), 0U);
  const auto frames = scene.published("a0");
  // Of slot 1 what lies before the hole and, with the next part, the last half second.
  EXPECT_THAT(frames, testing::Contains(second(400)));
  EXPECT_THAT(frames, testing::Not(testing::Contains(second(1200))));
  EXPECT_THAT(frames, testing::Contains(second(1600)));
  // Of slot 2 everything.
  EXPECT_THAT(frames, testing::Contains(second(3600)));
  EXPECT_THAT(frames, testing::Contains(second(3900)));
  EXPECT_TRUE(std::is_sorted(frames.begin(), frames.end()));
}

TEST(Merger, AudioOneTickOffIsSnapped) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {audio_description("a0")}); });
  for (std::int64_t i = 0; i < 2000; ++i) {
    scene.at(i * 64 / 3 + 22, [&, i](Merger& m) {
      Unit u = Scene::frame(i, 0);
      u.start += i % 2;
      m.add(0, "a0", u, scene.now(), scene.now_utc());
    });
  }
  scene.run(60'000);
  scene.expect_sane();
  EXPECT_EQ(scene.missing(), 0U);
  const auto slots = scene.all<SlotListed>();
  const auto parts = scene.all<PartDecided>();
  ASSERT_EQ(slots.size(), parts.size());
  for (std::size_t i = 1; i < parts.size(); ++i) EXPECT_EQ(parts[i].start, slots[i - 1].end);
}

TEST(Merger, AnAudioOnlyProgrammeIsCutAtFramesNearestToTheGrid) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {audio_description("a0")}); });
  Sending how;
  how.has_video = false;
  scene.send(0, 0, 10, how);
  scene.run(70'000);
  scene.expect_sane();
  const auto slots = scene.all<SlotListed>();
  ASSERT_GE(slots.size(), 9U);
  for (const SlotListed& slot : slots) {
    // Multiples of 6 s: the first slot begins at 10 s and ends at 18 s, as 12 s is too near.
    const std::int64_t grid = (slot.end + 3 * audio_rate) / (6 * audio_rate) * 6 * audio_rate;
    EXPECT_LE(std::abs(slot.end - grid), frame_ticks / 2) << slot.number;
  }
  EXPECT_EQ((slots[0].end + 3 * audio_rate) / (6 * audio_rate), 3);
  const auto frames = scene.published("a0");
  EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1));
  EXPECT_EQ(scene.missing(), 0U);
}

TEST(Merger, AudioOnlyMergesFrameByFrame) {
  Scene scene;
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, {audio_description("a0")});
    m.set_tracks(1, {audio_description("a0")});
  });
  // Each input loses every second segment, never both the same; segments do not end on the grid.
  Sending how;
  how.has_video = false;
  how.gops = 2;
  how.video = {};
  scene.send_segment(0, 0, how, 4300);
  scene.send_segment(1, 0, how, 4400);
  for (std::int64_t segment = 1; segment < 30; ++segment) {
    scene.send_segment(static_cast<InputId>(segment % 2), segment, how, (segment + 1) * 4000 + 300);
  }
  scene.run(130'000);
  scene.expect_sane();
  const auto frames = scene.published("a0");
  EXPECT_GE(frames.size(), static_cast<std::size_t>(Scene::first_frame_of(56)));
  EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1));
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
}

TEST(Merger, ACredibleDateOfThePlaylistIsTheUtcOfTheStretch) {
  for (const int off_seconds : {0, 29, -24, 40, -60}) {
    Scene scene;
    scene.at(0, [=](Merger& m) {
      m.set_tracks(0, one_variant());
      m.set_program_date_time(0, "v0", first_video, Scene::utc_at(off_seconds * 1000));
    });
    scene.send(0, 0, 1);
    scene.run(20'000);
    const Utc start = scene.all<StretchStarted>().at(0).stretch.start;
    EXPECT_EQ(start, Scene::utc_at(std::abs(off_seconds) < 30 ? off_seconds * 1000 : 300)) << off_seconds;
    EXPECT_EQ(scene.merger.status(0).pdt_rejected, std::abs(off_seconds) > 30) << off_seconds;
  }
}

TEST(Merger, TheGopsOfASegmentNeedNotComeInTheSameMicrosecond) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0)}); });
  for (std::int64_t i = 0; i < 3; ++i) {
    scene.at(6300 + i, [&, i](Merger& m) {
      m.add(0, "v0", Scene::gop(i, 0), scene.now(), scene.now_utc());
      if (i == 2) m.segment_end(0, {"v0"}, scene.now(), scene.now_utc());
    });
  }
  scene.run(6302);
  EXPECT_THAT(scene.all<SlotListed>(), SizeIs(3));
  EXPECT_EQ(scene.all<StretchStarted>().at(0).stretch.start, Scene::utc_at(302));
}

TEST(Merger, GopsThatComeOneByOneBeginTheStretchWithTheSecond) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0)}); });
  for (std::int64_t i = 0; i < 3; ++i) {
    scene.at(i * 1000 + 2100,
             [&, i](Merger& m) { m.add(0, "v0", Scene::gop(i, 0), scene.now(), scene.now_utc()); });
  }
  scene.run(3099);
  EXPECT_THAT(scene.decided, IsEmpty());
  scene.run(3100);
  EXPECT_THAT(scene.all<SlotListed>(), SizeIs(2));
  EXPECT_EQ(scene.all<StretchStarted>().at(0).stretch.start, Scene::utc_at(100));
}

TEST(Merger, TheNearestDateBeforeTheStretchCounts) {
  Scene scene;
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, one_variant());
    m.set_program_date_time(0, "a0", first_audio - 2 * audio_rate, Scene::utc_at(-1900));  // 100 ms ahead
    m.set_program_date_time(0, "v0", first_video + 3 * gop_ticks, Scene::utc_at(9000));
  });
  scene.send(0, 0, 1);
  scene.run(20'000);
  EXPECT_EQ(scene.all<StretchStarted>().at(0).stretch.start, Scene::utc_at(100));
}

TEST(Merger, UtcNeverGoesBackwards) {
  Scene scene;
  one_input(scene, 3);
  scene.at(18'500, [&](Merger& m) {
    m.discontinuity(0, scene.now());
    m.set_program_date_time(0, "v0", first_video + 9 * gop_ticks, Scene::utc_at(10'000));
  });
  scene.send(0, 3, 4);
  scene.run(30'000);
  scene.expect_sane();
  ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(2));
  EXPECT_EQ(scene.all<StretchStarted>()[1].stretch.start, Scene::utc_at(18'300));
}

TEST(Merger, TheEndOfTheLastLivingInputEndsTheStream) {
  Scene scene;
  one_input(scene, 2);
  scene.at(12'500, [&](Merger& m) { m.end_of_stream(0, scene.now(), scene.now_utc()); });
  scene.run(20'000);
  scene.expect_sane();
  EXPECT_THAT(scene.decided.back().decision, IsEnd());
  EXPECT_THAT(scene.all<StreamEnded>(), SizeIs(1));
  EXPECT_EQ(scene.published("v0"), numbers(0, 5));
}

TEST(Merger, TheEndClosesTheOpenSlotAtOnce) {
  Scene scene;
  one_input(scene, 1);
  scene.at(12'000, [&](Merger& m) {
    m.add(0, "v0", Scene::gop(3, 0), scene.now(), scene.now_utc());
    m.end_of_stream(0, scene.now(), scene.now_utc());
  });
  scene.run(12'000);
  scene.expect_sane();
  EXPECT_THAT(scene.decided.back().decision, IsEnd());
  EXPECT_THAT(scene.all<SlotListed>().back(), testing::Field(&SlotListed::missing, ElementsAre(2U)));
}

TEST(Merger, TheLastSlotOfAnAudioOnlyProgrammeIsShort) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {audio_description("a0")}); });
  Sending how;
  how.has_video = false;
  scene.send(0, 0, 2, how);
  scene.at(12'500, [&](Merger& m) { m.end_of_stream(0, scene.now(), scene.now_utc()); });
  scene.run(20'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("a0"), numbers(0, Scene::first_frame_of(6) - 1));
  EXPECT_THAT(scene.decided.back().decision, IsEnd());
}

TEST(Merger, ContentAfterTheEndReopensWithANewStretch) {
  Scene scene;
  one_input(scene, 2);
  scene.at(12'500, [&](Merger& m) { m.end_of_stream(0, scene.now(), scene.now_utc()); });
  scene.send(0, 2, 4);
  scene.run(30'000);
  scene.expect_sane();
  ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(2));
  EXPECT_EQ(scene.all<StretchStarted>()[1].reason, "content after the end");
  EXPECT_EQ(scene.published("v0"), numbers(0, 11));
}

TEST(Merger, WhenBothEndTheStreamEndsOnce) {
  Scene scene;
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, one_variant());
    m.set_tracks(1, one_variant());
  });
  scene.send(0, 0, 2);
  Sending behind;
  behind.delay_ms = 900;
  scene.send(1, 0, 3, behind);
  scene.at(12'500, [&](Merger& m) { m.end_of_stream(0, scene.now(), scene.now_utc()); });
  scene.at(19'000, [&](Merger& m) { m.end_of_stream(1, scene.now(), scene.now_utc()); });
  scene.run(60'000);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 8));
  EXPECT_THAT(scene.all<StreamEnded>(), SizeIs(1));
  EXPECT_THAT(scene.decided.back().decision, IsEnd());
}

TEST(Merger, AnEndCountsWhenTheOtherInputHasBeenSilentForThreeTargets) {
  Scene scene;
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, one_variant());
    m.set_tracks(1, one_variant());
  });
  scene.send(0, 0, 2);
  Sending behind;
  behind.delay_ms = 900;
  scene.send(1, 0, 1, behind);
  scene.at(12'500, [&](Merger& m) { m.end_of_stream(0, scene.now(), scene.now_utc()); });
  scene.run(24'899);
  EXPECT_THAT(scene.all<StreamEnded>(), IsEmpty());
  scene.run(24'900);
  EXPECT_THAT(scene.all<StreamEnded>(), SizeIs(1));
}

TEST(Merger, IdsOfTracksAreNeverGivenToOthers) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0), audio_description("a0")}); });
  scene.send(0, 0, 1);
  Sending other;
  other.audio = {"a1"};
  scene.at(6500, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0), audio_description("a1")}); });
  scene.send(0, 1, 2, other);
  scene.at(12'500, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0), audio_description("a0")}); });
  scene.send(0, 2, 3);
  scene.run(20'000);
  scene.expect_sane();
  const auto stretches = scene.all<StretchStarted>();
  ASSERT_THAT(stretches, SizeIs(3));
  EXPECT_EQ(stretches[0].stretch.tracks[1].id, 2U);
  EXPECT_EQ(stretches[1].stretch.tracks[1].id, 3U);
  EXPECT_EQ(stretches[1].reason, "tracks changed");
  EXPECT_EQ(stretches[2].stretch.tracks[1].id, 2U);
  EXPECT_EQ(scene.published("v0"), numbers(0, 8));
}

TEST(Merger, ImpossibleUnitsAndUnknownTracksAreDiscarded) {
  Scene scene;
  scene.at(0, [&](Merger& m) {
    m.add(0, "v0", Scene::gop(0, 0), scene.now(), scene.now_utc());
    m.set_tracks(0, {video_description("v0", 0)});
    m.add(0, "v7", Scene::gop(0, 0), scene.now(), scene.now_utc());
    for (const std::int64_t start :
         {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
      m.add(0, "v0", {start, 1, true, nullptr}, scene.now(), scene.now_utc());
    }
    m.add(0, "v0", {0, 0, true, nullptr}, scene.now(), scene.now_utc());
    m.add(0, "v0", {0, -1, true, nullptr}, scene.now(), scene.now_utc());
    m.add(0, "v0", {0, std::numeric_limits<std::int64_t>::max(), true, nullptr}, scene.now(),
          scene.now_utc());
    m.add(9, "v0", Scene::gop(0, 0), scene.now(), scene.now_utc());
    auto broken = video_description("v0", 0);
    broken.info.timescale = 0;
    m.set_tracks(0, {broken});
    m.add(0, "v0", Scene::gop(0, 0), scene.now(), scene.now_utc());
  });
  scene.run(100'000);
  EXPECT_THAT(scene.decided, IsEmpty());
  EXPECT_EQ(scene.merger.status(0).discarded, 8U);
}

TEST(Merger, AUnitThatBeginsBeforeItsPredecessorIsNotTaken) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {audio_description("a0")}); });
  scene.at(1000, [&](Merger& m) {
    const auto frame = [&](std::int64_t start, std::int64_t length) {
      m.add(0, "a0", {start, length, true, nullptr}, scene.now(), scene.now_utc());
    };
    frame(first_audio, frame_ticks);
    m.segment_end(0, {"a0"}, scene.now(), scene.now_utc());
    frame(first_audio + frame_ticks, 10);  // a tiny one, and one that begins before it and ends after it
    frame(first_audio + frame_ticks - 5, frame_ticks);
    frame(first_audio + frame_ticks + 10, frame_ticks);
    m.end_of_stream(0, scene.now(), scene.now_utc());
  });
  scene.run(2000);
  scene.expect_sane();
  EXPECT_EQ(scene.merger.status(0).used, 3U);
  EXPECT_EQ(scene.merger.edge_90k(), rescale(first_audio + 2 * frame_ticks + 10, audio_rate, 90'000));
}

TEST(Merger, AnInputWhoseTracksAreUnknownHasAStatus) {
  Merger merger{MergerSettings{}, Resume{}};
  EXPECT_EQ(merger.status(0).state, InputState::never_seen);
  merger.add(0, "v0", Scene::gop(0, 0), Monotonic{}, Utc{});
  EXPECT_EQ(merger.status(0).state, InputState::live);
  EXPECT_EQ(merger.status(0).discarded, 1U);
  merger.advance(Monotonic{std::chrono::seconds{20}}, Utc{});
  EXPECT_EQ(merger.status(0).state, InputState::stalled);
  EXPECT_EQ(merger.status(9).state, InputState::never_seen);
}

TEST(Merger, WhatNobodyTakesIsBounded) {
  Scene scene;
  std::weak_ptr<void> first;
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, {video_description("v0", 0)});
    m.set_tracks(1, {video_description("v0", 0, 640)});  // never fits
  });
  for (std::int64_t number = 0; number < 500; ++number) {
    scene.at(number * 2000 + 2000, [&, number](Merger& m) {
      m.add(0, "v0", Scene::gop(number, 0), scene.now(), scene.now_utc());
      const Unit other = Scene::gop(number, 1);
      if (number == 0) first = other.payload;
      m.add(1, "v0", other, scene.now(), scene.now_utc());
    });
  }
  scene.run(100'000);
  EXPECT_TRUE(first.expired());
  scene.run(1'000'500);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 499));
  EXPECT_EQ(scene.merger.status(1).discarded, 470U);  // 10 T are kept
  EXPECT_TRUE(scene.merger.status(1).misaligned);
}

TEST(Merger, AHoleOfLessThanHalfAGopBelongsToTheNextSlot) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0)}); });
  for (std::int64_t number = 0; number < 6; ++number) {
    scene.at(number * 2000 + 2000, [&, number](Merger& m) {
      m.add(0, "v0", Scene::gop(number, 0, "v0", number < 3 ? 0 : 80'000), scene.now(), scene.now_utc());
    });
  }
  scene.run(20'000);
  scene.expect_sane();
  const auto slots = scene.all<SlotListed>();
  ASSERT_THAT(slots, SizeIs(6));
  EXPECT_EQ(scene.missing(), 0U);
  EXPECT_EQ(slots[3].start, start_of(3));
  EXPECT_EQ(slots[3].end, start_of(4) + 80'000);
  EXPECT_EQ(scene.all<PartDecided>()[3].start, start_of(3) + 80'000);
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
}

TEST(Merger, AfterAHoleContentBeginsWithASyncSample) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0)}); });
  for (const std::int64_t number : {0, 1, 2, 5, 6, 7}) {
    scene.at(number * 2000 + 2000, [&, number](Merger& m) {
      Unit unit = Scene::gop(number, 0);
      unit.sync = number != 5;
      m.add(0, "v0", unit, scene.now(), scene.now_utc());
    });
  }
  scene.run(20'000);
  scene.expect_sane();
  EXPECT_THAT(scene.published("v0"), ElementsAre(0, 1, 2, 6, 7));
  EXPECT_EQ(scene.missing(), 3U);
  EXPECT_EQ(scene.merger.status(0).discarded, 1U);
}

TEST(Merger, ManyDiscontinuitiesInARowAreBounded) {
  Scene scene;
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, {video_description("v0", 0)});
    m.set_tracks(1, {video_description("v0", 0)});
  });
  std::weak_ptr<void> early;
  for (std::int64_t number = 0; number < 40; ++number) {
    scene.at(number * 2000 + 2000, [&, number](Merger& m) {
      m.add(0, "v0", Scene::gop(number, 0), scene.now(), scene.now_utc());
      const Unit unit = Scene::gop(number, 1, "v0", number * 1'000'000);
      if (number == 20) early = unit.payload;
      m.add(1, "v0", unit, scene.now(), scene.now_utc());
      m.discontinuity(1, scene.now());
    });
  }
  scene.run(80'500);
  scene.expect_sane();
  EXPECT_EQ(scene.published("v0"), numbers(0, 39));
  EXPECT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_TRUE(early.expired());
  EXPECT_GT(scene.merger.status(1).discarded, 30U);
}

TEST(Merger, ACopyOfWhatIsHeldIsADuplicate) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.at(1000, [&](Merger& m) {
    for (int i = 0; i < 3; ++i) m.add(0, "v0", Scene::gop(0, 0), scene.now(), scene.now_utc());
  });
  scene.run(2000);
  EXPECT_EQ(scene.merger.status(0).duplicates, 2U);
  EXPECT_THAT(scene.decided, IsEmpty());
}

TEST(Merger, AnAudioOnlyBackupTakesOver) {
  Scene scene;
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, {audio_description("a0")});
    m.set_tracks(1, {audio_description("a0")});
  });
  Sending how;
  how.has_video = false;
  scene.send(0, 0, 5, how);
  how.delay_ms = 500;
  scene.send(1, 0, 12, how);
  scene.run(73'000);
  scene.expect_sane();
  const auto frames = scene.published("a0");
  EXPECT_EQ(frames, numbers(0, static_cast<std::int64_t>(frames.size()) - 1));
  EXPECT_GE(frames.size(), static_cast<std::size_t>(Scene::first_frame_of(33)));
  ASSERT_THAT(scene.all<InputSwitched>(), SizeIs(1));
  EXPECT_EQ(scene.all<InputSwitched>()[0].reason, "ingest1 is late");
  EXPECT_EQ(scene.missing(), 0U);
}

TEST(Merger, CanBeMoved) {
  Merger first{MergerSettings{}, Resume{}};
  first.set_tracks(0, {video_description("v0", 0)});
  Merger second{std::move(first)};
  second.add(0, "v0", Scene::gop(0, 0), Monotonic{}, Utc{});
  second.segment_end(0, {"v0"}, Monotonic{}, Utc{});
  EXPECT_THAT(second.take(), SizeIs(3));
}

}  // namespace
}  // namespace tarn::timeline
