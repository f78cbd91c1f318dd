// SPDX-License-Identifier: Apache-2.0
// Rows T1, T2, T3, T5, T8 and G2 of the fault matrix, through the real server: what is not one unambiguous
// request never reaches a handler.
#include "tests/server/front_fixture.h"
#include "tests/server/front_framing_corpus.h"

namespace tarn::server {
namespace {

std::size_t messages_of(const std::string& accepted) {
  if (accepted.empty()) return 0;
  std::size_t count = 1;
  for (std::size_t at = accepted.find(" | "); at != std::string::npos; at = accepted.find(" | ", at + 1))
    ++count;
  return count;
}

std::size_t answers_in(const std::string& received) {
  std::size_t count = 0;
  for (std::size_t at = received.find("HTTP/1.1 "); at != std::string::npos;
       at = received.find("HTTP/1.1 ", at + 1)) {
    if (received.compare(at + 9, 3, "100") != 0) ++count;
  }
  return count;
}

const std::string put_chunked = "PUT /ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(FrontTest, T1ABodyCutByFinAfterAWholeChunkIsNoBody) {
  serve();
  RawClient client = connect();
  client.send(put_chunked + "5\r\nhello\r\n");
  ASSERT_TRUE(eventually([&] { return handler_.heads == 1; }));
  client.finish();
  EXPECT_EQ(client.receive().status, 400);
  EXPECT_EQ(client.drain(), "");
  EXPECT_EQ(client.end(), RawClient::End::closed);
  EXPECT_EQ(handler_.count(), 0U);
}

TEST_F(FrontTest, T1ABodyCutByResetIsNoBody) {
  serve();
  for (const char* fields :
       {"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Content-Length: 9\r\n\r\nhello"}) {
    const int before = handler_.heads;
    RawClient client = connect();
    client.send(std::string{"PUT /ingest HTTP/1.1\r\nHost: a\r\n"} + fields);
    ASSERT_TRUE(eventually([&] { return handler_.heads == before + 1; }));
    client.reset();
    ASSERT_TRUE(eventually([&] { return server_->connections() == 0; }));
  }
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock{mutex_};
    return records_.size() == 2;
  }));
  EXPECT_EQ(handler_.count(), 0U);
  EXPECT_EQ(records_[0].status, 0);
}

// What ffmpeg does at its end: the last playlist is sent whole, answers before it have not been read.
TEST_F(FrontTest, WhatCameWholeBeforeAResetIsTaken) {
  serve();
  const std::string body(20'000, 'b');
  const std::string put = "PUT /ingest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunks = "4e20\r\n" + body + "\r\n0\r\n\r\n";
  for (std::size_t i = 0; i < 100; ++i) {
    RawClient client = connect();
    client.send(put + chunks);
    ASSERT_TRUE(eventually([&] { return handler_.count() == 2 * i + 1; }));
    client.send(put + chunks);
    client.reset();
    ASSERT_TRUE(eventually([&] { return handler_.count() == 2 * i + 2; })) << "after " << i << " times";
  }
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(FrontTest, T2ImpossibleSizesAreAnsweredAtOnce) {
  serve();
  for (const char* size : {"10000000000000003", "-3", "ffffffffffffffff"}) {
    RawClient client = connect();
    client.send(put_chunked + size + "\r\nabc\r\n0\r\n\r\n");
    EXPECT_EQ(client.receive().status, 400) << size;
    EXPECT_EQ(client.drain(), "");
    EXPECT_EQ(client.end(), RawClient::End::closed) << size;
  }
  EXPECT_EQ(handler_.count(), 0U);
}

// T3, T8
TEST_F(FrontTest, G2RefusedFramingNeverReachesAHandler) {
  serve();
  const auto cases = front::refused_cases();
  ASSERT_GE(cases.size(), 60U);
  for (const auto& c : cases) {
    for (const std::size_t piece : {SIZE_MAX, std::size_t{7}}) {
      const std::size_t before = handler_.count();
      RawClient client = connect();
      client.send(c.bytes, piece);
      client.finish();
      for (std::size_t i = 0; i < messages_of(c.accepted); ++i)
        EXPECT_EQ(client.receive().status, 200) << c.id;
      const RawAnswer refusal = client.receive();
      EXPECT_EQ(refusal.status, c.status) << c.id << " " << refusal.head;
      EXPECT_EQ(refusal.fields.count("connection"), 1U) << c.id;
      EXPECT_EQ(client.drain(), "") << c.id;
      EXPECT_EQ(client.end(), RawClient::End::closed) << c.id;
      EXPECT_EQ(handler_.count() - before, messages_of(c.accepted)) << c.id;
    }
  }
  EXPECT_GT(refusals("malformed"), 0);
}

TEST_F(FrontTest, G2ValidFramingReachesOneHandlerPerMessage) {
  serve();
  for (const auto& c : front::valid_cases()) {
    for (const std::size_t piece : {SIZE_MAX, std::size_t{7}}) {
      const std::size_t before = handler_.count();
      RawClient client = connect();
      client.send(c.bytes, piece);
      client.finish();
      std::string received = client.drain();
      EXPECT_EQ(client.end(), RawClient::End::closed) << c.id;
      // Well framed, but GUri cannot read every visible character.
      const bool has_no_handler = c.id == "target-visible";
      EXPECT_EQ(handler_.count() - before, has_no_handler ? 0 : messages_of(c.accepted)) << c.id << received;
      EXPECT_EQ(answers_in(received), messages_of(c.accepted)) << c.id << received;
    }
  }
}

TEST_F(FrontTest, T3FieldsComeAsTheyWereSentAndNothingElse) {
  serve();
  RawClient client = connect();
  client.send(
      "GET /a%20b?x=1&y=2 HTTP/1.1\r\nHost: example.org:81\r\nX-One: 1\r\nx-one: 2\r\nRange: "
      "bytes=0-1\r\nCookie: a=b\r\n\r\n");
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(handler_.last.path, "/a b");
  EXPECT_EQ(handler_.last.query, (std::map<std::string, std::string>{{"x", "1"}, {"y", "2"}}));
  EXPECT_EQ(handler_.last.headers,
            (std::map<std::string, std::string>{
                {"host", "example.org:81"}, {"x-one", "1, 2"}, {"range", "bytes=0-1"}, {"cookie", "a=b"}}));
  EXPECT_EQ(handler_.last.peer, "127.0.0.1");
}

TEST_F(FrontTest, T5ManyRangesDoNotMultiplyAnAnswer) {
  serve();
  std::string ranges = "bytes=0-";
  for (int i = 1; i < 50; ++i) ranges += "," + std::to_string(i) + "-";
  RawClient client = connect();
  client.send("GET /big HTTP/1.1\r\nHost: a\r\nRange: " + ranges + "\r\n\r\n");
  const RawAnswer answer = client.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.size(), 3U << 20U);
}

TEST_F(FrontTest, T8BodiesOfAnySizePass) {
  serve();
  RawClient client = connect();
  const std::string large(50U << 20U, 'x');
  client.send("PUT /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(large.size()) +
              "\r\n\r\n");
  client.send(large);
  EXPECT_EQ(client.receive().status, 200);
  client.send(put_chunked + "1\r\nx\r\n3;name=value\r\nabc\r\n0\r\nTrailer: gone\r\n\r\n");
  EXPECT_EQ(client.receive().status, 200);
  client.send("PUT /ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(handler_.requests,
            (std::vector<std::string>{"PUT /ingest 52428800", "PUT /ingest 4", "PUT /ingest"}));
}

TEST_F(FrontTest, ARefusedBodyIsNotReadAndTheAnswerComesAtOnce) {
  serve();
  RawClient client = connect();
  client.send("PUT /forbidden HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nbegin");
  const RawAnswer answer = client.receive();
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.fields.at("connection"), "close");
  RawClient little = connect();
  little.send("PUT /little HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n");
  EXPECT_EQ(little.receive().status, 413);
  EXPECT_EQ(little.drain(), "");
  EXPECT_EQ(little.end(), RawClient::End::closed);
  EXPECT_EQ(handler_.count(), 0U);
}

TEST_F(FrontTest, ExpectIsAnsweredBeforeTheBody) {
  serve();
  RawClient client = connect();
  const std::string expect = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  client.send("PUT /ingest HTTP/1.1\r\n" + expect);
  EXPECT_EQ(client.receive().status, 100);
  client.send("hello");
  EXPECT_EQ(client.receive().status, 200);
  client.send("PUT /forbidden HTTP/1.1\r\n" + expect);
  const RawAnswer refused = client.receive();
  EXPECT_EQ(refused.status, 403);
  // Nobody knows whether the body comes after all.
  EXPECT_EQ(refused.fields.at("connection"), "close");
  EXPECT_EQ(client.drain(), "");
  EXPECT_EQ(handler_.count(), 1U);
}

}  // namespace
}  // namespace tarn::server
