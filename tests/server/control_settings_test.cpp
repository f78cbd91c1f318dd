// SPDX-License-Identifier: Apache-2.0
#include "control_fixture.h"

namespace tarn::server {
namespace {

class ControlSettingsTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    make_channel();
  }

  // Posts an endpoint with these settings beside a name; on success deletes it again.
  ApiResponse post_endpoint(const std::string& protocol, const std::string& settings) {
    const std::string body =
        R"({"name":"t","protocol":")" + protocol + "\"" + (settings.empty() ? "" : ",") + settings + "}";
    const ApiResponse response = call("POST", endpoints_path, body);
    if (response.status == 201) expect(204, "DELETE", std::string(endpoints_path) + "/t");
    return response;
  }
};

TEST_F(ControlSettingsTest, EachSettingIsTakenInItsRangeAndRefusedOutsideByName) {
  struct Row {
    const char* protocol;
    const char* settings;
    const char* wrong_field;  // null: taken
  };
  const std::string long_name(201, 'n');
  const std::string whole_list = R"("ipWhitelist":[)" + [] {
    std::string list;
    for (int i = 0; i < 100; ++i)
      list += (i > 0 ? "," : "") + std::string("\"10.0.0.") + std::to_string(100 + i) + "\"";
    return list;
  }() + "]";  // 100 × 10 characters + 99 commas
  const Row rows[] = {
      {"HLS", "", nullptr},
      {"HLS_CMAF", "", nullptr},
      {"DASH", "", nullptr},
      {"SMOOTH", "", "protocol"},
      {"hls", "", "protocol"},
      {"HLS", R"("segmentDuration":1)", nullptr},
      {"HLS", R"("segmentDuration":30)", nullptr},
      {"HLS", R"("segmentDuration":0)", "segmentDuration"},
      {"HLS", R"("segmentDuration":31)", "segmentDuration"},
      {"HLS", R"("segmentDuration":-1)", "segmentDuration"},
      {"HLS", R"("segmentDuration":"6")", "segmentDuration"},
      {"HLS", R"("segmentDuration":6.5)", "segmentDuration"},
      {"HLS", R"("segmentDuration":6e0)", "segmentDuration"},
      {"HLS", R"("segmentDuration":true)", "segmentDuration"},
      {"HLS", R"("segmentDuration":[6])", "segmentDuration"},
      {"HLS", R"("segmentDuration":null)", nullptr},
      {"HLS", R"("segmentDuration":4294967302)", "segmentDuration"},
      {"HLS", R"("segmentDuration":99999999999999999999)", "segmentDuration"},
      {"HLS", R"("audioSeparation":true)", nullptr},
      {"HLS", R"("audioSeparation":1)", "audioSeparation"},
      {"HLS", R"("audioSeparation":"true")", "audioSeparation"},
      {"HLS_CMAF", R"("audioSeparation":true)", "audioSeparation"},
      {"DASH", R"("audioSeparation":false)", "audioSeparation"},
      {"HLS", R"("manifest":{"segments":2})", nullptr},
      {"HLS_CMAF", R"("manifest":{"segments":100})", nullptr},
      {"HLS", R"("manifest":{"segments":1})", "manifest.segments"},
      {"HLS", R"("manifest":{"segments":101})", "manifest.segments"},
      {"DASH", R"("manifest":{"segments":3})", "manifest.segments"},
      {"HLS", R"("manifest":{"programDateTimeInterval":1})", nullptr},
      {"HLS", R"("manifest":{"programDateTimeInterval":3600})", nullptr},
      {"HLS", R"("manifest":{"programDateTimeInterval":0})", "manifest.programDateTimeInterval"},
      {"HLS", R"("manifest":{"programDateTimeInterval":3601})", "manifest.programDateTimeInterval"},
      {"DASH", R"("manifest":{"programDateTimeInterval":1})", "manifest.programDateTimeInterval"},
      {"HLS", R"("manifest":{"streamOrder":"BITRATE_ASCENDING"})", nullptr},
      {"DASH", R"("manifest":{"streamOrder":"BITRATE_DESCENDING"})", nullptr},
      {"HLS", R"("manifest":{"streamOrder":"ASCENDING"})", "manifest.streamOrder"},
      {"HLS", R"("manifest":{"minVideoBitrate":0,"maxVideoBitrate":2147483648})", nullptr},
      {"HLS", R"("manifest":{"minVideoBitrate":2,"maxVideoBitrate":2})", nullptr},
      {"HLS", R"("manifest":{"minVideoBitrate":3,"maxVideoBitrate":2})", "manifest.minVideoBitrate"},
      {"HLS", R"("manifest":{"maxVideoBitrate":-1})", "manifest.maxVideoBitrate"},
      {"DASH", R"("manifest":{"minBufferTime":1})", nullptr},
      {"DASH", R"("manifest":{"minBufferTime":30})", nullptr},
      {"DASH", R"("manifest":{"minBufferTime":31})", "manifest.minBufferTime"},
      {"HLS", R"("manifest":{"minBufferTime":10})", "manifest.minBufferTime"},
      {"DASH", R"("manifest":{"minUpdatePeriod":3600})", nullptr},
      {"DASH", R"("manifest":{"minUpdatePeriod":3601})", "manifest.minUpdatePeriod"},
      {"HLS_CMAF", R"("manifest":{"minUpdatePeriod":2})", "manifest.minUpdatePeriod"},
      {"DASH", R"("manifest":{"suggestedPresentationDelay":60})", nullptr},
      {"DASH", R"("manifest":{"suggestedPresentationDelay":61})", "manifest.suggestedPresentationDelay"},
      {"HLS", R"("manifest":{"suggestedPresentationDelay":6})", "manifest.suggestedPresentationDelay"},
      {"DASH", R"("manifest":{"manifestWindow":1})", nullptr},
      {"DASH", R"("manifest":{"manifestWindow":3600})", nullptr},
      {"DASH", R"("manifest":{"manifestWindow":0})", "manifest.manifestWindow"},
      {"HLS", R"("manifest":{"manifestWindow":60})", "manifest.manifestWindow"},
      {"HLS", R"("manifest":{"window":60})", "manifest.window"},
      {"HLS", R"("manifest":[])", "manifest"},
      {"HLS", R"("manifest":null)", nullptr},
      {"HLS", R"("manifest.segments":5)", "manifest.segments"},
      {"HLS", R"("manifestName":"index_1-x")", nullptr},
      {"HLS", R"("manifestName":"")", "manifestName"},
      {"HLS", R"("manifestName":"a.b")", "manifestName"},
      {"HLS", R"("manifestName":"a/b")", "manifestName"},
      {"HLS", R"("authorizationCode":"a.b-c_D9")", nullptr},
      {"HLS", R"("authorizationCode":"")", "authorizationCode"},
      {"HLS", R"("authorizationCode":"a b")", "authorizationCode"},
      {"HLS", R"("previousAuthorizationCode":"a")", "previousAuthorizationCode"},
      {"HLS", R"("ipWhitelist":["10.0.0.1","2001:db8::/32"],"ipBlacklist":[])", nullptr},
      {"HLS", R"("ipWhitelist":"10.0.0.1")", "ipWhitelist"},
      {"HLS", R"("ipWhitelist":["10.0.0.1",7])", "ipWhitelist[1]"},
      {"HLS", R"("ipBlacklist":["0.0.0.0/0"])", "ipBlacklist[0]"},
      {"HLS", R"("ipBlacklist":["::/0"])", "ipBlacklist[0]"},
      {"HLS", R"("ipBlacklist":["::ffff:0.0.0.0/96"])", "ipBlacklist[0]"},
      {"HLS", R"("ipBlacklist":["10.0.0.1/8"])", "ipBlacklist[0]"},
      {"HLS", whole_list.c_str(), "ipWhitelist"},
      {"HLS", R"("description":"Grüße, 世界\nzwei")", nullptr},
      {"HLS", R"("description":"bell \u0007")", "description"},
      {"HLS", R"("description":7)", "description"},
      {"HLS", R"("drm":null)", nullptr},
      {"HLS", R"("drm":{"encryptionMethod":"CENC"})", "drm"},
      {"HLS", R"("drm":{})", "drm"},
      {"HLS_CMAF",
       R"("drm":{"systems":["FAIRPLAY","WIDEVINE","PLAYREADY"],"providerUrl":"https://k.example/x?y=1"})",
       nullptr},
      {"DASH",
       R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","encryptionMethod":"CENC","keyPreset":"VIDEO_AUDIO","spekeVersion":"1.0","contentId":"a.b-C_1","rotationPeriod":0})",
       nullptr},
      {"DASH", R"("drm":{"systems":["WIDEVINE"]})", "drm.providerUrl"},
      {"DASH", R"("drm":{"providerUrl":"https://k.example"})", "drm.systems"},
      {"DASH", R"("drm":7)", "drm"},
      {"DASH", R"("drm":{"systems":[],"providerUrl":"https://k.example"})", "drm.systems"},
      {"DASH", R"("drm":{"systems":["WIDEVINE","WIDEVINE"],"providerUrl":"https://k.example"})",
       "drm.systems"},
      {"DASH", R"("drm":{"systems":["CLEARKEY"],"providerUrl":"https://k.example"})", "drm.systems"},
      {"DASH", R"("drm":{"systems":["FAIRPLAY"],"providerUrl":"https://k.example"})", "drm.systems"},
      {"HLS_CMAF",
       R"("drm":{"systems":["FAIRPLAY"],"providerUrl":"https://k.example","encryptionMethod":"CENC"})",
       "drm.systems"},
      {"HLS_CMAF",
       R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","encryptionMethod":"AES_128"})",
       "drm.encryptionMethod"},
      {"HLS_CMAF",
       R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","constantIv":"00112233445566778899aabbccddeeFF"})",
       nullptr},
      {"HLS_CMAF", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","constantIv":"0011"})",
       "drm.constantIv"},
      {"HLS_CMAF",
       R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","constantIv":"g0112233445566778899aabbccddeeff"})",
       "drm.constantIv"},
      {"HLS_CMAF",
       R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","encryptionMethod":"CENC","constantIv":"00112233445566778899aabbccddeeff"})",
       "drm.constantIv"},
      {"HLS_CMAF", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","rotationPeriod":60})",
       nullptr},
      {"DASH", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","rotationPeriod":604800})",
       nullptr},
      {"DASH", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","rotationPeriod":604801})",
       "drm.rotationPeriod"},
      {"DASH", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","rotationPeriod":59})",
       "drm.rotationPeriod"},
      {"DASH", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","rotationPeriod":-1})",
       "drm.rotationPeriod"},
      {"HLS_CMAF", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","contentId":"a b"})",
       "drm.contentId"},
      {"HLS_CMAF", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"http://k.example"})", "drm.providerUrl"},
      {"HLS_CMAF", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://10.0.0.1"})", "drm.providerUrl"},
      {"HLS_CMAF", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://u:p@k.example"})",
       "drm.providerUrl"},
      {"HLS_CMAF", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","spekeVersion":"2.1"})",
       "drm.spekeVersion"},
      {"HLS_CMAF", R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example","key":"x"})",
       "drm.key"},
      {"HLS", R"("timeShiftDays":0)", nullptr},
      {"HLS", R"("timeShiftDays":30)", nullptr},
      {"HLS", R"("timeShiftDays":31)", "timeShiftDays"},
      {"HLS", R"("errorOnStale":false,"cdnCacheable":false)", nullptr},
      {"HLS", R"("errorOnStale":true)", nullptr},
      {"HLS", R"("cdnCacheable":true)", nullptr},
      {"HLS", R"("cdnCacheable":"yes")", "cdnCacheable"},
      {"HLS", R"("colour":"red")", "colour"},
      {"HLS", R"("url":"http://x")", "url"},
      {"HLS", R"("createdAt":"2026-01-31T12:00:00Z")", "createdAt"},
  };
  for (const Row& row : rows) {
    const ApiResponse response = post_endpoint(row.protocol, row.settings);
    const JsonAnswer answer(response.body);
    EXPECT_EQ(response.status, row.wrong_field == nullptr ? 201 : 400) << row.settings << "\n"
                                                                       << response.body;
    if (row.wrong_field == nullptr) continue;
    EXPECT_EQ(answer.text("errors.0.field"), row.wrong_field) << row.settings << "\n" << response.body;
    EXPECT_GT(answer.text("errors.0.reason").size(), 8U);
    EXPECT_NE(answer.text("detail").find(row.wrong_field), std::string::npos);
    EXPECT_EQ(answer.print("errors.1"), "missing") << response.body;
  }
  EXPECT_TRUE(store_->model()->endpoints.empty());
}

TEST_F(ControlSettingsTest, ChannelAndGroupSettingsAreCheckedToo) {
  struct Row {
    const char* path;
    const char* body;
    const char* wrong_field;
  };
  const std::string longest = R"({"name":")" + std::string(200, 'a') + "\"}";
  const std::string too_long = R"({"name":")" + std::string(201, 'a') + "\"}";
  const std::string description = R"({"name":"d","description":")" + std::string(1001, 'a') + "\"}";
  const char* groups = "/channel-groups";
  const char* channels = "/channel-groups/g/channels";
  const Row rows[] = {
      {groups, longest.c_str(), nullptr},
      {groups, too_long.c_str(), "name"},
      {groups, description.c_str(), "description"},
      {groups, R"({})", "name"},
      {groups, R"({"name":null})", "name"},
      {groups, R"({"name":5})", "name"},
      {groups, R"({"name":"a.b"})", "name"},
      {groups, R"({"name":"ä"})", "name"},
      {groups, R"({"name":"<img onerror=alert(1)>"})", "name"},
      {groups, R"({"name":"x","originDomain":"y"})", "originDomain"},
      {groups, R"([])", ""},
      {groups, R"("x")", ""},
      {channels, R"({"name":"1"})", "name"},
      {channels, R"({"name":"2"})", "name"},
      {channels, R"({"name":"3","protocol":"HLS","segmentDuration":30,"segments":100})", nullptr},
      {channels, R"({"name":"x","protocol":"RTMP"})", "protocol"},
      {channels, R"({"name":"x","protocol":"HLS_CMAF"})", nullptr},
      {channels, R"({"name":"x","segmentDuration":0})", "segmentDuration"},
      {channels, R"({"name":"x","segmentDuration":31})", "segmentDuration"},
      {channels, R"({"name":"x","segments":1})", "segments"},
      {channels, R"({"name":"x","segments":101})", "segments"},
      {channels, R"({"name":"x","inputs":[]})", "inputs"},
  };
  for (const Row& row : rows) {
    const ApiResponse response = call("POST", row.path, row.body);
    EXPECT_EQ(response.status, row.wrong_field == nullptr ? 201 : 400) << row.body << "\n" << response.body;
    if (row.wrong_field != nullptr) {
      EXPECT_EQ(JsonAnswer(response.body).text("errors.0.field"), row.wrong_field) << response.body;
    }
  }
}

TEST_F(ControlSettingsTest, AllWrongFieldsAreReportedAtOnceWithTheirValues) {
  const ApiResponse response =
      expect(400, "POST", endpoints_path, R"({"name":"a b","protocol":"DASH","segmentDuration":99,
      "authorizationCode":"top secret","autorizationCode":"misspelt-secret","manifest":{"minBufferTime":77,"segments":3}})");
  const JsonAnswer answer(response.body);
  EXPECT_EQ(answer.text("errors.0.field"), "autorizationCode");
  EXPECT_EQ(answer.print("errors.0.value"), "null");
  EXPECT_EQ(answer.text("errors.1.field"), "name");
  EXPECT_EQ(answer.text("errors.1.value"), "a b");
  EXPECT_EQ(answer.text("errors.2.field"), "authorizationCode");
  EXPECT_EQ(answer.print("errors.2.value"), "null");
  EXPECT_EQ(answer.text("errors.3.field"), "segmentDuration");
  EXPECT_EQ(answer.print("errors.3.value"), "99");
  EXPECT_EQ(answer.text("errors.3.reason"), "must be a whole number from 1 to 30");
  EXPECT_EQ(answer.text("errors.4.field"), "manifest.segments");
  EXPECT_EQ(answer.text("errors.4.reason"), "is only for HLS and HLS_CMAF");
  EXPECT_EQ(answer.text("errors.5.field"), "manifest.minBufferTime");
  EXPECT_EQ(answer.print("errors.6"), "missing");
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

TEST_F(ControlSettingsTest, FractionsAreRefusedByTheirFields) {
  const ApiResponse response =
      expect(400, "POST", endpoints_path,
             R"({"name":"e","protocol":"HLS","segmentDuration":1.5,"timeShiftDays":1e30})");
  const JsonAnswer answer(response.body);
  std::map<std::string, std::string> reasons;
  for (const std::string index : {"0", "1"}) {
    const std::string error = "errors." + index;
    reasons[answer.text(error + ".field")] = answer.text(error + ".reason");
    EXPECT_NE(answer.print(error + ".value"), "null") << response.body;
  }
  EXPECT_EQ(reasons["segmentDuration"], "must be a whole number from 1 to 30");
  EXPECT_TRUE(reasons["timeShiftDays"].starts_with("must be a whole number from 0 to")) << response.body;
  EXPECT_EQ(answer.print("errors.2"), "missing");
}

TEST_F(ControlSettingsTest, AnswersCarryEveryFieldWithItsEffectiveValue) {
  const JsonAnswer hls(post_endpoint("HLS", "").body);
  const JsonAnswer dash(post_endpoint("DASH", "").body);
  for (const char* field : {"name",
                            "description",
                            "protocol",
                            "manifestName",
                            "url",
                            "authorizationCode",
                            "previousAuthorizationCode",
                            "ipWhitelist",
                            "ipBlacklist",
                            "errorOnStale",
                            "cdnCacheable",
                            "timeShiftDays",
                            "segmentDuration",
                            "audioSeparation",
                            "drm",
                            "manifest.segments",
                            "manifest.programDateTimeInterval",
                            "manifest.streamOrder",
                            "manifest.minVideoBitrate",
                            "manifest.maxVideoBitrate",
                            "manifest.minBufferTime",
                            "manifest.minUpdatePeriod",
                            "manifest.suggestedPresentationDelay",
                            "manifest.manifestWindow",
                            "createdAt",
                            "updatedAt"}) {
    EXPECT_NE(hls.print(field), "missing") << field;
    EXPECT_NE(dash.print(field), "missing") << field;
  }
  EXPECT_EQ(hls.print("manifest"),
            R"({"segments":3,"programDateTimeInterval":null,"streamOrder":"ORIGINAL",)"
            R"("minVideoBitrate":null,"maxVideoBitrate":null,"minBufferTime":null,)"
            R"("minUpdatePeriod":null,"suggestedPresentationDelay":null,"manifestWindow":null})");
  EXPECT_EQ(dash.print("manifest"),
            R"({"segments":null,"programDateTimeInterval":null,"streamOrder":"ORIGINAL",)"
            R"("minVideoBitrate":null,"maxVideoBitrate":null,"minBufferTime":12,)"
            R"("minUpdatePeriod":12,"suggestedPresentationDelay":18,"manifestWindow":60})");
  EXPECT_EQ(hls.print("segmentDuration"), "6");
  // Semantics S24: defaults stay in range, and the window holds the delay and two segments.
  const JsonAnswer longest(
      post_endpoint("DASH", R"("segmentDuration":30,"manifest":{"manifestWindow":60})").body);
  EXPECT_EQ(longest.print("manifest.minBufferTime"), "30");
  EXPECT_EQ(longest.print("manifest.minUpdatePeriod"), "60");
  EXPECT_EQ(longest.print("manifest.suggestedPresentationDelay"), "60");
  EXPECT_EQ(longest.print("manifest.manifestWindow"), "120");
}

TEST_F(ControlSettingsTest, AnEndpointFollowsItsChannelUntilItHasAValueOfItsOwn) {
  const std::string path = std::string(endpoints_path) + "/e";
  expect(201, "POST", endpoints_path, R"({"name":"e","protocol":"HLS"})");
  expect(200, "PATCH", channel_path, R"({"segmentDuration":4,"segments":5})");
  JsonAnswer answer(expect(200, "GET", path).body);
  EXPECT_EQ(answer.print("segmentDuration"), "4");
  EXPECT_EQ(answer.print("manifest.segments"), "5");
  expect(200, "PATCH", path, R"({"segmentDuration":8})");
  expect(200, "PATCH", channel_path, R"({"segmentDuration":2})");
  EXPECT_EQ(JsonAnswer(expect(200, "GET", path).body).print("segmentDuration"), "8");
  expect(200, "PATCH", path, R"({"segmentDuration":null})");
  EXPECT_EQ(JsonAnswer(expect(200, "GET", path).body).print("segmentDuration"), "2");
}

TEST_F(ControlSettingsTest, PatchMergesAndRefusesAsAWhole) {
  const std::string path = std::string(endpoints_path) + "/e";
  expect(201, "POST", endpoints_path,
         R"({"name":"e","protocol":"HLS","authorizationCode":"c1","ipWhitelist":["10.0.0.1"],
             "manifest":{"segments":5,"programDateTimeInterval":10}})");
  struct Row {
    int status;
    const char* patch;
    const char* path;   // of the answer, or of the first wrong field
    const char* value;  // afterwards; or null
  };
  const Row rows[] = {
      {200, R"({})", "manifest.segments", "5"},
      {200, R"({"manifest":{"segments":6}})", "manifest.programDateTimeInterval", "10"},
      {200, R"({"manifest":{"programDateTimeInterval":null}})", "manifest.segments", "6"},
      {200, R"({"manifest":{}})", "manifest.programDateTimeInterval", "null"},
      {200, R"({"manifest":null})", "manifest.segments", "3"},
      {200, R"({"ipWhitelist":["10.0.0.2","10.0.0.3"]})", "ipWhitelist", R"(["10.0.0.2","10.0.0.3"])"},
      {200, R"({"ipWhitelist":null})", "ipWhitelist", "[]"},
      {200, R"({"name":"e","protocol":"HLS"})", "name", "\"e\""},
      {400, R"({"name":"f"})", "name", nullptr},
      {400, R"({"name":null})", "name", nullptr},
      {400, R"({"protocol":"DASH"})", "protocol", nullptr},
      {400, R"({"description":"half","segmentDuration":31})", "segmentDuration", nullptr},
      {400, R"({"authorizationCode":null,"previousAuthorizationCode":"c0"})", "previousAuthorizationCode",
       nullptr},
      {400, R"({"url":"x"})", "url", nullptr},
      {400, R"({"manifest":{"segments":"6"}})", "manifest.segments", nullptr},
  };
  for (const Row& row : rows) {
    const ApiResponse response = expect(row.status, "PATCH", path, row.patch);
    if (row.value == nullptr) {
      EXPECT_EQ(JsonAnswer(response.body).text("errors.0.field"), row.path) << response.body;
    } else {
      EXPECT_EQ(JsonAnswer(response.body).print(row.path), row.value) << row.patch;
    }
  }
  const JsonAnswer after(expect(200, "GET", path + "?secrets=true").body);
  EXPECT_EQ(after.text("description"), "");
  EXPECT_EQ(after.text("authorizationCode"), "c1");
  expect(400, "PATCH", path, "[]");
  expect(400, "PATCH", path, "null");
  expect(400, "PATCH", path, "", {{"content-type", "application/json"}});
  // What cannot be changed is said once, and not again of every setting that goes with it.
  EXPECT_EQ(JsonAnswer(expect(400, "PATCH", path, R"({"protocol":"DASH"})").body).print("errors.1"),
            "missing");
  const JsonAnswer both(expect(400, "PATCH", path, R"({"name":"f","segmentDuration":31})").body);
  EXPECT_EQ(both.text("errors.0.field"), "name");
  EXPECT_EQ(both.text("errors.1.field"), "segmentDuration");
}

TEST_F(ControlSettingsTest, LooseJsonIsRefusedBeforeAnythingIsDone) {
  for (const char* body :
       {"{'name':'h'}", R"({"name":"h","name":"i"})", R"({"name":"h",})", R"({"name":"h"} x)",
        R"({"name":"h\u0000x"})", "{\"name\":\"h\xff\"}", "{name:\"h\"}", "/**/{\"name\":\"h\"}"}) {
    const ApiResponse response = expect(400, "POST", "/channel-groups", body);
    EXPECT_NE(JsonAnswer(response.body).text("detail").find("JSON"), std::string::npos) << response.body;
  }
  expect(400, "POST", "/channel-groups", std::string(30'000, '[') + std::string(30'000, ']'));
  EXPECT_EQ(store_->model()->groups.size(), 1U);
}

constexpr char encrypted[] =
    R"("drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example/s","contentId":"one"})";

TEST_F(ControlSettingsTest, EncryptionHasEffectiveValuesAndGoesWithNull) {
  const JsonAnswer made(
      expect(
          201, "POST", endpoints_path,
          R"({"name":"t","protocol":"DASH","drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example"}})")
          .body);
  EXPECT_EQ(made.text("drm.encryptionMethod"), "SAMPLE_AES");
  EXPECT_EQ(made.text("drm.spekeVersion"), "2.0");
  EXPECT_EQ(made.text("drm.keyPreset"), "SHARED");
  EXPECT_EQ(made.text("drm.contentId").substr(0, 5), "tarn-");
  EXPECT_EQ(made.print("drm.constantIv"), "null");
  const std::string name = made.text("name");
  const std::string path = std::string(endpoints_path) + "/" + name;
  const JsonAnswer changed(expect(200, "PATCH", path, R"({"drm":{"encryptionMethod":"CENC"}})").body);
  EXPECT_EQ(changed.text("drm.contentId"), made.text("drm.contentId"));
  EXPECT_EQ(JsonAnswer(expect(200, "PATCH", path, R"({"drm":null})").body).print("drm"), "null");
}

TEST_F(ControlSettingsTest, AContentIdBelongsToOneChannelForEver) {
  const std::string other = "/channel-groups/g/channels/other";
  const std::string body = std::string(R"({"name":"a","protocol":"DASH",)") + encrypted + "}";
  const JsonAnswer first(expect(201, "POST", endpoints_path, body).body);
  EXPECT_EQ(first.text("drm.contentId"), "one");
  expect(201, "POST", endpoints_path,
         R"({"name":"twin","protocol":"HLS_CMAF",)" + std::string(encrypted) + "}");
  expect(201, "POST", "/channel-groups/g/channels", R"({"name":"other"})");
  expect(409, "POST", other + "/endpoints", body);
  expect(204, "DELETE", std::string(endpoints_path) + "/" + first.text("name"));
  expect(204, "DELETE", std::string(endpoints_path) + "/twin");
  expect(409, "POST", other + "/endpoints", body);
}

// Semantics S7: other keys, other URLs.
TEST_F(ControlSettingsTest, AChangeOfEncryptionIsANewEdition) {
  const JsonAnswer made(expect(201, "POST", endpoints_path, R"({"name":"t","protocol":"DASH"})").body);
  const std::string name = made.text("name");
  const std::string path = std::string(endpoints_path) + "/" + name;
  const auto edition = [&] { return store_->model()->endpoint("g", "c", name)->edition; };
  EXPECT_EQ(edition(), 1U);
  expect(200, "PATCH", path, std::string("{") + encrypted + "}");
  EXPECT_EQ(edition(), 2U);
  expect(200, "PATCH", path, R"({"drm":{"providerUrl":"https://other.example/"},"segmentDuration":4})");
  EXPECT_EQ(edition(), 2U) << "the keys stay what they are";
  expect(200, "PATCH", path, R"({"drm":{"systems":["WIDEVINE","PLAYREADY"]}})");
  EXPECT_EQ(edition(), 3U);
  expect(200, "PATCH", path, R"({"drm":null})");
  EXPECT_EQ(edition(), 4U);
}

}  // namespace
}  // namespace tarn::server
