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

}  // namespace
}  // namespace tarn::timeline
