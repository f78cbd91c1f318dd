// SPDX-License-Identifier: Apache-2.0
#include "tests/server/http_fixture.h"

namespace tarn::server {
namespace {

const std::string good = basic("user1:password1");

TEST_F(HttpTest, StoresWhatAnEncoderSends) {
  const auto put = ask("PUT", "/v1/g/1/c/manifest0.ts", {{"Authorization", good}}, "media");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.body, "");
  EXPECT_EQ(ask("POST", "/v1/g/2/c/hd/a.ts", {{"Authorization", basic("user2:password2")}}, "more").status,
            201);
  EXPECT_EQ(origin_.uploads, (std::vector<std::string>{"c/0/manifest0.ts=media", "c/1/hd/a.ts=more"}));
}

TEST_F(HttpTest, ReadsChunkedBodies) {
  HttpClient client{address()};
  client.send("PUT /v1/g/1/c/a.ts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nAuthorization: " +
              good + "\r\n\r\n3\r\nabc\r\n");
  client.send("4\r\ndefg\r\n0\r\n\r\n");
  EXPECT_EQ(client.receive().status, 201);
  EXPECT_EQ(origin_.uploads, (std::vector<std::string>{"c/0/a.ts=abcdefg"}));
}

TEST_F(HttpTest, AnswersExpectBeforeTheBody) {
  HttpClient client{address()};
  client.send(
      "PUT /v1/g/1/c/a.ts HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  const auto refused = client.receive();
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.at("www-authenticate"), "Basic realm=\"ingest\", charset=\"UTF-8\"");

  HttpClient again{address()};
  again.send(
      "PUT /v1/g/1/c/a.ts HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n"
      "Authorization: " +
      good + "\r\n\r\n");
  EXPECT_EQ(again.receive().status, 100);
  again.send("2\r\nok\r\n0\r\n\r\n");
  EXPECT_EQ(again.receive().status, 201);
}

TEST_F(HttpTest, ABodyMayTakeAsLongAsFiveSegmentsLast) {
  Request head;
  head.method = "PUT";
  head.path = "/v1/g/1/c/a.ts";
  head.headers["authorization"] = good;
  for (const std::uint32_t duration : {1U, 6U, 20U}) {
    const auto model = std::make_shared<Model>(*test_model());
    model->channels.at("g/c").segment_duration = duration;
    OriginHandler handler{[model] { return model; }, origin_, [this] { return now_; }, PlaybackSettings{}};
    EXPECT_EQ(handler.on_head(head).body_time, std::chrono::seconds{std::max(30U, 5 * duration)}) << duration;
  }
}

TEST_F(HttpTest, AStoppedChannelTakesNothing) {
  const auto model = std::make_shared<Model>(*test_model());
  model->channels.at("g/c").is_stopped = true;
  OriginHandler handler{[model] { return model; }, origin_, [this] { return now_; }, PlaybackSettings{}};
  Request head;
  head.method = "PUT";
  head.path = "/v1/g/1/c/a.ts";
  EXPECT_EQ(handler.on_head(head).refusal->status, 401) << "only who may know is told";
  head.headers["authorization"] = good;
  EXPECT_EQ(handler.on_head(head).refusal->status, 409);
}

struct AuthCase {
  const char* target;
  const char* authorization;
  int status;
};

TEST_F(HttpTest, LetsOnlyTheInputsOwnCredentialsIn) {
  const std::string other = basic("user2:password2");
  const std::string previous = basic("old2:oldpassword2");
  const std::string wrong = basic("user1:password2");
  const std::string empty = basic(":");
  const std::string prefix = basic("user1:password");
  const std::string longer = basic("user1:password11");
  const AuthCase cases[] = {
      {"/v1/g/1/c/a.ts", good.c_str(), 201},       {"/v1/g/2/c/a.ts", other.c_str(), 201},
      {"/v1/g/2/c/a.ts", previous.c_str(), 201},   {"/v1/g/1/c/a.ts", "", 401},
      {"/v1/g/1/c/a.ts", other.c_str(), 401},      {"/v1/g/1/c/a.ts", previous.c_str(), 401},
      {"/v1/g/1/c/a.ts", wrong.c_str(), 401},      {"/v1/g/1/c/a.ts", empty.c_str(), 401},
      {"/v1/g/1/c/a.ts", prefix.c_str(), 401},     {"/v1/g/1/c/a.ts", longer.c_str(), 401},
      {"/v1/g/1/c/a.ts", "Basic !!!!", 401},       {"/v1/g/1/c/a.ts", "Bearer secret-code", 401},
      {"/v1/g/1/unknown/a.ts", good.c_str(), 401}, {"/v1/unknown/1/c/a.ts", good.c_str(), 401},
      {"/v1/unknown/1/c/a.ts", "", 401},           {"/elsewhere", good.c_str(), 401},
  };
  for (const char* method : {"PUT", "POST"}) {
    for (const AuthCase& c : cases) {
      HeaderList headers;
      if (*c.authorization != '\0') headers.emplace_back("Authorization", c.authorization);
      EXPECT_EQ(ask(method, c.target, headers, "x").status, c.status)
          << method << " " << c.target << " " << c.authorization;
    }
  }
  EXPECT_EQ(ask("DELETE", "/v1/g/1/c/a.ts", {{"Authorization", wrong}}).status, 401);
  now_ = Utc{std::chrono::seconds{1001}};
  EXPECT_EQ(ask("PUT", "/v1/g/2/c/a.ts", {{"Authorization", previous}}, "x").status, 401);
}

TEST_F(HttpTest, DoesNotTellAnUnknownChannelFromAWrongPassword) {
  auto wrong = ask("PUT", "/v1/g/1/c/a.ts", {{"Authorization", basic("user1:nonsense")}}, "x");
  auto unknown = ask("PUT", "/v1/g/1/nosuch/a.ts", {{"Authorization", basic("user1:nonsense")}}, "x");
  for (const char* one : {"date", "x-request-id"}) {
    wrong.headers.erase(one);
    unknown.headers.erase(one);
  }
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.status, unknown.status);
  EXPECT_EQ(wrong.headers, unknown.headers);
  EXPECT_EQ(wrong.body, unknown.body);
}

TEST_F(HttpTest, KnowsTheMethodsOfAnInput) {
  const HeaderList auth{{"Authorization", good}};
  EXPECT_EQ(ask("DELETE", "/v1/g/1/c/a.ts", auth).status, 200);
  EXPECT_EQ(ask("MKCOL", "/v1/g/1/c/hd", auth).status, 201);
  const auto options = ask("OPTIONS", "/v1/g/1/c/a.ts");
  EXPECT_EQ(options.status, 200);
  EXPECT_EQ(options.headers.at("allow"), "PUT, POST, DELETE, MKCOL, OPTIONS");
  for (const char* method : {"GET", "HEAD", "PATCH"}) {
    const auto refused = ask(method, "/v1/g/1/c/a.ts", auth);
    EXPECT_EQ(refused.status, 405) << method;
    EXPECT_EQ(refused.headers.at("allow"), "PUT, POST, DELETE, MKCOL, OPTIONS") << method;
  }
  EXPECT_TRUE(origin_.uploads.empty());
}

TEST_F(HttpTest, SaysWhatWasWrongWithWhichFile) {
  const auto refuse = [&](const std::string& name, ErrorCode code, const std::string& message) {
    origin_.answers[name] = {UploadAnswer::Outcome::refused, Error{code, message}};
  };
  refuse("a.m3u8", ErrorCode::malformed, "a.m3u8: line 3: not a duration");
  refuse("b.ts", ErrorCode::truncated, "packet 7 is cut");
  refuse("c.ts", ErrorCode::unsupported, "not MPEG-2 TS");
  refuse("d.m3u8", ErrorCode::encrypted, "encrypted");
  refuse("e.ts", ErrorCode::limit, "too many tracks");
  refuse("f.ts", ErrorCode::no_space, "disk full");
  refuse("g.ts", ErrorCode::io, "disk broken");
  refuse("h.ts", ErrorCode::conflict, "the channel is being deleted");
  origin_.answers["i.ts"].outcome = UploadAnswer::Outcome::replaced;
  origin_.answers["j.ts"].outcome = UploadAnswer::Outcome::held;
  const std::map<std::string, std::pair<int, std::string>> expected{
      {"a.m3u8", {400, "a.m3u8: line 3: not a duration\n"}},
      {"b.ts", {400, "b.ts: packet 7 is cut\n"}},
      {"c.ts", {415, "c.ts: not MPEG-2 TS\n"}},
      {"d.m3u8", {415, "d.m3u8: encrypted\n"}},
      {"e.ts", {413, "e.ts: too many tracks\n"}},
      {"f.ts", {507, "f.ts: disk full\n"}},
      {"g.ts", {503, "g.ts: disk broken\n"}},
      {"h.ts", {409, "h.ts: the channel is being deleted\n"}},
      {"i.ts", {200, ""}},
      {"j.ts", {201, ""}},
  };
  for (const auto& [name, answer] : expected) {
    const auto got = ask("PUT", "/v1/g/1/c/" + name, {{"Authorization", good}}, "x");
    EXPECT_EQ(got.status, answer.first) << name;
    EXPECT_EQ(got.body, answer.second);
    if (answer.first >= 400) {
      EXPECT_EQ(got.headers.at("cache-control"), "no-store");
    }
  }
}

TEST_F(HttpTest, RefusesWhatCannotBeAnUpload) {
  const HeaderList auth{{"Authorization", good}};
  EXPECT_EQ(ask("PUT", "/v1/g/1/c/.hidden.ts", auth, "x").status, 400);
  EXPECT_EQ(ask("PUT", "/v1/g/1/c", auth, "x").status, 400);
  EXPECT_EQ(ask("PUT", "/v1/g/1/c/a%20b.ts", auth, "x").status, 400);
  EXPECT_EQ(ask("PUT", "/v1/g/1/c/a.ts", {{"Authorization", good}, {"Content-Encoding", "gzip"}}, "x").status,
            415);
  EXPECT_EQ(
      ask("PUT", "/v1/g/1/c/a.ts", {{"Authorization", good}, {"Content-Range", "bytes 0-1/*"}}, "xx").status,
      400);
  EXPECT_TRUE(origin_.uploads.empty());
}

TEST_F(HttpTest, RefusesBodiesOverTheirLimit) {
  const HeaderList auth{{"Authorization", good}};
  const std::string large((1U << 20U) + 1, 'x');
  const auto playlist = ask("PUT", "/v1/g/1/c/a.m3u8", auth, large);
  EXPECT_EQ(playlist.status, 413);
  EXPECT_EQ(playlist.body, "a.m3u8 is larger than 1048576 bytes\n");
  EXPECT_EQ(ask("PUT", "/v1/g/1/c/a.ts", auth, large).status, 201);

  HttpClient client{address()};
  client.send("PUT /v1/g/1/c/b.m3u8 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nAuthorization: " +
              good + "\r\n\r\n100001\r\n" + large + "\r\n0\r\n\r\n");
  EXPECT_EQ(client.receive().status, 413);
  const std::lock_guard lock{origin_.mutex};
  ASSERT_EQ(origin_.uploads.size(), 1U);
}

TEST_F(HttpTest, NeverLogsCredentialsOrQueries) {
  (void)ask("PUT", "/v1/g/1/c/a.ts?token=hidden", {{"Authorization", good}}, "x");
  ASSERT_TRUE(server_->drain(std::chrono::seconds{5}));
  const std::lock_guard lock{records_mutex_};
  ASSERT_EQ(records_.size(), 1U);
  EXPECT_EQ(records_[0].path, "/v1/g/1/c/a.ts");
  EXPECT_EQ(records_[0].method, "PUT");
  EXPECT_EQ(records_[0].status, 201);
  EXPECT_EQ(records_[0].bytes_in, 1U);
  EXPECT_EQ(records_[0].peer, "127.0.0.1");
}

}  // namespace
}  // namespace tarn::server
