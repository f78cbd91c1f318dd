// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/timeline/output_span.h"
#include "programme.h"

// Semantics S4: what comes after its slot was listed without it.
namespace tarn::archive {
namespace {

using timeline::Chunk;
using timeline::Content;
using timeline::TrackId;

class Repair : public ::testing::TestWithParam<bool> {
 protected:
  Repair() : archive_(GetParam() ? open_or_fail(scratch_.path("a")) : Archive::in_memory()) {
    begin(*archive_);
    EXPECT_TRUE(archive_->set_presentation("short", 2, 2, utc_of_slot(1)).ok());
    EXPECT_TRUE(archive_->set_presentation("long", 4, 2, utc_of_slot(1)).ok());
    // Slots 3 and 4 are holes, of slot 6 the video is missing.
    write_slots(*archive_, 1, 2);
    EXPECT_TRUE(write_slot_of(*archive_, 3, {}).ok());
    EXPECT_TRUE(write_slot_of(*archive_, 4, {}).ok());
    write_slots(*archive_, 5, 5);
    EXPECT_TRUE(write_slot_of(*archive_, 6, {2}).ok());
    write_slots(*archive_, 7, 8);
  }

  void repair(TrackId track, std::uint64_t slot) {
    const Status repaired = archive_->repair(make_chunk(track, slot));
    ASSERT_TRUE(repaired.ok()) << repaired.error().message;
  }

  // What the segment of the endpoint that begins with this slot has of the rendition, slot by slot; "-": a
  // gap.
  std::string segment(const std::string& endpoint, std::uint64_t slot, const std::vector<TrackId>& rendition,
                      Content content) {
    const auto timeline = archive_->timeline();
    for (const timeline::Cut& cut : timeline->presentation(endpoint)->cuts) {
      if (cut.first_slot != slot) continue;
      const auto& stretch = *timeline->stretch(cut.stretch);
      const auto span = span_of(*timeline, stretch, cut, rendition.front(), rendition, content);
      if (span.first == nullptr) return "-";
      EXPECT_EQ(read_text(*archive_, *span.last), chunk_text(rendition.front(), slot + cut.slot_count - 1));
      return std::to_string(span.start) + " to " + std::to_string(span.end);
    }
    return "no such segment";
  }

  ScratchDirectory scratch_;
  std::shared_ptr<Archive> archive_;
};
INSTANTIATE_TEST_SUITE_P(Stores, Repair, ::testing::Bool(),
                         [](const auto& store) { return store.param ? "OnDisk" : "InMemory"; });

TEST_P(Repair, WhatWasListedStaysAndWhatIsArchivedHasTheLateContent) {
  const auto before = archive_->timeline();
  repair(1, 3);
  EXPECT_EQ(segment("short", 3, {1}, Content::listed), "-");
  EXPECT_EQ(segment("short", 3, {1}, Content::archived), "540000 to 720000");
  EXPECT_EQ(archive_->timeline()->find(3)->chunks.size(), 0U) << "the slot itself is as it was listed";
  EXPECT_EQ(before->find_late(3, 1), nullptr) << "nor does a state change that somebody holds";
  EXPECT_EQ(archive_->statistics().chunks, 12U);
}

TEST_P(Repair, WhatIsMissingIsToldToWhoResumes) {
  const auto slots_of = [&](TrackId track) {
    std::vector<std::uint64_t> slots;
    const timeline::Resume resume = archive_->resume();
    for (const timeline::MissingPart& part : resume.missing.at(track)) {
      EXPECT_EQ(part.to - part.from, part.slot_end - part.from) << "whole slots are missing";
      slots.push_back(part.slot);
    }
    return slots;
  };
  EXPECT_THAT(slots_of(1), ::testing::ElementsAre(3, 4, 6));
  EXPECT_THAT(slots_of(2), ::testing::ElementsAre(3, 4));
  const timeline::MissingPart fourth = archive_->resume().missing[1][1];
  EXPECT_EQ(fourth.from, archive_->timeline()->find(4)->start);
  EXPECT_EQ(fourth.to, archive_->timeline()->find(5)->find(1)->start);
  repair(1, 3);
  EXPECT_THAT(slots_of(1), ::testing::ElementsAre(4, 6)) << "what came is not missing";
}

TEST_P(Repair, ASegmentIsRepairedAsAWhole) {
  repair(1, 3);
  EXPECT_EQ(segment("long", 3, {1}, Content::archived), "-") << "its second half is not there";
  repair(1, 4);
  EXPECT_EQ(segment("long", 3, {1}, Content::archived), "540000 to 900000");
  EXPECT_EQ(segment("long", 3, {1, 2}, Content::archived), "-") << "video with audio, and there is no audio";
  repair(2, 3);
  repair(2, 4);
  EXPECT_EQ(segment("long", 3, {1, 2}, Content::archived), "540000 to 900000");
}

TEST_P(Repair, ASegmentThatWasPublishedWithoutTheContentKeepsItsBytes) {
  repair(1, 6);
  EXPECT_EQ(segment("short", 6, {1}, Content::archived), "1080000 to 1260000");
  EXPECT_EQ(segment("short", 6, {1, 2}, Content::archived), "1080000 to 1260000") << "the audio was there";
  // Slots 5 and 6 make one segment, published with the video of 5.
  const auto timeline = archive_->timeline();
  EXPECT_FALSE(is_repaired(*timeline, 5, 2, {1}));
  EXPECT_EQ(archived_chunk(*timeline, 6, 1, is_repaired(*timeline, 5, 2, {1})), nullptr);
}

TEST_P(Repair, WhatIsThereAlreadyIsPassedOver) {
  repair(1, 3);
  const std::uint64_t serial = archive_->timeline()->find_late(3, 1)->serial;
  repair(1, 3);
  EXPECT_EQ(archive_->timeline()->find_late(3, 1)->serial, serial);
  repair(1, 5);
  EXPECT_EQ(archive_->timeline()->find_late(5, 1), nullptr) << "it was listed";
  repair(1, 9);
  EXPECT_EQ(archive_->timeline()->late_chunks(9), nullptr) << "not listed yet";
  EXPECT_EQ(archive_->timeline()->end_slot(), 9U);
}

TEST_P(Repair, WritingGoesOnBesidesIt) {
  for (const TrackId track : {1U, 2U}) ASSERT_TRUE(archive_->append(make_chunk(track, 9)).ok());
  repair(1, 3);
  ASSERT_TRUE(archive_->list_slot(make_listing(9, 1), listing_time(9)).ok());
  EXPECT_EQ(archive_->timeline()->find(9)->chunks.size(), 2U);
  EXPECT_NE(archive_->timeline()->find_late(3, 1), nullptr);
}

TEST_P(Repair, RetentionForgetsItWithItsSlot) {
  repair(1, 3);
  repair(1, 6);
  ASSERT_TRUE(archive_->trim(utc_of_slot(5) + Microseconds{1}).ok());
  EXPECT_EQ(archive_->timeline()->late_chunks(3), nullptr);
  EXPECT_NE(archive_->timeline()->find_late(6, 1), nullptr);
}

TEST_P(Repair, OutlivesTheProcess) {
  if (!GetParam()) GTEST_SKIP() << "in memory";
  repair(1, 3);
  repair(2, 3);
  repair(1, 6);
  const std::string before = describe(*archive_);
  archive_.reset();
  archive_ = open_or_fail(scratch_.path("a"));
  EXPECT_EQ(describe(*archive_), before);
  EXPECT_EQ(segment("short", 3, {1, 2}, Content::archived), "540000 to 720000");
  EXPECT_EQ(segment("short", 3, {1, 2}, Content::listed), "-");
  EXPECT_EQ(archive_->statistics().chunks, 14U);
  repair(1, 4);
  EXPECT_EQ(segment("short", 4, {1}, Content::archived), "720000 to 900000") << "after a restart as well";
}

}  // namespace
}  // namespace tarn::archive
