// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "merger_scene.h"

// Semantics S35: which GOPs come after others than in their own input, so that what they refer to is not
// there.
namespace tarn::timeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr MergerSettings two_seconds{.target_duration = Microseconds{2'000'000}};

void add_detached(const PartDecided& part, std::vector<std::string>& names) {
  for (const auto& one : part.detached) {
    const Sample& sample = *std::static_pointer_cast<Sample>(part.payloads.at(one.payload));
    EXPECT_EQ(sample.input, one.input);
    names.push_back(sample.key + ":" + std::to_string(sample.number) + " of " +
                    std::to_string(sample.input + 1));
  }
}

// "v0:7 of 2": GOP 7 of track v0, sent by the backup.
std::vector<std::string> detached(const Scene& scene) {
  std::vector<std::string> names;
  for (const PartDecided& part : scene.all<PartDecided>()) add_detached(part, names);
  for (const PartRepaired& late : scene.all<PartRepaired>()) add_detached(late.part, names);
  return names;
}

// GOPs of input `input` made by encoder `encoder`, one a segment.
void send(Scene& scene, InputId input, InputId encoder, std::int64_t from, std::int64_t to) {
  for (std::int64_t number = from; number < to; ++number)
    scene.send_one(input, number, digest_of(encoder + 1, number),
                   100 + 20 * static_cast<std::int64_t>(input));
}

TEST(MergerSwitchPoint, AGopAfterAnotherEncodersIsDetached) {
  Scene scene{{}, two_seconds};
  scene.announce_video();
  send(scene, 0, 0, 0, 6);
  send(scene, 1, 1, 0, 12);
  scene.run(Scene::ms_of_gop(12));
  EXPECT_EQ(scene.published("v0"), numbers(0, 10));
  EXPECT_THAT(detached(scene), ElementsAre("v0:6 of 2"));
}

TEST(MergerSwitchPoint, AGopWhosePredecessorIsTheSameBytesIsNot) {
  Scene scene{{}, two_seconds};
  scene.announce_video();
  send(scene, 0, 0, 0, 6);
  send(scene, 1, 0, 0, 12);
  scene.run(Scene::ms_of_gop(12));
  EXPECT_EQ(scene.published("v0"), numbers(0, 10));
  EXPECT_THAT(detached(scene), IsEmpty());
}

// What comes before it in its own input must have come, and have come whole.
TEST(MergerSwitchPoint, AGopWhosePredecessorDidNotComeIsDetached) {
  Scene scene{{}, two_seconds};
  scene.announce_video();
  send(scene, 0, 0, 0, 6);
  send(scene, 1, 0, 0, 5);
  send(scene, 1, 0, 6, 12);
  scene.run(Scene::ms_of_gop(12));
  EXPECT_EQ(scene.published("v0"), numbers(0, 10));
  EXPECT_THAT(detached(scene), ElementsAre("v0:6 of 2"));
}

TEST(MergerSwitchPoint, SoIsOneThatIsTakenOnceAndTheNextOneOfTheActiveInput) {
  Scene scene{{}, two_seconds};
  scene.announce_video();
  send(scene, 0, 0, 0, 6);
  send(scene, 0, 0, 7, 12);
  send(scene, 1, 1, 0, 8);
  scene.run(Scene::ms_of_gop(12));
  EXPECT_EQ(scene.published("v0"), numbers(0, 10));
  EXPECT_THAT(detached(scene), ElementsAre("v0:6 of 2", "v0:8 of 1"));
}

// It may be filled yet.
TEST(MergerSwitchPoint, AHoleInOneInputIsNoSwitch) {
  Scene scene{{}, two_seconds};
  scene.announce_video();
  send(scene, 0, 0, 0, 6);
  send(scene, 0, 0, 7, 12);
  scene.run(Scene::ms_of_gop(12));
  EXPECT_EQ(scene.missing(), 1U);
  EXPECT_THAT(detached(scene), IsEmpty());
}

TEST(MergerSwitchPoint, TheBeginningOfTheProgrammeIsNoSwitchThatOfALaterStretchIs) {
  Scene scene{{}, two_seconds};
  scene.announce_video();
  send(scene, 0, 0, 0, 6);
  scene.at(Scene::ms_of_gop(6) + 200, [&](Merger& m) { m.discontinuity(0, scene.now()); });
  send(scene, 0, 0, 6, 9);
  scene.run(Scene::ms_of_gop(12));
  EXPECT_EQ(scene.all<StretchStarted>().size(), 2U);
  EXPECT_THAT(detached(scene), ElementsAre("v0:6 of 1"));
}

// Whoever comes first after it goes on with what was sent before it.
TEST(MergerSwitchPoint, ARestartIsNoSwitch) {
  Scene before{{}, two_seconds};
  before.announce_video();
  send(before, 0, 0, 0, 3);
  before.run(Scene::ms_of_gop(4));
  Resume resume;
  resume.last_stretch = before.all<StretchStarted>().at(0).stretch;
  resume.next_slot = 4;
  resume.next_stretch = 2;
  resume.slot_end = first_video + 3 * gop_ticks;
  resume.slot_end_utc = Scene::utc_at(6000);
  resume.edges = {{1, resume.slot_end}};
  Scene scene{resume, two_seconds};
  scene.announce_video();
  send(scene, 0, 0, 3, 9);
  scene.run(Scene::ms_of_gop(10));
  EXPECT_EQ(scene.published("v0"), numbers(3, 8));
  EXPECT_THAT(detached(scene), IsEmpty());
}

TEST(MergerSwitchPoint, TracksWhoseGopsAreNoSlotsAreJudgedForThemselves) {
  Scene scene{{}, two_seconds};
  scene.at(0, [](Merger& m) {
    for (const InputId input : {0U, 1U})
      m.set_tracks(input, {video_description("v0", 0), video_description("v1", 1, 640)});
  });
  const auto send_both = [&](InputId input, std::int64_t number) {
    scene.at(Scene::ms_of_gop(number + 1) + 100, [&scene, input, number](Merger& m) {
      for (const std::string key : {"v0", "v1"}) {
        Unit unit = Scene::gop(number, input, key);
        unit.digest = digest_of(key == "v0" ? 1 : input + 1, number);  // v1 is encoded twice
        m.add(input, key, unit, scene.now(), scene.now_utc());
      }
      m.segment_end(input, {"v0", "v1"}, scene.now(), scene.now_utc());
    });
  };
  for (std::int64_t number = 0; number < 12; ++number) {
    if (number < 6) send_both(0, number);
    send_both(1, number);
  }
  scene.run(Scene::ms_of_gop(12));
  EXPECT_EQ(scene.published("v1"), numbers(0, 10));
  EXPECT_THAT(detached(scene), ElementsAre("v1:6 of 2"));
}

TEST(MergerSwitchPoint, WhatComesLateIsDetachedWhereTheOtherInputLiesBeforeIt) {
  for (const InputId encoder : {0U, 1U}) {
    Scene scene{{}, two_seconds};
    scene.announce_video();
    send(scene, 0, 0, 0, 6);
    send(scene, 0, 0, 7, 14);
    send(scene, 1, encoder, 0, 6);
    scene.send_one(1, 6, digest_of(encoder + 1, 6), 5'000);
    scene.run(Scene::ms_of_gop(14));
    ASSERT_EQ(scene.all<PartRepaired>().size(), 1U);
    const std::vector<std::string> one{"v0:6 of 2"};
    EXPECT_EQ(detached(scene), encoder == 0 ? std::vector<std::string>{} : one);
  }
}

TEST(MergerSwitchPoint, WhatComesLateFromTheInputBeforeItIsNot) {
  Scene scene{{}, two_seconds};
  scene.announce_video();
  send(scene, 0, 0, 0, 6);
  send(scene, 0, 0, 7, 14);
  scene.send_one(0, 6, digest_of(1, 6), 5'000);
  scene.run(Scene::ms_of_gop(14));
  ASSERT_EQ(scene.all<PartRepaired>().size(), 1U);
  EXPECT_THAT(detached(scene), IsEmpty());
}

// Each of its GOPs repairs a slot of its own.
TEST(MergerSwitchPoint, OfALateSegmentOnlyTheFirstGopMayBeDetached) {
  for (const InputId encoder : {0U, 1U}) {
    Scene scene{{}, two_seconds};
    scene.announce_video();
    send(scene, 0, 0, 0, 6);
    send(scene, 0, 0, 9, 16);
    send(scene, 1, encoder, 0, 6);
    for (std::int64_t number = 6; number < 9; ++number)
      scene.send_one(1, number, digest_of(encoder + 1, number), 5'000 + 2'000 * (8 - number));
    scene.run(Scene::ms_of_gop(16));
    ASSERT_EQ(scene.all<PartRepaired>().size(), 3U);
    const std::vector<std::string> one{"v0:6 of 2"};
    EXPECT_EQ(detached(scene), encoder == 0 ? std::vector<std::string>{} : one);
  }
}

// Encoders that cut by time: what does not begin with a sync sample is not decoded upon the other's pictures.
TEST(MergerSwitchPoint, NoGopIsMadeOfTwoEncoders) {
  for (const InputId encoder : {0U, 1U}) {
    Scene scene{{}, two_seconds};
    scene.announce_video();
    for (std::int64_t number = 0; number < 12; ++number) {
      for (const InputId input : {0U, 1U}) {
        if (input == 0 && number >= 5) continue;
        scene.at(Scene::ms_of_gop(number + 1) + 100, [&scene, input, number, encoder](Merger& m) {
          Unit unit = Scene::gop(number, input);
          unit.sync = number % 2 == 0;
          unit.digest = digest_of(input == 0 ? 1 : encoder + 1, number);
          m.add(input, "v0", unit, scene.now(), scene.now_utc());
          m.segment_end(input, {"v0"}, scene.now(), scene.now_utc());
        });
      }
    }
    scene.run(Scene::ms_of_gop(14));
    scene.expect_sane();
    const std::vector<std::int64_t> published = scene.published("v0");
    const bool has_it = std::find(published.begin(), published.end(), 5) != published.end();
    EXPECT_EQ(has_it, encoder == 0) << "GOP 5 begins in the middle, and 4 is the other one's";
    EXPECT_EQ(published.back(), 10);
  }
}

}  // namespace
}  // namespace tarn::timeline
