// SPDX-License-Identifier: Apache-2.0
// The parts of the connection layer that need neither a socket nor a clock.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "server/front/admission.h"
#include "server/front/canonical_request.h"
#include "server/front/connection_clock.h"
#include "server/front/deadline_wheel.h"
#include "server/front/descriptors.h"
#include "server/front/output_queue.h"
#include "server/front/refusals.h"

namespace tarn::server::front {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Phase = ConnectionClock::Phase;

constexpr Monotonic start{seconds{1000}};

TEST(PaceTest, ForgivesPausesUpToItsGrace) {
  Pace pace{1000, seconds{5}};
  pace.begin(start);
  EXPECT_EQ(pace.deadline(), start + seconds{5});
  // at the rate itself nothing is lost
  for (int second = 1; second <= 100; ++second) {
    pace.add(1000, start + seconds{second});
    ASSERT_EQ(pace.deadline(), start + seconds{second + 5});
  }
  // below it the grace is used up: 500 bytes a second buy half a second each
  for (int second = 101; second <= 108; ++second) pace.add(500, start + seconds{second});
  EXPECT_EQ(pace.deadline(), start + seconds{105 + 4});
  // a burst buys no more than the grace
  pace.add(UINT64_MAX, start + seconds{108});
  EXPECT_EQ(pace.deadline(), start + seconds{113});
}

TEST(PaceTest, WithoutARateOnlyPausesCount) {
  Pace pace{0, seconds{5}};
  pace.begin(start);
  pace.add(1, start + seconds{4});
  EXPECT_EQ(pace.deadline(), start + seconds{9});
}

TEST(ConnectionClockTest, KnowsWhatAClientOwes) {
  const Limits limits;
  ConnectionClock clock{limits, start};
  EXPECT_EQ(clock.deadline(), start + seconds{30});
  clock.enter(Phase::head, start + seconds{1});
  EXPECT_EQ(clock.deadline(), start + seconds{11});
  clock.enter(Phase::body, start + seconds{2});
  EXPECT_EQ(clock.deadline(), start + seconds{7});
  clock.add_body(1, start + seconds{6});
  EXPECT_EQ(clock.deadline(), start + seconds{11});
  clock.enter(Phase::answering, start + seconds{7});
  EXPECT_EQ(clock.deadline(), never);
  EXPECT_EQ(clock.settle_at(), never);
  clock.enter(Phase::idle, start + seconds{8});
  EXPECT_EQ(clock.settle_at(), start + seconds{8} + settle_time);
  clock.enter(Phase::lingering, start + seconds{9});
  EXPECT_EQ(clock.deadline(), start + seconds{11});
}

TEST(ConnectionClockTest, WaitsForAnEncodersFirstByte) {
  const Limits limits;
  ConnectionClock clock{limits, start};
  clock.enter(Phase::body, start);
  clock.set_ingest(start);
  EXPECT_EQ(clock.deadline(), start + seconds{90});
  clock.add_body(100, start + seconds{60});
  EXPECT_EQ(clock.deadline(), start + seconds{70});
  // A2: a stalled upload ends within 10 s, a steady one after body_time at the latest
  for (int second = 61; second < 300; ++second) clock.add_body(1U << 20U, start + seconds{second});
  EXPECT_EQ(clock.deadline(), start + seconds{60} + limits.body_time);
  clock.enter(Phase::idle, start + seconds{300});
  EXPECT_EQ(clock.deadline(), start + seconds{390});
}

TEST(ConnectionClockTest, ABodyMayHaveLessTimeThanTheLimit) {
  const Limits limits;
  ConnectionClock clock{limits, start};
  const auto steady = [&clock](int from) {
    for (int second = from; second < from + 40; ++second) clock.add_body(1U << 20U, start + seconds{second});
  };
  clock.enter(Phase::body, start);
  clock.set_body_time(seconds{30});
  steady(0);
  EXPECT_EQ(clock.deadline(), start + seconds{30});
  // the next one has the limit's
  clock.enter(Phase::body, start + seconds{40});
  steady(100);
  EXPECT_EQ(clock.deadline(), start + seconds{139} + limits.body_grace);
  clock.enter(Phase::body, start + seconds{200});
  clock.set_body_time(seconds{300});
  for (int second = 200; second < 400; ++second) clock.add_body(1U << 20U, start + seconds{second});
  EXPECT_EQ(clock.deadline(), start + seconds{200} + limits.body_time);
}

TEST(ConnectionClockTest, GivesSlowReadersTheirTime) {
  const Limits limits;
  ConnectionClock clock{limits, start};
  EXPECT_EQ(clock.send_deadline(), never);
  clock.set_waiting(true, 1000, start);
  EXPECT_EQ(clock.send_deadline(), start + seconds{30});
  clock.set_waiting(true, 1000 + 4096 * 10, start + seconds{20});
  EXPECT_EQ(clock.send_deadline(), start + seconds{40});
  clock.set_waiting(false, 0, start + seconds{21});
  EXPECT_EQ(clock.send_deadline(), never);
}

class Alarm : public Deadline {
 public:
  explicit Alarm(std::function<void(Monotonic)> call) : call_(std::move(call)) {}
  void on_deadline(Monotonic now) override { call_(now); }

 private:
  std::function<void(Monotonic)> call_;
};

TEST(DeadlineWheelTest, MeetsEveryDeadlineOnceAndNoneEarly) {
  std::mt19937 random{7};
  DeadlineWheel wheel{start};
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::vector<Monotonic> wanted;
  std::vector<Monotonic> met(2000);
  for (std::size_t i = 0; i < met.size(); ++i) {
    wanted.push_back(start + milliseconds{random() % 300000});
    alarms.push_back(std::make_unique<Alarm>([&met, i](Monotonic now) {
      EXPECT_EQ(met[i], Monotonic{});
      met[i] = now;
    }));
    wheel.schedule(*alarms[i], wanted[i]);
  }
  for (Monotonic now = start; now < start + seconds{302}; now += milliseconds{50 + random() % 100})
    wheel.advance(now);
  for (std::size_t i = 0; i < met.size(); ++i) {
    EXPECT_GE(met[i], wanted[i]);
    EXPECT_LE(met[i], wanted[i] + DeadlineWheel::slot_time * 2 + milliseconds{150});
  }
}

TEST(DeadlineWheelTest, TakesChangesFromWithin) {
  DeadlineWheel wheel{start};
  int first = 0;
  auto second = std::make_unique<Alarm>([](Monotonic) { FAIL() << "was destroyed"; });
  Alarm self{[&](Monotonic now) {
    second.reset();
    if (++first < 3) wheel.schedule(self, now);
  }};
  Alarm cancelled{[](Monotonic) { FAIL() << "was cancelled"; }};
  wheel.schedule(*second, start + seconds{1});
  wheel.schedule(cancelled, start + seconds{1});
  wheel.schedule(self, start + seconds{1});
  cancelled.cancel();
  for (int i = 0; i < 20; ++i) wheel.advance(start + milliseconds{250} * i);
  EXPECT_EQ(first, 3);
}

TEST(OutputQueueTest, SendsWhatItWasGivenInOrder) {
  std::mt19937 random{11};
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  OutputQueue queue;
  Transport transport{pair[0]};
  std::string wanted;
  std::string got;
  const auto read_all = [&] {
    char buffer[65536];
    for (ssize_t n = 0; (n = ::read(pair[1], buffer, sizeof buffer)) > 0;)
      got.append(buffer, static_cast<std::size_t>(n));
  };
  for (int round = 0; round < 500; ++round) {
    std::string text(random() % (round % 7 == 0 ? 200000 : 300), 'x');
    for (char& c : text) c = static_cast<char>(random());
    if (random() % 2 == 0) {
      queue.append(text);
    } else {
      queue.append(Blob::copy_of(as_bytes(text)));
    }
    wanted += text;
    std::string more(random() % 50000, 'y');
    for (char& c : more) c = static_cast<char>(random());
    std::size_t taken = 0;
    const auto sent = queue.send(transport, as_bytes(more), taken);
    ASSERT_NE(sent, OutputQueue::Sent::failed);
    EXPECT_TRUE(taken == 0 || queue.empty());
    wanted += more.substr(0, taken);
    if (random() % 3 == 0) read_all();
  }
  for (std::size_t none = 0; !queue.empty();) {
    read_all();
    ASSERT_NE(queue.send(transport, {}, none), OutputQueue::Sent::failed);
  }
  read_all();
  EXPECT_TRUE(got == wanted) << got.size() << " " << wanted.size();
  ::close(pair[0]);
  ::close(pair[1]);
}

TEST(CanonicalRequestTest, IsWrittenByUs) {
  MessageHead head;
  head.method = "PUT";
  head.target = "/a?b";
  head.fields = {{"Host", "evil"}, {"Cookie", "x"}};
  head.content_length = 5;
  head.expects_continue = true;
  EXPECT_EQ(
      canonical_head(head, true),
      "PUT /a?b HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  head.content_length = 0;
  head.expects_continue = false;
  EXPECT_EQ(canonical_head(head, false), "PUT /a?b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  std::string chunk;
  append_chunk(chunk, as_bytes(std::string(300, 'x')));
  append_chunk(chunk, {});
  EXPECT_EQ(chunk, "12c\r\n" + std::string(300, 'x') + "\r\n");
}

TEST(RefusalsTest, AreWholeAnswers) {
  EXPECT_EQ(
      refusal_text(400, "no Host", "now"),
      "HTTP/1.1 400 Bad Request\r\nServer: tarnd\r\nDate: now\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
      "Content-Length: 8\r\n\r\nno Host\n");
}

TEST(AdmissionTest, CountsAddressesAndKeepsPlacesForEncoders) {
  Admission admission{{2, 6, 2, 0, [](const std::string& address) { return address == "exempt"; }}};
  using Verdict = Admission::Verdict;
  EXPECT_EQ(admission.enter("a"), Verdict::admitted);
  EXPECT_EQ(admission.enter("a"), Verdict::admitted);
  EXPECT_EQ(admission.enter("a"), Verdict::address_full);
  EXPECT_EQ(admission.enter("exempt"), Verdict::admitted);
  EXPECT_EQ(admission.enter("exempt"), Verdict::admitted);
  EXPECT_EQ(admission.enter("exempt"), Verdict::ingest_only);
  EXPECT_EQ(admission.enter("b"), Verdict::ingest_only);
  EXPECT_EQ(admission.enter("c"), Verdict::full);
  admission.leave("a");
  admission.leave("exempt");
  EXPECT_EQ(admission.open(), 4U);
  EXPECT_EQ(admission.enter("a"), Verdict::ingest_only);
  EXPECT_EQ(admission.enter("a"), Verdict::address_full);
}

TEST(AdmissionTest, TheOverdraftIsForThoseWhoAskForIt) {
  Admission admission{{0, 3, 1, 2, {}}};
  using Verdict = Admission::Verdict;
  for (const Verdict expected : {Verdict::admitted, Verdict::admitted, Verdict::ingest_only, Verdict::full}) {
    EXPECT_EQ(admission.enter("a"), expected);
  }
  EXPECT_EQ(admission.exceed("a"), Verdict::ingest_only);
  EXPECT_EQ(admission.exceed("a"), Verdict::ingest_only);
  EXPECT_EQ(admission.exceed("a"), Verdict::full);
  admission.leave("a");
  EXPECT_EQ(admission.enter("a"), Verdict::full);
  EXPECT_EQ(admission.open(), 4U);
}

TEST(DescriptorsTest, LeaveSomeForFilesAndEncoders) {
  const auto small = plan_descriptors(64, 30);
  EXPECT_EQ(small.connections, 10U);
  EXPECT_EQ(small.kept, 2U);
  const auto large = plan_descriptors(1U << 20U, 50);
  EXPECT_EQ(large.connections, (1U << 20U) - 50 - 1024);
  EXPECT_EQ(large.kept, 256U);
  EXPECT_GE(plan_descriptors(10, 30).connections, 1U);
}

}  // namespace
}  // namespace tarn::server::front
