// SPDX-License-Identifier: Apache-2.0
#include "control_fixture.h"
#include "tests/server/schema_check.h"

namespace tarn::server {
namespace {

constexpr const char* example = R"({"channelGroups": [
  {"name": "g", "description": "demo", "channels": [
    {"name": "c", "segmentDuration": 2,
     "inputs": [{"id": "ingest2", "username": "backup", "password": "fixed-password"}],
     "endpoints": [{"name": "hls", "protocol": "HLS", "manifest": {"segments": 5}},
                   {"name": "dash", "protocol": "DASH", "authorizationCode": "code-secret"}]},
    {"name": "d"}]},
  {"name": "h"}]})";

using ResourceFileTest = ControlTest;

TEST_F(ResourceFileTest, MakesWhatIsNotThere) {
  const Status applied = control_->apply_resources(example);
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  const auto model = store_->model();
  EXPECT_EQ(model->groups.size(), 2U);
  EXPECT_EQ(model->group("g")->label.size(), 12U);
  const Channel* const channel = model->channel("g", "c");
  ASSERT_NE(channel, nullptr);
  EXPECT_EQ(channel->segment_duration, 2U);
  EXPECT_EQ(channel->inputs[0].password.size(), 32U);
  EXPECT_EQ(channel->inputs[1].username, "backup");
  EXPECT_EQ(channel->inputs[1].password, "fixed-password");
  EXPECT_EQ(model->endpoint("g", "c", "hls")->segments, 5U);
  EXPECT_EQ(model->endpoint("g", "c", "dash")->authorization_code, "code-secret");
  EXPECT_EQ(model->channel("g", "d")->inputs[1].id, "ingest2");
}

// What is applied, what is exported, and what is refused for its shape alone.
TEST_F(ResourceFileTest, IsWhatTheDescriptionSays) {
  const SchemaCheck check;
  const auto whole = [](const std::string& group) {
    return R"({"channelGroups":[{"name":"n")" + (group.empty() ? "" : "," + group) + "}]}";
  };
  const auto channel = [&](const std::string& inner) {
    return whole(R"("channels":[{"name":"c",)" + inner + "}]");
  };
  const auto endpoint = [&](const std::string& inner) {
    return channel(R"("endpoints":[{"name":"e","protocol":"DASH",)" + inner + "}]");
  };
  EXPECT_EQ(check.problems(example, "ResourceFile"), "");
  ASSERT_TRUE(control_->apply_resources(example).ok());
  for (const char* query : {"/export", "/export?secrets=true"}) {
    EXPECT_EQ(check.problems(expect(200, "GET", query).body, "ResourceFile"), "");
  }
  const std::string right[] = {
      "{}",
      R"({"channelGroups":null})",
      whole(R"("description":null,"channels":null)"),
      channel(R"("segments":null,"inputs":[],"endpoints":null,"protocol":null)"),
      channel(R"("inputs":[{"id":"ingest1","username":null,"password":null}])"),
      endpoint(R"("drm":null,"manifest":null,"description":null)"),
      endpoint(
          R"("manifest":{"minBufferTime":null},"drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example/"})"),
  };
  const std::string wrong[] = {
      "[]",
      R"({"channelGroups":{}})",
      R"({"more":[]})",
      R"({"channelGroups":[{}]})",
      R"({"channelGroups":[7]})",
      whole(R"("originDomain":"x")"),
      whole(R"("label":null)"),
      whole(R"("description":7)"),
      channel(R"("state":"STOPPED")"),
      channel(R"("inputs":[{"id":"ingest3","username":"u","password":"12345678"}])"),
      channel(R"("inputs":[{"id":"ingest1","username":"u","password":"1234567"}])"),
      channel(R"("inputs":[{"id":"ingest1","username":"u:v","password":"12345678"}])"),
      channel(R"("inputs":[{"id":"ingest1","username":"u","password":"12345678","more":1}])"),
      channel(R"("inputs":[{"id":"ingest1","username":"u"}])"),
      channel(R"("inputs":[{"username":"u","password":"12345678"}])"),
      channel(R"("endpoints":[{"name":"e"}])"),
      endpoint(R"("url":"x")"),
      endpoint(R"("timeShiftDays":31)"),
      endpoint(R"("manifest":{"more":null})"),
      endpoint(R"("drm":{"systems":["WIDEVINE"]})"),
  };
  for (const std::string& file : wrong) {
    EXPECT_NE(check.problems(file, "ResourceFile"), "") << file;
    EXPECT_FALSE(control_->apply_resources(file).ok()) << file;
  }
  for (const std::string& file : right) {
    EXPECT_EQ(check.problems(file, "ResourceFile"), "") << file;
    const Status applied = control_->apply_resources(file);
    EXPECT_TRUE(applied.ok()) << file << applied.error().message;
  }
}

TEST_F(ResourceFileTest, AppliedAgainChangesNothing) {
  ASSERT_TRUE(control_->apply_resources(example).ok());
  const auto before = store_->model();
  ASSERT_TRUE(control_->apply_resources(example).ok());
  EXPECT_EQ(store_->model()->version, before->version);
}

TEST_F(ResourceFileTest, BringsUpToDateAndDeletesNothing) {
  ASSERT_TRUE(control_->apply_resources(example).ok());
  const Channel before = *store_->model()->channel("g", "c");
  expect(200, "PATCH", "/channel-groups/g/channels/c/endpoints/hls", R"({"segmentDuration":9})");
  const Status applied = control_->apply_resources(R"({"channelGroups":[{"name":"g","channels":[{"name":"c",
      "segmentDuration":4,"endpoints":[{"name":"hls","protocol":"HLS"}]}]}]})");
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  const auto model = store_->model();
  const Channel* const after = model->channel("g", "c");
  EXPECT_EQ(after->segment_duration, 4U);
  EXPECT_EQ(after->id, before.id);
  EXPECT_EQ(after->inputs[1].password, "fixed-password");
  EXPECT_EQ(model->group("g")->description, "");
  EXPECT_EQ(model->endpoint("g", "c", "hls")->segment_duration, std::nullopt);
  EXPECT_NE(model->endpoint("g", "c", "dash"), nullptr);
}

TEST_F(ResourceFileTest, FaultsAreNamedWithTheirPathAndNothingIsDone) {
  ASSERT_TRUE(control_->apply_resources(example).ok());
  const std::uint64_t version = store_->model()->version;
  struct Row {
    const char* json;
    const char* message;  // a part of it
  };
  const Row rows[] = {
      {"[]", "must be an object"},
      {"{", "resources: "},
      {R"({"groups":[]})", "groups: is not a known field"},
      {R"({"channelGroups":{}})", "channelGroups: must be a list"},
      {R"({"channelGroups":[7]})", "channelGroups[0]: must be an object"},
      {R"({"channelGroups":[{"name":"g"},{"name":"g"}]})", "channelGroups[1]: group g appears twice"},
      {R"({"channelGroups":[{"name":"n","channels":[{"name":"1"}]}]})",
       "channelGroups[0].channels[0].name \"1\": must not"},
      {R"({"channelGroups":[{"name":"n","channels":[{"name":"c","endpoints":[{"name":"e"}]}]}]})",
       "channelGroups[0].channels[0].endpoints[0].protocol: is required"},
      {R"({"channelGroups":[{"name":"a b","channels":[{"name":"c","segments":1}]}]})",
       "channelGroups[0].channels[0].segments 1: must be"},
      {R"({"channelGroups":[{"name":"g","channels":[{"name":"c","endpoints":[{"name":"hls","protocol":"DASH"}]}]}]})",
       "protocol \"DASH\": cannot be changed"},
      {R"({"channelGroups":[{"name":"n","channels":[{"name":"c","inputs":[{"id":"ingest3"}]}]}]})",
       "inputs[0].id: must be ingest1 or ingest2"},
      {R"({"channelGroups":[{"name":"n","channels":[{"name":"c","inputs":[{"id":"ingest1","username":"u:v","password":"x-secret-x"}]}]}]})",
       "inputs[0].username: must be"},
      {R"({"channelGroups":[{"name":"n","channels":[{"name":"c","inputs":[{"id":"ingest1","username":"u","password":"s3cret"}]}]}]})",
       "inputs[0].password: must be"},
      {R"({"channelGroups":[{"name":"n"},{"name":"o","colour":1}]})",
       "channelGroups[1].colour: is not a known field"},
  };
  for (const Row& row : rows) {
    const Status applied = control_->apply_resources(row.json);
    ASSERT_FALSE(applied.ok()) << row.json;
    EXPECT_NE(applied.error().message.find(row.message), std::string::npos) << applied.error().message;
    EXPECT_EQ(applied.error().message.find("secret"), std::string::npos);
    EXPECT_EQ(applied.error().message.find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(store_->model()->version, version);
}

// The API answers a PATCH with 409; a server has to start.
TEST_F(ResourceFileTest, WhatACollectionTaskCopiesIsNotChangedUnderIt) {
  const auto file = [](const std::string& drm, const std::string& more) {
    return R"({"channelGroups":[{"name":"g","channels":[{"name":"c","endpoints":[{"name":"d","protocol":"DASH",
      "timeShiftDays":1,"drm":)" +
           drm + more + "}]}]}]}";
  };
  const std::string drm = R"({"systems":["WIDEVINE"],"providerUrl":"https://keys.example/speke"})";
  const std::string other = R"({"systems":["PLAYREADY"],"providerUrl":"https://keys.example/speke"})";
  ASSERT_TRUE(control_->apply_resources(file(drm, "")).ok());
  const auto endpoint = [&] { return *store_->model()->endpoint("g", "c", "d"); };
  const Endpoint before = endpoint();
  CollectionTask task;
  task.id = "t1";
  task.endpoint_id = before.id;
  task.state = CollectionTask::State::running;
  board_.kept = {task};
  std::uint32_t seconds = 2;
  for (const std::string& wanted : {other, std::string{"null"}}) {
    std::vector<ResourceChange> changes;
    const Status applied = control_->apply_resources(
        file(wanted, R"(,"segmentDuration":)" + std::to_string(++seconds)), &changes);
    ASSERT_TRUE(applied.ok()) << applied.error().message;
    EXPECT_EQ(endpoint().segment_duration, seconds) << "all else of the file is done";
    EXPECT_EQ(key_identity(endpoint()), key_identity(before));
    ASSERT_EQ(changes.size(), 3U);
    EXPECT_EQ(changes[1].kept_for, "");
    EXPECT_EQ(changes[2].kept_for, "t1");
    ASSERT_EQ(changes[2].settings.size(), 1U) << "what is not done is not said to be";
    EXPECT_EQ(changes[2].settings[0].name, "segmentDuration");
    EXPECT_NE(print_changes(changes).find(
                  "! endpoint g/c/d\n    drm: stays as it is, collection task t1 takes content of it"),
              std::string::npos)
        << print_changes(changes);
  }
  std::vector<ResourceChange> changes;
  ASSERT_TRUE(control_->apply_resources(file(other, R"(,"segmentDuration":4)"), &changes).ok());
  EXPECT_EQ(changes[2].kind, ResourceChange::Kind::unchanged);
  EXPECT_EQ(changes[2].kept_for, "t1");
  EXPECT_EQ(print_changes(changes).substr(0, 2), "! ");
  board_.kept[0].state = CollectionTask::State::cancelled;
  ASSERT_TRUE(control_->apply_resources(file(other, R"(,"segmentDuration":4)"), &changes).ok());
  EXPECT_NE(key_identity(endpoint()), key_identity(before)) << "at the next start after the task";
  EXPECT_EQ(changes[2].kept_for, "");
}

TEST_F(ResourceFileTest, TellsWhatItHasDone) {
  const auto apply = [this](const std::string& json) {
    std::vector<ResourceChange> changes;
    const Status applied = control_->apply_resources(json, &changes);
    EXPECT_TRUE(applied.ok());
    return print_changes(changes);
  };
  const std::string first = apply(example);
  for (const char* line :
       {"+ group g\n", "+ channel g/c\n", "+ endpoint g/c/hls\n    protocol: \"HLS\"\n",
        "    authorizationCode: secret\n", "+ channel g/d\n", "+ group h\n", "= 0 as they were\n"}) {
    EXPECT_NE(first.find(line), std::string::npos) << line << "in\n" << first;
  }
  const std::string second = R"({"channelGroups":[{"name":"g","channels":[{"name":"c","segmentDuration":4,
      "inputs":[{"id":"ingest1","username":"u","password":"12345678"}],
      "endpoints":[{"name":"hls","protocol":"HLS","manifest":{"segments":6},"ipWhitelist":["10.0.0.0/8"]},
                   {"name":"dash","protocol":"DASH","authorizationCode":"other-code"}]},{"name":"d"}]}]})";
  EXPECT_EQ(apply(second),
            "~ group g\n    description: \"demo\" -> \"\"\n"
            "~ channel g/c\n    segmentDuration: 2 -> 4\n    inputs: another secret\n"
            "~ endpoint g/c/hls\n    ipWhitelist: [] -> [\"10.0.0.0/8\"]\n    manifest.segments: 5 -> 6\n"
            "~ endpoint g/c/dash\n    authorizationCode: another secret\n"
            "= 1 as they were\n");
  EXPECT_EQ(apply(second), "= 5 as they were\n");
  EXPECT_EQ(apply(R"({"channelGroups":[{"name":"g","channels":[{"name":"c","segmentDuration":4,
      "endpoints":[{"name":"dash","protocol":"DASH"}]}]}]})"),
            "~ endpoint g/c/dash\n    authorizationCode: secret -> none\n= 2 as they were\n");
}

TEST_F(ResourceFileTest, AnExportAppliedElsewhereGivesTheSameExport) {
  ASSERT_TRUE(control_->apply_resources(example).ok());
  expect(201, "POST", "/channel-groups/h/channels", R"({"name":"x"})");
  expect(201, "POST", "/channel-groups/h/channels/x/endpoints",
         R"({"name":"e","protocol":"DASH","timeShiftDays":3,"ipWhitelist":["10.0.0.0/8","192.0.2.1"],
             "description":"\"quoted\"\nüñ","manifest":{"minBufferTime":7,"streamOrder":"BITRATE_DESCENDING"},
             "drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example/","encryptionMethod":"CENC"}})");
  for (const char* query : {"/export?secrets=true", "/export"}) {
    // Without secrets only what has none can be made elsewhere.
    if (std::string{query} == "/export")
      expect(200, "PATCH", "/channel-groups/g/channels/c/endpoints/dash", R"({"authorizationCode":null})");
    const std::string first = expect(200, "GET", query).body;
    const auto other = Store::open(directory_.file("other"), directory_.file("other-key")).value();
    StatusFake status;
    Control fresh{ControlSettings{"t", "http://127.0.0.1:1", "http://127.0.0.1:1"}, *other, status,
                  [] { return Utc{std::chrono::seconds{1'800'000'000}}; }};
    const Status applied = fresh.apply_resources(first);
    ASSERT_TRUE(applied.ok()) << applied.error().message;
    ApiRequest request;
    request.method = "GET";
    request.path = "/export";
    if (std::string{query} != "/export") request.query["secrets"] = "true";
    request.headers["authorization"] = "Bearer t";
    EXPECT_EQ(fresh.handle(request).body, first);
    std::filesystem::remove_all(directory_.file("other"));
    std::filesystem::remove_all(directory_.file("other-key"));
  }
}

TEST_F(ResourceFileTest, AnExportHasNoSecretsUnlessTheyAreAskedFor) {
  ASSERT_TRUE(control_->apply_resources(example).ok());
  const std::string hidden = expect(200, "GET", "/export").body;
  const Channel channel = *store_->model()->channel("g", "c");
  for (const std::string& secret : {std::string{"code-secret"}, std::string{"fixed-password"},
                                    channel.inputs[0].password, channel.inputs[0].username}) {
    EXPECT_EQ(hidden.find(secret), std::string::npos);
  }
  const std::string shown = expect(200, "GET", "/export?secrets=true").body;
  for (const std::string& secret :
       {std::string{"code-secret"}, std::string{"fixed-password"}, channel.inputs[0].password}) {
    EXPECT_NE(shown.find(secret), std::string::npos);
  }
  EXPECT_EQ(expect(400, "GET", "/export?secrets=maybe").status, 400);
  // Applied to the server that it came from, it changes nothing.
  std::vector<ResourceChange> changes;
  ASSERT_TRUE(control_->apply_resources(hidden, &changes).ok());
  for (const ResourceChange& change : changes)
    EXPECT_EQ(change.kind, ResourceChange::Kind::unchanged) << change.resource;
  EXPECT_EQ(store_->model()->channel("g", "c")->inputs[0].password, channel.inputs[0].password);
  EXPECT_EQ(store_->model()->endpoint("g", "c", "dash")->authorization_code, "code-secret");
}

// On another server the endpoint would be everybody's.
TEST_F(ResourceFileTest, NothingIsMadeWithoutASecretThatWasLeftOut) {
  ASSERT_TRUE(control_->apply_resources(example).ok());
  const std::string hidden = expect(200, "GET", "/export").body;
  expect(204, "DELETE", "/channel-groups/g/channels/c/endpoints/dash");
  const Status refused = control_->apply_resources(hidden);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("authorizationCode"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("is a secret that was left out"), std::string::npos);
  EXPECT_EQ(store_->model()->endpoint("g", "c", "dash"), nullptr);
}

TEST_F(ResourceFileTest, SurvivesReopening) {
  ASSERT_TRUE(control_->apply_resources(example).ok());
  const std::string password = store_->model()->channel("g", "c")->inputs[0].password;
  open();
  EXPECT_EQ(store_->model()->channel("g", "c")->inputs[0].password, password);
  EXPECT_EQ(JsonAnswer(expect(200, "GET", "/channel-groups/g/channels/c?secrets=true").body)
                .text("inputs.0.password"),
            password);
}

}  // namespace
}  // namespace tarn::server
