// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "core/archive/archive.h"
#include "core/archive/sqlite.h"
#include "programme.h"

// A damaged catalogue (faults.md C16): it is set aside, and what the volumes tell goes on.
namespace tarn::archive {
namespace {

using ::testing::HasSubstr;

Blob box(std::string_view type, std::string_view text) {
  ByteVector out;
  Writer writer{out};
  writer.u32(8 + text.size());
  writer.text(type);
  writer.text(text);
  return Blob::of(std::move(out));
}

NewChunk boxed_chunk(timeline::TrackId track, std::uint64_t slot) {
  NewChunk chunk = make_chunk(track, slot);
  chunk.parts = {box("moof", chunk_text(track, slot)), box("mdat", "media")};
  return chunk;
}

void write_boxed(Archive& archive, std::uint64_t first, std::uint64_t last, std::uint32_t stretch) {
  for (std::uint64_t slot = first; slot <= last; ++slot) {
    for (const timeline::TrackId track : {1U, 2U}) ASSERT_TRUE(archive.append(boxed_chunk(track, slot)).ok());
    ASSERT_TRUE(archive.list_slot(make_listing(slot, stretch), listing_time(slot)).ok());
  }
}

void begin_boxed(Archive& archive, std::uint32_t stretch, std::uint64_t first_slot) {
  const std::string name = std::to_string(stretch);
  ASSERT_TRUE(archive
                  .begin_stretch(make_stretch(stretch, first_slot),
                                 {box("ftyp", "video " + name), box("ftyp", "audio " + name)})
                  .ok());
}

std::string text_of_slots(Archive& archive) {
  std::string text;
  const auto timeline = archive.timeline();
  for (std::uint64_t n = timeline->first_slot(); n < timeline->end_slot(); ++n) {
    const timeline::SlotView slot = *timeline->find(n);
    text += std::to_string(n) + " " + std::to_string(slot.stretch) + " " + std::to_string(slot.start) + "-" +
            std::to_string(slot.end) + " " + format_utc(slot.utc);
    for (const timeline::Chunk& chunk : slot.chunks) {
      text += " " + std::to_string(chunk.track) + ":" + std::to_string(chunk.serial) + ":" +
              std::to_string(read_text(archive, chunk).size());
    }
    text += "\n";
  }
  return text;
}

class Salvaging : public ::testing::Test {
 protected:
  Salvaging() {
    const auto archive = open_or_fail(where_);
    begin_boxed(*archive, 1, 1);
    EXPECT_TRUE(archive->set_presentation("e", 4, 4, programme_start).ok());
    write_boxed(*archive, 1, 7, 1);
    begin_boxed(*archive, 2, 8);
    write_boxed(*archive, 8, 12, 2);
    slots_ = text_of_slots(*archive);
    last_serial_ = archive->timeline()->find(12)->chunks.back().serial;
    cuts_ = archive->timeline()->presentation("e")->cuts.size();
  }

  [[nodiscard]] std::string database() const { return where_ + "/catalogue.db"; }
  void damage(const std::string& sql) const {
    auto opened = sqlite::Database::open(database());
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE((*opened)->execute(sql.c_str()).ok());
  }
  [[nodiscard]] std::vector<std::filesystem::path> volumes() const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator{where_ + "/chunks"}) found.push_back(entry);
    std::sort(found.begin(), found.end());
    return found;
  }
  // Everything is there, and goes on under numbers that nothing had before.
  void expect_rebuilt() {
    const auto archive = open_or_fail(where_);
    EXPECT_EQ(text_of_slots(*archive), slots_);
    ASSERT_EQ(archive->repairs().size(), 1U);
    EXPECT_THAT(archive->repairs()[0], HasSubstr("made anew of 12 slots"));
    EXPECT_TRUE(std::filesystem::exists(database() + ".damaged-1"));
    ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start).ok());
    const auto presentation = archive->timeline()->presentations.at("e");
    EXPECT_EQ(presentation->cuts.size(), cuts_);
    EXPECT_GT(presentation->generations.back().number, 1'600'000'000U);
    EXPECT_GT(presentation->cuts.front().number, 1'600'000'000U);
    EXPECT_EQ(archive->resume().next_slot, 13U);
    EXPECT_EQ(archive->resume().next_stretch, 3U);
    EXPECT_EQ(archive->init(1, 2)->size(), 15U);
    write_boxed(*archive, 13, 14, 2);
    EXPECT_GT(archive->timeline()->find(13)->chunks.front().serial, last_serial_);
  }

  const ScratchDirectory scratch_;
  const std::string where_ = scratch_.path("a");
  std::string slots_;
  std::uint64_t last_serial_ = 0;
  std::size_t cuts_ = 0;
};

TEST_F(Salvaging, RebuildsAMissingCatalogue) {
  std::filesystem::rename(database(), database() + ".damaged-1");
  expect_rebuilt();
}

TEST_F(Salvaging, RebuildsAnEmptyCatalogue) {
  std::filesystem::resize_file(database(), 0);
  expect_rebuilt();
}

TEST_F(Salvaging, RebuildsACatalogueOfGarbage) {
  std::ofstream{database(), std::ios::binary | std::ios::trunc} << std::string(8192, 'x');
  expect_rebuilt();
}

TEST_F(Salvaging, RebuildsACatalogueWithoutATable) {
  damage("DROP TABLE slot");
  expect_rebuilt();
}

TEST_F(Salvaging, RebuildsACatalogueWhoseSegmentsDoNotFollow) {
  damage("UPDATE cut SET first_slot = 1 WHERE number = 3");
  expect_rebuilt();
}

TEST_F(Salvaging, FlippedBytesAnywhereInTheCatalogueNeverKeepItFromOpening) {
  const std::uintmax_t size = std::filesystem::file_size(database());
  for (std::uintmax_t at = 0; at < size; at += 509) {
    const std::string copy = scratch_.copy(where_, "copy" + std::to_string(at));
    {
      std::fstream file{copy + "/catalogue.db", std::ios::binary | std::ios::in | std::ios::out};
      for (std::uintmax_t i = at; i < std::min(at + 16, size); ++i) {
        file.seekp(static_cast<std::streamoff>(i));
        file.put('\xA5');
      }
    }
    const auto opened = Archive::open(copy);
    ASSERT_TRUE(opened.ok() || opened.error().code == ErrorCode::unsupported)
        << at << ": " << opened.error().message;
    if (opened.ok()) {
      EXPECT_EQ((*opened)->timeline()->end_slot(), 13U) << at;
    }
  }
}

TEST_F(Salvaging, ADamagedSlotIsTakenFromTheVolumesAndNothingElseChanges) {
  damage("UPDATE slot SET record = x'0102030405' WHERE number = 5");
  damage("UPDATE stretch SET record = x'00' WHERE id = 1");
  for (int round = 0; round < 2; ++round) {
    const auto archive = open_or_fail(where_);
    EXPECT_EQ(text_of_slots(*archive), slots_);
    EXPECT_EQ(archive->timeline()->presentation("e")->cuts.size(), cuts_);
    EXPECT_EQ(archive->timeline()->presentation("e")->generations.size(), 1U);
    EXPECT_EQ(archive->repairs().size(), round == 0 ? 1U : 0U);
  }
}

TEST_F(Salvaging, ADamagedChunkBoxCostsOneChunk) {
  const auto path = volumes().front();
  const auto chunk = open_or_fail(where_)->timeline()->find(3)->chunks[0];
  {
    std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(static_cast<std::streamoff>(chunk.location.offset - 40));
    file.put('\xFF');
  }
  std::filesystem::remove(database());
  const auto archive = open_or_fail(where_);
  EXPECT_THAT(archive->repairs()[0], HasSubstr("1 places of which are unreadable"));
  const auto timeline = archive->timeline();
  EXPECT_EQ(timeline->end_slot() - timeline->first_slot(), 12U);
  EXPECT_TRUE(timeline->find(3)->chunks.empty());
  EXPECT_EQ(timeline->find(3)->start, 3 * gop_seconds * video_scale);
  EXPECT_EQ(timeline->find(4)->chunks.size(), 2U);
}

TEST_F(Salvaging, AVolumeThatEndsInAChunkLosesThatChunk) {
  const auto chunk = open_or_fail(where_)->timeline()->find(12)->chunks[0];
  for (const auto& path : volumes()) {
    if (std::filesystem::file_size(path) == chunk.location.offset + chunk.location.size &&
        path.filename().string().starts_with("t1-")) {
      std::filesystem::resize_file(path, chunk.location.offset + 3);
    }
  }
  std::filesystem::remove(database());
  EXPECT_EQ(open_or_fail(where_)->timeline()->end_slot(), 12U);
}

TEST_F(Salvaging, ANewerSchemaIsRefusedAndNotTakenForDamage) {
  damage("PRAGMA user_version = 7");
  const auto opened = Archive::open(where_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_FALSE(std::filesystem::exists(database() + ".damaged-1"));
}

}  // namespace
}  // namespace tarn::archive
