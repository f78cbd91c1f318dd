// SPDX-License-Identifier: Apache-2.0
#include "merger_scene.h"

// What a restarted merger makes of what the archive remembers.
namespace tarn::timeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// As the archive would tell it after these decisions.
Resume resume_of(const Scene& scene) {
  Resume resume;
  const SlotListed slot = scene.all<SlotListed>().back();
  resume.next_slot = slot.number + 1;
  resume.last_stretch = scene.all<StretchStarted>().back().stretch;
  resume.next_stretch = resume.last_stretch->id + 1;
  resume.slot_end = slot.end;
  resume.slot_end_utc = slot.utc + to_microseconds(slot.end - slot.start, 90'000);
  for (const Track& track : resume.last_stretch->tracks) {
    for (const PartDecided& part : scene.all<PartDecided>()) {
      if (part.track != track.id) continue;
      const std::int64_t unit = track.description.key[0] == 'v' ? gop_ticks : frame_ticks;
      const std::int64_t end = part.start + static_cast<std::int64_t>(part.payloads.size()) * unit;
      if (resume.edges.empty() || resume.edges.back().first != track.id)
        resume.edges.emplace_back(track.id, 0);
      resume.edges.back().second = end;
    }
  }
  return resume;
}

Resume after_five_segments() {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 5);
  scene.run(31'000);
  return resume_of(scene);
}

void announce(Scene& scene) {
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, one_variant());
    m.set_tracks(1, one_variant());
  });
}

TEST(MergerResume, TheSameProgrammeGoesOnWithoutASeam) {
  Scene scene{after_five_segments()};
  EXPECT_EQ(scene.merger.edge_90k(), first_video + 15 * gop_ticks);
  announce(scene);
  scene.send(0, 5, 8);
  scene.send(1, 6, 8);
  scene.run(50'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), IsEmpty());
  EXPECT_EQ(scene.published("v0"), numbers(15, 23));
  EXPECT_EQ(scene.published("a0"), numbers(Scene::first_frame_of(15), Scene::first_frame_of(24) - 1));
  const auto slots = scene.all<SlotListed>();
  EXPECT_EQ(slots.front().number, 16U);
  EXPECT_EQ(slots.front().stretch, 1U);
  EXPECT_EQ(slots.front().utc, Scene::utc_at(30'300));
  EXPECT_EQ(scene.missing(), 0U);
}

TEST(MergerResume, ContentAfterTheEndIsAStretchOfItsOwn) {
  Scene before;
  before.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  before.send(0, 0, 2);
  before.run(13'000);
  Resume resume = resume_of(before);
  resume.ended = true;
  Scene scene{resume};
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 2, 3);
  scene.run(20'000);
  ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  EXPECT_EQ(scene.all<StretchStarted>().at(0).reason, "content after the end");
  EXPECT_EQ(scene.all<StretchStarted>().at(0).stretch.id, 2U);
}

TEST(MergerResume, WhatWasArchivedAlreadyIsADuplicate) {
  Scene scene{after_five_segments()};
  announce(scene);
  scene.send(0, 4, 8);
  scene.run(50'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), IsEmpty());
  EXPECT_EQ(scene.published("v0"), numbers(15, 23));
  const auto frames = scene.published("a0");
  EXPECT_EQ(frames, numbers(Scene::first_frame_of(15), Scene::first_frame_of(24) - 1));
}

TEST(MergerResume, TheInputThatHasWhatComesNextIsUsedWhicheverComesFirst) {
  Scene scene{after_five_segments()};
  announce(scene);
  scene.send(0, 6, 8);  // its segment 5 was refused while the server was down
  Sending slow;
  slow.delay_ms = 6500;
  scene.send(1, 5, 8, slow);
  scene.run(60'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), IsEmpty());
  EXPECT_EQ(scene.published("v0"), numbers(15, 23));
  EXPECT_EQ(scene.missing(), 0U);
}

TEST(MergerResume, AShortHoleKeepsItsSlotNumbers) {
  Scene scene{after_five_segments()};
  announce(scene);
  scene.send(0, 6, 8);
  scene.run(50'000);
  scene.expect_sane();
  EXPECT_THAT(scene.all<StretchStarted>(), IsEmpty());
  EXPECT_EQ(scene.published("v0"), numbers(18, 23));
  const auto slots = scene.all<SlotListed>();
  ASSERT_THAT(slots, SizeIs(9));
  EXPECT_THAT(slots.front().missing, ElementsAre(1U, 2U));
  EXPECT_THAT(slots[3].missing, IsEmpty());
  EXPECT_EQ(slots.back().end, first_video + 24 * gop_ticks);
}

// S4: its slots were listed without it before the restart.
TEST(MergerResume, WhatIsMissingMayStillCome) {
  Scene before;
  before.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  before.send(0, 0, 2);
  before.send(0, 3, 5);
  before.run(31'000);
  Resume resume = resume_of(before);
  for (std::uint64_t slot = 7; slot < 10; ++slot) {
    const std::int64_t start = first_video + static_cast<std::int64_t>(slot - 1) * gop_ticks;
    resume.missing[1].push_back({slot, start, start + gop_ticks, start + gop_ticks});
  }
  for (const bool is_known : {true, false}) {
    if (!is_known) resume.missing.clear();
    Scene scene{resume};
    announce(scene);
    scene.send(0, 5, 8);
    scene.send_segment(0, 2, {.has_audio = false}, Scene::ms_of_gop(20));
    scene.run(50'000);
    if (!is_known) scene.expect_sane();  // knows only slots that this scene listed
    EXPECT_THAT(scene.all<StretchStarted>(), IsEmpty());
    EXPECT_EQ(scene.published("v0"), numbers(15, 23));
    std::vector<std::int64_t> repaired;
    for (const PartRepaired& late : scene.all<PartRepaired>()) {
      EXPECT_EQ(late.part.track, 1U);
      for (const auto& one : late.part.payloads) {
        repaired.push_back(std::static_pointer_cast<Sample>(one)->number);
        EXPECT_EQ(late.part.slot, static_cast<std::uint64_t>(repaired.back()) + 1);
      }
    }
    EXPECT_EQ(repaired, is_known ? numbers(6, 8) : std::vector<std::int64_t>{});
  }
}

TEST(MergerResume, AnOutageBeginsAStretch) {
  Scene scene{after_five_segments()};
  announce(scene);
  scene.send(0, 100, 103);
  scene.run(700'000);
  scene.expect_sane();
  ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  const auto started = scene.all<StretchStarted>()[0];
  EXPECT_EQ(started.reason, "outage of 570.0 s");
  EXPECT_EQ(started.stretch.id, 2U);
  EXPECT_EQ(started.stretch.first_slot, 16U);
  EXPECT_EQ(scene.published("v0"), numbers(300, 308));
}

TEST(MergerResume, OtherTracksBeginAStretchWithIdsThatWereNeverUsed) {
  Resume resume = after_five_segments();
  resume.edges.emplace_back(7, 0);
  resume.track_ids = {{"a1", 4}};
  Scene scene{resume};
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, {video_description("v0", 0), audio_description("a1"), audio_description("a2")});
  });
  Sending how;
  how.audio = {"a1", "a2"};
  scene.send(0, 5, 7, how);
  scene.run(50'000);
  scene.expect_sane();
  ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(1));
  const auto started = scene.all<StretchStarted>()[0];
  EXPECT_EQ(started.reason, "tracks changed");
  ASSERT_THAT(started.stretch.tracks, SizeIs(3));
  EXPECT_EQ(started.stretch.tracks[0].description.key, "v0");
  EXPECT_EQ(started.stretch.tracks[0].id, 1U);
  EXPECT_EQ(started.stretch.tracks[1].description.key, "a1");
  EXPECT_EQ(started.stretch.tracks[1].id, 4U);
  EXPECT_EQ(started.stretch.tracks[2].description.key, "a2");
  EXPECT_EQ(started.stretch.tracks[2].id, 8U);
}

TEST(MergerResume, AnEncoderThatWasRestartedMeanwhileBeginsAStretch) {
  for (const std::int64_t offset : {-14 * gop_ticks - 4000, 100 * gop_ticks, -gop_ticks / 2}) {
    Scene scene{after_five_segments()};
    announce(scene);
    Sending anew;
    anew.offset = offset;
    scene.send(0, 5, 9, anew);
    scene.run(70'000);
    scene.expect_sane();
    ASSERT_THAT(scene.all<StretchStarted>(), SizeIs(1)) << offset;
    EXPECT_EQ(scene.published("v0"), numbers(15, 26)) << offset;
  }
}

TEST(MergerResume, AnEmptyArchiveBeginsWithWhatItWasTold) {
  Resume resume;
  resume.next_slot = 40;
  resume.next_stretch = 5;
  Scene scene{resume};
  EXPECT_EQ(scene.merger.edge_90k(), std::nullopt);
  announce(scene);
  scene.send(1, 0, 1);
  scene.run(7000);
  EXPECT_THAT(scene.decided.front().decision, IsStretch(5, "first content"));
  EXPECT_EQ(scene.all<SlotListed>().front().number, 40U);
  EXPECT_EQ(scene.merger.active(), 1U);
}

}  // namespace
}  // namespace tarn::timeline
