// SPDX-License-Identifier: Apache-2.0
#include "core/archive/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>

#include "core/archive/crc32c.h"
#include "programme.h"

namespace tarn::archive {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Utc arrival{Microseconds{1'700'000'000'123'456}};

JournalObject segment(const std::string& path, const std::string& body, std::uint8_t input = 0) {
  return {input, false, path, arrival, text_blob(body)};
}
JournalObject playlist(const std::string& path, const std::string& body, std::uint8_t input = 0) {
  return {input, true, path, arrival, text_blob(body)};
}

std::unique_ptr<Journal> open_journal(const std::string& directory, JournalLimits limits = {}) {
  auto journal = Journal::open(directory, limits);
  if (!journal.ok()) {
    ADD_FAILURE() << journal.error().message;
    std::abort();
  }
  return std::move(journal).value();
}

void append(Journal& journal, const std::vector<JournalObject>& objects) {
  const Status appended = journal.append(objects);
  ASSERT_TRUE(appended.ok()) << appended.error().message;
}

// "path=body" of everything that is kept and readable.
std::vector<std::string> contents(const Journal& journal) {
  std::vector<std::string> found;
  for (const JournalEntry& entry : journal.entries()) {
    const auto body = journal.read(entry);
    if (body.ok()) found.push_back(entry.path + "=" + std::string{as_text(body->bytes())});
  }
  return found;
}

std::vector<std::filesystem::path> files_in(const std::string& directory) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator{directory}) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

class JournalTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path only_file() const {
    const auto files = files_in(where_);
    EXPECT_EQ(files.size(), 1U);
    return files.front();
  }
  const ScratchDirectory scratch_;
  const std::string where_ = scratch_.path("journal");
};

TEST_F(JournalTest, GivesBackWhatCameInItsOrderWithItsArrival) {
  {
    const auto journal = open_journal(where_);
    append(*journal, {segment("a.ts", "one"), playlist("m.m3u8", "#EXTM3U")});
    append(*journal, {segment("b/c.ts", "", 1)});
    EXPECT_THAT(contents(*journal), ElementsAre("a.ts=one", "m.m3u8=#EXTM3U", "b/c.ts="));
  }
  const auto journal = open_journal(where_);
  EXPECT_THAT(contents(*journal), ElementsAre("a.ts=one", "m.m3u8=#EXTM3U", "b/c.ts="));
  EXPECT_EQ(journal->entries()[0].arrival, arrival);
  EXPECT_EQ(journal->entries()[2].input, 1);
  EXPECT_TRUE(journal->entries()[1].is_playlist);
  EXPECT_EQ(journal->next_sequence(), 4U);
  EXPECT_EQ(journal->damaged(), 0U);
}

TEST_F(JournalTest, ReleasesFromTheOldestOnAndKeepsTheLatestOfEachPlaylist) {
  const auto journal = open_journal(where_);
  append(*journal, {playlist("m.m3u8", "v1"), segment("1.ts", "1"), playlist("m.m3u8", "v2"),
                    segment("2.ts", "2"), playlist("m.m3u8", "v3"), segment("x.ts", "x", 1)});
  ASSERT_TRUE(journal->release(0, 4).ok());
  EXPECT_THAT(contents(*journal), ElementsAre("m.m3u8=v2", "2.ts=2", "m.m3u8=v3", "x.ts=x"));
  ASSERT_TRUE(journal->release(0, 3).ok()) << "going back changes nothing";
  ASSERT_TRUE(journal->release(0, 7).ok());
  EXPECT_THAT(contents(*journal), ElementsAre("m.m3u8=v3", "x.ts=x"));
  EXPECT_THAT(contents(*open_journal(where_)), ElementsAre("m.m3u8=v3", "x.ts=x"));
}

TEST_F(JournalTest, LetsGoOfFilesOfWhichNothingIsNeededAndCarriesPlaylistsOver) {
  const JournalLimits small{.file_bytes = 100, .bytes = 1U << 20U};
  auto journal = open_journal(where_, small);
  append(*journal, {playlist("m.m3u8", "of the first file"), segment("1.ts", std::string(100, '1'))});
  append(*journal, {segment("2.ts", std::string(100, '2'))});
  append(*journal, {segment("3.ts", std::string(100, '3'))});
  EXPECT_EQ(files_in(where_).size(), 3U);
  ASSERT_TRUE(journal->release(0, 4).ok());
  EXPECT_EQ(files_in(where_).size(), 3U)
      << "the third, one begun for the playlist because that was full, and a spare one";
  EXPECT_THAT(contents(*journal), ElementsAre("m.m3u8=of the first file", "3.ts=" + std::string(100, '3')));
  journal = open_journal(where_, small);
  EXPECT_THAT(contents(*journal), ElementsAre("m.m3u8=of the first file", "3.ts=" + std::string(100, '3')));
  EXPECT_EQ(journal->next_sequence(), 5U);
}

TEST_F(JournalTest, AFileWithSomethingOfTheOtherInputStays) {
  const JournalLimits small{.file_bytes = 100, .bytes = 1U << 20U};
  const auto journal = open_journal(where_, small);
  append(*journal, {segment("1.ts", std::string(100, '1')), segment("other.ts", "o", 1)});
  append(*journal, {segment("2.ts", std::string(100, '2'))});
  ASSERT_TRUE(journal->release(0, 4).ok());
  EXPECT_EQ(files_in(where_).size(), 2U);
  EXPECT_THAT(contents(*journal), ElementsAre("other.ts=o"));
  ASSERT_TRUE(journal->release(1, 4).ok());
  append(*journal, {segment("3.ts", std::string(100, '3'))});
  EXPECT_EQ(files_in(where_).size(), 2U) << "the first was written anew";
  EXPECT_THAT(contents(*open_journal(where_)), ElementsAre("3.ts=" + std::string(100, '3')));
}

TEST_F(JournalTest, WhatAFileHeldBeforeItWasWrittenAnewNeverComesBack) {
  const JournalLimits small{.file_bytes = 300, .bytes = 1U << 20U};
  const auto journal = open_journal(where_, small);
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t sequence = journal->next_sequence();
    const std::string name = std::to_string(i) + ".ts";
    const std::string body(static_cast<std::size_t>(20 + 37 * (i % 7)), static_cast<char>('a' + i % 26));
    append(*journal, {segment(name, body)});
    ASSERT_TRUE(journal->release(0, sequence).ok());
    EXPECT_LE(files_in(where_).size(), 3U);
    const std::string crashed = scratch_.copy(where_, "crash" + std::to_string(i));
    const auto after = open_journal(crashed);
    EXPECT_THAT(contents(*after), ElementsAre(name + "=" + body)) << i;
    EXPECT_EQ(after->damaged(), 0U) << i;
    EXPECT_EQ(after->next_sequence(), sequence + 1) << i;
  }
}

TEST_F(JournalTest, NeverAppendsToAFileOfAnEarlierRun) {
  append(*open_journal(where_), {segment("1.ts", "1")});
  const auto journal = open_journal(where_);
  const auto size = std::filesystem::file_size(only_file());
  append(*journal, {segment("2.ts", "2")});
  EXPECT_EQ(files_in(where_).size(), 2U);
  EXPECT_EQ(std::filesystem::file_size(files_in(where_).front()), size);
}

TEST_F(JournalTest, EveryTruncationIsTheEndAndNotAnError) {
  append(*open_journal(where_), {segment("1.ts", "first"), segment("2.ts", "second")});
  const auto path = only_file();
  const std::uintmax_t size = std::filesystem::file_size(path);
  const std::uint64_t first_end = journal_file_header_size + journal_record_header_size + 4 + 5;
  for (std::uintmax_t length = size; length-- > 0;) {
    std::filesystem::resize_file(path, length);
    const auto journal = open_journal(where_);
    EXPECT_EQ(journal->damaged(), 0U) << length;
    EXPECT_EQ(contents(*journal).size(), length >= first_end ? 1U : 0U) << length;
  }
}

TEST_F(JournalTest, AFlippedBitCostsOneRecordAndIsSeen) {
  append(*open_journal(where_),
         {segment("1.ts", "first"), segment("2.ts", "second"), segment("3.ts", "third")});
  const auto path = only_file();
  const std::string original = [&] {
    std::ifstream file{path, std::ios::binary};
    return std::string{std::istreambuf_iterator<char>{file}, {}};
  }();
  for (std::size_t at = 0; at < original.size(); ++at) {
    std::string damaged = original;
    damaged[at] = static_cast<char>(damaged[at] ^ (1U << at % 8));
    std::ofstream{path, std::ios::binary | std::ios::trunc} << damaged;
    const auto journal = open_journal(where_);
    const std::size_t readable = contents(*journal).size();
    const std::size_t expected = at < journal_file_header_size ? 3 : 2;
    EXPECT_EQ(readable, expected) << at;
    // A header that is damaged at the very end looks like one that was being written.
    const bool is_last_header = at >= original.size() - 5 - 4 - journal_record_header_size;
    const bool is_seen = journal->damaged() > 0 || journal->entries().size() > readable;
    EXPECT_TRUE(is_seen || is_last_header) << at;
  }
}

TEST_F(JournalTest, ARecordInsideAnObjectIsNotTakenForOne) {
  ByteVector forged;
  write_journal_record_header({JournalKind::segment, 0, 0, 99, arrival, 0, 0}, 0, forged);
  append(*open_journal(where_), {segment("1.ts", std::string{as_text(forged)}), segment("2.ts", "second")});
  const auto path = only_file();
  {
    std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(journal_file_header_size + 6);
    file.put('\xFF');
  }
  const auto journal = open_journal(where_);
  EXPECT_THAT(contents(*journal), ElementsAre("2.ts=second"));
  EXPECT_EQ(journal->damaged(), 1U);
}

TEST_F(JournalTest, RefusesANewerFormatAndLeavesItAlone) {
  append(*open_journal(where_), {segment("1.ts", "first")});
  const auto path = only_file();
  ByteVector header;
  write_journal_file_header({7, 1}, header);
  header[11] = 2;
  Writer{header}.patch_u32(journal_file_header_size - 4,
                           crc32c(Bytes{header}.first(journal_file_header_size - 4)));
  {
    std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
    file.write(reinterpret_cast<const char*>(header.data()), static_cast<std::streamsize>(header.size()));
  }
  const auto journal = Journal::open(where_);
  ASSERT_FALSE(journal.ok());
  EXPECT_EQ(journal.error().code, ErrorCode::unsupported);
  EXPECT_THAT(journal.error().message, HasSubstr("journal format 2 was written by a newer Tarn"));
}

TEST_F(JournalTest, HasABound) {
  const auto journal = open_journal(where_, {.file_bytes = 1000, .bytes = 500});
  append(*journal, {segment("1.ts", std::string(300, '1'))});
  const JournalObject more = segment("2.ts", std::string(300, '2'));
  EXPECT_EQ(journal->append({&more, 1}).error().code, ErrorCode::no_space);
  const JournalObject long_name = segment(std::string(5000, 'p'), "");
  EXPECT_EQ(journal->append({&long_name, 1}).error().code, ErrorCode::limit);
  EXPECT_EQ(contents(*journal).size(), 1U);
}

// As root only: a file system of 256 KiB.
TEST_F(JournalTest, AFullDiskIsNotAFailure) {
  std::filesystem::create_directory(where_);
  if (::mount("none", where_.c_str(), "tmpfs", 0, "size=262144") != 0) GTEST_SKIP() << "cannot mount";
  {
    const auto journal = open_journal(where_);
    append(*journal, {segment("1.ts", std::string(100'000, '1'))});
    const JournalObject large = segment("2.ts", std::string(200'000, '2'));
    EXPECT_EQ(journal->append({&large, 1}).error().code, ErrorCode::no_space);
    EXPECT_THAT(contents(*open_journal(where_)), ElementsAre("1.ts=" + std::string(100'000, '1')));
    EXPECT_EQ(::mount("none", where_.c_str(), "tmpfs", MS_REMOUNT, "size=1048576"), 0);
    append(*journal, {large});
    EXPECT_EQ(contents(*journal).size(), 2U);
    ASSERT_TRUE(journal->release(0, 10).ok());
    EXPECT_THAT(contents(*journal), IsEmpty());
  }
  ::umount(where_.c_str());
}

}  // namespace
}  // namespace tarn::archive
