// SPDX-License-Identifier: Apache-2.0
#include "control_fixture.h"

namespace tarn::server {
namespace {

class ControlCollectionTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    make_channel();
    expect(201, "POST", endpoints_path, R"({"name":"e","protocol":"HLS","timeShiftDays":1})");
    expect(201, "POST", endpoints_path, R"({"name":"off","protocol":"HLS"})");
  }
  static std::string body(const std::string& start, const std::string& end, const std::string& endpoint = "e",
                          const std::string& target = R"({"url":"file:clip"})") {
    return R"({"endpoint":")" + endpoint + R"(","start":")" + start + R"(","end":")" + end +
           R"(","target":)" + target + "}";
  }
  const std::string tasks_ = std::string(channel_path) + "/collection-tasks";
};

TEST_F(ControlCollectionTest, ATaskIsCreatedShownListedAndCancelled) {
  const auto made = expect(201, "POST", tasks_, body("2026-01-31T11:00:00Z", "2026-01-31T13:00:00.5Z"));
  const JsonAnswer task(made.body);
  const std::string id = task.text("id");
  EXPECT_EQ(made.headers.at("Location"), "/api/v1/collection-tasks/" + id);
  EXPECT_EQ(task.text("state"), "QUEUED");
  EXPECT_EQ(task.text("end"), "2026-01-31T13:00:00.500Z");
  EXPECT_EQ(task.text("folder"), "c-e-20260131T110000Z-" + id);
  EXPECT_EQ(expect(200, "GET", "/collection-tasks/" + id).body, made.body);
  EXPECT_EQ(JsonAnswer(expect(200, "GET", tasks_).body).text("items.0.id"), id);
  EXPECT_EQ(JsonAnswer(expect(200, "GET", "/collection-tasks").body).print("totalCount"), "1");
  expect(409, "DELETE", std::string(endpoints_path) + "/e");
  expect(204, "DELETE", "/collection-tasks/" + id);
  EXPECT_EQ(JsonAnswer(expect(200, "GET", "/collection-tasks/" + id).body).text("state"), "CANCELLED");
  expect(204, "DELETE", "/collection-tasks/" + id);
  expect(404, "DELETE", "/collection-tasks/other");
  expect(204, "DELETE", std::string(endpoints_path) + "/e");
  EXPECT_EQ(JsonAnswer(expect(200, "GET", tasks_).body).print("totalCount"), "1") << "it stays in the list";
}

TEST_F(ControlCollectionTest, WhatCannotBeCollectedIsRefusedWithItsField) {
  const auto refused = [&](const std::string& text, const std::string& field) {
    const auto answer = expect(400, "POST", tasks_, text);
    EXPECT_EQ(JsonAnswer(answer.body).text("errors.0.field"), field) << text;
  };
  refused("{}", "endpoint");
  refused(body("2026-01-31T11:00:00Z", "2026-01-31T12:00:00Z", "none"), "endpoint");
  refused(body("2026-01-31T11:00:00Z", "2026-01-31T12:00:00Z", "off"), "endpoint");
  refused(body("2026-01-30T11:00:00Z", "2026-01-31T12:00:00Z"), "start");
  refused(body("yesterday", "2026-01-31T12:00:00Z"), "start");
  refused(body("2026-01-31T11:00:00Z", "2026-01-31T11:00:00Z"), "end");
  refused(body("2026-01-31T11:00:00Z", "2026-03-31T11:00:00Z"), "end");
  refused(body("2026-06-01T11:00:00Z", "2026-06-01T12:00:00Z"), "start");
  refused(body("2026-01-31T11:00:00Z", "2026-01-31T12:00:00Z", "e", "{}"), "target.url");
  refused(body("2026-01-31T11:00:00Z", "2026-01-31T12:00:00Z", "e", R"({"url":"ftp:x"})"), "target.url");
  refused(body("2026-01-31T11:00:00Z", "2026-01-31T12:00:00Z", "e", R"({"url":"file:x","a":1})"), "target.a");
  EXPECT_TRUE(board_.kept.empty());
  expect(404, "POST", "/channel-groups/g/channels/none/collection-tasks",
         body("2026-01-31T11:00:00Z", "2026-01-31T12:00:00Z"));
}

TEST_F(ControlCollectionTest, WhatATaskCopiesIsNotChangedUnderIt) {
  expect(201, "POST", endpoints_path, R"({"name":"d","protocol":"DASH","timeShiftDays":1,"drm":{
    "systems":["WIDEVINE"],"providerUrl":"https://keys.example/speke"}})");
  const std::string path = std::string(endpoints_path) + "/d";
  const auto made = expect(201, "POST", tasks_, body("2026-01-31T11:00:00Z", "2026-01-31T11:10:00Z", "d"));
  const std::string id = JsonAnswer(made.body).text("id");
  const std::string before = expect(200, "GET", path).body;
  for (const char* change : {R"({"systems":["PLAYREADY"]})", R"({"encryptionMethod":"CENC"})", "null",
                             R"({"keyPreset":"VIDEO_AUDIO"})", R"({"contentId":"another"})"}) {
    const auto refused = expect(409, "PATCH", path, std::string(R"({"drm":)") + change + "}");
    EXPECT_NE(refused.body.find(id), std::string::npos) << change << refused.body;
  }
  EXPECT_EQ(expect(200, "GET", path).body, before);
  expect(200, "PATCH", path,
         R"({"description":"x","segmentDuration":4,"drm":{"providerUrl":"https://keys2.example/speke"}})");
  expect(200, "PATCH", std::string(endpoints_path) + "/e", R"({"timeShiftDays":2})");
  EXPECT_NE(expect(409, "DELETE", path).body.find(id), std::string::npos);
  EXPECT_NE(expect(409, "POST", std::string(channel_path) + "/reset").body.find(id), std::string::npos);
  expect(204, "DELETE", "/collection-tasks/" + id);
  expect(200, "PATCH", path, R"({"drm":{"systems":["PLAYREADY"]}})");
}

TEST_F(ControlCollectionTest, PagesBeginWithTheNewest) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const auto made = expect(201, "POST", tasks_, body("2026-01-31T11:00:00Z", "2026-01-31T11:10:00Z"));
    ids.push_back(JsonAnswer(made.body).text("id"));
    now_ += std::chrono::seconds{1};
  }
  const JsonAnswer first(expect(200, "GET", tasks_ + "?pageSize=2").body);
  EXPECT_EQ(first.text("items.0.id"), ids[2]);
  EXPECT_EQ(first.text("items.1.id"), ids[1]);
  const JsonAnswer second(
      expect(200, "GET", tasks_ + "?pageSize=2&pageToken=" + first.text("nextPageToken")).body);
  EXPECT_EQ(second.text("items.0.id"), ids[0]);
  EXPECT_EQ(second.print("nextPageToken"), "null");
}

TEST_F(ControlCollectionTest, TasksAreKept) {
  CollectionTask task;
  task.id = "t1";
  task.group = "g";
  task.channel = "c";
  task.endpoint = "e";
  task.start = Utc{Microseconds{1'700'000'000'000'001}};
  task.end = Utc{Microseconds{1'700'000'000'000'009}};
  task.target = {"file:x", "https://s.example", "eu", "main", true};
  task.state = CollectionTask::State::failed;
  task.segments_done = 1ULL << 40U;
  task.error = "größer";
  task.finished = Utc{Microseconds{5}};
  task.failing_since = Utc{Microseconds{4}};
  ASSERT_TRUE(store_->put_task(task).ok());
  task.progress = 7;
  ASSERT_TRUE(store_->put_task(task).ok());
  open();
  const auto kept = store_->tasks();
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(write_task(kept->front()), write_task(task));
  EXPECT_EQ(kept->front().start, task.start);
  EXPECT_EQ(kept->front().progress, 7U);
  EXPECT_EQ(kept->front().failing_since, task.failing_since);
  ASSERT_TRUE(store_->remove_task("t1").ok());
  EXPECT_TRUE(store_->tasks()->empty());
}

}  // namespace
}  // namespace tarn::server
