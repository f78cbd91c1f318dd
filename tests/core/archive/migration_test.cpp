// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/archive/archive.h"
#include "core/archive/records.h"
#include "core/archive/sqlite.h"
#include "programme.h"

namespace tarn::archive {
namespace {

using sqlite::Database;

// As the first version made it.
constexpr char version_1[] = R"sql(
CREATE TABLE state(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE edge(track INTEGER PRIMARY KEY, time INTEGER NOT NULL);
CREATE TABLE init(track INTEGER, config INTEGER, bytes BLOB NOT NULL, PRIMARY KEY(track, config)) WITHOUT ROWID;
CREATE TABLE stretch(id INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE slot(number INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE endpoint(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, removed INTEGER NOT NULL,
  channel_segment_duration INTEGER NOT NULL, last_generation INTEGER NOT NULL,
  next_number INTEGER NOT NULL, next_slot INTEGER NOT NULL);
CREATE TABLE generation(
  endpoint INTEGER, number INTEGER, from_slot INTEGER NOT NULL,
  segment_duration INTEGER NOT NULL, target_duration INTEGER NOT NULL,
  PRIMARY KEY(endpoint, number)) WITHOUT ROWID;
CREATE TABLE cut(
  endpoint INTEGER, number INTEGER, first_slot INTEGER NOT NULL, slot_count INTEGER NOT NULL,
  stretch INTEGER NOT NULL, generation INTEGER NOT NULL, recorded INTEGER NOT NULL,
  PRIMARY KEY(endpoint, number)) WITHOUT ROWID;
INSERT INTO state VALUES('serial_limit', 1025), ('availability_start', 1700000000000000);
INSERT INTO init VALUES(1, 0, x'01'), (2, 0, x'02');
-- Slots 1 and 2 are gone, with the cuts 1 and 2. Endpoint 1: one slot a cut. Endpoint 2 is younger.
INSERT INTO endpoint VALUES(1, 'old', 0, 2, 1, 1, 1), (2, 'young', 0, 2, 1, 1, 1), (3, 'gone', 1, 2, 4, 9, 1);
INSERT INTO generation VALUES(1, 1, 1, 2, 2), (1, 2, 6, 2, 2), (2, 1, 6, 2, 2);
INSERT INTO cut VALUES
  (1, 3, 3, 1, 2, 1, 30), (1, 4, 4, 1, 2, 1, 40), (1, 5, 5, 1, 5, 1, 50), (1, 6, 6, 1, 5, 2, 60),
  (1, 7, 7, 1, 6, 2, 70), (2, 1, 6, 1, 5, 1, 60), (2, 2, 7, 1, 6, 1, 70);
PRAGMA user_version = 1;
)sql";

Status write_version_1(const std::string& directory) {
  std::filesystem::create_directories(directory + "/chunks");
  std::ofstream{directory + "/format"} << "tarn-archive 1\n";
  const auto database = TRY(Database::open(directory + "/catalogue.db"));
  TRY(database->execute(version_1));
  auto stretches = TRY(database->prepare("INSERT INTO stretch VALUES(?, ?)"));
  for (const auto& [id, first_slot] : {std::pair{2U, 3U}, {5U, 5U}, {6U, 7U}}) {
    const ByteVector record = write_stretch(make_stretch(id, first_slot));
    stretches.bind(1, id);
    stretches.bind(2, Bytes{record});
    TRY(stretches.run());
  }
  auto slots = TRY(database->prepare("INSERT INTO slot VALUES(?, ?)"));
  for (std::uint64_t number = 3; number <= 7; ++number) {
    const timeline::SlotListed listed = make_listing(number, number < 5 ? 2 : number < 7 ? 5 : 6);
    timeline::Slot slot;
    slot.number = number;
    slot.stretch = listed.stretch;
    slot.start = listed.start;
    slot.end = listed.end;
    slot.utc = listed.utc;
    const ByteVector record = write_slot(slot);
    slots.bind(1, number);
    slots.bind(2, Bytes{record});
    TRY(slots.run());
  }
  return {};
}

std::string discontinuities(const timeline::Presentation& presentation) {
  std::string out;
  for (const timeline::Cut& cut : presentation.cuts) {
    out += std::to_string(cut.number) + (cut.discontinuity ? " after " : " in ") +
           std::to_string(cut.discontinuity_sequence) + "\n";
  }
  return out;
}

TEST(Migration, Version1IsOpenedAndCountsOnFromWhatItServed) {
  const ScratchDirectory scratch;
  const Status written = write_version_1(scratch.path("a"));
  ASSERT_TRUE(written.ok()) << written.error().message;
  std::string before;
  {
    const auto archive = open_or_fail(scratch.path("a"));
    const auto timeline = archive->timeline();
    // The newest cut had its stretch's id - 1, with the tag in front of it: 5. One is counted for each
    // discontinuity that is there, whatever ids were left out.
    const auto& old = *timeline->presentation("old");
    EXPECT_EQ(discontinuities(old), "3 after 3\n4 in 3\n5 after 4\n6 in 4\n7 after 5\n");
    EXPECT_EQ(old.generations[0].start, utc_of_slot(3));
    EXPECT_EQ(old.generations[1].start, utc_of_slot(6));
    EXPECT_EQ(discontinuities(*timeline->presentation("young")), "1 in 4\n2 after 5\n");
    EXPECT_EQ(timeline->presentation("gone"), nullptr);
    begin(*archive, 8, 8);
    write_slots(*archive, 8, 8, 8);
    EXPECT_EQ(archive->timeline()->presentation("old")->cuts.back().discontinuity_sequence, 6U);
    // The one that was removed had nothing but its numbers: it goes on above all that it can have served.
    ASSERT_TRUE(archive->set_presentation("gone", 2, 2, listing_time(8)).ok());
    EXPECT_EQ(archive->timeline()->presentation("gone")->cuts.front().discontinuity_sequence, 6U);
    before = describe(*archive);
  }
  const auto archive = open_or_fail(scratch.path("a"));
  EXPECT_EQ(describe(*archive), before);
}

constexpr char tables_of_version_3[] =
    "DROP TABLE late; DROP TABLE anchor; DROP TABLE rate; ALTER TABLE generation DROP COLUMN key_period; "
    "PRAGMA user_version "
    "= 3";

TEST(Migration, Version3KeepsItsHolesAndGetsThemRepaired) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path("a");
  std::string before;
  {
    const auto archive = open_or_fail(path);
    begin(*archive);
    ASSERT_TRUE(write_slot_of(*archive, 1, {2}).ok());
    ASSERT_TRUE(archive->set_presentation("e", 2, 2, listing_time(1)).ok());
    before = describe(*archive);
  }
  {
    const auto database = Database::open(path + "/catalogue.db");
    ASSERT_TRUE((*database)->execute(tables_of_version_3).ok());
  }
  const auto archive = open_or_fail(path);
  EXPECT_EQ(describe(*archive), before);
  ASSERT_TRUE(archive->repair(make_chunk(1, 1)).ok());
  EXPECT_NE(archive->timeline()->find_late(1, 1), nullptr);
}

TEST(Migration, Version3HasNoClocksThatWereSetAndTakesThem) {
  const ScratchDirectory scratch;
  {
    const auto archive = open_or_fail(scratch.path("a"));
    begin(*archive);
    ASSERT_TRUE(archive->set_presentation("e", 2, 2, programme_start).ok());
    write_slots(*archive, 1, 3);
  }
  {
    const auto database = Database::open(scratch.path("a") + "/catalogue.db");
    ASSERT_TRUE((*database)->execute(tables_of_version_3).ok());
  }
  std::string before;
  const timeline::Anchor anchor{4, 1, 4 * gop_seconds * video_scale, utc_of_slot(14)};
  {
    const auto archive = open_or_fail(scratch.path("a"));
    EXPECT_EQ(archive->timeline()->presentation("e")->cuts.size(), 3U);
    EXPECT_TRUE(archive->timeline()->anchors.empty());
    (void)archive->resume();
    ASSERT_TRUE(write_slot(*archive, 4, 1, utc_of_slot(14) - utc_of_slot(4)).ok());
    before = describe(*archive);
  }
  const auto archive = open_or_fail(scratch.path("a"));
  EXPECT_EQ(describe(*archive), before);
  ASSERT_EQ(archive->timeline()->anchors.size(), 1U);
  EXPECT_EQ(archive->timeline()->anchors.at(4), anchor);
}

TEST(Migration, TheKeysOfVersion4DoNotChange) {
  const ScratchDirectory scratch;
  std::string before;
  {
    const auto archive = open_or_fail(scratch.path("a"));
    begin(*archive);
    ASSERT_TRUE(archive->set_presentation("e", 2, 2, programme_start).ok());
    write_slots(*archive, 1, 3);
    before = describe(*archive);
  }
  {
    const auto database = Database::open(scratch.path("a") + "/catalogue.db");
    ASSERT_TRUE(
        (*database)
            ->execute(
                "ALTER TABLE generation DROP COLUMN key_period; DROP TABLE rate; PRAGMA user_version = 4")
            .ok());
  }
  const auto archive = open_or_fail(scratch.path("a"));
  EXPECT_EQ(describe(*archive), before);
  EXPECT_EQ(archive->timeline()->presentation("e")->generations.at(0).key_period, 0U);
}

TEST(Migration, WhatIsNewerIsRefusedAndLeftAlone) {
  const ScratchDirectory scratch;
  ASSERT_TRUE(write_version_1(scratch.path("a")).ok());
  {
    const auto database = Database::open(scratch.path("a") + "/catalogue.db");
    ASSERT_TRUE((*database)->execute("PRAGMA user_version = 7").ok());
  }
  const auto opened = Archive::open(scratch.path("a"));
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr("schema version 7; this Tarn knows up to 6"));
}

}  // namespace
}  // namespace tarn::archive
