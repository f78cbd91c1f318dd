// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "merger_scene.h"

// Semantics S4 and fault B4: what comes after its slot was given up.
namespace tarn::timeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Repaired {
  std::uint64_t slot;
  TrackId track;
  std::vector<std::int64_t> samples;
  bool operator==(const Repaired&) const = default;
};
void PrintTo(const Repaired& repaired, std::ostream* out) {
  *out << "slot " << repaired.slot << " track " << repaired.track << " "
       << testing::PrintToString(repaired.samples);
}

std::vector<Repaired> repaired(const Scene& scene) {
  std::vector<Repaired> all;
  for (const PartRepaired& late : scene.all<PartRepaired>()) {
    Repaired& one = all.emplace_back(Repaired{late.part.slot, late.part.track, {}});
    for (const auto& payload : late.part.payloads) {
      one.samples.push_back(std::static_pointer_cast<Sample>(payload)->number);
    }
  }
  return all;
}

std::vector<std::int64_t> frames_of(std::int64_t first_gop, std::int64_t end_gop) {
  return numbers(Scene::first_frame_of(first_gop), Scene::first_frame_of(end_gop) - 1);
}

const Sending one_gop{.gops = 1};

// One encoder; GOP `late` comes `delay_ms` after it should have.
void send_one_late(Scene& scene, std::int64_t late, std::int64_t delay_ms, std::int64_t end = 16) {
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, late, one_gop);
  scene.send(0, late + 1, end, one_gop);
  scene.send_segment(0, late, one_gop, Scene::ms_of_gop(late + 1) + 300 + delay_ms);
}

TEST(MergerRepair, B4_ALateSegmentFillsTheSlotThatWasListedWithoutIt) {
  Scene scene{{}, {.target_duration = Microseconds{2'000'000}}};
  send_one_late(scene, 5, 5'000);
  scene.run(40'000);
  scene.expect_sane();
  // Slots are numbered from 1, GOPs from 0.
  EXPECT_THAT(scene.decisions(),
              testing::Contains(IsSlotWithout(6, first_video + 5 * gop_ticks, (std::vector<TrackId>{1, 2}))));
  EXPECT_THAT(repaired(scene), ElementsAre(Repaired{6, 1, {5}}, Repaired{6, 2, frames_of(5, 6)}));
  EXPECT_THAT(scene.published("v0"), ElementsAre(0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  EXPECT_LE(scene.longest_silence_ms(32'300), 2'000 + 2'000) << "live does not wait for longer";
  EXPECT_EQ(scene.merger.status(0).repaired, 1U + frames_of(5, 6).size());
}

TEST(MergerRepair, ASegmentOfThreeGopsFillsThreeSlots) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 2);
  scene.send(0, 3, 6);
  scene.send_segment(0, 2, {}, Scene::ms_of_gop(9) + 8'000);
  scene.run(50'000);
  scene.expect_sane();
  std::map<std::uint64_t, std::vector<std::int64_t>> video;
  std::vector<std::int64_t> audio;
  std::set<std::uint64_t> slots;
  for (const Repaired& part : repaired(scene)) {
    if (part.track == 1) video[part.slot] = part.samples;
    if (part.track == 2) slots.insert(part.slot);
    if (part.track == 2) audio.insert(audio.end(), part.samples.begin(), part.samples.end());
  }
  EXPECT_THAT(video, ElementsAre(testing::Pair(7, ElementsAre(6)), testing::Pair(8, ElementsAre(7)),
                                 testing::Pair(9, ElementsAre(8))));
  EXPECT_THAT(slots, ElementsAre(7, 8, 9));
  EXPECT_EQ(audio, frames_of(6, 9)) << "from where it had ended to where it went on";
}

TEST(MergerRepair, GopsThatCrossTheBoundsOfTheSlotsGoWhereTheirMiddleLies) {
  Scene scene{{}, {.target_duration = Microseconds{2'000'000}}};
  scene.at(0, [](Merger& m) { m.set_tracks(0, {video_description("v0", 0)}); });
  const Sending video{.gops = 1, .has_audio = false};
  scene.send(0, 0, 5, video);
  scene.send(0, 7, 12, video);
  // Slots 6 and 7 were two GOPs of 2 s; what comes is one of 1.6 s and one of 2.4 s.
  scene.at(17'000, [&](Merger& m) {
    Unit first = Scene::gop(5, 0);
    first.duration = gop_ticks * 8 / 10;
    Unit second = Scene::gop(6, 0);
    second.start = first.start + first.duration;
    second.duration = gop_ticks * 12 / 10;
    m.add(0, "v0", first, scene.now(), scene.now_utc());
    EXPECT_THAT(m.take(), IsEmpty()) << "half of it covers nothing";
    m.add(0, "v0", second, scene.now(), scene.now_utc());
  });
  scene.run(30'000);
  scene.expect_sane();
  EXPECT_THAT(repaired(scene), ElementsAre(Repaired{6, 1, {5}}, Repaired{7, 1, {6}}));
}

TEST(MergerRepair, WhicheverInputHasItMayBringIt) {
  Scene scene{{}, {.target_duration = Microseconds{2'000'000}}};
  scene.at(0, [](Merger& m) {
    m.set_tracks(0, one_variant());
    m.set_tracks(1, one_variant());
  });
  for (const InputId input : {0U, 1U}) {
    scene.send(input, 0, 5, one_gop);
    scene.send(input, 6, 16, one_gop);
  }
  for (const InputId input : {1U, 0U}) {
    scene.send_segment(input, 5, one_gop, Scene::ms_of_gop(6) + (input == 1 ? 5'000 : 6'000));
  }
  scene.run(40'000);
  scene.expect_sane();
  EXPECT_THAT(repaired(scene), ElementsAre(Repaired{6, 1, {5}}, Repaired{6, 2, frames_of(5, 6)}));
  EXPECT_EQ(scene.merger.status(1).repaired, 1U + frames_of(5, 6).size());
  EXPECT_EQ(scene.merger.status(0).repaired, 0U) << "its copy was not needed any more";
}

TEST(MergerRepair, ATrackThatCameTooLateFillsItsPartAlone) {
  Scene scene{{}, {.target_duration = Microseconds{2'000'000}}};
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 16, {.gops = 1, .has_audio = false});
  const Sending audio{.gops = 1, .has_video = false};
  scene.send(0, 0, 5, audio);
  scene.send(0, 6, 16, audio);
  scene.send_segment(0, 5, audio, Scene::ms_of_gop(6) + 5'000);
  scene.run(40'000);
  scene.expect_sane();
  EXPECT_THAT(scene.published("v0"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  ASSERT_EQ(repaired(scene).size(), 1U);
  EXPECT_EQ(repaired(scene).front(), (Repaired{6, 2, frames_of(5, 6)}));
  // Nothing is missing and nothing comes twice when the late part is put where it belongs.
  std::vector<std::int64_t> audio_frames = scene.published("a0");
  const auto late = repaired(scene).front().samples;
  audio_frames.insert(std::upper_bound(audio_frames.begin(), audio_frames.end(), late.front()), late.begin(),
                      late.end());
  EXPECT_EQ(audio_frames, numbers(audio_frames.front(), audio_frames.back()));
}

TEST(MergerRepair, PartOfWhatIsMissingIsCountedOnly) {
  Scene scene;
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 2);
  scene.send(0, 3, 6);
  scene.at(26'000, [&](Merger& m) { m.add(0, "v0", Scene::gop(7, 0), scene.now(), scene.now_utc()); });
  scene.at(26'100, [&](Merger& m) {
    m.add(0, "a0", Scene::frame(Scene::first_frame_of(7) + 10, 0), scene.now(), scene.now_utc());
  });
  scene.run(40'000);
  scene.expect_sane();
  EXPECT_THAT(repaired(scene), ElementsAre(Repaired{8, 1, {7}})) << "the GOP is a slot, the frame is none";
  EXPECT_EQ(scene.merger.status(0).late, 2U);
}

TEST(MergerRepair, AnOutageReservesNothing) {
  Scene scene{{}, {.target_duration = Microseconds{2'000'000}}};
  scene.at(0, [](Merger& m) { m.set_tracks(0, one_variant()); });
  scene.send(0, 0, 5, one_gop);
  scene.send(0, 12, 20, one_gop);
  scene.send_segment(0, 7, one_gop, Scene::ms_of_gop(15));
  scene.run(50'000);
  scene.expect_sane();
  EXPECT_EQ(scene.all<StretchStarted>().size(), 2U);
  EXPECT_THAT(repaired(scene), IsEmpty());
}

}  // namespace
}  // namespace tarn::timeline
