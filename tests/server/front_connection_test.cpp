// SPDX-License-Identifier: Apache-2.0
// Rows T4, T6, T17, T18 and C15 of the fault matrix: how connections begin, live and end.
#include "tests/server/front_fixture.h"

namespace tarn::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool is_over(RawClient& client) {
  (void)client.drain();
  return client.end() == RawClient::End::closed || client.end() == RawClient::End::reset;
}

TEST_F(FrontTest, T17IdleClosesLeaveNothing) {
  serve();
  for (const int requests : {0, 1, 2}) {
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 300; ++i) {
      RawClient client = connect();
      ASSERT_TRUE(client.connected());
      for (int k = 0; k < requests; ++k) {
        client.send(get("/a"));
        ASSERT_EQ(client.receive().status, 200);
      }
      if (i % 3 == 2) client.reset();
    }
    EXPECT_TRUE(eventually([&] { return server_->connections() == 0; })) << requests;
    EXPECT_LE(open_descriptors(), before + 2) << requests;
  }
}

TEST_F(FrontTest, T18AConnectionIsKept) {
  serve();
  RawClient client = connect();
  for (int i = 0; i < 50; ++i) {
    client.send(get("/a"));
    const RawAnswer answer = client.receive();
    ASSERT_EQ(answer.status, 200) << i;
    ASSERT_EQ(answer.fields.count("connection"), 0U);
  }
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(FrontTest, AnIdleConnectionLeavesLibsoupAndGoesOn) {
  serve();
  RawClient client = connect();
  for (int i = 0; i < 2; ++i) {
    client.send(get("/a"));
    ASSERT_EQ(client.receive().status, 200);
    // longer than settle_time
    client.set_timeout(milliseconds{2200});
    EXPECT_EQ(client.drain(), "");
    EXPECT_EQ(client.end(), RawClient::End::timeout);
    client.set_timeout(seconds{10});
  }
}

TEST_F(FrontTest, HttpTenIsKeptWhenItAsks) {
  serve();
  RawClient client = connect();
  client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.receive().fields.at("connection"), "keep-alive");
  client.send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.receive().fields.at("connection"), "close");
  EXPECT_TRUE(is_over(client));
}

TEST_F(FrontTest, AHalfClosedClientGetsItsAnswers) {
  serve();
  RawClient client = connect();
  client.send(get("/later") + get("/a"));
  client.finish();
  ASSERT_TRUE(eventually([&] { return handler_.count() == 1; }));
  handler_.release();
  EXPECT_EQ(client.receive().body, "answer to /later");
  EXPECT_EQ(client.receive().body, "answer to /a");
  EXPECT_TRUE(is_over(client));
}

TEST_F(FrontTest, AClientThatLeavesBeforeTheAnswerIsLetGo) {
  serve();
  {
    RawClient client = connect();
    client.send(get("/later"));
    ASSERT_TRUE(eventually([&] { return handler_.count() == 1; }));
    client.reset();
  }
  handler_.release();
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(FrontTest, T4HalfSentHeadsAreDropped) {
  front::Limits limits;
  limits.head_time = milliseconds{300};
  serve(limits);
  std::vector<RawClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(connect());
    clients.back().send("GET /a HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  }
  EXPECT_TRUE(eventually([&] { return refusals("head-time") == 200; }, seconds{5}));
  for (RawClient& client : clients) {
    EXPECT_EQ(client.receive().status, 408);
    EXPECT_TRUE(is_over(client));
  }
  EXPECT_EQ(handler_.count(), 0U);
}

TEST_F(FrontTest, T4SlowBodiesAreDropped) {
  front::Limits limits;
  limits.body_grace = milliseconds{300};
  limits.ingest_body_grace = milliseconds{300};
  serve(limits);
  RawClient waits = connect();  // for its first byte: nothing is late yet
  waits.send("PUT /ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  RawClient stalls = connect();
  stalls.send("PUT /ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  RawClient viewer = connect();
  viewer.send("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(stalls.receive().status, 408);
  EXPECT_EQ(viewer.receive().status, 408);
  EXPECT_EQ(refusals("body-rate"), 2);
  waits.send("2\r\nok\r\n0\r\n\r\n");
  EXPECT_EQ(waits.receive().status, 200);
}

TEST_F(FrontTest, IdleConnectionsAreClosedEncodersLater) {
  front::Limits limits;
  limits.idle_time = milliseconds{400};
  limits.ingest_idle_time = seconds{60};
  serve(limits);
  RawClient fresh = connect();
  RawClient viewer = connect();
  viewer.send(get("/a"));
  EXPECT_EQ(viewer.receive().status, 200);
  RawClient encoder = connect();
  encoder.send("PUT /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(encoder.receive().status, 200);
  EXPECT_EQ(fresh.drain(), "");
  EXPECT_EQ(fresh.end(), RawClient::End::closed);
  EXPECT_EQ(viewer.drain(), "");
  EXPECT_EQ(viewer.end(), RawClient::End::closed);
  encoder.send(get("/a"));
  EXPECT_EQ(encoder.receive().status, 200);
}

TEST_F(FrontTest, AViewersConnectionEndsAfterItsRequests) {
  front::Limits limits;
  limits.requests = 3;
  serve(limits);
  RawClient viewer = connect();
  viewer.send(get("/a") + get("/a") + get("/a") + get("/a"));
  EXPECT_EQ(viewer.receive().fields.count("connection"), 0U);
  EXPECT_EQ(viewer.receive().fields.count("connection"), 0U);
  EXPECT_EQ(viewer.receive().fields.at("connection"), "close");
  EXPECT_EQ(viewer.drain(), "");
  EXPECT_EQ(handler_.count(), 3U);
  RawClient encoder = connect();
  for (int i = 0; i < 5; ++i) {
    encoder.send("PUT /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_EQ(encoder.receive().fields.count("connection"), 0U);
  }
}

TEST_F(FrontTest, ConnectionsOfOneAddressAreLimited) {
  front::Limits limits;
  limits.per_address = 5;
  serve(limits);
  std::vector<RawClient> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(connect());
    clients.back().send(get("/a"));
    ASSERT_EQ(clients.back().receive().status, 200);
  }
  RawClient more = connect();
  EXPECT_EQ(more.receive().status, 503);
  EXPECT_TRUE(is_over(more));
  EXPECT_EQ(refusals("per-address"), 1);
  clients.pop_back();
  ASSERT_TRUE(eventually([&] { return server_->connections() == 4; }));
  RawClient again = connect();
  again.send(get("/a"));
  EXPECT_EQ(again.receive().status, 200);
}

TEST_F(FrontTest, BodiesInMemoryTurnViewersAway) {
  front::Limits limits;
  limits.bodies = 1000;
  serve(limits);
  RawClient encoder = connect();
  encoder.send("PUT /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + std::string(2000, 'x'));
  RawClient viewer = connect();
  ASSERT_TRUE(eventually([&] {
    viewer.send(get("/a"));
    return viewer.receive().status == 503;
  }));
  EXPECT_GE(refusals("bodies"), 1);
  RawClient second = connect();
  second.send("PUT /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(second.receive().status, 200);
  encoder.send(std::string(1000, 'x'));
  EXPECT_EQ(encoder.receive().status, 200);
  ASSERT_TRUE(eventually([&] {
    viewer.send(get("/a"));
    return viewer.receive().status == 200;
  }));
}

TEST_F(FrontTest, ASlowReaderIsCutAndOthersAreNot) {
  front::Limits limits;
  limits.send_grace = milliseconds{500};
  serve(limits);
  RawClient slow = connect(4096);
  for (int i = 0; i < 8; ++i) slow.send(get("/big"));
  RawClient other = connect();
  for (int i = 0; i < 5; ++i) {
    other.send(get("/big"));
    EXPECT_EQ(other.receive().body.size(), 3U << 20U);
  }
  EXPECT_TRUE(eventually([&] { return refusals("send-rate") == 1; }, seconds{5}));
  EXPECT_TRUE(eventually([&] { return server_->connections() == 1; }));
}

TEST_F(FrontTest, T6ManyMayConnectAtOnce) {
  auto bound = HttpServer::bind({"127.0.0.1:0"}, 1);
  ASSERT_TRUE(bound.ok());
  const auto begin = std::chrono::steady_clock::now();
  std::vector<RawClient> clients;
  for (int i = 0; i < 400; ++i) {
    clients.emplace_back((*bound)->addresses().front());
    ASSERT_TRUE(clients.back().connected());
  }
  // One that does not fit waits a second for its SYN to be sent again.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds{900});
}

TEST_F(FrontTest, C15DrainFinishesWhatIsInFlight) {
  serve();
  RawClient waiting = connect();
  waiting.send(get("/later"));
  RawClient idle = connect();
  idle.send(get("/a"));
  ASSERT_EQ(idle.receive().status, 200);
  RawClient asks = connect();
  asks.send(get("/a"));
  ASSERT_EQ(asks.receive().status, 200);
  ASSERT_TRUE(eventually([&] { return handler_.count() == 3; }));
  bool drained = false;
  std::thread drainer{[&] { drained = server_->drain(seconds{10}); }};
  ASSERT_TRUE(eventually([&] { return !RawClient{address()}.connected(); }));
  asks.send(get("/a"));
  const RawAnswer refused = asks.receive();
  if (refused.status != 0) {
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.fields.at("connection"), "close");
  }
  EXPECT_EQ(idle.drain(), "");
  EXPECT_EQ(idle.end(), RawClient::End::closed);
  handler_.release();
  const RawAnswer answer = waiting.receive();
  EXPECT_EQ(answer.body, "answer to /later");
  EXPECT_EQ(answer.fields.at("connection"), "close");
  EXPECT_TRUE(is_over(waiting));
  asks.close();
  idle.close();
  drainer.join();
  EXPECT_TRUE(drained);
  EXPECT_EQ(handler_.count(), 3U);
}

TEST_F(FrontTest, OptionsOfTheServerAreAnswered) {
  serve();
  RawClient client = connect();
  client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" + get("/a"));
  EXPECT_EQ(client.receive().body, "answer to /");
  EXPECT_EQ(client.receive().body, "answer to /a");
}

}  // namespace
}  // namespace tarn::server
