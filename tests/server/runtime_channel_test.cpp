// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <new>

#include "core/archive/crc32c.h"
#include "core/archive/journal_record.h"
#include "server/model/json.h"
#include "server/runtime/runtime.h"
#include "tests/server/runtime_fixture.h"
#include "tests/server/schema_check.h"

namespace tarn::server {
namespace {

using ::testing::ElementsAre;

// Remembers names in order; "bad" is refused, "fatal" breaks the line, "huge" gets no memory.
class FakeLine : public IngestLine {
 public:
  FakeLine(std::vector<std::string>& names, IngestEvents events)
      : names_(names), events_(std::move(events)) {}
  UploadAnswer put(const UploadedObject& object) override {
    names_.push_back(object.name);
    if (object.name == "switch") {
      events_({"input-switched", {{"from", "ingest1"}, {"to", "ingest2"}, {"reason", "late"}}});
    }
    if (object.name == "bad")
      return {UploadAnswer::Outcome::refused, Error{ErrorCode::malformed, "bad: line 1"}};
    if (object.name == "secret")
      return {UploadAnswer::Outcome::refused, Error{ErrorCode::encrypted, "PID 256 is scrambled"}};
    if (object.name == "waiting") return {UploadAnswer::Outcome::held, {}};
    if (object.name == "long")
      events_({"gop-too-long", {{"duration", "12000000000"}, {"targetDuration", "6"}}});
    for (const char* state : {"set", "cleared"}) {
      if (object.name != state) continue;
      events_({"input-condition", {{"input", "ingest2"}, {"condition", "OPEN_SEGMENTS"}, {"state", state}}});
    }
    if (object.name == "huge") throw std::bad_alloc{};
    if (object.name == "fatal") failure_ = Error{ErrorCode::internal, "broken"};
    return {};
  }
  UploadAnswer replay(const UploadedObject& object) override { return put(object); }
  [[nodiscard]] std::uint64_t pending_object(int input) const override {
    (void)input;
    return names_.size();  // nothing is on its way
  }
  [[nodiscard]] std::optional<Error> failure() const override { return failure_; }
  bool settle() override {
    names_.push_back("settle");
    return names_.size() > 2;
  }
  void set_target_duration(std::uint32_t seconds) override {
    names_.push_back("target duration " + std::to_string(seconds));
  }
  [[nodiscard]] std::string active_input() const override { return "ingest2"; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> input_statistics(int input) const override {
    return {
        {"state", input == 0 ? "late" : "live"}, {"used", "7"}, {"targetDuration", input == 0 ? "1" : "6"}};
  }

 private:
  std::vector<std::string>& names_;
  IngestEvents events_;
  std::optional<Error> failure_;
};

Channel test_channel(const std::string& id) {
  Channel channel;
  channel.id = id;
  channel.group = "g";
  channel.name = "c";
  channel.segment_duration = 2;
  channel.inputs[0].id = "ingest1";
  channel.inputs[1].id = "ingest2";
  return channel;
}

class ChannelRuntimeTest : public RuntimeTest {
 protected:
  ChannelRuntimeTest()
      : archive_(archive::Archive::in_memory()),
        channel_(std::make_shared<ChannelRuntime>(
            parts(), test_channel("c1"), archive_, [this](std::uint32_t duration, IngestEvents events) {
              ++built_;
              built_for_ = duration;
              return Result<std::unique_ptr<IngestLine>>{
                  std::make_unique<FakeLine>(names_, std::move(events))};
            })) {}

  UploadAnswer put(const std::string& name, int input = 0) {
    std::promise<UploadAnswer> answer;
    channel_->upload({input, name, {}, Blob::copy_of(as_bytes("x"))},
                     [&](const UploadAnswer& a) { answer.set_value(a); });
    return answer.get_future().get();
  }
  std::vector<std::string> names_;
  int built_ = 0;
  std::uint32_t built_for_ = 0;
  std::shared_ptr<archive::Archive> archive_;
  std::shared_ptr<ChannelRuntime> channel_;
};

TEST_F(ChannelRuntimeTest, TakesObjectsInTheOrderOfTheirArrival) {
  std::vector<std::future<void>> answered;
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    expected.push_back(std::to_string(i));
    auto promise = std::make_shared<std::promise<void>>();
    answered.push_back(promise->get_future());
    channel_->upload({i % 2, expected.back(), {}, {}},
                     [promise](const UploadAnswer&) { promise->set_value(); });
  }
  for (auto& answer : answered) answer.wait();
  EXPECT_EQ(names_, expected);
  EXPECT_EQ(built_, 1);
}

TEST_F(ChannelRuntimeTest, BuildsABrokenPipelineAnew) {
  EXPECT_EQ(put("fatal").outcome, UploadAnswer::Outcome::created);
  EXPECT_EQ(put("a.ts").outcome, UploadAnswer::Outcome::created);
  EXPECT_EQ(built_, 2);
}

TEST_F(ChannelRuntimeTest, AnswersAnUploadWithoutMemoryAndBuildsThePipelineAnew) {
  const UploadAnswer answer = put("huge");
  EXPECT_EQ(answer.outcome, UploadAnswer::Outcome::refused);
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->code, ErrorCode::internal);
  EXPECT_EQ(answer.error->message, "out of memory");
  EXPECT_EQ(put("a.ts").outcome, UploadAnswer::Outcome::created);
  EXPECT_EQ(built_, 2);
}

TEST_F(ChannelRuntimeTest, AcknowledgesNothingOnceTheStorageHasFailed) {
  (void)put("a.ts");
  archive_->mark_failed({ErrorCode::io, "fdatasync: Input/output error"});
  for (int i = 0; i < 3; ++i) {
    const auto answer = put("b.ts");
    EXPECT_EQ(answer.outcome, UploadAnswer::Outcome::refused);
    EXPECT_EQ(answer.error->code, ErrorCode::io);
    EXPECT_NE(answer.error->message.find("fdatasync: Input/output error"), std::string::npos);
  }
  EXPECT_EQ(names_.size(), 1U) << "what is not stored is not taken either";
  EXPECT_EQ(built_, 1) << "the failed storage is not tried again";
  EXPECT_NE(channel_->state().storage_error.find("Input/output error"), std::string::npos);
  const auto first = logged_.find("archive-failed");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(logged_.find("archive-failed", first + 1), std::string::npos) << "said once";
}

TEST_F(ChannelRuntimeTest, RemembersRefusalsAndSwitches) {
  (void)put("a.ts");
  EXPECT_EQ(put("bad", 1).error->message, "bad: line 1");
  (void)put("switch");
  const auto state = channel_->state();
  EXPECT_EQ(state.inputs[0].objects(), 2U);
  EXPECT_EQ(state.inputs[1].refused(), 1U);
  EXPECT_EQ(state.errors.back().text, "bad: line 1");
  EXPECT_EQ(state.switch_count, 1U);
  EXPECT_EQ(state.switches.back().reason, "late");
  EXPECT_EQ(state.active_input, "ingest2");
  EXPECT_NE(logged_.find("warning ingest-refused channel=g/c input=ingest2 file=bad error=\"bad: line 1\""),
            std::string::npos);
  EXPECT_NE(metrics_.exposition().find("tarn_input_switches_total{group=\"g\",channel=\"c\"} 1"),
            std::string::npos);
}

TEST_F(ChannelRuntimeTest, TellsTheRunningLineOfAnotherSegmentDuration) {
  (void)put("a.ts");
  EXPECT_EQ(built_for_, 2U);
  Channel channel = test_channel("c1");
  channel_->set_channel(channel);
  channel.segment_duration = 6;
  channel_->set_channel(channel);
  (void)put("fatal");
  EXPECT_EQ(names_, (std::vector<std::string>{"a.ts", "target duration 6", "fatal"}));
  (void)put("b.ts");
  EXPECT_EQ(built_for_, 6U);
}

// Row B20.
TEST_F(ChannelRuntimeTest, AnEncryptedInputIsNamedUntilItSendsAClearSegment) {
  const auto is_named = [&] { return channel_->state().conditions[0].contains("ENCRYPTED_INPUT"); };
  (void)put("secret");
  EXPECT_TRUE(is_named());
  (void)put("secret");
  (void)put("waiting");
  (void)put("a.m3u8");
  EXPECT_TRUE(is_named());
  (void)put("a.ts");
  EXPECT_FALSE(is_named());
  const std::string line = "input-condition channel=g/c input=ingest1 condition=ENCRYPTED_INPUT state=set";
  const auto at = logged_.find(line);
  ASSERT_NE(at, std::string::npos) << logged_;
  EXPECT_EQ(logged_.find(line, at + 1), std::string::npos) << logged_;
}

TEST_F(ChannelRuntimeTest, RemembersConditionsOfInputsAndLongGops) {
  (void)put("set");
  EXPECT_TRUE(channel_->state().conditions[1].contains("OPEN_SEGMENTS"));
  EXPECT_TRUE(channel_->state().conditions[0].empty());
  EXPECT_NE(
      logged_.find("warning input-condition channel=g/c input=ingest2 condition=OPEN_SEGMENTS state=set"),
      std::string::npos)
      << logged_;
  (void)put("cleared");
  EXPECT_TRUE(channel_->state().conditions[1].empty());
  (void)put("set");
  (void)put("fatal");
  (void)put("a.ts");
  EXPECT_TRUE(channel_->state().conditions[1].empty()) << "a new line begins without";
  (void)put("long");
  EXPECT_EQ(channel_->state().errors.back().text, "GOP_TOO_LONG: a GOP of 12.000 s, segments last up to 6 s");
  EXPECT_NE(logged_.find("warning gop-too-long"), std::string::npos);
}

TEST_F(ChannelRuntimeTest, ClosesTheTailAfterThreeTargetDurationsOfSilence) {
  // Cuts of four seconds: after three slots the second segment is open.
  ASSERT_TRUE(archive_->set_presentation("e", 4, 2, Utc{}).ok());
  add_slots(*archive_, 3);
  (void)put("a.ts");
  ASSERT_EQ(archive_->timeline()->presentation("e")->cuts.size(), 1U);
  // The channel's segments are set to 2 s, those of the second input last 6 s.
  channel_->tick(after(17));
  settle();
  EXPECT_EQ(archive_->timeline()->presentation("e")->cuts.size(), 1U);
  channel_->tick(after(18));
  settle();
  EXPECT_EQ(archive_->timeline()->presentation("e")->cuts.size(), 2U);
  EXPECT_FALSE(archive_->timeline()->ended.has_value());
}

TEST_F(ChannelRuntimeTest, LetsTheJournalGoOfWhatIsListedWhenNothingComes) {
  const auto tick = [this] {
    channel_->tick(after(1));
    settle();
  };
  tick();
  (void)put("a.ts");
  tick();
  EXPECT_THAT(names_, ElementsAre("a.ts")) << "the upload has done it";
  tick();
  tick();
  EXPECT_THAT(names_, ElementsAre("a.ts", "settle", "settle")) << "until nothing waits";
  tick();
  EXPECT_EQ(names_.size(), 3U);
}

TEST_F(ChannelRuntimeTest, KeepsTheRetentionBehindTheNewestContent) {
  add_slots(*archive_, 100);
  channel_->trim({{}, std::chrono::seconds{1000}});
  settle();
  EXPECT_EQ(archive_->timeline()->first_slot(), 1U);
  channel_->trim({{}, std::chrono::seconds{60}});
  settle();
  // The newest slot begins at 198 s; the one that ends at 138 s is kept.
  EXPECT_EQ(archive_->timeline()->first_slot(), 69U);
}

// What is behind by days goes little by little: encoders wait for no deletion.
TEST_F(ChannelRuntimeTest, DeletesAnHourAtATimeTheOldestFirst) {
  using std::chrono::seconds;
  add_slots(*archive_, 4000);  // 8000 s
  const Keep keep{seconds{60}, {}};
  for (const std::uint64_t first : {1801U, 3601U, 3969U, 3969U}) {
    channel_->trim(keep);
    settle();
    EXPECT_EQ(archive_->timeline()->first_slot(), first);
  }
  EXPECT_EQ(archive_->timeline()->end_slot(), 4001U);
}

// Semantics S30: days are the clock's. What live playlists list stays.
TEST_F(ChannelRuntimeTest, AChannelThatIsSilentLosesItsDaysAllTheSame) {
  using std::chrono::seconds;
  const Keep keep{seconds{60}, seconds{300}};
  const auto trim = [&] {
    channel_->trim(keep);
    settle();
    return archive_->timeline()->first_slot();
  };
  add_slots(*archive_, 100);  // until 198 s
  EXPECT_EQ(trim(), 1U);
  add_slots(*archive_, 1);
  EXPECT_EQ(trim(), 1U) << "it has come in this process";
  monotonic_ = after(200);
  EXPECT_EQ(trim(), 20U) << "what ends at 200 + 200 - 360 s is kept";
  utc_ = Utc{seconds{1'800'000'000}};
  EXPECT_EQ(trim(), 20U) << "a clock that is set deletes nothing";
  EXPECT_EQ(channel_->use(keep, std::nullopt)->keep_from, Utc{seconds{1'700'000'040}}) << "the metric's";
  monotonic_ = after(100'000);
  EXPECT_EQ(trim(), 70U) << "200 - 60 s";
  add_slots(*archive_, 1);
  EXPECT_EQ(trim(), 70U);
}

TEST_F(ChannelRuntimeTest, TakesNothingThatWaitedWhileItWasClosed) {
  std::promise<void> go;
  workers_.submit("ingest/c1", [&] { go.get_future().wait(); });
  std::promise<UploadAnswer> answer;
  channel_->upload({0, "a.ts", {}, {}}, [&](const UploadAnswer& a) { answer.set_value(a); });
  std::promise<void> closed;
  channel_->close([&] { closed.set_value(); });
  go.set_value();
  EXPECT_EQ(answer.get_future().get().error->code, ErrorCode::conflict);
  closed.get_future().wait();
  EXPECT_EQ(built_, 0) << "an archive that is being deleted is not opened again";
}

TEST_F(ChannelRuntimeTest, TakesNothingAfterItsClosing) {
  (void)put("a.ts");
  std::promise<void> closed;
  channel_->close([&] { closed.set_value(); });
  closed.get_future().wait();
  const auto answer = put("b.ts");
  EXPECT_EQ(answer.outcome, UploadAnswer::Outcome::refused);
  EXPECT_EQ(answer.error->code, ErrorCode::conflict);
}

class WholeRuntimeTest : public RuntimeTest {
 protected:
  WholeRuntimeTest() {
    directory_ = std::filesystem::temp_directory_path() / ("tarn-runtime-" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    settings_.data_directory = directory_;
    settings_.origin_base_url = "http://{label}.example";
    settings_.make_ingest = [this](const IngestLineSettings&, IngestEvents events) {
      return Result<std::unique_ptr<IngestLine>>{std::make_unique<FakeLine>(names_, std::move(events))};
    };
    settings_.make_packager = [this](const std::string&, const Packaging&) {
      return Result<std::unique_ptr<Packager>>{std::make_unique<FakePackager>(record_)};
    };
    model_.version = 1;
    model_.groups["g"].name = "g";
    model_.groups["g"].label = "label";
    model_.channels["g/c"] = test_channel("c1");
    Endpoint endpoint;
    endpoint.id = "e1";
    endpoint.group = "g";
    endpoint.channel = "c";
    endpoint.name = "e";
    endpoint.protocol = timeline::Protocol::hls_cmaf;
    model_.endpoints["g/c/e"] = endpoint;
  }
  ~WholeRuntimeTest() override {
    workers_.stop();
    std::filesystem::remove_all(directory_);
  }
  static JsonPtr parse(const std::string& text) {
    auto parsed = parse_json(text);
    EXPECT_TRUE(parsed.ok()) << text;
    return std::move(parsed).value();
  }

  std::filesystem::path directory_;
  std::vector<std::string> names_;
  FakePackager::Record record_;
  RuntimeSettings settings_;
  Model model_;
};

TEST_F(WholeRuntimeTest, FollowsTheModel) {
  Runtime runtime{parts(), settings_, model_};
  EXPECT_TRUE(runtime.is_ready());
  EXPECT_TRUE(std::filesystem::exists(directory_ / "channels/c1"));
  EXPECT_FALSE(runtime.has_content(model_.channels["g/c"]));
  const auto archive = archive::Archive::open(directory_ / "channels/c1").value();
  EXPECT_NE(archive->timeline()->presentation("e1"), nullptr);
  add_slots(*archive, 3);
  EXPECT_TRUE(runtime.has_content(model_.channels["g/c"]));

  std::promise<Fetched> manifest;
  runtime.fetch(model_.channels["g/c"], model_.endpoints["g/c/e"], "manifest.m3u8", {},
                [&](const Fetched& f) { manifest.set_value(f); });
  EXPECT_NE(manifest.get_future().get().content, nullptr);

  Model without = model_;
  without.version = 2;
  without.endpoints.clear();
  runtime.follow(without);
  EXPECT_EQ(archive->timeline()->presentation("e1"), nullptr);
  runtime.follow(model_);  // an older model that comes late
  EXPECT_EQ(archive->timeline()->presentation("e1"), nullptr);
}

TEST_F(WholeRuntimeTest, KeepsToAQuotaButNeverTakesWhatLivePlaylistsNeed) {
  model_.endpoints["g/c/e"].time_shift_days = 7;
  settings_.archive_quota = 1;
  Runtime runtime{parts(), settings_, model_};
  const auto archive = archive::Archive::open(directory_ / "channels/c1").value();
  add_slots(*archive, 600);
  const auto first = [&] { return archive->timeline()->first_slot(); };
  const auto bytes = archive->statistics().bytes;
  runtime.tick();
  settle();
  EXPECT_EQ(first(), 151U) << "five minutes of it";
  EXPECT_NE(logged_.find("archive-over-quota channel=g/c text=\"content before 2023-11-14T22:18:22.000Z"),
            std::string::npos)
      << logged_;
  constexpr std::uint64_t bytes_per_slot = 2 * std::string_view{"chunk"}.size();
  const auto sacrificed = [&] {
    const std::string text = metrics_.exposition();
    const std::string name = "tarn_archive_sacrificed_bytes_total{group=\"g\",channel=\"c\"} ";
    const auto found = text.find(name);
    return found == std::string::npos ? 0 : std::strtoull(text.c_str() + found + name.size(), nullptr, 10);
  };
  EXPECT_EQ(sacrificed(), 150 * bytes_per_slot);
  EXPECT_NE(
      runtime.channel_status(model_.channels["g/c"]).find(R"("sacrificedBefore":"2023-11-14T22:18:20Z")"),
      std::string::npos);
  for (int i = 0; i < 60; ++i) {
    runtime.tick();
    settle();
  }
  EXPECT_EQ(sacrificed(), (first() - 1) * bytes_per_slot) << "each slot once";
  const auto timeline = archive->timeline();
  EXPECT_GT(first(), 400U);
  EXPECT_GT(timeline->end_slot() - first(), 30U) << "twice three segments, and a minute";
  EXPECT_LE(archive->statistics().bytes, bytes);
}

TEST_F(WholeRuntimeTest, AChannelThatIsResetBeginsAnew) {
  {
    Runtime runtime{parts(), settings_, model_};
    add_slots(*archive::Archive::open(directory_ / "channels/c1").value(), 3);
    EXPECT_TRUE(runtime.has_content(model_.channels["g/c"]));
    model_.version = 2;
    model_.channels["g/c"].content = 2;
    model_.endpoints["g/c/e"].edition = 2;
    runtime.follow(model_);
    settle();
    EXPECT_FALSE(runtime.has_content(model_.channels["g/c"]));
    EXPECT_FALSE(std::filesystem::exists(directory_ / "channels/c1"));
    const auto archive = archive::Archive::open(directory_ / "channels/c1-2").value();
    EXPECT_NE(archive->timeline()->presentation("e1"), nullptr);
    next_slot_ = 1;
    add_slots(*archive, 3);
    std::promise<Fetched> manifest;
    runtime.fetch(model_.channels["g/c"], model_.endpoints["g/c/e"], "manifest-v1.m3u8", {},
                  [&](const Fetched& f) { manifest.set_value(f); });
    const auto content = manifest.get_future().get().content;
    ASSERT_NE(content, nullptr);
    EXPECT_NE(as_text(content->parts.at(0).bytes()).find("e2g1-v1-1.m4s"), std::string_view::npos);
  }
  // What a reset that was cut short left behind goes with the next start.
  std::filesystem::create_directories(directory_ / "channels/c1");
  Runtime again{parts(), settings_, model_};
  EXPECT_FALSE(std::filesystem::exists(directory_ / "channels/c1"));
  EXPECT_TRUE(again.has_content(model_.channels["g/c"]));
}

TEST_F(WholeRuntimeTest, DeletesTheContentOfADeletedChannel) {
  Runtime runtime{parts(), settings_, model_};
  Model empty;
  empty.version = 2;
  runtime.follow(empty);
  workers_.stop();
  EXPECT_FALSE(std::filesystem::exists(directory_ / "channels/c1"));
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "channels"));
}

TEST_F(WholeRuntimeTest, TakesNothingWhereANewerTarnLeftAJournal) {
  ByteVector header;
  archive::write_journal_file_header({7, 1}, header);
  header[11] = 9;  // the version
  Writer{header}.patch_u32(header.size() - 4, archive::crc32c(Bytes{header}.first(header.size() - 4)));
  std::filesystem::create_directories(directory_ / "channels/c1/journal");
  std::ofstream{directory_ / "channels/c1/journal/1.journal", std::ios::binary} << as_text(header);
  Runtime runtime{parts(), settings_, model_};
  EXPECT_FALSE(runtime.is_ready());
  std::promise<UploadAnswer> answer;
  runtime.upload(model_.channels["g/c"], {0, "a.ts", {}, Blob::copy_of(as_bytes("x"))},
                 [&](const UploadAnswer& a) { answer.set_value(a); });
  const UploadAnswer refused = answer.get_future().get();
  EXPECT_EQ(refused.outcome, UploadAnswer::Outcome::refused);
  EXPECT_NE(refused.error->message.find("journal format 9 was written by a newer Tarn"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(directory_ / "channels/c1/journal/1.journal"), header.size());
}

TEST_F(WholeRuntimeTest, FinishesADeletionThatWasCutShort) {
  std::filesystem::create_directories(directory_ / "channels/old.deleted/chunks");
  std::filesystem::create_directories(directory_ / "channels/unknown");
  const Runtime runtime{parts(), settings_, model_};
  EXPECT_FALSE(std::filesystem::exists(directory_ / "channels/old.deleted"));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "channels/unknown"));
}

TEST_F(WholeRuntimeTest, TellsGapsOfTheTimeline) {
  Runtime runtime{parts(), settings_, model_};
  const auto archive = archive::Archive::open(directory_ / "channels/c1").value();
  add_slots(*archive, 1);
  const Utc utc = Utc{std::chrono::seconds{1'700'000'002}};
  const std::vector<Blob> bytes{Blob::copy_of(as_bytes("chunk"))};
  ASSERT_TRUE(archive->append({1, 2, 180'000, 180'000, true, bytes}).ok());
  ASSERT_TRUE(archive->list_slot({2, 1, 180'000, 360'000, utc, {}}, utc).ok());
  const std::string body = runtime.channel_status(model_.channels["g/c"]);
  EXPECT_EQ(SchemaCheck{}.problems(body, "ChannelStatus"), "");
  const JsonPtr status = parse(body);
  EXPECT_EQ(print_json(json_member(json_member(status.get(), "timeline"), "gaps")),
            R"([{"start":"2023-11-14T22:13:22.000Z","end":"2023-11-14T22:13:24.000Z",)"
            R"("reason":"MISSING","tracks":[2],"recovered":false}])");
}

TEST_F(WholeRuntimeTest, SaysHowItIsDoing) {
  Runtime runtime{parts(), settings_, model_};
  std::promise<void> put;
  runtime.upload(model_.channels["g/c"], {1, "switch", {}, Blob::copy_of(as_bytes("x"))},
                 [&](const UploadAnswer&) { put.set_value(); });
  put.get_future().wait();
  std::promise<void> open;
  runtime.upload(model_.channels["g/c"], {1, "set", {}, Blob::copy_of(as_bytes("x"))},
                 [&](const UploadAnswer&) { open.set_value(); });
  open.get_future().wait();
  add_slots(*archive::Archive::open(directory_ / "channels/c1").value(), 3);
  const SchemaCheck described;
  EXPECT_EQ(described.problems(runtime.channel_status(model_.channels["g/c"]), "ChannelStatus"), "");
  const JsonPtr status = parse(runtime.channel_status(model_.channels["g/c"]));
  EXPECT_EQ(json_member_text(status.get(), "activeInput"), "ingest2");
  EXPECT_EQ(json_member_number(status.get(), "switchCount"), 1);
  JsonNode* timeline = json_member(status.get(), "timeline");
  EXPECT_EQ(json_member_text(timeline, "start"), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(json_member_text(timeline, "end"), "2023-11-14T22:13:26.000Z");
  JsonNode* second = json_array_get_element(json_node_get_array(json_member(status.get(), "inputs")), 1);
  EXPECT_EQ(json_member_text(second, "id"), "ingest2");
  EXPECT_EQ(json_member_text(second, "state"), "live");
  EXPECT_EQ(json_member_number(second, "objects"), 2);
  JsonNode* condition = json_array_get_element(json_node_get_array(json_member(second, "conditions")), 0);
  EXPECT_EQ(json_member_text(condition, "code"), "OPEN_SEGMENTS");
  EXPECT_EQ(json_member_text(condition, "since"), "1970-01-01T00:00:00Z");
  EXPECT_EQ(json_member_number(json_member(second, "statistics"), "used"), 7);
  JsonNode* track = json_array_get_element(json_node_get_array(json_member(status.get(), "tracks")), 0);
  EXPECT_EQ(json_member_number(track, "width"), 1280);

  const std::string labels = "tarn_archive_failed{group=\"g\",channel=\"c\"} ";
  EXPECT_NE(metrics_.exposition().find(labels + "0"), std::string::npos);
  EXPECT_TRUE(JSON_NODE_HOLDS_NULL(json_member(json_member(status.get(), "archive"), "error")));
  archive::Archive::open(directory_ / "channels/c1").value()->mark_failed({ErrorCode::io, "gone"});
  EXPECT_NE(metrics_.exposition().find(labels + "1"), std::string::npos);
  EXPECT_FALSE(runtime.is_ready());
  const JsonPtr failed = parse(runtime.channel_status(model_.channels["g/c"]));
  EXPECT_NE(json_member_text(json_member(failed.get(), "archive"), "error").find("gone"), std::string::npos);

  EXPECT_EQ(described.problems(runtime.channel_status(model_.channels["g/c"]), "ChannelStatus"), "");
  EXPECT_EQ(described.problems(runtime.endpoint_status(model_.endpoints["g/c/e"]), "EndpointStatus"), "");
  const JsonPtr endpoint = parse(runtime.endpoint_status(model_.endpoints["g/c/e"]));
  EXPECT_EQ(json_member_text(endpoint.get(), "pipeline"), "IDLE");
  EXPECT_EQ(json_member_number(endpoint.get(), "generation"), 1);
}

}  // namespace
}  // namespace tarn::server
