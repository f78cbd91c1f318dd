// SPDX-License-Identifier: Apache-2.0
// Subtitles in the merge (semantics S17): waited for, but not for long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "merger_scene.h"

namespace tarn::timeline {
namespace {

using ::testing::IsEmpty;

constexpr std::int64_t sample_ticks = 45'000;  // 0.5 s: four a GOP

std::vector<TrackDescription> with_text() {
  auto tracks = one_variant();
  TrackDescription text;
  text.key = "t0";
  text.info.codec = codecs::Codec::webvtt;
  text.variants = tracks.front().variants;
  tracks.push_back(text);
  return tracks;
}

class MergerText : public ::testing::Test {
 protected:
  MergerText() {
    scene_.at(0, [](Merger& m) {
      m.set_tracks(0, with_text());
      m.set_tracks(1, with_text());
    });
  }
  // The file of a segment of three GOPs arrives.
  void file(InputId input, std::int64_t segment, std::int64_t at_ms) {
    scene_.at(at_ms, [=, this](Merger& m) {
      for (std::int64_t i = segment * 12; i < segment * 12 + 12; ++i) {
        m.add(input, "t0",
              {first_video + i * sample_ticks, sample_ticks, true,
               std::make_shared<Sample>(Sample{"t0", i, input})},
              scene_.now(), scene_.now_utc());
      }
      m.segment_end(input, {"t0"}, scene_.now(), scene_.now_utc());
    });
  }
  [[nodiscard]] std::int64_t listed_at(std::uint64_t slot) const {
    for (const Timed& timed : scene_.decided) {
      const auto* listed = std::get_if<SlotListed>(&timed.decision);
      if (listed != nullptr && listed->number == slot) return timed.at_ms;
    }
    return -1;
  }
  [[nodiscard]] std::size_t without_text() const {
    std::size_t count = 0;
    for (const SlotListed& slot : scene_.all<SlotListed>()) count += slot.missing.size();
    return count;
  }

  Scene scene_;
};

TEST_F(MergerText, ASlotWaitsForItsFileAndIsListedWithIt) {
  scene_.send(0, 0, 4);
  for (int segment = 0; segment < 4; ++segment) file(0, segment, segment * 6000 + 6000 + 3000);
  scene_.run(28'000);
  EXPECT_EQ(scene_.published("t0"), numbers(0, 47));
  EXPECT_EQ(without_text(), 0U);
  for (const std::uint64_t slot : {1U, 2U, 3U}) EXPECT_EQ(listed_at(slot), 9000) << slot;
  EXPECT_EQ(listed_at(4), 15'000);
  scene_.expect_sane();
}

TEST_F(MergerText, NobodyWaitsLongerThanATargetDurationAndNotForEver) {
  scene_.send(0, 0, 5);
  scene_.run(34'000);
  EXPECT_EQ(scene_.published("v0"), numbers(0, 14));
  EXPECT_EQ(listed_at(1), 12'300) << "a target duration after the video";
  EXPECT_EQ(listed_at(3), 12'300);
  EXPECT_EQ(listed_at(4), 18'300);
  EXPECT_EQ(listed_at(7), 24'300);
  EXPECT_EQ(listed_at(10), 24'300) << "silent for three target durations: not waited for";
  EXPECT_EQ(listed_at(13), 30'300);
  EXPECT_EQ(without_text(), 15U);
  scene_.expect_sane();
}

TEST_F(MergerText, AFileThatComesTooLateIsLeftOutAndTheNextIsThere) {
  scene_.send(0, 0, 3);
  file(0, 0, 6400);
  file(0, 1, 19'000);  // its slots were given up at 18.3 s
  file(0, 2, 19'100);
  scene_.run(28'000);
  EXPECT_EQ(listed_at(4), 18'300);
  EXPECT_EQ(listed_at(7), 19'100);
  std::vector<std::int64_t> wanted = numbers(0, 11);
  // The half second before the slot may be its audio's, too.
  for (const std::int64_t number : numbers(23, 35)) wanted.push_back(number);
  EXPECT_EQ(scene_.published("t0"), wanted);
  scene_.expect_sane();
}

TEST_F(MergerText, TheOtherInputsFileIsAsGood) {
  scene_.send(0, 0, 4);
  scene_.send(1, 0, 4);
  for (int segment = 0; segment < 4; ++segment) {
    if (segment != 1) file(0, segment, segment * 6000 + 6350);
    file(1, segment, segment * 6000 + 6400);
  }
  scene_.run(28'000);
  EXPECT_EQ(scene_.published("t0"), numbers(0, 47));
  EXPECT_THAT(scene_.all<InputSwitched>(), IsEmpty());
  EXPECT_EQ(without_text(), 0U);
  scene_.expect_sane();
}

TEST_F(MergerText, TheFirstSlotDoesNotWaitForSubtitlesToBegin) {
  scene_.send(0, 0, 2);
  file(0, 0, 6400);
  file(0, 1, 12'400);
  scene_.run(14'000);
  EXPECT_EQ(scene_.all<StretchStarted>().size(), 1U);
  EXPECT_EQ(listed_at(1), 6400);
  EXPECT_EQ(scene_.published("t0"), numbers(0, 23));
}

}  // namespace
}  // namespace tarn::timeline
