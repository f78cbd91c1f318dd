// SPDX-License-Identifier: Apache-2.0
// Bodies go from the socket to the handler past libsoup: all of them, in order, and nothing of the next
// message.
#include <algorithm>
#include <random>

#include "server/http/body_buffer.h"
#include "tests/server/front_fixture.h"

namespace tarn::server {
namespace {

using Engine = std::mt19937;

std::size_t below(Engine& engine, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>{0, limit - 1}(engine);
}

std::string random_text(Engine& engine, std::size_t size) {
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>(engine());
  return text;
}

std::string hexadecimal(std::size_t number) {
  std::string digits;
  for (; number > 0; number /= 16) digits.insert(digits.begin(), "0123456789abcdef"[number % 16]);
  return digits;
}

std::string with_length(const std::string& body) {
  return "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string in_chunks(Engine& engine, const std::string& body) {
  std::string message = "PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = std::min(1 + below(engine, 300'000), body.size() - at);
    message += hexadecimal(size) + "\r\n" + body.substr(at, size) + "\r\n";
    at += size;
  }
  return message + "0\r\n\r\n";
}

TEST_F(FrontTest, BodiesArriveAsTheyWereSent) {
  serve();
  Engine engine{11};
  for (const std::size_t size : {1UL, 70'000UL, 300'000UL, 9'000'000UL}) {
    for (const bool chunked : {false, true}) {
      const std::string body = random_text(engine, size);
      RawClient client = connect();
      const std::string message = (chunked ? in_chunks(engine, body) : with_length(body)) + get("/a");
      for (std::size_t at = 0; at < message.size();) {
        const std::size_t piece = std::min(1 + below(engine, 2 * size + 100), message.size() - at);
        client.send(message.substr(at, piece));
        at += piece;
      }
      const RawAnswer answer = client.receive();
      ASSERT_EQ(answer.status, 200) << size;
      EXPECT_TRUE(answer.body == body) << size << (chunked ? " in chunks" : " with its length");
      EXPECT_EQ(client.receive().body, "answer to /a") << size;
    }
  }
}

TEST_F(FrontTest, ABodyThatGrowsTooLargeIsAnsweredWhileItComes) {
  serve();
  Engine engine{12};
  RawClient client = connect();
  std::string message = in_chunks(engine, random_text(engine, 2'000'000));
  message.replace(message.find("/echo"), 5, "/little");
  client.send(message);
  EXPECT_EQ(client.receive().status, 413);
  (void)client.drain();
  EXPECT_NE(client.end(), RawClient::End::timeout);
  EXPECT_EQ(handler_.count(), 0U);
  RawClient other = connect();
  other.send(get("/a"));
  EXPECT_EQ(other.receive().status, 200);
}

TEST_F(FrontTest, ABodyHasTheTimeThatItsHandlerGivesIt) {
  serve();
  RawClient client = connect();
  client.set_timeout(std::chrono::seconds{4});  // less than the grace of a body that comes too slowly
  client.send("PUT /brief HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
  EXPECT_EQ(client.receive().status, 408);
  EXPECT_EQ(refusals("body-rate"), 1);
}

TEST(BodyBufferTest, KeepsWhatIsAppendedWhileItGrows) {
  Engine engine{13};
  for (const std::size_t reserved : {std::size_t{0}, std::size_t{5'000}, std::size_t{4'000'000}}) {
    BodyBuffer buffer;
    buffer.reserve(reserved);
    std::string expected;
    while (expected.size() < 3'000'000) {
      const std::string piece = random_text(engine, below(engine, 200'000));
      buffer.append(as_bytes(piece));
      expected += piece;
    }
    EXPECT_EQ(buffer.size(), expected.size());
    const Blob body = buffer.release();
    EXPECT_TRUE(as_text(body.bytes()) == expected) << reserved;
    EXPECT_EQ(buffer.size(), 0U);
    buffer.append(as_bytes("again"));
    EXPECT_EQ(as_text(buffer.release().bytes()), "again");
    EXPECT_TRUE(as_text(body.bytes()) == expected) << reserved;
  }
}

}  // namespace
}  // namespace tarn::server
