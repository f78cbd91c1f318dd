// SPDX-License-Identifier: Apache-2.0
#include <regex>

#include "control_fixture.h"

namespace tarn::server {
namespace {

TEST_F(ControlTest, EveryResourceCanBeMadeReadListedChangedAndDeleted) {
  const ApiResponse group =
      expect(201, "POST", "/channel-groups", R"({"name":"news","description":"all of it"})");
  EXPECT_EQ(group.headers.at("Location"), "/api/v1/channel-groups/news");
  const JsonAnswer g(group.body);
  EXPECT_EQ(g.text("description"), "all of it");
  EXPECT_EQ(g.text("createdAt"), "2026-01-31T12:00:00Z");
  EXPECT_TRUE(
      std::regex_match(g.text("originDomain"), std::regex("[a-z][a-z0-9]{11}\\.origin\\.example\\.com")));
  EXPECT_EQ(g.text("originDomain").substr(0, 12), g.text("ingestDomain").substr(0, 12));

  const JsonAnswer c(expect(201, "POST", "/channel-groups/news/channels", R"({"name":"one"})").body);
  EXPECT_EQ(c.text("protocol"), "HLS");
  EXPECT_EQ(c.print("segmentDuration"), "6");
  EXPECT_EQ(c.print("segments"), "3");
  const std::string label = g.text("originDomain").substr(0, 12);
  EXPECT_EQ(c.text("inputs.0.id"), "ingest1");
  EXPECT_EQ(c.text("inputs.0.url"), "https://" + label + "-1.in.example.com/v1/news/1/one/manifest");
  EXPECT_EQ(c.text("inputs.1.url"), "https://" + label + "-2.in.example.com/v1/news/2/one/manifest");
  EXPECT_TRUE(std::regex_match(c.text("inputs.0.password"), std::regex("[0-9a-f]{32}")));
  EXPECT_NE(c.text("inputs.0.password"), c.text("inputs.1.password"));

  const JsonAnswer e(expect(201, "POST", "/channel-groups/news/channels/one/endpoints",
                            R"({"name":"dash","protocol":"DASH","manifestName":"index"})")
                         .body);
  EXPECT_EQ(e.text("url"), "https://" + label + ".origin.example.com/v1/news/one/dash/index.mpd");

  for (const char* path : {"/channel-groups/news", "/channel-groups/news/channels/one",
                           "/channel-groups/news/channels/one/endpoints/dash"}) {
    expect(200, "GET", path);
    now_ += std::chrono::seconds{90};
    const JsonAnswer changed(expect(200, "PATCH", path, R"({"description":"new"})").body);
    EXPECT_EQ(changed.text("description"), "new");
    EXPECT_LT(changed.text("createdAt"), changed.text("updatedAt"));
  }
  EXPECT_EQ(JsonAnswer(expect(200, "GET", "/channel-groups").body).text("items.0.name"), "news");

  expect(409, "DELETE", "/channel-groups/news");
  expect(409, "DELETE", "/channel-groups/news/channels/one");
  for (const char* path : {"/channel-groups/news/channels/one/endpoints/dash",
                           "/channel-groups/news/channels/one", "/channel-groups/news"}) {
    EXPECT_EQ(expect(204, "DELETE", path).body, "");
    expect(404, "GET", path);
    expect(404, "DELETE", path);
  }
}

TEST_F(ControlTest, AnswersSayWhichRoutesMethodsParentsAndTypesTheyKnow) {
  make_channel();
  struct Row {
    int status;
    const char* method;
    const char* target;
    const char* body;
    const char* type;
  };
  const Row rows[] = {
      {404, "GET", "/", "", ""},
      {404, "GET", "/nothing", "", ""},
      {404, "GET", "/channel-groups/", "", ""},
      {404, "GET", "/channel-groups/g/", "", ""},
      {404, "GET", "/channel-groups/a b", "", ""},
      {404, "GET", "/channel-groups/../g", "", ""},
      {404, "GET", "/collection-tasks/none", "", ""},
      {404, "GET", "/channel-groups/x", "", ""},
      {404, "GET", "/channel-groups/x/channels", "", ""},
      {404, "POST", "/channel-groups/x/channels", R"({"name":"c"})", "application/json"},
      {404, "GET", "/channel-groups/x/channels/c", "", ""},
      {404, "GET", "/channel-groups/g/channels/x/endpoints", "", ""},
      {404, "POST", "/channel-groups/g/channels/x/endpoints", R"({"name":"e","protocol":"HLS"})",
       "application/json"},
      {404, "GET", "/channel-groups/g/channels/c/endpoints/x", "", ""},
      {404, "PATCH", "/channel-groups/g/channels/x", "{}", "application/json"},
      {404, "POST", "/channel-groups/g/channels/c/inputs/ingest3/rotate-credentials", "", ""},
      {404, "GET", "/channel-groups/g/channels/x/status", "", ""},
      {405, "PUT", "/channel-groups/g", "{}", "application/json"},
      {405, "DELETE", "/channel-groups", "", ""},
      {405, "OPTIONS", "/channel-groups", "", ""},
      {400, "GET", "/channel-groups?page=1", "", ""},
      {400, "GET", "/channel-groups/g?deleteContent=true", "", ""},
      {400, "GET", "/channel-groups/g?secrets=yes", "", ""},
      {400, "DELETE", "/channel-groups/g/channels/c?deleteContent=1", "", ""},
      {415, "POST", "/channel-groups", R"({"name":"h"})", "text/plain"},
      {415, "POST", "/channel-groups", R"({"name":"h"})", "application/json; charset=latin1"},
      {415, "POST", "/channel-groups", R"({"name":"h"})", "application/merge-patch+json"},
      {415, "POST", "/channel-groups", R"({"name":"h"})", ""},
      {201, "POST", "/channel-groups", R"({"name":"h"})", "Application/JSON; charset=UTF-8"},
      {409, "POST", "/channel-groups", R"({"name":"h"})", "application/json"},
      {409, "POST", "/channel-groups/g/channels", R"({"name":"c"})", "application/json"},
      {200, "PATCH", "/channel-groups/h", R"({"description":"x"})", "application/merge-patch+json"},
      {200, "HEAD", "/channel-groups/g", "", ""},
      {200, "GET", "/channel-groups/g/channels/c/status", "", ""},
      {200, "GET", "/openapi.json", "", ""},
  };
  for (const Row& row : rows) {
    const ApiResponse response =
        expect(row.status, row.method, row.target, row.body, {{"content-type", row.type}});
    if (response.status >= 400) {
      EXPECT_EQ(response.content_type, "application/problem+json");
      EXPECT_EQ(JsonAnswer(response.body).print("status"), std::to_string(row.status));
      EXPECT_NE(JsonAnswer(response.body).text("detail"), "missing");
    }
    EXPECT_EQ(response.headers.contains("Allow"), row.status == 405);
  }
}

TEST_F(ControlTest, ABodyOfMoreThan64KiBIsTooLarge) {
  const std::string body =
      R"({"name":"g","description":")" + std::string(std::size_t{64} * 1024, 'x') + "\"}";
  expect(413, "POST", "/channel-groups", body);
}

TEST_F(ControlTest, NothingIsSaidWithoutTheToken) {
  make_channel();
  const std::string right = std::string("Bearer ") + token;
  for (const std::string& wrong :
       {std::string(), std::string("Bearer"), std::string("Bearer "), std::string(token),
        "Basic " + std::string(token), right + "0", right.substr(0, right.size() - 1),
        std::string("Bearer 0123456789ABCDEF0123456789ABCDEF")}) {
    for (const char* path : {"/channel-groups/g", "/channel-groups/x", "/nothing", "/openapi.json"}) {
      const ApiResponse response = expect(401, "GET", path, "", {{"authorization", wrong}});
      EXPECT_TRUE(response.headers.contains("WWW-Authenticate"));
    }
  }
  expect(200, "GET", "/channel-groups/g", "", {{"authorization", std::string("bearer ") + token}});
}

TEST_F(ControlTest, SecretsAreNullUnlessTheyAreNewOrAskedFor) {
  make_channel();
  const std::string body =
      R"({"name":"e","protocol":"HLS","authorizationCode":"code.1","previousAuthorizationCode":"code.0"})";
  const JsonAnswer made(expect(201, "POST", endpoints_path, body).body);
  EXPECT_EQ(made.text("authorizationCode"), "code.1");
  const std::string path = std::string(endpoints_path) + "/e";
  const ApiResponse hidden = expect(200, "GET", path);
  EXPECT_EQ(hidden.body.find("code."), std::string::npos);
  EXPECT_EQ(JsonAnswer(hidden.body).print("authorizationCode"), "null");
  EXPECT_EQ(JsonAnswer(expect(200, "GET", path + "?secrets=true").body).text("previousAuthorizationCode"),
            "code.0");
  EXPECT_EQ(expect(200, "GET", endpoints_path).body.find("code."), std::string::npos);
  EXPECT_EQ(expect(200, "PATCH", path, R"({"authorizationCode":"code.2"})").body.find("code."),
            std::string::npos);

  const JsonAnswer shown(expect(200, "GET", std::string(channel_path) + "?secrets=true").body);
  EXPECT_EQ(shown.text("inputs.0.password").size(), 32U);
  const JsonAnswer channel(expect(200, "GET", channel_path).body);
  EXPECT_EQ(channel.print("inputs.0.password"), "null");
  EXPECT_EQ(channel.text("inputs.0.username"), shown.text("inputs.0.username"));
}

TEST_F(ControlTest, RotatedCredentialsAreNewAtOnceAndTheOldOnesHoldForTheGracePeriod) {
  make_channel();
  const std::string rotate = std::string(channel_path) + "/inputs/ingest2/rotate-credentials";
  const Input before = store_->model()->channel("g", "c")->inputs[1];
  const JsonAnswer answer(expect(200, "POST", rotate, R"({"gracePeriod":60})").body);
  const Input after = store_->model()->channel("g", "c")->inputs[1];
  EXPECT_EQ(answer.text("password"), after.password);
  EXPECT_NE(after.password, before.password);
  EXPECT_EQ(after.previous_password, before.password);
  EXPECT_EQ(after.previous_until, now_ + std::chrono::seconds{60});

  expect(200, "POST", rotate);
  EXPECT_EQ(store_->model()->channel("g", "c")->inputs[1].previous_password, "");
  expect(400, "POST", rotate, R"({"gracePeriod":604801})");
  expect(400, "POST", rotate, R"({"grace":1})");
  expect(415, "POST", rotate, "{}", {{"content-type", "text/plain"}});
}

TEST_F(ControlTest, ChannelsAreStoppedStartedAndReset) {
  make_channel();
  const std::string path{channel_path};
  expect(201, "POST", endpoints_path, R"({"name":"e","protocol":"HLS"})");
  EXPECT_EQ(JsonAnswer(expect(200, "GET", path).body).text("state"), "RUNNING");
  EXPECT_EQ(JsonAnswer(expect(200, "POST", path + "/stop").body).text("state"), "STOPPED");
  const auto version = store_->model()->version;
  expect(200, "POST", path + "/stop");
  EXPECT_EQ(store_->model()->version, version) << "nothing has changed";
  expect(200, "PATCH", path, R"({"description":"x"})");
  EXPECT_TRUE(store_->model()->channel("g", "c")->is_stopped);
  expect(400, "PATCH", path, R"({"state":"RUNNING"})");
  expect(200, "POST", path + "/reset");
  EXPECT_EQ(store_->model()->channel("g", "c")->content, 2U);
  EXPECT_EQ(store_->model()->endpoint("g", "c", "e")->edition, 2U);
  expect(412, "POST", path + "/reset", "", {{"if-match", "\"1\""}});
  expect(400, "POST", path + "/start", "{}");
  EXPECT_EQ(JsonAnswer(expect(200, "POST", path + "/start").body).text("state"), "RUNNING");
  expect(404, "POST", "/channel-groups/g/channels/none/reset");
  expect(405, "GET", path + "/reset");
}

TEST_F(ControlTest, IfMatchGuardsChangesAgainstEachOther) {
  make_channel();
  const std::string tag = expect(200, "GET", channel_path).headers.at("ETag");
  expect(200, "PATCH", channel_path, R"({"segments":4})", {{"if-match", "\"x\", " + tag}});
  expect(412, "PATCH", channel_path, R"({"segments":5})", {{"if-match", tag}});
  expect(412, "PATCH", channel_path, R"({"segments":5})", {{"if-match", "W/" + tag}});
  expect(412, "DELETE", channel_path, "", {{"if-match", tag}});
  EXPECT_EQ(store_->model()->channel("g", "c")->segments, 4U);
  expect(200, "PATCH", channel_path, R"({"segments":5})", {{"if-match", "*"}});
  expect(204, "DELETE", channel_path);
  // A new resource of the old name is another one.
  expect(201, "POST", "/channel-groups/g/channels", R"({"name":"c"})");
  expect(412, "DELETE", channel_path, "", {{"if-match", tag}});
}

TEST_F(ControlTest, ARepeatedIdempotencyKeyGetsTheFirstAnswer) {
  const ApiResponse first =
      expect(201, "POST", "/channel-groups", R"({"name":"g"})", {{"idempotency-key", "k1"}});
  const ApiResponse again =
      expect(201, "POST", "/channel-groups", R"({"name":"g"})", {{"idempotency-key", "k1"}});
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(first.headers, again.headers);
  expect(409, "POST", "/channel-groups", R"({"name":"h"})", {{"idempotency-key", "k1"}});
  expect(201, "POST", "/channel-groups", R"({"name":"h"})", {{"idempotency-key", "k2"}});
  expect(400, "POST", "/channel-groups", R"({"name":"i"})", {{"idempotency-key", ""}});
  expect(400, "POST", "/channel-groups", R"({"name":"i"})", {{"idempotency-key", "a b"}});
  // A refused request may be mended under the same key, and an answer is forgotten after a day.
  expect(400, "POST", "/channel-groups", R"({"name":""})", {{"idempotency-key", "k3"}});
  expect(201, "POST", "/channel-groups", R"({"name":"i"})", {{"idempotency-key", "k3"}});
  now_ += std::chrono::hours{24};
  expect(409, "POST", "/channel-groups", R"({"name":"i"})", {{"idempotency-key", "k3"}});
}

TEST_F(ControlTest, AChannelWithContentIsDeletedOnlyWhenAsked) {
  make_channel();
  status_.content = true;
  expect(409, "DELETE", channel_path);
  expect(409, "DELETE", std::string(channel_path) + "?deleteContent=false");
  expect(204, "DELETE", std::string(channel_path) + "?deleteContent=true");
}

TEST_F(ControlTest, StatusComesFromTheRuntime) {
  make_channel();
  expect(201, "POST", endpoints_path, R"({"name":"e","protocol":"HLS"})");
  EXPECT_EQ(expect(200, "GET", std::string(channel_path) + "/status").body, R"({"channel":"c"})");
  EXPECT_EQ(expect(200, "GET", std::string(endpoints_path) + "/e/status").body, R"({"endpoint":"e"})");
}

TEST_F(ControlTest, ListsArePagedByNameAndFiltered) {
  for (int i = 0; i < 45; ++i) {
    const std::string name = "g" + std::string(i < 10 ? "0" : "") + std::to_string(i);
    expect(201, "POST", "/channel-groups",
           R"({"name":")" + name + R"(","description":")" + (i % 2 == 0 ? "Even" : "odd") + "\"}");
  }
  std::string names;
  std::string target = "/channel-groups";
  for (int page = 0; page < 3; ++page) {
    const JsonAnswer answer(expect(200, "GET", target).body);
    EXPECT_EQ(answer.print("totalCount"), "45");
    for (int i = 0; i < (page < 2 ? 20 : 5); ++i)
      names += answer.text("items." + std::to_string(i) + ".name");
    EXPECT_EQ(answer.print("items.20"), "missing");
    EXPECT_EQ(answer.print("nextPageToken") == "null", page == 2);
    target = "/channel-groups?pageToken=" + answer.text("nextPageToken");
    // What is made or deleted before the token shifts nothing.
    if (page == 0) expect(204, "DELETE", "/channel-groups/g05");
    if (page == 0) expect(201, "POST", "/channel-groups", R"({"name":"g05x"})");
  }
  for (int i = 0; i < 45; ++i) {
    EXPECT_NE(names.find("g" + std::string(i < 10 ? "0" : "") + std::to_string(i)), std::string::npos) << i;
  }
  EXPECT_EQ(names.size(), 45U * 3);
  const JsonAnswer even(expect(200, "GET", "/channel-groups?filter=eVEN&pageSize=2").body);
  EXPECT_EQ(even.print("totalCount"), "23");
  EXPECT_EQ(even.text("items.1.name"), "g02");
  EXPECT_EQ(JsonAnswer(expect(200, "GET", "/channel-groups?filter=G07").body).print("totalCount"), "1");
  for (const char* bad :
       {"pageSize=0", "pageSize=101", "pageSize=x", "pageSize=", "pageToken=zz", "pageToken=2f"}) {
    expect(400, "GET", std::string("/channel-groups?") + bad);
  }
}

TEST_F(ControlTest, ListsOfOneParentDoNotShowTheChildrenOfAnother) {
  make_channel();
  expect(201, "POST", "/channel-groups", R"({"name":"g-2"})");
  expect(201, "POST", "/channel-groups/g-2/channels", R"({"name":"other"})");
  const JsonAnswer answer(expect(200, "GET", "/channel-groups/g/channels").body);
  EXPECT_EQ(answer.print("totalCount"), "1");
  EXPECT_EQ(answer.text("items.0.name"), "c");
  EXPECT_EQ(answer.print("items.0.inputs.0.password"), "null");
}

}  // namespace
}  // namespace tarn::server
