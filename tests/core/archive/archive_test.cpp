// SPDX-License-Identifier: Apache-2.0
#include "core/archive/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "programme.h"

namespace tarn::archive {
namespace {

using ::testing::HasSubstr;

// The same promises hold in memory and on disk.
class AnyArchive : public ::testing::TestWithParam<bool> {
 protected:
  AnyArchive() : archive_(GetParam() ? open_or_fail(scratch_.path("a")) : Archive::in_memory()) {}

  const timeline::Presentation& presentation(const std::string& endpoint) {
    held_ = archive_->timeline();
    return *held_->presentation(endpoint);
  }

  ScratchDirectory scratch_;
  std::shared_ptr<Archive> archive_;
  std::shared_ptr<const timeline::Timeline> held_;
};
INSTANTIATE_TEST_SUITE_P(Stores, AnyArchive, ::testing::Bool(),
                         [](const auto& store) { return store.param ? "OnDisk" : "InMemory"; });

TEST_P(AnyArchive, IsEmptyWhenNew) {
  EXPECT_TRUE(archive_->timeline()->empty());
  EXPECT_EQ(archive_->statistics().chunks, 0U);
  const timeline::Resume resume = archive_->resume();
  EXPECT_EQ(resume.next_slot, 1U);
  EXPECT_EQ(resume.next_stretch, 1U);
  EXPECT_FALSE(resume.last_stretch.has_value());
}

TEST_P(AnyArchive, GivesBackWhatWasListed) {
  begin(*archive_);
  write_slots(*archive_, 1, 3);
  const auto timeline = archive_->timeline();
  EXPECT_EQ(timeline->first_slot(), 1U);
  EXPECT_EQ(timeline->end_slot(), 4U);
  EXPECT_EQ(timeline->availability_start, programme_start);
  std::uint64_t serial = 0;
  for (std::uint64_t n = 1; n <= 3; ++n) {
    const auto slot = timeline->find(n);
    ASSERT_EQ(slot->chunks.size(), 2U);
    EXPECT_EQ(slot->utc, utc_of_slot(n));
    for (const timeline::Chunk& chunk : slot->chunks) {
      EXPECT_GT(chunk.serial, serial);
      serial = chunk.serial;
      EXPECT_EQ(read_text(*archive_, chunk), chunk_text(chunk.track, n));
      EXPECT_EQ(chunk.start, static_cast<std::int64_t>(n) * chunk.duration);
      EXPECT_TRUE(chunk.independent);
    }
  }
  EXPECT_EQ(as_text(archive_->init(2, 1)->bytes()), "audio init one");
  EXPECT_EQ(archive_->init(2, 9).error().code, ErrorCode::not_found);
  EXPECT_EQ(archive_->statistics().chunks, 6U);
}

TEST_P(AnyArchive, ReadsFromTheStoreWhenTheCacheIsGone) {
  begin(*archive_);
  write_slots(*archive_, 1, 2);
  archive_->set_cache_limit(0);
  EXPECT_EQ(archive_->statistics().cached_bytes, 0U);
  EXPECT_EQ(read_text(*archive_, archive_->timeline()->find(2)->chunks[1]), chunk_text(2, 2));
}

TEST_P(AnyArchive, GivesRecentChunksInThePartsTheyCameIn) {
  begin(*archive_);
  NewChunk chunk = make_chunk(1, 1);
  const std::uint8_t* const payload = chunk.parts[1].data();
  ASSERT_TRUE(archive_->append(std::move(chunk)).ok());
  ASSERT_TRUE(archive_->list_slot(make_listing(1, 1), listing_time(1)).ok());
  const auto parts = archive_->read_parts(archive_->timeline()->find(1)->chunks[0]);
  ASSERT_TRUE(parts.ok());
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[1].data(), payload);
}

TEST_P(AnyArchive, ShowsNothingBeforeTheSlotIsListed) {
  begin(*archive_);
  ASSERT_TRUE(archive_->append(make_chunk(1, 1)).ok());
  EXPECT_TRUE(archive_->timeline()->empty());
  EXPECT_TRUE(archive_->timeline()->stretches.empty());
}

TEST_P(AnyArchive, KeepsAHoleWhereATrackHasNothing) {
  begin(*archive_);
  ASSERT_TRUE(archive_->append(make_chunk(2, 1)).ok());
  ASSERT_TRUE(archive_->list_slot(make_listing(1, 1), listing_time(1)).ok());
  const auto timeline = archive_->timeline();
  EXPECT_EQ(timeline->find(1)->find(1), nullptr);
  EXPECT_NE(timeline->find(1)->find(2), nullptr);
}

TEST_P(AnyArchive, AStateOnceTakenNeverChanges) {
  begin(*archive_);
  write_slots(*archive_, 1, 2);
  const auto before = archive_->timeline();
  write_slots(*archive_, 3, 5);
  EXPECT_EQ(before->end_slot(), 3U);
  EXPECT_EQ(archive_->timeline()->end_slot(), 6U);
}

TEST_P(AnyArchive, RefusesWhatDoesNotFit) {
  EXPECT_THAT(archive_->append(make_chunk(1, 1)).error().message, HasSubstr("no stretch was begun"));
  begin(*archive_);
  NewChunk stranger = make_chunk(1, 1);
  stranger.track = 7;
  EXPECT_EQ(archive_->append(stranger).error().code, ErrorCode::conflict);
  NewChunk empty = make_chunk(1, 1);
  empty.parts.clear();
  EXPECT_EQ(archive_->append(empty).error().code, ErrorCode::invalid);
  write_slots(*archive_, 1, 2);
  EXPECT_EQ(archive_->append(make_chunk(1, 2)).error().code, ErrorCode::conflict);
  EXPECT_EQ(archive_->list_slot(make_listing(2, 1), listing_time(2)).error().code, ErrorCode::conflict);
  EXPECT_EQ(archive_->list_slot(make_listing(4, 1), listing_time(4)).error().code, ErrorCode::conflict);
  EXPECT_EQ(archive_->list_slot(make_listing(3, 2), listing_time(3)).error().code, ErrorCode::conflict);
  EXPECT_EQ(archive_->begin_stretch(make_stretch(1, 3), make_inits()).error().code, ErrorCode::conflict);
  EXPECT_EQ(archive_->begin_stretch(make_stretch(2, 3), {}).error().code, ErrorCode::invalid);
  timeline::Stretch lost = make_stretch(2, 3);
  lost.reference = 9;
  EXPECT_EQ(archive_->begin_stretch(lost, make_inits()).error().code, ErrorCode::invalid);
  EXPECT_EQ(archive_->set_presentation("e", 0, 6, programme_start).error().code, ErrorCode::invalid);
  EXPECT_EQ(archive_->remove_presentation("e").error().code, ErrorCode::not_found);
  write_slots(*archive_, 3, 3);
  EXPECT_TRUE(archive_->health().ok());
}

TEST_P(AnyArchive, NumbersInitSectionsByTheirBytes) {
  begin(*archive_, 1, 1, "one");
  write_slots(*archive_, 1, 1, 1);
  begin(*archive_, 2, 2, "two");
  write_slots(*archive_, 2, 2, 2);
  begin(*archive_, 3, 3, "one");
  write_slots(*archive_, 3, 3, 3);
  const auto timeline = archive_->timeline();
  EXPECT_EQ(timeline->stretch(1)->find(1)->config, 1U);
  EXPECT_EQ(timeline->stretch(2)->find(1)->config, 2U);
  EXPECT_EQ(timeline->stretch(3)->find(1)->config, 1U);
  EXPECT_EQ(as_text(archive_->init(1, 2)->bytes()), "video init two");
  EXPECT_EQ(timeline->availability_start, programme_start);
}

TEST_P(AnyArchive, CutsSegmentsAsSlotsAreListed) {
  begin(*archive_);
  ASSERT_TRUE(archive_->set_presentation("e", 6, 6, programme_start).ok());
  write_slots(*archive_, 1, 7);
  const timeline::Presentation& p = presentation("e");
  ASSERT_GE(p.cuts.size(), 2U);
  EXPECT_EQ(p.cuts[0].number, 1U);
  EXPECT_EQ(p.cuts[0].first_slot, 1U);
  EXPECT_EQ(p.cuts[0].slot_count, 3U);
  EXPECT_EQ(p.cuts[1].first_slot, 4U);
  EXPECT_EQ(p.generations.back().target_duration, 6U);
}

TEST_P(AnyArchive, FirstGenerationReachesBackToTheOldestSlot) {
  begin(*archive_);
  write_slots(*archive_, 1, 7);
  ASSERT_TRUE(archive_->set_presentation("late", 4, 4, listing_time(7)).ok());
  const timeline::Presentation& p = presentation("late");
  EXPECT_EQ(p.generations[0].from_slot, 1U);
  ASSERT_GE(p.cuts.size(), 3U);
  EXPECT_EQ(p.cuts[2].first_slot, 5U);
  EXPECT_EQ(p.cuts[2].recorded, listing_time(7));
}

TEST_P(AnyArchive, TheSameSettingsAgainChangeNothing) {
  begin(*archive_);
  ASSERT_TRUE(archive_->set_presentation("e", 6, 6, programme_start).ok());
  write_slots(*archive_, 1, 4);
  const auto before = archive_->timeline();
  ASSERT_TRUE(archive_->set_presentation("e", 6, 6, listing_time(4)).ok());
  EXPECT_EQ(archive_->timeline(), before);
}

TEST_P(AnyArchive, AChangedDurationClosesTheOpenSegmentAndBeginsAGeneration) {
  begin(*archive_);
  ASSERT_TRUE(archive_->set_presentation("e", 6, 6, programme_start).ok());
  write_slots(*archive_, 1, 5);
  ASSERT_TRUE(archive_->set_presentation("e", 4, 4, listing_time(5)).ok());
  write_slots(*archive_, 6, 10);
  const timeline::Presentation& p = presentation("e");
  ASSERT_EQ(p.generations.size(), 2U);
  EXPECT_EQ(p.generations[1].from_slot, 6U);
  EXPECT_EQ(p.generations[1].segment_duration, 4U);
  ASSERT_GE(p.cuts.size(), 4U);
  EXPECT_EQ(p.cuts[1].first_slot, 4U);
  EXPECT_EQ(p.cuts[1].slot_count, 2U);
  EXPECT_EQ(p.cuts[1].generation, 1U);
  EXPECT_EQ(p.cuts[2].first_slot, 6U);
  EXPECT_EQ(p.cuts[2].generation, 2U);
  EXPECT_EQ(p.cuts[2].number, 3U);
}

TEST_P(AnyArchive, ARemovedEndpointThatComesBackGoesOnCounting) {
  begin(*archive_);
  ASSERT_TRUE(archive_->set_presentation("e", 4, 4, programme_start).ok());
  write_slots(*archive_, 1, 6);
  const std::uint64_t next_number = presentation("e").cuts.back().number + 1;
  ASSERT_TRUE(archive_->remove_presentation("e").ok());
  EXPECT_EQ(archive_->timeline()->presentation("e"), nullptr);
  ASSERT_TRUE(archive_->set_presentation("e", 4, 4, listing_time(6)).ok());
  const timeline::Presentation& p = presentation("e");
  EXPECT_EQ(p.generations.size(), 1U);
  EXPECT_EQ(p.generations[0].number, 2U);
  EXPECT_EQ(p.cuts.front().number, next_number);
  EXPECT_EQ(p.cuts.front().first_slot, 1U);
}

TEST_P(AnyArchive, TheEndClosesTheTailAndNewContentReopens) {
  begin(*archive_);
  ASSERT_TRUE(archive_->set_presentation("e", 6, 6, programme_start).ok());
  write_slots(*archive_, 1, 4);
  ASSERT_TRUE(archive_->close_tail(true, listing_time(5)).ok());
  EXPECT_EQ(archive_->timeline()->ended, listing_time(5));
  EXPECT_EQ(presentation("e").cuts.back().first_slot, 4U);
  EXPECT_EQ(presentation("e").cuts.back().slot_count, 1U);
  begin(*archive_, 2, 5);
  EXPECT_TRUE(archive_->timeline()->ended.has_value());
  write_slots(*archive_, 5, 5, 2);
  EXPECT_FALSE(archive_->timeline()->ended.has_value());
}

TEST_P(AnyArchive, SilenceClosesTheTailWithoutAnEnd) {
  begin(*archive_);
  ASSERT_TRUE(archive_->set_presentation("e", 6, 6, programme_start).ok());
  write_slots(*archive_, 1, 1);
  ASSERT_TRUE(archive_->close_tail(false, listing_time(9)).ok());
  EXPECT_FALSE(archive_->timeline()->ended.has_value());
  ASSERT_EQ(presentation("e").cuts.size(), 1U);
}

TEST_P(AnyArchive, ResumesWhereItEnds) {
  begin(*archive_);
  write_slots(*archive_, 1, 3);
  ASSERT_TRUE(archive_->append(make_chunk(1, 4)).ok());
  begin(*archive_, 2, 5);
  const timeline::Resume resume = archive_->resume();
  EXPECT_EQ(resume.next_slot, 4U);
  EXPECT_EQ(resume.next_stretch, 3U);
  ASSERT_TRUE(resume.last_stretch.has_value());
  EXPECT_EQ(resume.last_stretch->id, 1U);
  EXPECT_EQ(resume.slot_end, 4 * gop_seconds * video_scale);
  EXPECT_EQ(resume.slot_end_utc, utc_of_slot(4));
  using Edge = std::pair<timeline::TrackId, std::int64_t>;
  EXPECT_THAT(resume.edges, ::testing::ElementsAre(Edge{1, 4 * gop_seconds * video_scale},
                                                   Edge{2, 4 * gop_seconds * audio_scale}));
  // What was begun and not listed is forgotten: the first stretch goes on, without the old chunk.
  ASSERT_TRUE(archive_->append(make_chunk(2, 4)).ok());
  ASSERT_TRUE(archive_->list_slot(make_listing(4, 1), listing_time(4)).ok());
  EXPECT_EQ(archive_->timeline()->find(4)->chunks.size(), 1U);
}

TEST_P(AnyArchive, TrimsSlotsCutsAndStretchesButNotTheCount) {
  begin(*archive_);
  ASSERT_TRUE(archive_->set_presentation("e", 4, 4, programme_start).ok());
  write_slots(*archive_, 1, 6);
  begin(*archive_, 2, 7);
  write_slots(*archive_, 7, 12, 2);
  const std::uint64_t bytes = archive_->statistics().bytes;
  ASSERT_TRUE(archive_->trim(utc_of_slot(8)).ok());
  const auto timeline = archive_->timeline();
  // Slot 7 ends exactly then: it does not end before.
  EXPECT_EQ(timeline->first_slot(), 7U);
  EXPECT_EQ(timeline->stretch(1), nullptr);
  EXPECT_EQ(presentation("e").cuts.front().first_slot, 7U);
  EXPECT_EQ(presentation("e").cuts.front().number, 4U);
  EXPECT_LT(archive_->statistics().bytes, bytes);
  EXPECT_EQ(archive_->statistics().chunks, 12U);
  EXPECT_EQ(read_text(*archive_, timeline->find(7)->chunks[0]), chunk_text(1, 7));
  ASSERT_TRUE(archive_->trim(utc_of_slot(8)).ok());
  EXPECT_EQ(archive_->timeline(), timeline);
}

TEST_P(AnyArchive, GoesOnAfterEverythingWasTrimmed) {
  begin(*archive_);
  ASSERT_TRUE(archive_->set_presentation("e", 4, 4, programme_start).ok());
  write_slots(*archive_, 1, 5);
  ASSERT_TRUE(archive_->trim(utc_of_slot(100)).ok());
  EXPECT_TRUE(archive_->timeline()->empty());
  EXPECT_TRUE(presentation("e").cuts.empty());
  EXPECT_EQ(archive_->statistics().chunks, 0U);
  EXPECT_EQ(archive_->statistics().bytes, 0U);
  EXPECT_EQ(archive_->resume().next_slot, 6U);
  write_slots(*archive_, 6, 8);
  EXPECT_EQ(presentation("e").cuts.front().first_slot, 6U);
  EXPECT_EQ(presentation("e").cuts.front().number, 3U);
}

TEST_P(AnyArchive, TellsListenersOfEveryPublication) {
  begin(*archive_);
  int calls = 0;
  std::uint64_t seen = 0;
  const std::uint64_t handle = archive_->add_listener([&] {
    ++calls;
    seen = archive_->timeline()->empty() ? 0 : archive_->timeline()->end_slot();
  });
  std::uint64_t once = 0;
  int once_calls = 0;
  once = archive_->add_listener([&] {
    ++once_calls;
    archive_->remove_listener(once);
  });
  write_slots(*archive_, 1, 2);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(seen, 3U);
  EXPECT_EQ(once_calls, 1);
  archive_->remove_listener(handle);
  write_slots(*archive_, 3, 3);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace tarn::archive
