// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "core/archive/archive.h"
#include "core/archive/crc32c.h"
#include "core/archive/file.h"
#include "core/archive/records.h"
#include "core/archive/volume.h"
#include "programme.h"

namespace tarn::archive {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::filesystem::path> volumes_in(const std::string& directory) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator{directory + "/chunks"})
    found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

ByteVector bytes_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return ByteVector{std::istreambuf_iterator<char>{file}, {}};
}

void overwrite(const std::string& path, std::string_view text) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
}

ErrorCode open_error(const std::string& directory, const std::string& expected_message) {
  const auto opened = Archive::open(directory);
  if (opened.ok()) return ErrorCode::internal;
  EXPECT_THAT(opened.error().message, HasSubstr(expected_message));
  return opened.error().code;
}

std::set<std::uint64_t> serials_of(Archive& archive) {
  std::set<std::uint64_t> serials;
  const auto timeline = archive.timeline();
  for (std::uint64_t n = timeline->first_slot(); n < timeline->end_slot(); ++n) {
    const timeline::SlotView slot = *timeline->find(n);
    for (const timeline::Chunk& chunk : slot.chunks) {
      EXPECT_TRUE(serials.insert(chunk.serial).second) << "serial " << chunk.serial << " given twice";
    }
  }
  return serials;
}

// A programme with all there is: two stretches, an endpoint of two generations, one removed, one late.
void write_everything(Archive& archive) {
  begin(archive);
  ASSERT_TRUE(archive.set_presentation("changed", 6, 6, programme_start).ok());
  ASSERT_TRUE(archive.set_presentation("removed", 2, 2, programme_start).ok());
  write_slots(archive, 1, 5);
  ASSERT_TRUE(archive.set_presentation("changed", 4, 6, listing_time(5)).ok());
  ASSERT_TRUE(archive.remove_presentation("removed").ok());
  begin(archive, 2, 6, "two");
  write_slots(archive, 6, 11, 2);
  ASSERT_TRUE(archive.set_presentation("late", 8, 6, listing_time(11)).ok());
}

TEST(LocalArchive, IsTheSameAfterARestart) {
  const ScratchDirectory scratch;
  std::string before;
  {
    const auto archive = open_or_fail(scratch.path("a"));
    write_everything(*archive);
    before = describe(*archive);
  }
  const auto archive = open_or_fail(scratch.path("a"));
  EXPECT_EQ(describe(*archive), before);
  EXPECT_EQ(archive->statistics().cached_bytes, 0U);
  EXPECT_EQ(archive->statistics().chunks, 22U);
  const timeline::Resume resume = archive->resume();
  EXPECT_EQ(resume.next_slot, 12U);
  EXPECT_EQ(resume.next_stretch, 3U);
  EXPECT_EQ(resume.edges.size(), 2U);
}

TEST(LocalArchive, CutsOnAfterARestartAsIfThereHadBeenNone) {
  const ScratchDirectory scratch;
  const auto run = [&](const std::string& name, std::uint64_t restart_after) {
    auto archive = open_or_fail(scratch.path(name));
    write_everything(*archive);
    for (std::uint64_t slot = 12; slot <= 18; ++slot) {
      if (slot == restart_after) {
        archive.reset();
        archive = open_or_fail(scratch.path(name));
      }
      write_slots(*archive, slot, slot, 2);
    }
    std::string cuts = describe(*archive);
    return cuts.substr(cuts.find("endpoint "));
  };
  const std::string without = run("without", 0);
  for (std::uint64_t at = 12; at <= 15; ++at) EXPECT_EQ(run("at " + std::to_string(at), at), without) << at;
}

TEST(LocalArchive, KeepsEndAndTrimAcrossARestart) {
  const ScratchDirectory scratch;
  std::string before;
  {
    const auto archive = open_or_fail(scratch.path("a"));
    write_everything(*archive);
    ASSERT_TRUE(archive->trim(utc_of_slot(9)).ok());
    ASSERT_TRUE(archive->close_tail(true, listing_time(12)).ok());
    before = describe(*archive);
    EXPECT_THAT(before, HasSubstr("ended"));
  }
  const auto archive = open_or_fail(scratch.path("a"));
  EXPECT_EQ(describe(*archive), before);
}

TEST(LocalArchive, RemembersItsPlaceWhenEverythingWasTrimmed) {
  const ScratchDirectory scratch;
  std::uint64_t next_number = 0;
  {
    const auto archive = open_or_fail(scratch.path("a"));
    write_everything(*archive);
    next_number = archive->timeline()->presentation("changed")->cuts.back().number + 1;
    ASSERT_TRUE(archive->trim(utc_of_slot(100)).ok());
    EXPECT_TRUE(volumes_in(scratch.path("a")).empty());
  }
  const auto archive = open_or_fail(scratch.path("a"));
  const timeline::Resume resume = archive->resume();
  EXPECT_EQ(resume.next_slot, 12U);
  EXPECT_EQ(resume.slot_end, 12 * gop_seconds * video_scale);
  EXPECT_EQ(resume.slot_end_utc, utc_of_slot(12));
  EXPECT_EQ(resume.edges.size(), 2U);
  EXPECT_EQ(resume.last_stretch->id, 2U);
  write_slots(*archive, 12, 14, 2);
  EXPECT_EQ(archive->timeline()->presentation("changed")->cuts.front().number, next_number);
  EXPECT_EQ(archive->timeline()->stretch(2)->find(1)->config, 2U);
}

TEST(LocalArchive, ACrashAtAnyMomentLosesOnlyWhatWasNotListed) {
  const ScratchDirectory scratch;
  const auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start).ok());
  for (std::uint64_t slot = 1; slot <= 4; ++slot) {
    if (slot == 3) begin(*archive, 2, 3, "two");
    const std::uint32_t stretch = slot < 3 ? 1 : 2;
    for (int step = 0; step < 3; ++step) {
      const std::string listed = describe(*archive);
      const std::string name = "crash " + std::to_string(slot) + "." + std::to_string(step);
      {
        const auto after = open_or_fail(scratch.copy(scratch.path("a"), name));
        EXPECT_EQ(describe(*after), listed) << name;
        // It goes on from there: a new writer lists the same slot and one more.
        const timeline::Resume resume = after->resume();
        EXPECT_EQ(resume.next_slot, slot);
        begin(*after, resume.next_stretch, slot, "three");
        write_slots(*after, slot, slot + 1, resume.next_stretch);
        EXPECT_EQ(serials_of(*after).size(), 2 * (slot + 1));
      }
      const auto again = open_or_fail(scratch.path(name));
      EXPECT_THAT(describe(*again), HasSubstr(chunk_text(2, slot + 1))) << name;
      if (step < 2) {
        ASSERT_TRUE(archive->append(make_chunk(step == 0 ? 1 : 2, slot)).ok());
      } else {
        ASSERT_TRUE(archive->list_slot(make_listing(slot, stretch), listing_time(slot)).ok());
      }
    }
  }
}

TEST(LocalArchive, NeverGivesASerialAgainThatACrashMayHaveWritten) {
  const ScratchDirectory scratch;
  const auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  write_slots(*archive, 1, 1);
  ASSERT_TRUE(archive->append(make_chunk(1, 2)).ok());
  std::uint64_t highest = 0;
  for (const auto& path : volumes_in(scratch.path("a"))) {
    const ByteVector bytes = bytes_of(path);
    for (std::size_t at = 0; at + chunk_box_size <= bytes.size(); ++at) {
      const auto box = parse_chunk_box(Bytes{bytes}.subspan(at));
      if (box.ok()) highest = std::max(highest, box->label.serial);
    }
  }
  ASSERT_GT(highest, *serials_of(*archive).rbegin());
  const auto after = open_or_fail(scratch.copy(scratch.path("a"), "crash"));
  begin(*after, 2, 2);
  write_slots(*after, 2, 2, 2);
  EXPECT_GT(*serials_of(*after).rbegin(), highest + 1);
}

TEST(LocalArchive, AVolumeTellsWhatTheCatalogueTells) {
  const ScratchDirectory scratch;
  const auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  write_slots(*archive, 1, 3);
  const auto paths = volumes_in(scratch.path("a"));
  ASSERT_EQ(paths.size(), 2U);
  EXPECT_EQ(paths[0].filename(), "t1-1.cmfv");
  EXPECT_EQ(paths[1].filename(), "t2-2.cmfa");
  for (const timeline::TrackId track : {1U, 2U}) {
    const ByteVector file = bytes_of(paths[track - 1]);
    Bytes rest{file};
    const Blob init = *archive->init(track, 1);
    ASSERT_THAT(as_text(rest), StartsWith(as_text(init.bytes())));
    rest = rest.subspan(init.size());
    const auto volume = parse_volume_box(rest);
    ASSERT_TRUE(volume.ok()) << volume.error().message;
    EXPECT_EQ(volume->track, track);
    EXPECT_EQ(volume->config, 1U);
    const auto stretch = parse_stretch(volume->stretch_record);
    ASSERT_TRUE(stretch.ok());
    EXPECT_EQ(stretch->start, programme_start);
    rest = rest.subspan(Reader{rest}.u32());
    for (std::uint64_t slot = 1; slot <= 3; ++slot) {
      const auto box = parse_chunk_box(rest);
      ASSERT_TRUE(box.ok()) << box.error().message;
      const timeline::Chunk& chunk = *archive->timeline()->find(slot)->find(track);
      EXPECT_EQ(box->label.slot, slot);
      EXPECT_EQ(box->label.serial, chunk.serial);
      EXPECT_EQ(box->label.start, chunk.start);
      EXPECT_EQ(box->label.duration, chunk.duration);
      EXPECT_EQ(box->stretch, 1U);
      const Bytes bytes = rest.subspan(chunk_box_size, box->size);
      EXPECT_EQ(as_text(bytes), chunk_text(track, slot));
      EXPECT_EQ(box->checksum, crc32c(bytes));
      EXPECT_EQ(chunk.location.offset, static_cast<std::uint64_t>(bytes.data() - file.data()));
      rest = rest.subspan(chunk_box_size + box->size);
    }
    EXPECT_TRUE(rest.empty());
  }
}

TEST(LocalArchive, BeginsAVolumeForEachStretchAndEachRun) {
  const ScratchDirectory scratch;
  {
    const auto archive = open_or_fail(scratch.path("a"));
    begin(*archive);
    write_slots(*archive, 1, 2);
    begin(*archive, 2, 3);
    write_slots(*archive, 3, 4, 2);
    EXPECT_EQ(volumes_in(scratch.path("a")).size(), 4U);
  }
  const auto archive = open_or_fail(scratch.path("a"));
  write_slots(*archive, 5, 5, 2);
  EXPECT_EQ(volumes_in(scratch.path("a")).size(), 6U);
}

TEST(LocalArchive, RemovesVolumesWithoutAKeptChunkOnly) {
  const ScratchDirectory scratch;
  const auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  write_slots(*archive, 1, 4);
  begin(*archive, 2, 5);
  write_slots(*archive, 5, 6, 2);
  ASSERT_TRUE(archive->trim(utc_of_slot(4)).ok());
  EXPECT_EQ(volumes_in(scratch.path("a")).size(), 4U);
  const auto held = archive->timeline();
  ASSERT_TRUE(archive->trim(utc_of_slot(7)).ok());
  const auto left = volumes_in(scratch.path("a"));
  ASSERT_EQ(left.size(), 2U);
  std::uint64_t bytes = 0;
  for (const auto& path : left) bytes += std::filesystem::file_size(path);
  EXPECT_EQ(archive->statistics().bytes, bytes);
  // A reader of an old state gets the chunk from memory or a clear answer.
  archive->set_cache_limit(0);
  EXPECT_EQ(archive->read(held->find(4)->chunks[0]).error().code, ErrorCode::not_found);
}

TEST(LocalArchive, ATrimBetweenAppendAndListingKeepsTheChunk) {
  const ScratchDirectory scratch;
  const auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  write_slots(*archive, 1, 1);
  ASSERT_TRUE(archive->append(make_chunk(1, 2)).ok());
  ASSERT_TRUE(archive->trim(utc_of_slot(50)).ok());
  ASSERT_TRUE(archive->list_slot(make_listing(2, 1), listing_time(2)).ok());
  archive->set_cache_limit(0);
  EXPECT_EQ(read_text(*archive, archive->timeline()->find(2)->chunks[0]), chunk_text(1, 2));
}

TEST(LocalArchive, IsSharedWithinAProcess) {
  const ScratchDirectory scratch;
  auto one = open_or_fail(scratch.path("a"));
  const auto other = open_or_fail(scratch.path("a/../a/"));
  EXPECT_EQ(one, other);
  std::filesystem::create_directory_symlink(scratch.path("a"), scratch.path("link"));
  EXPECT_EQ(open_or_fail(scratch.path("link")), one);
  begin(*one);
  write_slots(*one, 1, 1);
  EXPECT_EQ(other->timeline()->end_slot(), 2U);
}

// The lock belongs to an open file, so a second one in this process stands for another process.
TEST(LocalArchive, IsRefusedWhileAnotherProcessHasIt) {
  const ScratchDirectory scratch;
  open_or_fail(scratch.path("a")).reset();
  auto other = File::open(scratch.path("a") + "/format", O_RDONLY);
  ASSERT_TRUE(other.ok());
  ASSERT_EQ(::flock(other->descriptor(), LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(open_error(scratch.path("a"), "in use by another process"), ErrorCode::conflict);
  *other = File{};
  EXPECT_NE(open_or_fail(scratch.path("a")), nullptr);
}

TEST(LocalArchive, RefusesANewerFormat) {
  const ScratchDirectory scratch;
  open_or_fail(scratch.path("a")).reset();
  EXPECT_EQ(as_text(bytes_of(scratch.path("a") + "/format")), "tarn-archive 1\n");
  overwrite(scratch.path("a") + "/format", "tarn-archive 2\n");
  EXPECT_EQ(open_error(scratch.path("a"), "archive format 2 was written by a newer Tarn"),
            ErrorCode::unsupported);
  for (const char* const text :
       {"", "tarn-archive\n", "tarn-archive x\n", "tarn-archive 0\n", "tarn-archive 1"}) {
    overwrite(scratch.path("a") + "/format", text);
    EXPECT_EQ(open_error(scratch.path("a"), "does not say"), ErrorCode::malformed) << text;
  }
  std::filesystem::remove(scratch.path("a") + "/format");
  EXPECT_EQ(open_error(scratch.path("a"), "no file 'format'"), ErrorCode::malformed);
}

TEST(LocalArchive, NoticesADamagedChunkAndKeepsTheOthers) {
  const ScratchDirectory scratch;
  {
    const auto archive = open_or_fail(scratch.path("a"));
    begin(*archive);
    write_slots(*archive, 1, 3);
  }
  const auto archive = open_or_fail(scratch.path("a"));
  const auto timeline = archive->timeline();
  const timeline::Chunk& chunk = timeline->find(2)->chunks[0];
  const auto path = volumes_in(scratch.path("a"))[0];
  ByteVector bytes = bytes_of(path);
  bytes[chunk.location.offset - 40] ^= 1U;
  overwrite(path.string(), as_text(bytes));
  EXPECT_THAT(archive->read(chunk).error().message, HasSubstr("checksum does not match"));
  EXPECT_EQ(read_text(*archive, timeline->find(1)->chunks[0]), chunk_text(1, 1));
  EXPECT_EQ(read_text(*archive, timeline->find(3)->chunks[0]), chunk_text(1, 3));
  bytes[chunk.location.offset - 40] ^= 1U;
  bytes[chunk.location.offset + 3] ^= 1U;
  overwrite(path.string(), as_text(bytes));
  EXPECT_THAT(archive->read(chunk).error().message, HasSubstr("its bytes are damaged"));
  EXPECT_EQ(read_text(*archive, timeline->find(1)->chunks[0]), chunk_text(1, 1));
  std::filesystem::resize_file(path, timeline->find(3)->chunks[0].location.offset + 5);
  EXPECT_EQ(archive->read(timeline->find(3)->chunks[0]).error().code, ErrorCode::truncated);
  timeline::Chunk moved = timeline->find(1)->chunks[0];
  moved.serial = timeline->find(2)->chunks[0].serial;
  EXPECT_THAT(archive->read(moved).error().message, HasSubstr("another chunk is in its place"));
}

}  // namespace
}  // namespace tarn::archive
