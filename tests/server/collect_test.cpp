// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <fstream>
#include <set>
#include <utility>

#include "server/collect/collector.h"
#include "server/collect/file_target.h"
#include "server/runtime/content.h"
#include "tests/server/control_fixture.h"

namespace tarn::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using State = CollectionTask::State;

Utc at(int seconds) { return Utc{std::chrono::seconds{1'700'000'000 + seconds}}; }

// One segment a second, "s0", "s1", …, up to an edge that the test moves.
class SourceFake : public CollectionSource {
 public:
  Result<CollectionPlan> plan(const CollectionTask& task, const CollectionLook& look) override {
    const std::lock_guard lock{mutex};
    if (is_gone) return not_found("the endpoint does not exist any more");
    if (error) return *error;
    ++plans;
    CollectionPlan plan;
    plan.edge = edge;
    const bool is_whole = edge >= task.end || look.finish;
    Utc time = is_whole ? task.start : std::max(task.start, look.known_until);
    planned_from = time;
    for (; time < std::min(task.end, edge); time += std::chrono::seconds{1}) {
      const std::string name = prefix + std::to_string((time - at(0)) / std::chrono::seconds{1}) + ".ts";
      if (!lost.contains(name)) plan.media.push_back(name);
    }
    if (is_whole) {
      if (plan.media.empty()) return not_found("nothing of this range was ever there");
      const Utc until = std::min(task.end, edge);
      plan.covered = {task.start, until, task.end - until};
      plan.manifests = {{"m-v1.m3u8", "text", "media"}, {"m.m3u8", "text", "main"}};
    }
    return plan;
  }
  void fetch_media(const CollectionTask&, const std::string& file,
                   std::function<void(Fetched)> done) override {
    const std::lock_guard lock{mutex};
    fetched.push_back(file);
    if (file == stuck) return;
    if (file == goes) {
      lost.insert(file);
      return done({nullptr, Fetched::Absence::not_found, "no such file", {}});
    }
    done({media_content({Blob::copy_of(as_bytes("bytes of " + file))}, "video/mp2t", file), {}, {}, {}});
  }
  void hold(std::map<std::string, Utc> from) override {
    const std::lock_guard lock{mutex};
    held = std::move(from);
  }
  std::mutex mutex;
  Utc edge = at(10);
  bool is_gone = false;
  std::optional<Error> error;  // of plans, for as long as it is set
  std::vector<std::string> fetched;
  std::string prefix = "s";    // as the endpoint's settings are now
  std::string goes;            // is taken from the timeline between the plan and the upload
  std::string stuck;           // is never answered
  std::set<std::string> lost;  // is in no plan any more
  int plans = 0;
  Utc planned_from{};  // the last time
  std::map<std::string, Utc> held;
};

// What a store has, what was put into it in which order, and the errors that come first.
struct Shelf {
  std::mutex mutex;
  std::vector<std::string> puts;
  std::map<std::string, std::string> objects;
  std::deque<Error> errors;
  std::optional<Error> error;  // for as long as it is set
  std::size_t bytes = 0;       // that were put
  int tries = 0;
  std::function<void(const std::string&)> on_put;
  std::function<void()> on_find;
  std::optional<Error> no_tidying;
  int tidied = 0;
  std::vector<std::string> looked_at;
  std::optional<Error> no_removing;
  std::vector<std::string> removed;
};
class ShelfTarget : public Target {
 public:
  explicit ShelfTarget(Shelf& shelf) : shelf_(shelf) {}
  Result<std::optional<StoredObject>> find(const std::string& name) override {
    const std::lock_guard lock{shelf_.mutex};
    if (shelf_.on_find) shelf_.on_find();
    shelf_.looked_at.push_back(name);
    const auto at = shelf_.objects.find(name);
    if (at == shelf_.objects.end()) return std::optional<StoredObject>{};
    return std::optional{StoredObject{at->second.size(), md5_hex(as_bytes(at->second))}};
  }
  Status put(const std::string& name, const std::string&, const std::vector<Blob>& parts) override {
    const std::lock_guard lock{shelf_.mutex};
    if (shelf_.on_put) shelf_.on_put(name);
    ++shelf_.tries;
    if (shelf_.error) return *shelf_.error;
    if (!shelf_.errors.empty()) {
      const Error error = shelf_.errors.front();
      shelf_.errors.pop_front();
      return error;
    }
    shelf_.puts.push_back(name);
    shelf_.objects[name].clear();
    for (const Blob& part : parts) shelf_.objects[name] += as_text(part.bytes());
    shelf_.bytes += shelf_.objects[name].size();
    return {};
  }
  Status remove(const std::string& name) override {
    const std::lock_guard lock{shelf_.mutex};
    shelf_.removed.push_back(name);
    if (shelf_.no_removing) return *shelf_.no_removing;
    shelf_.objects.erase(name);
    return {};
  }
  Status tidy() override {
    const std::lock_guard lock{shelf_.mutex};
    ++shelf_.tidied;
    return shelf_.no_tidying ? Status{*shelf_.no_tidying} : Status{};
  }

 private:
  Shelf& shelf_;
};

class CollectTest : public testing::Test {
 protected:
  CollectTest()
      : log_(
            LogFormat::text, LogLevel::info, [] { return Utc{}; },
            [this](std::string_view line) {
              const std::lock_guard lock{log_mutex_};
              logged_ += line;
            }) {
    store_ = std::move(Store::open(directory_.path(), directory_.file("secrets.key"))).value();
    settings_.open = [this](const CollectionTask&, const std::function<bool()>&) {
      return Result<std::unique_ptr<Target>>{std::make_unique<ShelfTarget>(shelf_)};
    };
    settings_.look_again = settings_.first_backoff = std::chrono::milliseconds{1};
    settings_.retry.first = settings_.retry.longest = std::chrono::milliseconds{1};
  }
  void start() {
    collector_.reset();
    auto opened = Collector::open(
        {*store_, source_, log_, [this] { return now_.load(); },
         [this] {
           return std::chrono::time_point_cast<Microseconds>(std::chrono::steady_clock::now()) +
                  passed_.load();
         }},
        settings_);
    ASSERT_TRUE(opened.ok());
    collector_ = std::move(opened).value();
  }
  static CollectionTask task(const std::string& id, int from, int to) {
    CollectionTask task;
    task.id = id;
    task.channel = "c";
    task.endpoint = "e";
    task.channel_id = "channel";
    task.start = at(from);
    task.end = at(to);
    task.target.url = "file:x";
    return task;
  }
  template <class Condition>
  [[nodiscard]] static bool comes(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  [[nodiscard]] bool becomes(const std::string& id, State state) {
    return comes([&] { return collector_->find(id)->state == state; });
  }
  // Passes go on over the same state of things.
  [[nodiscard]] bool is_tried_again() {
    const auto tries = [&] {
      const std::lock_guard lock{shelf_.mutex};
      return shelf_.tries;
    };
    const int before = tries();
    return comes([&] { return tries() >= before + 40; });
  }
  std::vector<std::string> puts() {
    const std::lock_guard lock{shelf_.mutex};
    return shelf_.puts;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
  SourceFake source_;
  Shelf shelf_;
  std::mutex log_mutex_;
  std::string logged_;
  EventLog log_;
  std::atomic<Utc> now_{at(10)};
  std::atomic<Microseconds> passed_{Microseconds{}};  // on top of what really passes
  CollectorSettings settings_;
  std::unique_ptr<Collector> collector_;
};

TEST_F(CollectTest, APastRangeIsCopiedWithItsManifestsLast) {
  start();
  ASSERT_TRUE(collector_->submit(task("t", 2, 6)).ok());
  ASSERT_TRUE(becomes("t", State::succeeded));
  auto order = puts();
  ASSERT_EQ(order.size(), 6U);
  EXPECT_EQ(order[4], "m-v1.m3u8");
  EXPECT_EQ(order[5], "m.m3u8");
  order.resize(4);
  EXPECT_THAT(order, UnorderedElementsAre("s2.ts", "s3.ts", "s4.ts", "s5.ts"));
  EXPECT_EQ(shelf_.objects["s4.ts"], "bytes of s4.ts");
  const auto done = *collector_->find("t");
  EXPECT_EQ(done.progress, 100U);
  EXPECT_EQ(done.segments_done, 4U);
  EXPECT_EQ(done.segments_total, 4U);
  EXPECT_EQ(done.bytes, 4U * 14U);
  EXPECT_EQ(done.manifest, "m.m3u8");
  EXPECT_TRUE(done.finished.has_value());
  EXPECT_EQ(write_task(store_->tasks()->front()), write_task(done));
}

TEST_F(CollectTest, ManifestsNeverListWhatWasTakenAwayBeforeItWasUploaded) {
  source_.goes = "s4.ts";
  start();
  ASSERT_TRUE(collector_->submit(task("t", 2, 6)).ok());
  ASSERT_TRUE(becomes("t", State::succeeded));
  EXPECT_GE(source_.plans, 2) << "the manifests are those of a plan without it";
  EXPECT_EQ(shelf_.objects.count("s4.ts"), 0U);
  EXPECT_EQ(puts().back(), "m.m3u8");
  EXPECT_EQ(std::count(shelf_.puts.begin(), shelf_.puts.end(), "m.m3u8"), 1);
}

TEST_F(CollectTest, ARangeInTheFutureIsCollectedAsItComes) {
  start();
  ASSERT_TRUE(collector_->submit(task("t", 8, 14)).ok());
  ASSERT_TRUE(comes([&] { return puts().size() == 2; }));
  EXPECT_EQ(collector_->find("t")->state, State::running);
  {
    const std::lock_guard lock{source_.mutex};
    EXPECT_EQ(source_.held.at("channel"), at(8));
    source_.edge = at(12);
  }
  ASSERT_TRUE(comes([&] { return puts().size() == 4; }));
  {
    const std::lock_guard lock{source_.mutex};
    source_.edge = at(20);
  }
  ASSERT_TRUE(becomes("t", State::succeeded));
  EXPECT_EQ(puts().size(), 8U);
  const std::lock_guard lock{source_.mutex};
  EXPECT_THAT(source_.held, IsEmpty()) << "retention may go on";
}

TEST_F(CollectTest, WhatOtherSettingsMadeIsTakenAwayInTheEnd) {
  for (const bool may_remove : {true, false}) {
    const std::string id = may_remove ? "t" : "u";
    shelf_.objects.clear();
    shelf_.removed.clear();
    if (!may_remove) shelf_.no_removing = Error{ErrorCode::invalid, "the store refuses"};
    source_.prefix = "s";
    source_.edge = at(10);
    start();
    ASSERT_TRUE(collector_->submit(task(id, 8, 12)).ok());
    ASSERT_TRUE(comes([&] {
      const std::lock_guard lock{shelf_.mutex};
      return shelf_.objects.size() == 2;
    }));
    {
      const std::lock_guard lock{source_.mutex};
      source_.prefix = "n";
      source_.edge = at(12);
    }
    ASSERT_TRUE(becomes(id, State::succeeded));
    std::vector<std::string> names;
    for (const auto& [name, bytes] : shelf_.objects) names.push_back(name);
    const std::vector<std::string> wanted{"m-v1.m3u8", "m.m3u8", "n10.ts", "n11.ts", "n8.ts", "n9.ts"};
    EXPECT_THAT(shelf_.removed, ElementsAre("s8.ts", "s9.ts"));
    if (may_remove) {
      EXPECT_EQ(names, wanted);
    }
    EXPECT_EQ(collector_->find(id)->segments_done, 4U);
    EXPECT_EQ(collector_->find(id)->segments_total, 4U);
  }
}

TEST_F(CollectTest, ARangeThatIsNotOverIsPlannedFromWhereItIsKnown) {
  start();
  ASSERT_TRUE(collector_->submit(task("t", 2, 14)).ok());
  const auto planned = [&](int from) {
    return comes([&] {
      const std::lock_guard lock{source_.mutex};
      return source_.planned_from == at(from);
    });
  };
  ASSERT_TRUE(planned(10));
  ASSERT_TRUE(comes([&] { return collector_->find("t")->segments_done == 8; }));
  EXPECT_EQ(collector_->find("t")->segments_total, 8U);
  {  // What could not be uploaded is not known.
    const std::lock_guard both{shelf_.mutex};
    shelf_.error = Error{ErrorCode::io, "the store answered 503"};
    const std::lock_guard lock{source_.mutex};
    source_.edge = at(12);
  }
  ASSERT_TRUE(comes([&] { return collector_->find("t")->failing_since.has_value(); }));
  ASSERT_TRUE(is_tried_again());
  {
    const std::lock_guard lock{source_.mutex};
    EXPECT_EQ(source_.planned_from, at(10));
  }
  {
    const std::lock_guard lock{shelf_.mutex};
    shelf_.error.reset();
  }
  ASSERT_TRUE(planned(12));
  {
    const std::lock_guard lock{source_.mutex};
    source_.edge = at(14);
  }
  ASSERT_TRUE(becomes("t", State::succeeded));
  const std::lock_guard lock{source_.mutex};
  EXPECT_EQ(source_.planned_from, at(2)) << "manifests list everything";
  EXPECT_EQ(puts().size(), 14U);
}

TEST_F(CollectTest, WhatNeverCameIsWaitedForOnlySoLong) {
  start();
  ASSERT_TRUE(collector_->submit(task("t", 8, 14)).ok());
  ASSERT_TRUE(collector_->submit(task("empty", 12, 14)).ok());
  ASSERT_TRUE(comes([&] { return puts().size() == 2; }));
  now_ = at(14 + 121);  // by itself a clock that was set
  const auto plans = [&] {
    const std::lock_guard lock{source_.mutex};
    return source_.plans;
  };
  ASSERT_TRUE(comes([&, before = plans()] { return plans() > before + 4; }));
  EXPECT_EQ(puts().size(), 2U);
  passed_ = std::chrono::seconds{125};
  ASSERT_TRUE(becomes("t", State::succeeded));
  ASSERT_TRUE(becomes("empty", State::failed));
  EXPECT_EQ(collector_->find("empty")->error, "nothing of this range was ever there");
  EXPECT_THAT(puts(), Contains("m.m3u8"));
  const auto cut = *collector_->find("t");
  EXPECT_EQ(cut.warning,
            "4 s of the range are not there: it has 2023-11-14T22:13:28Z to 2023-11-14T22:13:30Z");
  EXPECT_EQ(cut.content_start, at(8));
  EXPECT_EQ(cut.content_end, at(10));
  EXPECT_EQ(read_task(write_task(cut))->warning, cut.warning);
  EXPECT_EQ(read_task(write_task(cut))->content_end, at(10));
  {
    const std::lock_guard lock{log_mutex_};
    EXPECT_NE(
        logged_.find(
            "warning collection-ended task=t endpoint=/c/e state=SUCCEEDED error=\"\" warning=\"4 s of"),
        std::string::npos)
        << logged_;
  }
  ASSERT_TRUE(collector_->submit(task("whole", 2, 6)).ok());
  ASSERT_TRUE(becomes("whole", State::succeeded));
  EXPECT_EQ(collector_->find("whole")->warning, "");
  EXPECT_EQ(collector_->find("whole")->content_end, at(6));
}

TEST_F(CollectTest, ErrorsThatMayGoAwayAreTriedAgain) {
  shelf_.errors.assign(9, Error{ErrorCode::io, "the store answered 503"});
  start();
  ASSERT_TRUE(collector_->submit(task("t", 0, 8)).ok());
  ASSERT_TRUE(becomes("t", State::succeeded));
  EXPECT_EQ(puts().size(), 10U) << "each object once";
}

// What counts is how long nothing was taken.
TEST_F(CollectTest, AStoreMayBeOutForHoursAndThenTheTaskGoesOn) {
  shelf_.error = Error{ErrorCode::io, "the store answered 503"};
  start();
  ASSERT_TRUE(collector_->submit(task("t", 0, 3)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("t")->failing_since.has_value(); }));
  EXPECT_EQ(*collector_->find("t")->failing_since, at(10));
  EXPECT_TRUE(comes([&] { return collector_->counts().retrying == 1; }));
  now_ = at(10 + 86'399);
  ASSERT_TRUE(is_tried_again());
  ASSERT_TRUE(comes([&] { return collector_->find("t")->next_try >= at(10 + 86'399); }));
  EXPECT_EQ(collector_->find("t")->state, State::running);
  EXPECT_EQ(collector_->find("t")->error, "the store answered 503");
  EXPECT_EQ(*collector_->find("t")->failing_since, at(10));
  {
    const std::lock_guard lock{shelf_.mutex};
    shelf_.error.reset();
  }
  ASSERT_TRUE(becomes("t", State::succeeded));
  EXPECT_EQ(collector_->find("t")->error, "");
  EXPECT_FALSE(collector_->find("t")->failing_since || collector_->find("t")->next_try);
  EXPECT_TRUE(comes([&] { return collector_->counts().retrying == 0; }));
  EXPECT_EQ(puts().size(), 5U) << "each object once";
  const std::lock_guard lock{log_mutex_};
  const auto told = logged_.find("collection-retried");
  EXPECT_NE(told, std::string::npos);
  EXPECT_EQ(logged_.find("collection-retried", told + 1), std::string::npos) << "once";
}

TEST_F(CollectTest, ErrorsThatStayFailTheTaskWithTheirReasonWhenPatienceEnds) {
  shelf_.error = Error{ErrorCode::io, "the store answered 503"};
  start();
  ASSERT_TRUE(collector_->submit(task("t", 0, 3)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("t")->failing_since.has_value(); }));
  now_ = at(10 + 86'400);
  ASSERT_TRUE(becomes("t", State::failed));
  EXPECT_EQ(collector_->find("t")->error, "the store answered 503");
  EXPECT_EQ(*collector_->find("t")->failing_since, at(10));
  EXPECT_FALSE(collector_->find("t")->next_try);
  const std::lock_guard lock{shelf_.mutex};
  EXPECT_THAT(shelf_.puts, IsEmpty());
}

// Neither is patience that a restart renews, nor one that ends while this server is down.
TEST_F(CollectTest, PatienceIsOfTheTaskAndNotOfTheProcess) {
  shelf_.error = Error{ErrorCode::io, "the store answered 503"};
  start();
  ASSERT_TRUE(collector_->submit(task("t", 0, 3)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("t")->failing_since.has_value(); }));
  now_ = at(10 + 86'000);
  start();
  ASSERT_TRUE(is_tried_again());
  EXPECT_EQ(*collector_->find("t")->failing_since, at(10));
  EXPECT_EQ(collector_->find("t")->state, State::running);
  now_ = at(10 + 90'000);
  ASSERT_TRUE(becomes("t", State::failed));
}

// As the runtime says it of a key server and of an archive that are not there.
TEST_F(CollectTest, ATaskWaitsForItsKeyAndForItsArchive) {
  start();
  for (const std::string what :
       {"there is no key for this endpoint yet", "the channel's archive is not available"}) {
    const std::size_t before = puts().size();
    int plans = 0;
    {
      const std::lock_guard lock{source_.mutex};
      source_.error = Error{ErrorCode::io, what};
    }
    ASSERT_TRUE(collector_->submit(task(what, 0, 3)).ok());
    ASSERT_TRUE(comes([&] { return collector_->find(what)->failing_since.has_value(); }));
    EXPECT_EQ(collector_->find(what)->state, State::running);
    EXPECT_EQ(collector_->find(what)->error, what);
    EXPECT_EQ(puts().size(), before);
    {
      const std::lock_guard lock{source_.mutex};
      EXPECT_EQ(source_.held.at("channel"), at(0)) << "it is kept for it meanwhile";
      source_.error.reset();
      plans = source_.plans;
    }
    ASSERT_TRUE(becomes(what, State::succeeded));
    EXPECT_EQ(collector_->find(what)->error, "");
    const std::lock_guard lock{source_.mutex};
    EXPECT_GT(source_.plans, plans);
  }
  source_.error = Error{ErrorCode::io, "there is no key for this endpoint yet"};
  ASSERT_TRUE(collector_->submit(task("never", 0, 3)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("never")->failing_since.has_value(); }));
  now_ = at(10 + 86'400);
  ASSERT_TRUE(becomes("never", State::failed)) << "for as long as for a store";
  EXPECT_EQ(collector_->find("never")->error, "there is no key for this endpoint yet");
}

TEST_F(CollectTest, WhatIsTakenEndsAnOutage) {
  shelf_.error = Error{ErrorCode::io, "the store answered 503"};
  start();
  ASSERT_TRUE(collector_->submit(task("t", 0, 30)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("t")->failing_since.has_value(); }));
  {
    const std::lock_guard lock{source_.mutex};
    source_.edge = at(30);
  }
  now_ = at(40'000);
  std::atomic<int> taken{0};
  {  // Takes one object and is out again.
    const std::lock_guard lock{shelf_.mutex};
    shelf_.error.reset();
    shelf_.on_put = [&](const std::string&) {
      if (taken++ == 1) shelf_.error = Error{ErrorCode::io, "the store answered 500"};
    };
  }
  ASSERT_TRUE(comes([&] { return collector_->find("t")->failing_since == at(40'000); }));
  now_ = at(100'000);
  ASSERT_TRUE(is_tried_again());
  EXPECT_EQ(collector_->find("t")->state, State::running) << "a day has not gone since";
  const std::lock_guard lock{shelf_.mutex};
  shelf_.on_put = nullptr;
}

TEST(RetryTest, WaitsLongerAndLongerUpToFiveMinutesAndNeverBeyondItsPatience) {
  const RetryPolicy policy;
  const auto wait = [&](unsigned passes, Microseconds lasts, std::uint32_t random = 0) {
    return wait_for_next_pass(policy, passes, lasts, random);
  };
  using std::chrono::seconds;
  EXPECT_EQ(wait(1, seconds{0}), seconds{1});
  EXPECT_EQ(wait(2, seconds{2}), seconds{2});
  EXPECT_EQ(wait(9, seconds{500}), seconds{256});
  EXPECT_EQ(wait(10, seconds{900}), seconds{300});
  EXPECT_EQ(wait(300, seconds{80'000}), seconds{300});
  EXPECT_EQ(wait(10, seconds{900}, UINT32_MAX), seconds{225}) << "they do not come back together";
  EXPECT_EQ(wait(300, seconds{86'390}), seconds{10});
  EXPECT_EQ(wait(300, seconds{86'400}), std::nullopt);
  EXPECT_EQ(wait(1, seconds{200'000}), seconds{1}) << "the server was down meanwhile";
  EXPECT_EQ(wait(2, seconds{200'000}), std::nullopt);
  EXPECT_EQ(wait(1, seconds{-3600}), seconds{1}) << "the clock was set back";
}

TEST_F(CollectTest, ErrorsThatAreForGoodFailAtOnce) {
  shelf_.errors.assign(4, Error{ErrorCode::invalid, "the bucket does not exist"});
  start();
  ASSERT_TRUE(collector_->submit(task("t", 0, 8)).ok());
  ASSERT_TRUE(becomes("t", State::failed));
  EXPECT_EQ(collector_->find("t")->error, "the bucket does not exist");
  EXPECT_LE(puts().size(), 8U);
  source_.is_gone = true;
  ASSERT_TRUE(collector_->submit(task("gone", 0, 8)).ok());
  ASSERT_TRUE(becomes("gone", State::failed));
}

// Fault row E3: the process may end anywhere.
TEST_F(CollectTest, ATaskGoesOnAfterARestartWithoutUploadingAgain) {
  for (std::size_t after = 0; after < 6; ++after) {
    const std::string id = "t" + std::to_string(after);
    {
      const std::lock_guard lock{shelf_.mutex};
      shelf_.puts.clear();
      shelf_.objects.clear();
    }
    std::atomic<bool> is_reached{false};
    shelf_.on_put = [&](const std::string&) {
      if (shelf_.puts.size() < after) return;
      is_reached = true;
      shelf_.errors.assign(1, Error{ErrorCode::io, "the process dies here"});
    };
    start();
    ASSERT_TRUE(collector_->submit(task(id, 0, 4)).ok());
    ASSERT_TRUE(comes([&] { return is_reached.load(); }));
    collector_.reset();
    {
      const std::lock_guard lock{shelf_.mutex};
      shelf_.on_put = nullptr;
      shelf_.errors.clear();
    }
    start();
    ASSERT_TRUE(becomes(id, State::succeeded)) << after;
    std::map<std::string, int> counts;
    for (const auto& name : puts()) ++counts[name];
    for (int i = 0; i < 4; ++i) EXPECT_EQ(counts["s" + std::to_string(i) + ".ts"], 1) << after;
    EXPECT_EQ(puts().back(), "m.m3u8");
  }
}

// What an earlier process knows to be there is neither asked for nor packaged once more.
TEST_F(CollectTest, WhatIsKnownToBeThereIsNotLookedAtAfterARestart) {
  settings_.marks = directory_.file("marks");
  settings_.uploads = 1;
  shelf_.on_put = [&](const std::string& name) {
    if (name == "s7.ts") shelf_.error = Error{ErrorCode::io, "the store answered 503"};
  };
  start();
  ASSERT_TRUE(collector_->submit(task("t", 0, 10)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("t")->failing_since.has_value(); }));
  collector_.reset();
  const auto known = DoneList::read(directory_.file("marks/t"));
  ASSERT_EQ(known.size(), 7U);
  EXPECT_EQ(known[3], std::pair(std::string{"s3.ts"}, std::uint64_t{14}));
  std::ofstream{directory_.file("marks/other")} << "\n14 s1.ts\n";  // of a task that nobody knows
  // It died when it had uploaded one that it did not note any more.
  shelf_.objects["s7.ts"] = "bytes of s7.ts";
  shelf_.on_put = nullptr;
  shelf_.error.reset();
  shelf_.puts.clear();
  source_.fetched.clear();
  start();
  ASSERT_TRUE(becomes("t", State::succeeded));
  EXPECT_THAT(source_.fetched, ElementsAre("s7.ts", "s8.ts", "s9.ts"));
  EXPECT_THAT(shelf_.looked_at, ElementsAre("s7.ts", "s8.ts", "s9.ts"));
  EXPECT_THAT(puts(), ElementsAre("s8.ts", "s9.ts", "m-v1.m3u8", "m.m3u8"));
  EXPECT_EQ(collector_->find("t")->segments_done, 10U);
  EXPECT_EQ(collector_->find("t")->bytes, 10U * 14U);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.file("marks"))) << "nothing is left of what is over";
}

TEST(DoneListTest, LinesThatAreTornSpoilNoOthers) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("t");
  EXPECT_THAT(DoneList::read(path), IsEmpty());
  DoneList{path}.add("a.ts", 1);
  std::ofstream{path, std::ios::app} << std::string(5, '\0') << "\n77\n123 b.t";
  DoneList{path}.add("c.ts", 3);
  std::ofstream{path, std::ios::app} << "9 d.ts";
  std::vector<std::string> names;
  for (const auto& [name, size] : DoneList::read(path)) names.push_back(name + "=" + std::to_string(size));
  EXPECT_THAT(names, ElementsAre("a.ts=1", "b.t=123", "c.ts=3"));
}

// What a process that was killed had begun to write is taken away once, whatever becomes of its task.
TEST_F(CollectTest, PiecesOfAProcessThatWasKilledAreTakenAway) {
  const auto tidied = [&] {
    const std::lock_guard lock{shelf_.mutex};
    return shelf_.tidied;
  };
  start();
  ASSERT_TRUE(collector_->submit(task("whole", 0, 4)).ok());
  ASSERT_TRUE(becomes("whole", State::succeeded));
  EXPECT_EQ(tidied(), 0) << "this process knows what it writes";
  ASSERT_TRUE(collector_->submit(task("goes-on", 8, 14)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("goes-on")->segments_done == 2; }));
  {  // Nobody has a turn when it is cancelled.
    const std::lock_guard lock{source_.mutex};
    source_.error = Error{ErrorCode::io, "the channel's archive is not available"};
  }
  settings_.retry.first = settings_.retry.longest = std::chrono::hours{1};
  start();
  ASSERT_TRUE(comes([&] { return collector_->find("goes-on")->failing_since.has_value(); }));
  EXPECT_EQ(tidied(), 0);
  EXPECT_TRUE(store_->tasks()->front().is_untidy || store_->tasks()->back().is_untidy);
  ASSERT_TRUE(collector_->cancel("goes-on").ok());
  ASSERT_TRUE(comes([&] { return tidied() == 1; }));
  ASSERT_TRUE(comes([&] { return !collector_->find("goes-on")->is_untidy; }));
  start();  // nothing is left to do
  {
    const std::lock_guard lock{source_.mutex};
    source_.error.reset();
  }
  ASSERT_TRUE(collector_->submit(task("next", 0, 2)).ok());
  ASSERT_TRUE(becomes("next", State::succeeded));
  EXPECT_EQ(tidied(), 1);
  // One that goes on is tidied before it does.
  ASSERT_TRUE(collector_->submit(task("more", 8, 14)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("more")->segments_done == 2; }));
  start();
  ASSERT_TRUE(comes([&] { return tidied() == 2; }));
}

TEST_F(CollectTest, WhatCannotBeTidiedNowIsTriedAgainAndNotForEverWhereItIsRefused) {
  settings_.marks = directory_.file("marks");
  shelf_.no_tidying = Error{ErrorCode::io, "the store answered 503"};
  start();
  ASSERT_TRUE(collector_->submit(task("t", 8, 14)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("t")->segments_done == 2; }));
  ASSERT_TRUE(collector_->cancel("t").ok());
  ASSERT_TRUE(comes([&] {
    const std::lock_guard lock{shelf_.mutex};
    return shelf_.tidied > 3;
  }));
  EXPECT_TRUE(collector_->find("t")->is_untidy);
  {
    const std::lock_guard lock{shelf_.mutex};
    shelf_.no_tidying = Error{ErrorCode::invalid, "the bucket does not exist"};
  }
  EXPECT_TRUE(comes([&] { return !collector_->find("t")->is_untidy; }));
  EXPECT_EQ(collector_->find("t")->state, State::cancelled);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.file("marks")));
}

// A store that kept something else, or not all of it, and a server that died before it knew.
TEST(TaskRunTest, OtherBytesThatAreThereAreNotTakenForOurs) {
  SourceFake source;
  Shelf shelf;
  RateShare share{0};
  TaskProgress progress;
  CollectionTask task;
  task.start = at(0);
  task.end = at(5);
  shelf.objects = {{"s0.ts", "bytes of s0.ts"},
                   {"s1.ts", "bytes"},
                   {"s2.ts", "?ytes of s2.ts"},
                   {"s3.ts", "bytes of s3.ts"}};
  TaskRun run{
      {source, share, [&] { return Result<std::unique_ptr<Target>>{std::make_unique<ShelfTarget>(shelf)}; },
       [](Microseconds) { return true; }, [] { return false; }, [] { return Monotonic{}; },
       [](std::uint64_t) {}, 1, 6, 6, Microseconds{0}},
      task,
      progress,
      true};
  const auto done = run.run(false);
  ASSERT_TRUE(done.ok() && *done);
  EXPECT_THAT(shelf.puts, ElementsAre("s1.ts", "s2.ts", "s4.ts", "m-v1.m3u8", "m.m3u8"));
  for (int i = 0; i < 5; ++i) {
    const std::string name = "s" + std::to_string(i) + ".ts";
    EXPECT_EQ(shelf.objects[name], "bytes of " + name);
  }
  EXPECT_EQ(progress.bytes, 5U * 14U);
}

TEST(TaskRunTest, APackagingThatNeverEndsIsWaitedForOnlySoLong) {
  SourceFake source;
  Shelf shelf;
  RateShare share{0};
  TaskProgress progress;
  CollectionTask task;
  task.start = at(0);
  task.end = at(4);
  source.stuck = "s2.ts";
  Monotonic now{};
  const auto run = [&] {
    TaskRun one{
        {source, share, [&] { return Result<std::unique_ptr<Target>>{std::make_unique<ShelfTarget>(shelf)}; },
         [](Microseconds) { return true; }, [] { return false; },
         [&] { return now += std::chrono::seconds{30}; }, [](std::uint64_t) {}, 1, 6, 6, Microseconds{0}},
        task,
        progress,
        false};
    return one.run(false);
  };
  const auto failed = run();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message, "s2.ts: its packaging takes too long");
  EXPECT_TRUE(may_go_away(failed.error()));
  EXPECT_THAT(shelf.puts, ElementsAre("s0.ts", "s1.ts"));
  source.stuck.clear();
  EXPECT_TRUE(run().ok());
  EXPECT_THAT(shelf.puts, ElementsAre("s0.ts", "s1.ts", "s2.ts", "s3.ts", "m-v1.m3u8", "m.m3u8"));
}

TEST(TaskRunTest, AStoreThatCannotBeReachedForTheManifestsIsTriedAgain) {
  SourceFake source;
  Shelf shelf;
  RateShare share{0};
  TaskProgress progress;
  CollectionTask task;
  task.start = at(0);
  task.end = at(4);
  int opened = 0;
  TaskRun run{{source, share,
               [&]() -> Result<std::unique_ptr<Target>> {
                 if (++opened == 2) return Error{ErrorCode::io, "the store's name cannot be resolved"};
                 return std::unique_ptr<Target>{std::make_unique<ShelfTarget>(shelf)};
               },
               [](Microseconds) { return true; }, [] { return false; }, [] { return Monotonic{}; },
               [](std::uint64_t) {}, 1, 6, 6, Microseconds{0}},
              task,
              progress,
              false};
  const auto done = run.run(false);
  ASSERT_TRUE(done.ok() && *done);
  EXPECT_EQ(opened, 3);
}

// A store that takes an hour for each object holds up only its own task.
TEST_F(CollectTest, ATaskWhoseTurnIsOverGivesWayToThoseThatWait) {
  settings_.threads = settings_.uploads = 1;
  shelf_.on_put = [&, is_first = true](const std::string&) mutable {
    if (!std::exchange(is_first, false)) return;
    EXPECT_TRUE(collector_->submit(task("short", 0, 1)).ok());
    passed_ = std::chrono::minutes{2};
  };
  start();
  ASSERT_TRUE(collector_->submit(task("long", 0, 10)).ok());
  ASSERT_TRUE(becomes("long", State::succeeded));
  ASSERT_TRUE(becomes("short", State::succeeded));
  EXPECT_THAT(puts(), ElementsAre("s0.ts", "s0.ts", "m-v1.m3u8", "m.m3u8", "s1.ts", "s2.ts", "s3.ts", "s4.ts",
                                  "s5.ts", "s6.ts", "s7.ts", "s8.ts", "s9.ts", "m-v1.m3u8", "m.m3u8"));
  EXPECT_EQ(collector_->find("long")->segments_done, 10U);
}

TEST_F(CollectTest, ProgressDoesNotFallWhenTheServerIsRestarted) {
  settings_.uploads = 1;
  shelf_.on_put = [&](const std::string& name) {
    if (name == "s7.ts") shelf_.error = Error{ErrorCode::io, "the store answered 503"};
  };
  start();
  ASSERT_TRUE(collector_->submit(task("t", 0, 10)).ok());
  ASSERT_TRUE(comes([&] { return collector_->find("t")->failing_since.has_value(); }));
  const auto before = *collector_->find("t");
  EXPECT_EQ(before.segments_done, 7U);
  EXPECT_EQ(before.progress, 69U);
  collector_.reset();
  std::atomic<bool> is_open{false};
  auto lowest = before;
  {
    const std::lock_guard lock{shelf_.mutex};
    shelf_.on_put = nullptr;
    shelf_.error.reset();
    shelf_.on_find = [&] {
      while (!is_open) std::this_thread::yield();
      const auto seen = *collector_->find("t");
      if (seen.segments_done < lowest.segments_done || seen.progress < lowest.progress ||
          seen.bytes < lowest.bytes) {
        lowest = seen;
      }
    };
  }
  start();
  is_open = true;
  ASSERT_TRUE(becomes("t", State::succeeded));
  EXPECT_EQ(lowest.segments_done, before.segments_done);
  EXPECT_EQ(lowest.progress, before.progress);
  EXPECT_EQ(lowest.bytes, before.bytes);
  EXPECT_EQ(collector_->find("t")->segments_done, 10U);
  EXPECT_EQ(collector_->find("t")->bytes, 10U * 14U);
  const std::lock_guard lock{shelf_.mutex};
  shelf_.on_find = nullptr;
}

TEST_F(CollectTest, ATaskThatIsCancelledHasNoManifests) {
  start();
  ASSERT_TRUE(collector_->submit(task("t", 8, 14)).ok());
  ASSERT_TRUE(comes([&] { return puts().size() == 2; }));
  ASSERT_TRUE(collector_->cancel("t").ok());
  EXPECT_EQ(collector_->find("t")->state, State::cancelled);
  {
    const std::lock_guard lock{source_.mutex};
    source_.edge = at(20);
  }
  ASSERT_TRUE(collector_->submit(task("next", 0, 2)).ok());
  ASSERT_TRUE(becomes("next", State::succeeded));
  EXPECT_EQ(puts().size(), 6U);
  EXPECT_TRUE(collector_->cancel("t").ok());
  EXPECT_EQ(collector_->cancel("next").error().code, ErrorCode::conflict);
  EXPECT_EQ(collector_->cancel("none").error().code, ErrorCode::not_found);
}

TEST_F(CollectTest, OldOnesAreForgotten) {
  settings_.kept = 2;
  start();
  for (int i = 0; i < 5; ++i) {
    CollectionTask one = task("t" + std::to_string(i), 0, 1);
    one.created = at(i);
    ASSERT_TRUE(collector_->submit(one).ok());
    ASSERT_TRUE(comes([&] {
      const auto found = collector_->find(one.id);
      return !found || found->is_over();
    }));
  }
  EXPECT_LE(collector_->tasks().size(), 3U);
  EXPECT_EQ(store_->tasks()->size(), collector_->tasks().size());
}

TEST(RateShareTest, LetsThroughWhatTheRateAllows) {
  RateShare share{1000};
  const Monotonic now{std::chrono::seconds{50}};
  EXPECT_EQ(share.take(500, now).count(), 0);
  EXPECT_EQ(share.take(500, now), std::chrono::milliseconds{500});
  EXPECT_EQ(share.take(1, now + std::chrono::milliseconds{600}), std::chrono::milliseconds{400});
  EXPECT_EQ(share.take(1, now + std::chrono::seconds{60}).count(), 0);
}

// Time is what the run waits for.
TEST(TaskRunTest, EveryTryTakesItsShareOfDiskAndNetwork) {
  SourceFake source;
  Shelf shelf;
  RateShare share{14};  // of 14 bytes each: one segment a second
  Monotonic now{};
  TaskProgress progress;
  const auto run = [&](CollectionTask task) {
    const Monotonic began = now;
    TaskRun one{
        {source, share, [&] { return Result<std::unique_ptr<Target>>{std::make_unique<ShelfTarget>(shelf)}; },
         [&](Microseconds time) {
           now += time;
           return true;
         },
         [] { return false; }, [&] { return now; }, [](std::uint64_t) {}, 1, 6, 6, Microseconds{0}},
        task,
        progress,
        false};
    const auto done = one.run(false);
    EXPECT_TRUE(done.ok() && *done);
    return now - began;
  };
  CollectionTask task;
  task.start = at(0);
  task.end = at(8);
  // The manifests are nine bytes; the last of what is sent need not have gone.
  EXPECT_EQ(run(task), std::chrono::seconds{8} + Microseconds{5 * 1'000'000 / 14});
  now += std::chrono::seconds{60};
  progress.done.clear();
  shelf.errors.assign(3, Error{ErrorCode::io, "the store answered 503"});
  EXPECT_GE(run(task), std::chrono::seconds{8 + 3});
}

// --collection-rate is one for all.
TEST(TaskRunTest, AllTasksTogetherHaveOneShare) {
  SourceFake source;
  Shelf shelf;
  RateShare share{14};  // one segment a second
  Monotonic now{};
  std::array<TaskProgress, 3> progress;
  CollectionTask task;
  task.start = at(0);
  task.end = at(8);
  for (TaskProgress& one : progress) {
    TaskRun run{
        {source, share, [&] { return Result<std::unique_ptr<Target>>{std::make_unique<ShelfTarget>(shelf)}; },
         [&](Microseconds time) {
           now += time;
           return true;
         },
         [] { return false; }, [&] { return now; }, [](std::uint64_t) {}, 1, 6, 6, Microseconds{0}},
        task,
        one,
        false};
    const auto done = run.run(false);
    ASSERT_TRUE(done.ok() && *done);
  }
  const std::size_t bytes = shelf.bytes;
  EXPECT_EQ(shelf.puts.size(), 30U);
  // The last one need not have gone.
  EXPECT_GE(now.time_since_epoch(), Microseconds{static_cast<std::int64_t>(bytes - 5) * 1'000'000 / 14 - 30});
  EXPECT_LE(now.time_since_epoch(), Microseconds{static_cast<std::int64_t>(bytes) * 1'000'000 / 14});
}

// So that one whose store is out does not take the turn of others.
TEST(TaskRunTest, AStoreThatWasOutIsAskedFewTimesUntilItAnswers) {
  SourceFake source;
  Shelf shelf;
  RateShare share{0};
  TaskProgress progress;
  CollectionTask task;
  task.start = at(0);
  task.end = at(8);
  const auto run = [&] {
    TaskRun one{
        {source, share, [&] { return Result<std::unique_ptr<Target>>{std::make_unique<ShelfTarget>(shelf)}; },
         [](Microseconds) { return true; }, [] { return false; }, [] { return Monotonic{}; },
         [](std::uint64_t) {}, 1, 6, 2, Microseconds{0}},
        task,
        progress,
        false};
    const auto done = one.run(false);
    return done.ok() && *done;
  };
  shelf.error = Error{ErrorCode::io, "the store answered 503"};
  EXPECT_FALSE(run());
  EXPECT_EQ(shelf.tries, 2);
  shelf.error.reset();
  shelf.on_put = [&](const std::string& name) {
    if (name == "s1.ts" && shelf.puts.size() == 1 && shelf.errors.empty() && shelf.tries == 3) {
      shelf.errors.assign(5, Error{ErrorCode::io, "the store answered 503"});
    }
  };
  EXPECT_TRUE(run()) << "as often as ever once it has answered";
}

TEST(FileTargetTest, WritesWholeFilesBelowItsRootOnly) {
  const TemporaryDirectory root;
  auto target = make_file_target(root.file("new"), "a/b", "folder");
  ASSERT_TRUE(target.ok()) << target.error().message;
  ASSERT_TRUE(
      (*target)->put("x.ts", "", {Blob::copy_of(as_bytes("one")), Blob::copy_of(as_bytes("two"))}).ok());
  EXPECT_EQ(read_file(root.file("new/a/b/folder/x.ts")), "onetwo");
  const auto there = *(*target)->find("x.ts");
  ASSERT_TRUE(there.has_value());
  EXPECT_EQ(there->size, 6U);
  EXPECT_EQ(there->md5, md5_hex(as_bytes(std::string{"onetwo"})));
  EXPECT_FALSE((*target)->find("y.ts")->has_value());
  ASSERT_TRUE((*target)->put("w.ts", "", {Blob::copy_of(as_bytes("one"))}).ok());
  for (int twice = 0; twice < 2; ++twice) EXPECT_TRUE((*target)->remove("w.ts").ok());
  EXPECT_FALSE((*target)->find("w.ts")->has_value());
  std::filesystem::create_directory(root.file("new/a/b/folder/d.ts"));
  EXPECT_FALSE((*target)->put("d.ts", "", {Blob::copy_of(as_bytes("one"))}).ok());
  EXPECT_FALSE(std::filesystem::exists(root.file("new/a/b/folder/.d.ts.part"))) << "nothing half";
  std::filesystem::create_symlink("/etc/passwd", root.file("new/a/b/folder/z.ts"));
  EXPECT_EQ((*(*target)->find("z.ts"))->size, 0U) << "not looked at";
  EXPECT_FALSE(std::filesystem::exists(root.file("new/a/b/folder/.x.ts.part")));
  for (const char* piece : {".y.ts.part", ".m.m3u8.part"}) {
    std::ofstream{root.file("new/a/b/folder/" + std::string{piece})} << "half";
  }
  std::ofstream{root.file("new/a/b/folder/.keep")} << "not ours";
  ASSERT_TRUE((*target)->tidy().ok());
  std::set<std::string> left;
  for (const auto& file : std::filesystem::directory_iterator{root.file("new/a/b/folder")}) {
    left.insert(file.path().filename().string());
  }
  EXPECT_THAT(left, ElementsAre(".keep", "d.ts", "x.ts", "z.ts"));
  for (const char* path : {"..", "a/../b", "/etc", "a//b", "a/", ".a", "a b", "a\n"}) {
    EXPECT_FALSE(is_file_target_path(path)) << path;
  }
  std::filesystem::create_directory_symlink("/tmp", root.file("new/link"));
  EXPECT_FALSE(make_file_target(root.file("new"), "link", "folder").ok());
}

}  // namespace
}  // namespace tarn::server
