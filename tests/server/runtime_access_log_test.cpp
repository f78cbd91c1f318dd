// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/access_log.h"

#include <gtest/gtest.h>

#include <future>

namespace tarn::server {
namespace {

TEST(AccessLogTest, WritesEveryLineInOrderAndEndsWithWhatIsLeft) {
  std::string out;
  Metrics metrics;
  EventLog log{LogFormat::text, LogLevel::info, [] { return Utc{}; },
               [&](std::string_view line) { out += line; }};
  AccessLog access{log, metrics, AccessLogScope::all};
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    access.write(LogLevel::info, "request", {{"id", std::to_string(i)}});
    access.write(LogLevel::debug, "request", {{"id", "below the level"}});
    expected += "1970-01-01T00:00:00.000Z info request id=" + std::to_string(i) + "\n";
  }
  access.stop();
  EXPECT_EQ(out, expected);
  access.write(LogLevel::info, "request", {});
  EXPECT_EQ(out, expected) << "after its end";
}

// Whoever reads the log has stopped, and the pipe is full.
TEST(AccessLogTest, NobodyWaitsForWhoReadsTheLog) {
  std::promise<void> reads_on;
  const std::shared_future<void> gate = reads_on.get_future().share();
  std::string out;
  Metrics metrics;
  EventLog log{LogFormat::text, LogLevel::info, [] { return Utc{}; },
               [&](std::string_view line) {
                 gate.wait();
                 out += line;
               }};
  AccessLog access{log, metrics, AccessLogScope::all};
  const std::string path(1000, 'x');
  const std::size_t many = 3 * AccessLog::most_waiting / path.size();
  for (std::size_t i = 0; i < many; ++i) access.write(LogLevel::info, "request", {{"path", path}});
  // All of them came back: that is the test. What waits is bounded.
  reads_on.set_value();
  access.stop();
  EXPECT_LT(out.size(), 2 * AccessLog::most_waiting + 10'000);
  EXPECT_NE(out.find("warning requests-unlogged count="), std::string::npos);
  EXPECT_EQ(metrics.exposition().find("tarn_access_log_dropped_total 0"), std::string::npos);
}

}  // namespace
}  // namespace tarn::server
