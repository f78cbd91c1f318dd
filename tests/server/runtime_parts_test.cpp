// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <new>

#include "server/runtime/archive_quota.h"
#include "server/runtime/content.h"
#include "server/runtime/content_cache.h"
#include "server/runtime/event_feed.h"
#include "server/runtime/event_log.h"
#include "server/runtime/input_history.h"
#include "server/runtime/metrics.h"
#include "server/runtime/retention.h"
#include "server/runtime/single_flight.h"
#include "server/runtime/worker_pool.h"

namespace tarn::server {
namespace {

std::shared_ptr<const Content> content_of(std::size_t size) {
  return media_content({Blob::of(ByteVector(size))}, "video/mp4", "id");
}

TEST(WorkerPoolTest, RunsAStrandInOrderAndOneAtATime) {
  std::vector<int> order;  // written by one job at a time only, or the sanitizer says so
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  WorkerPool pool{4};
  for (int i = 0; i < 500; ++i) {
    pool.submit("a", [&, i] {
      if (++inside != 1) overlapped = true;
      order.push_back(i);
      --inside;
    });
    pool.submit([] {});
  }
  pool.stop();
  EXPECT_FALSE(overlapped);
  ASSERT_EQ(order.size(), 500U);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(pool.queued(), 0U);
}

TEST(WorkerPoolTest, DoesNotLetOneStrandHoldUpAnother) {
  WorkerPool pool{2};
  std::promise<void> gate;
  std::promise<void> reached;
  pool.submit("slow", [held = gate.get_future().share()] { held.wait(); });
  pool.submit("slow", [] {});
  pool.submit("quick", [&] { reached.set_value(); });
  EXPECT_EQ(reached.get_future().wait_for(std::chrono::seconds{10}), std::future_status::ready);
  gate.set_value();
}

TEST(WorkerPoolTest, DropsWhatComesAfterTheEnd) {
  WorkerPool pool{1};
  pool.stop();
  bool ran = false;
  pool.submit([&] { ran = true; });
  pool.submit("a", [&] { ran = true; });
  EXPECT_FALSE(ran);
}

TEST(WorkerPoolTest, AJobWithoutMemoryEndsAlone) {
  std::vector<int> order;
  WorkerPool pool{1};
  pool.submit([] { throw std::bad_alloc{}; });
  pool.submit("a", [&] { order.push_back(1); });
  pool.submit("a", [] { throw std::bad_alloc{}; });
  pool.submit("a", [&] { order.push_back(3); });
  pool.submit([] { throw std::bad_alloc{}; });
  pool.stop();
  EXPECT_EQ(order, (std::vector<int>{1, 3}));
  EXPECT_EQ(pool.queued(), 0U);
}

TEST(SingleFlightTest, LetsOneSearchForMany) {
  SingleFlight flights;
  int answered = 0;
  const auto wait = [&](const Fetched& f) { answered += f.reason == "here" ? 1 : 100; };
  EXPECT_TRUE(flights.join("a", wait));
  EXPECT_FALSE(flights.join("a", wait));
  EXPECT_TRUE(flights.join("b", wait));
  flights.land("a", {nullptr, Fetched::Absence::not_found, "here"});
  EXPECT_EQ(answered, 2);
  EXPECT_TRUE(flights.join("a", wait));
  flights.land("nobody", {});
  EXPECT_EQ(answered, 2);
}

TEST(ContentCacheTest, ForgetsWhatWasAskedForLongestAgo) {
  ContentCache cache{1000};
  for (const char* key : {"a", "b", "c", "d"}) cache.insert(key, content_of(250));
  EXPECT_EQ(cache.bytes(), 1000U);
  EXPECT_NE(cache.find("a"), nullptr);
  cache.insert("e", content_of(250));
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(cache.bytes(), 1000U);
  cache.insert("a", content_of(10));
  EXPECT_EQ(cache.bytes(), 760U);
  cache.insert("huge", content_of(251));
  EXPECT_EQ(cache.find("huge"), nullptr);
}

TEST(ContentTest, GivesManifestsATagOfTheirBytes) {
  const std::string text(400, 'x');
  const auto one = manifest_content(text, "t", 3);
  const auto same = manifest_content(text, "t", 3);
  const auto other = manifest_content(text + "y", "t", 3);
  EXPECT_EQ(one->etag, same->etag);
  EXPECT_NE(one->etag, other->etag);
  ASSERT_TRUE(one->gzip.has_value());
  EXPECT_NE(one->etag, one->gzip_etag);
  EXPECT_EQ(ByteVector(one->gzip->bytes().begin(), one->gzip->bytes().end()),
            ByteVector(same->gzip->bytes().begin(), same->gzip->bytes().end()));
  EXPECT_FALSE(manifest_content("", "t", 3)->gzip.has_value());
}

TEST(EventLogTest, WritesOneLineAnEventWhateverTheValue) {
  std::string out;
  const auto write = [&](LogFormat format) {
    out.clear();
    EventLog log{format, LogLevel::info, [] { return Utc{}; }, [&](std::string_view line) { out += line; }};
    log.write(LogLevel::info, "request", {{"path", "/a\nforged level=error"}, {"status", "200"}});
    log.write(LogLevel::debug, "unseen", {});
    return out;
  };
  EXPECT_EQ(write(LogFormat::text),
            "1970-01-01T00:00:00.000Z info request path=\"/a\\u000aforged level=error\" status=200\n");
  EXPECT_EQ(write(LogFormat::json),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"event\":\"request\","
            "\"path\":\"/a\\u000aforged level=error\",\"status\":\"200\"}\n");
}

TEST(EventLogTest, WritesWhatWasAskedForWhateverTheLevel) {
  std::string out;
  EventLog log{LogFormat::text, LogLevel::error, [] { return Utc{}; },
               [&](std::string_view line) { out += line; }};
  log.write(LogLevel::info, "not-this", {});
  log.answer("this", {{"is", "asked"}});
  EXPECT_EQ(out, "1970-01-01T00:00:00.000Z info this is=asked\n");
}

TEST(EventLogTest, WritesUtf8WithoutControlCharactersWhateverTheBytes) {
  const auto written = [](std::string value) {
    std::string out;
    EventLog log{LogFormat::json, LogLevel::info, [] { return Utc{}; },
                 [&](std::string_view line) { out = line; }};
    log.write(LogLevel::info, "e", {{"v", std::move(value)}});
    return out.substr(out.find("\"v\":") + 4);
  };
  EXPECT_EQ(written("caf\xc3\xa9 \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"}\n");
  EXPECT_EQ(written("\xff\xfe a\xc3"), "\"\\ufffd\\ufffd a\\ufffd\"}\n");
  EXPECT_EQ(written("\xc0\xae\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"}\n");
  EXPECT_EQ(written("\xc2\x9b\xc2\x85\xe2\x80\xa8\x7f\x1b"), "\"\\u009b\\u0085\\u2028\\u007f\\u001b\"}\n");
  EXPECT_EQ(written(std::string(1, '\0') + "\"\\"), "\"\\u0000\\\"\\\\\"}\n");
}

TEST(RetentionTest, CountsWithTheSegmentsThatThereAre) {
  using std::chrono::seconds;
  timeline::OutputSettings output;
  output.segment_duration = 1;
  output.segments = 100;
  EXPECT_EQ(live_retention(output, nullptr), seconds{100 + 100 + 1 + 60});
  timeline::Presentation presentation;
  presentation.generations = {{1, 1, 1, 10}, {2, 50, 1, 4}};
  EXPECT_EQ(live_retention(output, &presentation), seconds{1000 + 1000 + 10 + 60}) << "GOPs of 10 s";
  output.protocol = timeline::Protocol::dash;
  output.segments = 3;
  output.suggested_presentation_delay = 30;
  output.manifest_window = 40;
  EXPECT_EQ(live_retention(output, &presentation), seconds{2 * (50 + 30) + 10 + 60});
}

TEST(MetricsTest, ExposesPrometheusText) {
  Metrics metrics;
  metrics.describe("tarn_x_total", Metrics::Kind::counter, "Things.");
  metrics.describe("tarn_y_bytes", Metrics::Kind::gauge, "Bytes.");
  metrics.counter("tarn_x_total", {{"group", "a\"b\\c\nd"}}) += 3;
  ++metrics.counter("tarn_x_total", {});
  metrics.add_reader([](const Metrics::Sample& sample) { sample("tarn_y_bytes", {}, 7.5); });
  EXPECT_EQ(metrics.exposition(),
            "# HELP tarn_x_total Things.\n# TYPE tarn_x_total counter\n"
            "tarn_x_total 1\ntarn_x_total{group=\"a\\\"b\\\\c\\nd\"} 3\n"
            "# HELP tarn_y_bytes Bytes.\n# TYPE tarn_y_bytes gauge\ntarn_y_bytes 7.5\n");
}

TEST(MetricsTest, AHistogramCountsUpwards) {
  Metrics metrics;
  metrics.describe("tarn_t_seconds", Metrics::Kind::histogram, "Time.");
  Histogram& histogram = metrics.histogram("tarn_t_seconds", {{"kind", "k"}});
  histogram.observe(Microseconds{1'000});  // the bound belongs to its bucket
  histogram.observe(Microseconds{1'001});
  histogram.observe(std::chrono::minutes{1});
  const std::string text = metrics.exposition();
  EXPECT_NE(text.find("tarn_t_seconds_bucket{kind=\"k\",le=\"0.001\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("tarn_t_seconds_bucket{kind=\"k\",le=\"0.0025\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("tarn_t_seconds_bucket{kind=\"k\",le=\"30\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("tarn_t_seconds_bucket{kind=\"k\",le=\"+Inf\"} 3\n"), std::string::npos);
  EXPECT_NE(text.find("tarn_t_seconds_sum{kind=\"k\"} 60.002001\n"), std::string::npos);
  EXPECT_NE(text.find("tarn_t_seconds_count{kind=\"k\"} 3\n"), std::string::npos);
}

TEST(MetricsTest, WhatNobodyHoldsIsGone) {
  Metrics metrics;
  auto first = metrics.held_counter("tarn_x_total", {{"channel", "a"}});
  *first += 5;
  auto again = metrics.held_counter("tarn_x_total", {{"channel", "a"}});
  EXPECT_EQ(*again, 5U) << "while it is held it is the same";
  first.reset();
  EXPECT_NE(metrics.exposition().find("tarn_x_total{channel=\"a\"} 5\n"), std::string::npos);
  again.reset();
  EXPECT_EQ(metrics.exposition().find("tarn_x_total"), std::string::npos);
  EXPECT_EQ(*metrics.held_counter("tarn_x_total", {{"channel", "a"}}), 0U);
}

class SinkFake : public EventSink {
 public:
  bool send(std::string text) override {
    if (open) received += text;
    return open;
  }
  void end() override { ended = true; }
  [[nodiscard]] bool is_open() const override { return open; }
  std::string received;
  bool open = true;
  bool ended = false;
};

TEST(EventFeedTest, KeepsTheLatestAndSaysWhatIsMissing) {
  Utc now{Microseconds{1000}};
  EventFeed feed{[&now] { return now; }, {.kept = 3, .kept_bytes = 1000, .readers = 2}};
  for (const char* name : {"a", "b", "c", "d"}) feed.add(LogLevel::info, name, {});  // 1000, 1001, 1002, 1003
  const auto read = [&feed](std::optional<std::uint64_t> after) {
    const auto sink = std::make_shared<SinkFake>();
    EXPECT_TRUE(feed.subscribe(after, sink));
    sink->open = false;
    EXPECT_TRUE(feed.has_room()) << "it takes no place any more";
    return sink->received;
  };
  const std::string rest = "\"time\":\"1970-01-01T00:00:00.001Z\",\"level\":";
  const auto line = [&rest](int id, const std::string& event) {
    return "{\"id\":" + std::to_string(id) + "," + rest + event + "\"}\n";
  };
  const std::string latest = line(1003, "\"info\",\"event\":\"d");
  EXPECT_EQ(read(1002), latest);
  EXPECT_EQ(read(std::nullopt), "\n");
  EXPECT_EQ(read(1003), "\n");
  const std::string kept =
      line(1001, "\"info\",\"event\":\"b") + line(1002, "\"info\",\"event\":\"c") + latest;
  EXPECT_EQ(read(1000), kept);
  EXPECT_EQ(read(0), kept);
  EXPECT_EQ(read(999), line(1000, "\"warning\",\"event\":\"events-missed") + kept);
  feed.add(LogLevel::info, std::string(900, 'x'), {});
  EXPECT_EQ(read(0).find("\"d\""), std::string::npos) << "bytes are bounded too";
}

TEST(EventFeedTest, ShowsThatItLivesAndEndsItsReaders) {
  Utc now{Microseconds{1000}};
  EventFeed feed{[&now] { return now; }, {.kept = 3, .readers = 1, .quiet = std::chrono::seconds{15}}};
  feed.add(LogLevel::info, "a", {});
  const auto sink = std::make_shared<SinkFake>();
  ASSERT_TRUE(feed.subscribe(std::nullopt, sink));
  EXPECT_FALSE(feed.has_room());
  EXPECT_FALSE(feed.subscribe(std::nullopt, std::make_shared<SinkFake>()));
  now += std::chrono::seconds{14};
  feed.tick();
  EXPECT_EQ(sink->received, "\n");
  now += std::chrono::seconds{1};
  feed.tick();
  feed.tick();
  EXPECT_EQ(sink->received, "\n\n");
  feed.close();
  EXPECT_TRUE(sink->ended);
  EXPECT_FALSE(feed.subscribe(std::nullopt, std::make_shared<SinkFake>()));
}

TEST(InputHistoryTest, FailsWhenNothingButRefusedSegmentsCome) {
  InputHistory history;
  const UploadAnswer refused{UploadAnswer::Outcome::refused, Error{ErrorCode::malformed, "no sync byte"}};
  const UploadAnswer created{UploadAnswer::Outcome::created, std::nullopt};
  const auto record = [&](const std::string& name, const UploadAnswer& answer) {
    history.record({0, name, "", {}, Utc{}}, answer, Monotonic{}, Utc{});
  };
  record("a.ts", created);
  record("b.ts", refused);
  EXPECT_EQ(history.failing(), std::nullopt) << "one may be an accident";
  record("m.m3u8", created);
  record("c.ts", refused);
  EXPECT_EQ(history.failing(), "no sync byte");
  record("d.ts", created);
  EXPECT_EQ(history.failing(), std::nullopt);
}

TEST(InputHistoryTest, RemembersSegmentsAndErrors) {
  InputHistory history;
  const auto at = [](int seconds) { return Monotonic{std::chrono::seconds{seconds}}; };
  const auto put = [&](const std::string& name, std::size_t size, int second) {
    history.record({0, name, {}, Blob::of(ByteVector(size))}, {}, at(second),
                   Utc{std::chrono::seconds{second}});
  };
  EXPECT_FALSE(history.is_connected(at(0), std::chrono::seconds{18}));
  EXPECT_EQ(history.bitrate(at(0)), 0U);
  put("a.ts", 1000, 10);
  put("m.m3u8", 10, 10);
  put("b.ts", 3000, 16);
  put("c.ts", 3000, 22);
  EXPECT_EQ(history.last_segment()->text, "c.ts");
  EXPECT_EQ(history.bitrate(at(22)), 4000U);
  EXPECT_TRUE(history.is_connected(at(40), std::chrono::seconds{18}));
  EXPECT_FALSE(history.is_connected(at(41), std::chrono::seconds{18}));
  history.record({0, "d.ts", {}, {}},
                 {UploadAnswer::Outcome::refused, Error{ErrorCode::malformed, "d.ts: no"}}, at(23),
                 Utc{std::chrono::seconds{23}});
  EXPECT_EQ(history.last_error()->text, "d.ts: no");
  EXPECT_EQ(history.last_segment()->text, "c.ts");
  EXPECT_EQ(history.objects(), 5U);
  EXPECT_EQ(history.refused(), 1U);
}

TEST(InputHistoryTest, RenditionsThatComeTogetherAreNoRateOfTheirOwn) {
  InputHistory history;
  const auto at = [](int milliseconds) { return Monotonic{std::chrono::milliseconds{milliseconds}}; };
  const auto put = [&](std::size_t size, int milliseconds) {
    history.record({0, "a.ts", {}, Blob::of(ByteVector(size))}, {}, at(milliseconds), Utc{});
  };
  put(1000, 0);
  put(500, 20);
  EXPECT_EQ(history.bitrate(at(100)), 0U) << "no segment has been made since the first came";
  put(1000, 2000);
  put(500, 2020);
  EXPECT_EQ(history.bitrate(at(2100)), 1500U * 8 * 1000 / 2020);
}

TEST(Retention, DaysAreTheClocksAndTheLiveWindowIsTheContents) {
  using std::chrono::seconds;
  const auto at = [](int second) { return Utc{seconds{second}}; };
  const Keep keep{seconds{10}, seconds{100}};
  EXPECT_EQ(keep_from(keep, at(1000), at(1000)), at(890));
  EXPECT_EQ(keep_from(keep, at(1000), at(900)), at(890)) << "a clock that is behind";
  EXPECT_EQ(keep_from(keep, at(1000), at(1060)), at(950));
  EXPECT_EQ(keep_from(keep, at(1000), at(9999)), at(990)) << "live playlists stay";
  EXPECT_EQ(keep_from({seconds{10}, {}}, at(1000), at(9999)), at(990));
}

TEST(Retention, TheClockOfAChannelIsThatOfItsContent) {
  using std::chrono::seconds;
  const auto at = [](int second) { return Utc{seconds{second}}; };
  const auto after = [](int second) { return Monotonic{seconds{second}}; };
  ContentClock clock;
  EXPECT_EQ(clock.at(7, at(1000), after(50), at(90'000)), at(1000)) << "a process that begins";
  EXPECT_EQ(clock.at(7, at(1000), after(649), at(90'000)), at(1000));
  EXPECT_EQ(clock.at(7, at(1000), after(650), at(90'000)), at(90'000)) << "and nothing comes";
  EXPECT_EQ(clock.at(7, at(1000), after(660), at(5)), at(90'010)) << "the clock was set";
  EXPECT_EQ(clock.at(8, at(2000), after(700), at(5)), at(2000)) << "content comes";
  EXPECT_EQ(clock.at(8, at(2000), after(2000), at(9'999'999)), at(3300));
  ContentClock behind;
  (void)behind.at(7, at(1000), after(0), at(0));
  EXPECT_EQ(behind.at(7, at(1000), after(600), at(0)), at(1000)) << "a machine without a clock";
}

TEST(Retention, WhatIsGivenUpIsKeptForAnotherHour) {
  using std::chrono::minutes;
  const auto at = [](int minute) { return Monotonic{minutes{minute}}; };
  KeptDays days;
  days.set(3, at(0));
  EXPECT_EQ(days.at(at(0)), 3U) << "there is no change at a start";
  days.set(7, at(10));
  EXPECT_EQ(days.at(at(10)), 7U);
  days.set(1, at(20));
  EXPECT_EQ(days.at(at(79)), 7U);
  EXPECT_EQ(days.at(at(80)), 1U);
  days.set(0, at(90));
  days.set(0, at(140));
  EXPECT_EQ(days.at(at(149)), 1U);
  days.set(7, at(149));
  EXPECT_EQ(days.at(at(200)), 7U) << "taken back in time";
  days.set(2, at(210));
  days.set(1, at(260));
  EXPECT_EQ(days.at(at(319)), 7U) << "the hour begins anew";
  EXPECT_EQ(days.at(at(320)), 1U);
  days.set(7, at(400));
  days.set(3, at(410));
  days.set(5, at(440));
  EXPECT_EQ(days.at(at(499)), 7U) << "raised, but not to what is kept still: that gives up as well";
  EXPECT_EQ(days.at(at(500)), 5U);
}

TEST(Retention, SaysUntilWhenWhatIsGivenUpIsKept) {
  using std::chrono::minutes;
  KeptDays days;
  days.set(3, Monotonic{});
  EXPECT_EQ(days.grace(Monotonic{}), std::nullopt);
  days.set(1, Monotonic{});
  EXPECT_EQ(days.grace(Monotonic{minutes{20}}), Microseconds{minutes{40}});
  EXPECT_EQ(days.grace(Monotonic{minutes{60}}), std::nullopt);
  days.set(5, Monotonic{minutes{70}});
  EXPECT_EQ(days.grace(Monotonic{minutes{70}}), std::nullopt);
}

Utc utc_second(int second) { return Utc{std::chrono::seconds{second}}; }

// Of channels of a byte a second, unless `bytes` says so.
ArchiveUse use_of(const std::string& channel, int oldest, int newest, int keep_from, int bytes = 0) {
  return {channel, static_cast<std::uint64_t>(bytes != 0 ? bytes : newest - oldest), utc_second(oldest),
          utc_second(newest), utc_second(keep_from)};
}

std::string told(const std::vector<Sacrifice>& all) {
  std::string text;
  for (const Sacrifice& one : all) {
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(one.before.time_since_epoch());
    text += (text.empty() ? "" : ", ") + one.channel + " " + std::to_string(second.count());
  }
  return text;
}

TEST(ArchiveQuota, TheOldestContentOfAnyChannelGoes) {
  const std::vector<ArchiveUse> uses{use_of("new", 1000, 5000, 5000), use_of("old", 400, 5000, 5000),
                                     use_of("live", 100, 5000, 100)};
  const std::uint64_t total = 4000 + 4600 + 4900;
  EXPECT_EQ(told(sacrifices(uses, total)), "");
  EXPECT_EQ(told(sacrifices(uses, total - 1)), "old 460");
  EXPECT_EQ(told(sacrifices(uses, total - 61)), "old 520") << "as much as it takes";
  EXPECT_EQ(told(sacrifices(uses, 1)), "old 700, new 1300") << "not too much of one at a time";
  EXPECT_EQ(told(sacrifices({use_of("a", 1000, 5000, 1030)}, 1)), "a 1030") << "what is needed stays";
  EXPECT_EQ(told(sacrifices({use_of("a", 1030, 5000, 1030)}, 1)), "");
}

TEST(ArchiveQuota, AChannelThatHasNothingToGiveKeepsNobodyElse) {
  EXPECT_EQ(told(sacrifices({use_of("silent", 100, 900, 100), use_of("b", 2000, 5000, 4000)}, 3799)),
            "b 2060");
}

// As many channels as there are give in the same second: otherwise encoders fill faster.
TEST(ArchiveQuota, ManyChannelsStayWithinTheirs) {
  std::vector<ArchiveUse> uses;
  for (int i = 0; i < 250; ++i) uses.push_back(use_of("c" + std::to_string(i), 0, 3'600, 3'500));
  const std::uint64_t quota = 250 * 3'600;
  for (int second = 0; second < 600; ++second) {
    for (ArchiveUse& use : uses) {
      use.newest += std::chrono::seconds{1};
      use.keep_from += std::chrono::seconds{1};
      ++use.bytes;
    }
    for (const Sacrifice& one : sacrifices(uses, quota)) {
      ArchiveUse& use = *std::find_if(uses.begin(), uses.end(),
                                      [&](const ArchiveUse& its) { return its.channel == one.channel; });
      use.bytes -= static_cast<std::uint64_t>((one.before - use.oldest).count() / 1'000'000);
      use.oldest = one.before;
    }
    std::uint64_t total = 0;
    for (const ArchiveUse& use : uses) total += use.bytes;
    ASSERT_LE(total, quota + 60) << second;
  }
}

}  // namespace
}  // namespace tarn::server
