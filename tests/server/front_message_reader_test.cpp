// SPDX-License-Identifier: Apache-2.0
#include "server/front/message_reader.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <set>
#include <string>

#include "server/front/field_syntax.h"
#include "tests/server/front_framing_corpus.h"
#include "tests/support/message_run.h"
#include "tests/support/seed.h"

namespace tarn::server::front {
namespace {

using State = MessageReader::State;
using test::MessageRun;

std::string accepted(const MessageRun& run) {
  std::string text;
  for (const test::ReadMessage& message : run.messages) {
    text += (text.empty() ? "" : " | ") + message.method + " " + message.target + " [" + message.body + "]";
  }
  return text;
}

void expect_outcome(const FramingCase& row, const MessageRun& run) {
  EXPECT_EQ(accepted(run), row.accepted);
  EXPECT_EQ(run.status, row.status) << run.reason;
  EXPECT_NE(run.reason.find(row.reason), std::string::npos) << run.reason;
  EXPECT_EQ(run.broken_rule, "");
}

// Whole, byte by byte and in random pieces, the outcome is the same down to the number of bytes that were
// taken.
void expect_same_in_any_pieces(const FramingCase& row, std::mt19937& random) {
  SCOPED_TRACE(row.id);
  const MessageRun whole = test::run_whole(row.bytes);
  expect_outcome(row, whole);
  EXPECT_EQ(test::run_in_pieces(row.bytes, [](std::size_t) { return std::size_t{1}; }), whole);
  for (std::size_t most = 2; most <= 512; most *= 2) {
    const auto piece = [&random, most](std::size_t left) {
      return std::uniform_int_distribution<std::size_t>{1, std::min(left, most)}(random);
    };
    EXPECT_EQ(test::run_in_pieces(row.bytes, piece), whole) << "in pieces of at most " << most;
  }
}

std::mt19937 seeded() {
  const unsigned seed = test::seed_of_run();
  std::cout << "seed " << seed << '\n';
  return std::mt19937{seed};
}

MessageHead head_of(const std::string& fields, const std::string& version = "HTTP/1.1") {
  MessageReader reader;
  const std::string bytes = "PUT /a " + version + "\r\nHost: a\r\n" + fields + "\r\n";
  EXPECT_EQ(reader.feed(as_bytes(bytes)), bytes.size()) << fields;
  EXPECT_NE(reader.state(), State::refused) << reader.refusal().reason;
  return reader.head();
}

TEST(MessageReader, RefusesEveryAmbiguousMessageHoweverItComes) {
  std::mt19937 random = seeded();
  std::set<std::string> ids;
  for (const FramingCase& row : refused_cases()) {
    ASSERT_NE(row.status, 0);
    EXPECT_TRUE(ids.insert(row.id).second) << row.id;
    expect_same_in_any_pieces(row, random);
  }
  EXPECT_GE(ids.size(), 60U);
}

TEST(MessageReader, ReadsValidMessagesWithExactBodiesHoweverTheyCome) {
  std::mt19937 random = seeded();
  for (const FramingCase& row : valid_cases()) expect_same_in_any_pieces(row, random);
}

TEST(MessageReader, EveryTruncationOfAMessageIsRefusedOrNone) {
  for (const FramingCase& row : valid_cases()) {
    SCOPED_TRACE(row.id);
    const MessageRun whole = test::run_whole(row.bytes);
    std::set<std::size_t> boundaries{0};
    for (const test::ReadMessage& message : whole.messages) boundaries.insert(message.end);
    for (std::size_t size = 0; size < whole.taken; ++size) {
      const std::string cut = row.bytes.substr(0, size);
      const bool after_empty_line = size >= 2 && boundaries.count(size - 2) > 0 && cut.ends_with("\r\n");
      const bool at_boundary = boundaries.count(size) > 0 || after_empty_line;
      EXPECT_EQ(test::run_whole(cut).status, at_boundary ? 0 : 400) << "cut at " << size;
    }
  }
}

TEST(MessageReader, StopsBeforeTheBodyAndBeforeTheNextMessage) {
  const std::string head = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  const std::string bytes = head + "abcGET";
  Bytes rest = as_bytes(bytes);
  MessageReader reader;
  EXPECT_EQ(reader.state(), State::idle);
  EXPECT_EQ(reader.feed(rest.first(5)), 5U);
  EXPECT_EQ(reader.state(), State::head);
  EXPECT_EQ(reader.feed(rest.subspan(5)), head.size() - 5);
  EXPECT_EQ(reader.state(), State::body);
  EXPECT_TRUE(reader.body().empty());
  rest = rest.subspan(head.size());
  EXPECT_EQ(reader.feed(rest), 3U);
  EXPECT_EQ(reader.state(), State::complete);
  ASSERT_EQ(reader.body().size(), 1U);
  EXPECT_EQ(reader.body()[0].data(), rest.data());
  EXPECT_EQ(reader.feed(rest.subspan(3)), 0U);
  reader.end();
  EXPECT_EQ(reader.state(), State::complete);
  reader.next();
  EXPECT_EQ(reader.state(), State::idle);
  EXPECT_TRUE(reader.head().fields.empty());
}

TEST(MessageReader, KeepsFieldsAsSentAndFindsTheFirstByLowerCaseName) {
  const MessageHead head = head_of("X-Thing:  one two\t\r\nx-thing: three\r\n");
  ASSERT_EQ(head.fields.size(), 3U);
  EXPECT_EQ(head.fields[1].name, "X-Thing");
  EXPECT_EQ(head.find("x-thing"), "one two");
  EXPECT_EQ(head.find("x-other"), std::nullopt);
  EXPECT_EQ(head.method, "PUT");
  EXPECT_EQ(head.target, "/a");
}

TEST(MessageReader, ReadsLengthAndCoding) {
  EXPECT_EQ(head_of("").content_length, std::nullopt);
  EXPECT_FALSE(head_of("").chunked);
  EXPECT_EQ(head_of("Content-Length: 9223372036854775807\r\n").content_length, 9223372036854775807U);
  EXPECT_TRUE(head_of("Transfer-Encoding: chunked\r\n").chunked);
}

TEST(MessageReader, KeepsTheConnectionAsVersionAndConnectionSay) {
  struct Row {
    const char* version;
    const char* fields;
    bool keep_alive;
  };
  const Row rows[] = {
      {"HTTP/1.1", "", true},
      {"HTTP/1.1", "Connection: keep-alive\r\n", true},
      {"HTTP/1.1", "Connection: close\r\n", false},
      {"HTTP/1.1", "Connection: keep-alive , CLOSE\r\n", false},
      {"HTTP/1.1", "Connection: upgrade\r\nConnection: close\r\n", false},
      {"HTTP/1.1", "Connection: close-not\r\n", true},
      {"HTTP/1.1", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n", false},
      {"HTTP/1.1", "Upgrade: h2c\r\n", true},
      {"HTTP/1.1", "Proxy-Connection: close\r\n", false},
      {"HTTP/1.0", "Proxy-Connection: keep-alive\r\n", false},
      {"HTTP/1.0", "", false},
      {"HTTP/1.0", "Connection: Keep-Alive\r\n", true},
      {"HTTP/1.0", "Connection: keep-alive, close\r\n", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(head_of(row.fields, row.version).keep_alive, row.keep_alive)
        << row.version << ' ' << row.fields;
  }
}

TEST(MessageReader, AwaitsContinueOnlyForABodyOfHttp11) {
  const std::string expect = "Expect: 100-continue\r\n";
  EXPECT_TRUE(head_of(expect + "Content-Length: 1\r\n").expects_continue);
  EXPECT_TRUE(head_of(expect + "Transfer-Encoding: chunked\r\n").expects_continue);
  EXPECT_FALSE(head_of(expect + "Content-Length: 0\r\n").expects_continue);
  EXPECT_FALSE(head_of(expect).expects_continue);
  EXPECT_FALSE(head_of(expect + "Content-Length: 1\r\n", "HTTP/1.0").expects_continue);
}

TEST(MessageReader, LimitsCountToTheByte) {
  const MessageLimits limits{.request_line = 16, .head = 40, .fields = 2, .chunk_line = 4, .trailer = 6};
  const auto status = [&limits](const std::string& bytes) { return test::run_whole(bytes, limits).status; };
  const std::string host = "Host: a\r\n";
  EXPECT_EQ(status("GET /12 HTTP/1.1\r\n" + host + "\r\n"), 0);
  EXPECT_EQ(status("GET /123 HTTP/1.1\r\n" + host + "\r\n"), 414);
  EXPECT_EQ(status("GET /123 HTTP/1.1\r"), 414) << "no need to wait for the end";
  EXPECT_EQ(status("GET / HTTP/1.1\r\n" + host + "X: 456789012\r\n\r\n"), 431);
  EXPECT_EQ(status("GET / HTTP/1.1\r\n" + host + "X: 45678901\r\n\r\n"), 0);
  EXPECT_EQ(status("GET / HTTP/1.1\r\n" + host + "X:\r\nY:\r\n\r\n"), 431);

  const std::string head = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + host + "\r\n";
  const auto chunked = [&head](const std::string& body) {
    return test::run_whole(head + body, {.chunk_line = 4, .trailer = 6}).status;
  };
  EXPECT_EQ(chunked("1;xy\r\na\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(chunked("1;xyz\r\na\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(chunked("0\r\nX: y\r\n\r\n"), 0);
  EXPECT_EQ(chunked("0\r\nX: yz\r\n\r\n"), 0);
  EXPECT_EQ(chunked("0\r\nX: yzab\r\n\r\n"), 431);
  EXPECT_EQ(chunked("0\r\nX: y\r\nX:\r\n\r\n"), 431);
}

TEST(MessageReader, TheReasonRepeatsNothingThatWasSent) {
  for (const FramingCase& row : refused_cases()) {
    EXPECT_EQ(test::run_whole(row.bytes).reason.find("smuggled"), std::string::npos);
  }
  const MessageRun run =
      test::run_whole("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic c2VjcmV0\r\nX y: z\r\n\r\n");
  EXPECT_EQ(run.reason.find("c2VjcmV0"), std::string::npos);
  EXPECT_EQ(run.reason, "a field name that is no token");
}

TEST(FieldSyntax, AHostIsANameOrAnAddressWithAPort) {
  for (const char* good : {"a", "a.b-c_d~e", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::ffff:1.2.3.4]:65535"}) {
    EXPECT_TRUE(is_host(good)) << good;
  }
  for (const char* bad : {"", ":80", "a:", "a:b", "a:123456", "a b", "a:+80", "[]", "[1]", "[::1]80",
                          "[::1]:", "::1", "[fe80::1%25eth0]", "a%2eb", "[::g]"}) {
    EXPECT_FALSE(is_host(bad)) << bad;
  }
  EXPECT_TRUE(is_host(std::string(255, 'a')));
  EXPECT_FALSE(is_host(std::string(256, 'a')));
}

}  // namespace
}  // namespace tarn::server::front
