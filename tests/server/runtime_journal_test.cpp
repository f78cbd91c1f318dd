// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "server/runtime/journaled_ingest.h"
#include "tests/server/runtime_fixture.h"

namespace tarn::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string multivariant = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhd.m3u8\n";
const std::string media = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n1.ts\n";
constexpr std::uint64_t nothing = ~std::uint64_t{0};

// A line whose way to the archive is as long as the test wants it.
struct Script {
  std::vector<std::string> puts;
  std::vector<std::string> replays;  // "name at arrival"
  std::array<std::uint64_t, 2> oldest{nothing, nothing};
  std::array<std::uint64_t, 2> count{};
  std::optional<Error> failure;
};

class ScriptedLine : public IngestLine {
 public:
  explicit ScriptedLine(Script& script) : script_(script) {}
  UploadAnswer put(const UploadedObject& object) override {
    script_.puts.push_back(object.name);
    ++script_.count[static_cast<std::size_t>(object.input)];
    if (object.name == "breaks.m3u8") {
      script_.failure = Error{ErrorCode::no_space, "full"};
      script_.oldest[0] = nothing;
      return {UploadAnswer::Outcome::refused, script_.failure};
    }
    if (object.name == "bad.ts") return {UploadAnswer::Outcome::refused, Error{ErrorCode::malformed, "bad"}};
    return {UploadAnswer::Outcome::held, std::nullopt};
  }
  UploadAnswer replay(const UploadedObject& object) override {
    script_.replays.push_back(object.name + " at " +
                              std::to_string(object.arrival.time_since_epoch().count()));
    ++script_.count[static_cast<std::size_t>(object.input)];
    return {UploadAnswer::Outcome::held, std::nullopt};
  }
  [[nodiscard]] std::uint64_t pending_object(int input) const override {
    const auto index = static_cast<std::size_t>(input);
    return std::min(script_.oldest[index], script_.count[index]);
  }
  [[nodiscard]] std::optional<Error> failure() const override { return script_.failure; }
  void set_target_duration(std::uint32_t) override {}
  [[nodiscard]] std::string active_input() const override { return {}; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> input_statistics(int input) const override {
    (void)input;
    return {};
  }

 private:
  Script& script_;
};

class JournaledIngestTest : public RuntimeTest {
 protected:
  JournaledIngestTest() { std::filesystem::remove_all(where_); }
  ~JournaledIngestTest() override {
    line_.reset();
    std::filesystem::remove_all(where_);
  }

  void begin(archive::JournalLimits limits = {}) {
    line_.reset();
    script_ = {};
    auto journal = archive::Journal::open(where_, limits);
    ASSERT_TRUE(journal.ok()) << journal.error().message;
    line_ = with_journal(std::make_unique<ScriptedLine>(script_), std::move(journal).value(), archive_,
                         [this](const IngestEvent& event) { events_.push_back(event.name); });
  }
  UploadAnswer put(const std::string& name, const std::string& body = "media", int input = 0) {
    const Utc arrival{Microseconds{static_cast<std::int64_t>(++puts_)}};
    return line_->put({input, name, {}, Blob::copy_of(as_bytes(body)), arrival});
  }
  [[nodiscard]] std::vector<std::string> kept() const {
    std::vector<std::string> names;
    const auto journal = archive::Journal::open(where_);
    for (const auto& entry : (*journal)->entries()) names.push_back(entry.path);
    return names;
  }

  const std::filesystem::path where_ =
      std::filesystem::temp_directory_path() / ("tarn-journal-" + std::to_string(::getpid()));
  std::shared_ptr<archive::Archive> archive_ = archive::Archive::in_memory();
  Script script_;
  std::unique_ptr<IngestLine> line_;
  std::vector<std::string> events_;
  int puts_ = 0;
};

TEST_F(JournaledIngestTest, WhatIsHeldIsOnDiskWhenItIsAnswered) {
  begin();
  script_.oldest[0] = 0;
  EXPECT_EQ(put("1.ts").outcome, UploadAnswer::Outcome::held);
  EXPECT_THAT(kept(), ElementsAre("1.ts"));
  begin();
  EXPECT_THAT(script_.replays, ElementsAre("1.ts at 1"));
  EXPECT_THAT(events_, ElementsAre("journal-replayed"));
}

TEST_F(JournaledIngestTest, WhatItsOwnPutListedIsNotWritten) {
  begin();
  (void)put("1.ts");
  (void)put("hd.m3u8", media);
  (void)put("bad.ts");
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(JournaledIngestTest, AMultivariantPlaylistIsAlwaysKept) {
  begin();
  (void)put("m.m3u8", multivariant);
  (void)put("m.m3u8", multivariant);
  EXPECT_THAT(kept(), ElementsAre("m.m3u8"));
  begin();
  EXPECT_THAT(script_.replays, ElementsAre("m.m3u8 at 1"));
  EXPECT_THAT(events_, IsEmpty()) << "no media came back";
}

TEST_F(JournaledIngestTest, AMediaPlaylistIsKeptWithWhatWaits) {
  begin();
  (void)put("hd.m3u8", media);
  EXPECT_THAT(kept(), IsEmpty());
  script_.oldest[0] = 1;
  (void)put("1.ts");
  EXPECT_THAT(kept(), ElementsAre("1.ts", "hd.m3u8"));
  (void)put("hd.m3u8", media + "#EXTINF:2,\n2.ts\n");
  (void)put("hd.m3u8", media + "#EXTINF:2,\n2.ts\n");
  EXPECT_THAT(kept(), ElementsAre("1.ts", "hd.m3u8", "hd.m3u8"));
  (void)put("m.m3u8", multivariant);
  begin();
  EXPECT_THAT(script_.replays, ElementsAre("m.m3u8 at 5", "1.ts at 2", "hd.m3u8 at 1", "hd.m3u8 at 3"));
}

TEST_F(JournaledIngestTest, ReleasesWhatIsListedAndNotBefore) {
  begin();
  script_.oldest[0] = 0;
  (void)put("1.ts");
  (void)put("2.ts");
  script_.oldest[0] = 1;
  (void)put("hd.m3u8", media);
  EXPECT_THAT(kept(), ElementsAre("2.ts", "hd.m3u8"));
  // It left the line as a chunk of a slot that is not listed yet.
  add_slots(*archive_, 1);
  const std::vector<Blob> bytes{Blob::copy_of(as_bytes("chunk"))};
  ASSERT_TRUE(archive_->append({1, 2, 180'000, 180'000, true, bytes}).ok());
  script_.oldest[0] = nothing;
  (void)put("hd.m3u8", media + "\n");
  EXPECT_THAT(kept(), ElementsAre("2.ts", "hd.m3u8", "hd.m3u8"));
  add_slot(*archive_);
  (void)put("hd.m3u8", media);
  EXPECT_THAT(kept(), ElementsAre("hd.m3u8"));
}

TEST_F(JournaledIngestTest, WhatADeadlineListsIsReleasedWithoutAPut) {
  begin();
  EXPECT_TRUE(line_->settle());
  script_.oldest[0] = 0;
  (void)put("1.ts");
  EXPECT_FALSE(line_->settle());
  add_slots(*archive_, 1);
  const std::vector<Blob> bytes{Blob::copy_of(as_bytes("chunk"))};
  ASSERT_TRUE(archive_->append({1, 2, 180'000, 180'000, true, bytes}).ok());
  script_.oldest[0] = nothing;
  EXPECT_FALSE(line_->settle()) << "it is in the archive and not listed";
  EXPECT_THAT(kept(), ElementsAre("1.ts"));
  add_slot(*archive_);
  EXPECT_TRUE(line_->settle());
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(JournaledIngestTest, OneInputDoesNotReleaseTheOthers) {
  begin();
  script_.oldest = {0, 0};
  (void)put("1.ts", "media", 0);
  (void)put("1.ts", "media", 1);
  script_.oldest[0] = nothing;
  (void)put("hd.m3u8", media, 0);
  begin();
  EXPECT_THAT(script_.replays, ElementsAre("1.ts at 2"));
}

TEST_F(JournaledIngestTest, WhatCannotBeKeptIsRefusedAndTheLineWithIt) {
  begin({.file_bytes = 1000, .bytes = 200});
  script_.oldest[0] = 0;
  EXPECT_EQ(put("1.ts").outcome, UploadAnswer::Outcome::held);
  const auto refused = put("2.ts", std::string(500, 'x'));
  EXPECT_EQ(refused.outcome, UploadAnswer::Outcome::refused);
  EXPECT_EQ(refused.error->code, ErrorCode::no_space);
  EXPECT_EQ(line_->failure()->code, ErrorCode::no_space);
  EXPECT_TRUE(archive_->health().ok()) << "a full disk is no failure";
  EXPECT_EQ(put("3.ts").error->code, ErrorCode::no_space);
  EXPECT_THAT(script_.puts, ElementsAre("1.ts", "2.ts"));
  begin();
  EXPECT_THAT(script_.replays, ElementsAre("1.ts at 1"));
}

TEST_F(JournaledIngestTest, WhatALineDropsWhenItFailsIsNotReleased) {
  begin();
  script_.oldest[0] = 0;
  (void)put("1.ts");
  EXPECT_EQ(put("breaks.m3u8", media).error->code, ErrorCode::no_space);
  begin();
  EXPECT_THAT(script_.replays, ElementsAre("1.ts at 1"));
}

TEST_F(JournaledIngestTest, ADamagedRecordIsReportedAndTheOthersComeBack) {
  begin();
  script_.oldest[0] = 0;
  (void)put("1.ts");
  (void)put("2.ts");
  line_.reset();
  for (const auto& file : std::filesystem::directory_iterator{where_}) {
    std::fstream bytes{file.path(), std::ios::binary | std::ios::in | std::ios::out};
    bytes.seekp(archive::journal_file_header_size + archive::journal_record_header_size + 6);
    bytes.put('\xFF');
  }
  begin();
  EXPECT_THAT(script_.replays, ElementsAre("2.ts at 2"));
  EXPECT_THAT(events_, ElementsAre("journal-damaged", "journal-replayed"));
}

}  // namespace
}  // namespace tarn::server
