// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <thread>

#include "tests/support/log_file.h"

namespace tarn::server {
namespace {

std::string notice(std::uint64_t dropped) { return "dropped " + std::to_string(dropped) + "\n"; }

void write(AccessLog& log, const std::string& value, LogLevel level = LogLevel::info) {
  log.write(level, "request", std::array<EventLog::FieldView, 1>{{{"id", value}}});
}

EventLog event_log() {
  return {LogFormat::text, LogLevel::info, [] { return Utc{}; }, [](std::string_view) {}};
}

// A pipe whose reader reads when it is asked to.
class Pipe {
 public:
  Pipe() {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] int writer() const { return ends_[1]; }
  std::string read() {
    std::string all;
    std::string some(1 << 16, '\0');
    for (ssize_t got = 0; (got = ::read(ends_[0], some.data(), some.size())) > 0;) {
      all.append(some, 0, static_cast<std::size_t>(got));
    }
    return all;
  }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

TEST(LogOutputTest, NobodyWaitsForAReaderWhoHasStopped) {
  Pipe pipe;
  LogOutput output{pipe.writer(), notice};
  const std::string line(99, 'x');
  // With a wait for each of them this takes hours.
  for (int i = 0; i < 100'000; ++i) output.write(line + "\n");
  const std::string before = pipe.read();
  const auto whole = static_cast<std::uint64_t>(std::count(before.begin(), before.end(), '\n'));
  EXPECT_EQ(before.size(), 100 * whole) << "lines are whole";
  EXPECT_GT(whole, 100U);
  EXPECT_EQ(output.dropped(), 100'000 - whole);
  output.write("again\n");
  EXPECT_EQ(pipe.read(), notice(100'000 - whole) + "again\n");
}

TEST(LogOutputTest, ALineThatWasBrokenOffEndsBeforeTheNext) {
  Pipe pipe;
  LogOutput output{pipe.writer(), notice};
  const std::string line = std::string(1 << 20, 'x') + "\n";
  output.write(line);
  EXPECT_EQ(output.dropped(), 1U);
  const std::string half = pipe.read();
  EXPECT_LT(half.size(), line.size());
  output.write("next\n");
  EXPECT_EQ(pipe.read(), "\n" + notice(1) + "next\n");
}

TEST(LogOutputTest, AReaderWhoHasGoneIsNobody) {
  const auto old = ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  LogOutput output{pipe.writer(), notice};
  pipe.close_reader();
  for (int i = 0; i < 1000; ++i) output.write("line\n");
  EXPECT_GE(output.dropped(), 1000U);
  ::signal(SIGPIPE, old);
}

TEST(AccessLogTest, WritesEveryLineInOrderAndEndsWithWhatIsLeft) {
  const LogFile file;
  LogOutput output{file.descriptor(), notice};
  const EventLog log = event_log();
  AccessLog access{log, output, AccessLogScope::all};
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    write(access, std::to_string(i));
    write(access, "below the level", LogLevel::debug);
    expected += "1970-01-01T00:00:00.000Z info request id=" + std::to_string(i) + "\n";
  }
  access.stop();
  EXPECT_EQ(file.text(), expected);
  write(access, "late");
  EXPECT_EQ(file.text(), expected) << "after its end";
  EXPECT_EQ(output.dropped(), 1U);
}

// Requests, events, and the end of the server: all of them while the pipe is full.
TEST(AccessLogTest, NobodyWaitsForWhoHasStoppedReading) {
  Pipe pipe;
  LogOutput output{pipe.writer(), notice};
  const EventLog log = event_log();
  AccessLog access{log, output, AccessLogScope::all};
  const std::string path(1000, 'x');
  const std::size_t many = 3 * AccessLog::most_waiting / path.size();
  std::vector<std::thread> serving;
  for (int i = 0; i < 3; ++i) {
    serving.emplace_back([&] {
      for (std::size_t n = 0; n < many; ++n) write(access, path);
    });
  }
  for (std::thread& thread : serving) thread.join();
  output.write("an event\n");
  access.stop();
  const std::string out = pipe.read();
  EXPECT_EQ(out.back(), '\n');
  auto written = static_cast<std::uint64_t>(std::count(out.begin(), out.end(), '\n'));
  for (auto at = out.find("dropped "); at != out.npos; at = out.find("dropped ", at + 1)) --written;
  EXPECT_EQ(written + output.dropped(), 3 * many + 1) << "each is there or counted";
}

// A hiccup of the reader that is shorter than what there is room for costs nothing.
TEST(AccessLogTest, WaitsItselfForAReaderWhoIsLate) {
  Pipe pipe;
  LogOutput output{pipe.writer(), notice};
  const EventLog log = event_log();
  AccessLog access{log, output, AccessLogScope::all};
  const std::string path(1000, 'x');
  const std::size_t many = AccessLog::most_waiting / 2 / path.size();
  for (std::size_t n = 0; n < many; ++n) write(access, path);
  std::string out;
  std::size_t lines = 0;
  while (lines < many) {  // for ever, if one of them is lost
    out += pipe.read();
    lines = static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
    std::this_thread::yield();
  }
  EXPECT_EQ(output.dropped(), 0U);
}

}  // namespace
}  // namespace tarn::server
