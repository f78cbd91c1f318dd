// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>

#include "core/archive/composed_archive.h"
#include "core/archive/local_chunk_store.h"
#include "core/archive/memory_chunk_store.h"
#include "core/archive/salvage.h"
#include "core/archive/sqlite_catalogue.h"
#include "programme.h"

// A failing disk (faults.md T15, C7) and a full one (C1).
namespace tarn::archive {
namespace {

using ::testing::HasSubstr;

struct Faults {
  std::optional<ErrorCode> append;
  std::optional<ErrorCode> sync;
  std::optional<ErrorCode> commit;
  int syncs = 0;
  int removed = 0;
};

Status fail_if(const std::optional<ErrorCode>& code) {
  if (!code) return {};
  return Error{*code, "injected"};
}

class FaultyStore final : public ChunkStore {
 public:
  explicit FaultyStore(std::shared_ptr<Faults> faults) : faults_(std::move(faults)) {}
  std::vector<std::uint32_t> recover(std::uint32_t known) override { return real_->recover(known); }
  Result<timeline::ChunkLocation> append(const VolumeHead& head, const ChunkLabel& label,
                                         std::span<const Blob> parts) override {
    TRY(fail_if(faults_->append));
    return real_->append(head, label, parts);
  }
  Status sync() override {
    ++faults_->syncs;
    return fail_if(faults_->sync);
  }
  Result<std::vector<Blob>> read(const timeline::Chunk& chunk) override { return real_->read(chunk); }
  Result<Salvage> salvage() const override { return real_->salvage(); }
  Status remove(std::uint32_t volume) override {
    ++faults_->removed;
    faults_->commit.reset();  // there is room now
    return real_->remove(volume);
  }
  [[nodiscard]] std::uint64_t bytes() const override { return real_->bytes(); }

 private:
  std::shared_ptr<Faults> faults_;
  std::unique_ptr<ChunkStore> real_ = make_memory_chunk_store();
};

class FaultyCatalogue final : public Catalogue {
 public:
  explicit FaultyCatalogue(std::shared_ptr<Faults> faults)
      : faults_(std::move(faults)),
        real_(std::move(open_sqlite_catalogue(":memory:", Absent::create)).value()) {}
  Result<Contents> load() override { return real_->load(); }
  Status commit(const Change& change) override {
    TRY(fail_if(faults_->commit));
    return real_->commit(change);
  }

 private:
  std::shared_ptr<Faults> faults_;
  std::unique_ptr<Catalogue> real_;
};

class ArchiveFaults : public ::testing::Test {
 protected:
  ArchiveFaults() {
    EXPECT_TRUE(archive_.load().ok());
    begin(archive_);
    EXPECT_TRUE(archive_.set_presentation("e", 4, 4, programme_start).ok());
    write_slots(archive_, 1, 3);
  }

  void expect_failed() {
    EXPECT_EQ(archive_.health().error().code, ErrorCode::io);
    EXPECT_THAT(archive_.health().error().message, HasSubstr("injected"));
    const int syncs = faults_->syncs;
    *faults_ = Faults{};
    faults_->syncs = syncs;
    for (const Status& refused :
         {archive_.append(make_chunk(2, 4)), archive_.list_slot(make_listing(4, 1), listing_time(4)),
          archive_.begin_stretch(make_stretch(2, 4), make_inits()),
          archive_.close_tail(true, listing_time(4)), archive_.set_presentation("f", 4, 4, listing_time(4)),
          archive_.remove_presentation("e"), archive_.trim(utc_of_slot(3))}) {
      EXPECT_EQ(refused.error().code, ErrorCode::io);
    }
    EXPECT_EQ(faults_->syncs, syncs) << "a failed file was synced again";
    EXPECT_EQ(archive_.timeline()->end_slot(), 4U);
    EXPECT_EQ(read_text(archive_, archive_.timeline()->find(3)->chunks[0]), chunk_text(1, 3));
  }

  std::shared_ptr<Faults> faults_ = std::make_shared<Faults>();
  ComposedArchive archive_{"a", std::make_unique<FaultyStore>(faults_),
                           std::make_unique<FaultyCatalogue>(faults_), default_cache_bytes};
};

TEST_F(ArchiveFaults, AFailedSyncIsFinal) {
  ASSERT_TRUE(archive_.append(make_chunk(1, 4)).ok());
  faults_->sync = ErrorCode::io;
  EXPECT_EQ(archive_.list_slot(make_listing(4, 1), listing_time(4)).error().code, ErrorCode::io);
  expect_failed();
}

TEST_F(ArchiveFaults, AFailedSyncForWantOfSpaceIsFinalAsWell) {
  ASSERT_TRUE(archive_.append(make_chunk(1, 4)).ok());
  faults_->sync = ErrorCode::no_space;
  EXPECT_EQ(archive_.list_slot(make_listing(4, 1), listing_time(4)).error().code, ErrorCode::io);
  expect_failed();
}

TEST_F(ArchiveFaults, AFailedWriteIsFinal) {
  faults_->append = ErrorCode::io;
  EXPECT_EQ(archive_.append(make_chunk(1, 4)).error().code, ErrorCode::io);
  expect_failed();
}

TEST_F(ArchiveFaults, AFailedCommitIsFinal) {
  faults_->commit = ErrorCode::io;
  EXPECT_EQ(archive_.list_slot(make_listing(4, 1), listing_time(4)).error().code, ErrorCode::io);
  expect_failed();
}

TEST_F(ArchiveFaults, AFullDiskIsNotAFailure) {
  faults_->append = ErrorCode::no_space;
  EXPECT_EQ(archive_.append(make_chunk(1, 4)).error().code, ErrorCode::no_space);
  EXPECT_TRUE(archive_.health().ok());
  faults_->append.reset();
  write_slots(archive_, 4, 4);
  EXPECT_EQ(archive_.timeline()->find(4)->chunks.size(), 2U);
}

TEST_F(ArchiveFaults, SlotsThatAFullCatalogueRefusedAreListedWithTheNext) {
  const std::string before = describe(archive_);
  faults_->commit = ErrorCode::no_space;
  EXPECT_EQ(write_slot(archive_, 4, 1).error().code, ErrorCode::no_space);
  EXPECT_EQ(write_slot(archive_, 5, 1).error().code, ErrorCode::no_space);
  EXPECT_EQ(describe(archive_), before);
  faults_->commit.reset();
  write_slots(archive_, 6, 6);
  EXPECT_EQ(archive_.timeline()->end_slot(), 7U);
  EXPECT_EQ(read_text(archive_, archive_.timeline()->find(4)->chunks[1]), chunk_text(2, 4));
  const auto timeline = archive_.timeline();
  const auto& cuts = timeline->presentation("e")->cuts;
  ASSERT_EQ(cuts.size(), 3U);
  EXPECT_EQ(cuts[2].first_slot, 5U);
}

TEST_F(ArchiveFaults, TrimMakesRoomEvenWhenTheCatalogueIsFull) {
  begin(archive_, 2, 4);
  write_slots(archive_, 4, 5, 2);
  faults_->commit = ErrorCode::no_space;
  const Status trimmed = archive_.trim(utc_of_slot(6));
  EXPECT_TRUE(trimmed.ok()) << trimmed.error().message;
  EXPECT_EQ(faults_->removed, 2);
  EXPECT_EQ(archive_.timeline()->first_slot(), 5U);
  write_slots(archive_, 6, 6, 2);
}

TEST_F(ArchiveFaults, SettingsThatAFullCatalogueRefusedAreNotTaken) {
  const auto before = archive_.timeline();
  faults_->commit = ErrorCode::no_space;
  EXPECT_EQ(archive_.set_presentation("e", 8, 8, listing_time(4)).error().code, ErrorCode::no_space);
  EXPECT_EQ(archive_.set_presentation("f", 8, 8, listing_time(4)).error().code, ErrorCode::no_space);
  EXPECT_EQ(archive_.remove_presentation("e").error().code, ErrorCode::no_space);
  EXPECT_EQ(archive_.close_tail(true, listing_time(4)).error().code, ErrorCode::no_space);
  EXPECT_EQ(archive_.timeline(), before);
  faults_->commit.reset();
  ASSERT_TRUE(archive_.set_presentation("e", 8, 8, listing_time(4)).ok());
  EXPECT_EQ(archive_.timeline()->presentation("e")->generations.size(), 2U);
}

// A real full file system, where the tests may mount one.
class FullDisk : public ::testing::Test {
 protected:
  FullDisk() {
    std::filesystem::create_directory(path_);
    is_mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=2m") == 0;
  }
  ~FullDisk() override {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  ScratchDirectory scratch_;
  std::string path_ = scratch_.path("full");
  bool is_mounted_ = false;
};

TEST_F(FullDisk, RefusesListsAgainAfterTrimAndCorruptsNothing) {
  if (!is_mounted_) GTEST_SKIP() << "may not mount a tmpfs here";
  const std::string directory = path_ + "/a";
  std::uint64_t slot = 1;
  {
    const auto archive = open_or_fail(directory);
    archive->set_cache_limit(0);
    const auto append_big = [&] {
      NewChunk chunk = make_chunk(1, slot);
      chunk.parts.push_back(Blob::of(ByteVector(130'000, static_cast<std::uint8_t>(slot))));
      return archive->append(std::move(chunk));
    };
    const auto list = [&] {
      return archive->list_slot(make_listing(slot, static_cast<std::uint32_t>(slot)), listing_time(slot));
    };
    Status last;
    for (; last.ok() && slot < 100; ++slot) {
      begin(*archive, static_cast<std::uint32_t>(slot), slot);
      last = append_big();
      if (last.ok()) last = list();
      if (!last.ok()) break;
    }
    ASSERT_EQ(last.error().code, ErrorCode::no_space) << last.error().message;
    ASSERT_GT(slot, 10U);
    EXPECT_TRUE(archive->health().ok());
    EXPECT_EQ(append_big().error().code, ErrorCode::no_space);
    ASSERT_TRUE(archive->trim(utc_of_slot(8)).ok());
    ASSERT_TRUE(append_big().ok());
    const Status listed = list();
    ASSERT_TRUE(listed.ok()) << listed.error().message;
  }
  const auto archive = open_or_fail(directory);
  const auto timeline = archive->timeline();
  EXPECT_EQ(timeline->first_slot(), 7U);
  EXPECT_EQ(timeline->end_slot(), slot + 1);
  for (std::uint64_t n = timeline->first_slot(); n <= slot; ++n) {
    const auto bytes = archive->read(*timeline->find(n)->find(1));
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    EXPECT_EQ(bytes->bytes().back(), static_cast<std::uint8_t>(n));
    EXPECT_EQ(bytes->size(), chunk_text(1, n).size() + 130'000);
  }
}

TEST(VolumeLimits, CloseAVolumeBySizeAndByDuration) {
  const ScratchDirectory scratch;
  std::filesystem::create_directory(scratch.path("chunks"));
  auto store = open_local_chunk_store(scratch.path("chunks"), VolumeLimits{600, 6});
  ASSERT_TRUE(store.ok());
  VolumeHead head;
  head.track = 1;
  head.timescale = 10;
  head.init = text_blob("init");
  std::vector<std::uint32_t> volumes;
  const auto append = [&](std::size_t size, std::int64_t duration) {
    const Blob part = Blob::of(ByteVector(size));
    ChunkLabel label;
    label.track = 1;
    label.duration = duration;
    volumes.push_back((*store)->append(head, label, {&part, 1})->volume);
  };
  for (int i = 0; i < 4; ++i) append(10, 30);
  append(600, 1);
  append(600, 1);
  EXPECT_THAT(volumes, ::testing::ElementsAre(1, 1, 2, 2, 3, 4));
  EXPECT_TRUE((*store)->sync().ok());
}

}  // namespace
}  // namespace tarn::archive
