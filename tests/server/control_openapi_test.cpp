// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "control_fixture.h"
#include "server/control/resource.h"
#include "server/control/route.h"
#include "tests/server/schema_check.h"

namespace tarn::server {
namespace {

// The document and the server, held together through the route table and the rows of field.h.
class OpenapiTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    document_ = std::make_unique<JsonAnswer>(expect(200, "GET", "/openapi.json").body);
  }

  static std::set<std::string> members(JsonNode* object) {
    std::set<std::string> names;
    if (object == nullptr) return names;
    JsonObjectIter iterator;
    json_object_iter_init_ordered(&iterator, json_node_get_object(object));
    const char* name = nullptr;
    while (json_object_iter_next_ordered(&iterator, &name, nullptr) != 0) names.insert(name);
    return names;
  }

  JsonNode* schema(const std::string& name) const { return document_->at("components.schemas." + name); }

  // Settings of the objects `manifest` and `drm` have schemas of their own.
  static std::string nested_schema(std::string_view object) { return object == "drm" ? "Drm" : "Manifest"; }

  // The property of a row.
  JsonNode* property(const std::string& resource, std::string_view row) const {
    const auto dot = row.find('.');
    if (dot != std::string_view::npos) {
      const std::string name = nested_schema(row.substr(0, dot));
      return json_member(json_member(schema(name), "properties"), row.substr(dot + 1));
    }
    return json_member(json_member(schema(resource), "properties"), row);
  }

  template <class R>
  void compare(const std::string& resource, std::span<const std::string_view> read_only) {
    std::set<std::string> expected;
    std::map<std::string, std::set<std::string>> nested;
    std::set<std::string> required;
    for (const std::string_view name : read_only) {
      expected.emplace(name);
      EXPECT_TRUE(is_read_only(property(resource, name))) << resource << " " << name;
    }
    for (const Field<R>& field : fields<R>()) {
      const auto dot = field.name.find('.');
      expected.emplace(field.name.substr(0, dot));
      if (dot != std::string_view::npos) {
        nested[nested_schema(field.name.substr(0, dot))].emplace(field.name.substr(dot + 1));
      }
      if (field.required) required.emplace(field.name);
      JsonNode* const described = property(resource, field.name);
      ASSERT_NE(described, nullptr) << resource << " " << field.name;
      EXPECT_FALSE(is_read_only(described)) << field.name;
      compare_range(field, described);
    }
    EXPECT_EQ(members(json_member(schema(resource), "properties")), expected) << resource;
    for (const auto& [name, rows] : nested) {
      EXPECT_EQ(members(json_member(schema(name), "properties")), rows) << name;
    }
    std::set<std::string> documented;
    if (JsonNode* const list = json_member(schema(resource), "required")) {
      JsonArray* const array = json_node_get_array(list);
      for (unsigned i = 0; i < json_array_get_length(array); ++i) {
        documented.insert(json_array_get_string_element(array, i));
      }
    }
    EXPECT_EQ(documented, required) << resource;
  }

  // Schemas of patches and of resource files: the words of the resource's own, but that null is as good as
  // leaving a setting out.
  void compare_with_nulls(const std::string& name, const std::string& resource,
                          const std::set<std::string>& never_null,
                          const std::map<std::string, std::string>& others = {}) {
    std::set<std::string> expected;
    JsonNode* const described = json_member(schema(name), "properties");
    for (const std::string& member : members(json_member(schema(resource), "properties"))) {
      JsonNode* const own = json_member(json_member(schema(resource), "properties"), member);
      if (is_read_only(own) || member == "inputs") continue;
      expected.insert(member);
      JsonNode* const node = json_member(described, member);
      ASSERT_NE(node, nullptr) << name << " " << member;
      if (const auto other = others.find(member); other != others.end()) {
        const std::string reference = "#/components/schemas/" + other->second;
        EXPECT_EQ(print_json(node), R"({"anyOf":[{"$ref":")" + reference + R"("},{"type":"null"}]})");
        continue;
      }
      for (const std::string& word : members(own)) {
        if (word == "description" || word == "default" || word == "type" || word == "enum") continue;
        EXPECT_EQ(print_json(json_member(node, word)), print_json(json_member(own, word)))
            << name << " " << member << " " << word;
      }
      const std::string is = print_json(json_member(node, "type"));
      std::string type = print_json(json_member(own, "type"));
      if (!type.starts_with('[') && !never_null.contains(member)) type = "[" + type + R"(,"null"])";
      EXPECT_EQ(is, type) << name << " " << member;
      EXPECT_EQ(json_member(node, "default"), nullptr) << name << " " << member;
    }
    std::set<std::string> all = members(described);
    for (const char* child : {"channels", "inputs", "endpoints"}) {
      if (name.ends_with("Resource")) all.erase(child);
    }
    EXPECT_EQ(all, expected) << name;
    JsonNode* const more = json_member(schema(name), "additionalProperties");
    ASSERT_NE(more, nullptr) << name;
    EXPECT_EQ(print_json(more), "false") << name;
  }

  // Right and wrong for anything, and the edges of what the property says.
  static std::vector<std::string> samples(JsonNode* described) {
    std::vector<std::string> all{"null", "true", "{}", "[]", "7", "\"\"", "\"a\"", "\"a b\"", "[7]", "1.5"};
    for (const char* word : {"minimum", "maximum"}) {
      if (json_member(described, word) == nullptr) continue;
      const auto bound = json_member_number(described, word);
      for (const std::int64_t number : {bound - 1, bound, bound + 1}) all.push_back(std::to_string(number));
    }
    for (const char* word : {"minLength", "maxLength"}) {
      if (json_member(described, word) == nullptr) continue;
      const auto bound = static_cast<std::size_t>(json_member_number(described, word));
      for (const std::size_t length : {bound, bound + 1}) {
        all.push_back("\"" + std::string(length, 'a') + "\"");
        std::string wide;
        for (std::size_t i = 0; i < length; ++i) wide += "ä";
        all.push_back("\"" + wide + "\"");
      }
    }
    JsonNode* const list = json_member(described, "items");
    JsonNode* const words = json_member(list != nullptr ? list : described, "enum");
    if (words == nullptr) return all;
    JsonArray* const array = json_node_get_array(words);
    for (unsigned i = 0; i < json_array_get_length(array); ++i) {
      const std::string word = print_json(json_array_get_element(array, i));
      all.insert(all.end(), {word, "[" + word + "]", "[" + word + "," + word + "]"});
    }
    return all;
  }

  // What the schema refuses the server refuses; what the schema takes the server takes, but for settings
  // with rules that the document has in words.
  void compare_requests(const std::string& target, const std::string& name, const std::string& prefix,
                        const std::set<std::string>& with_rules) {
    const SchemaCheck check;
    JsonNode* const properties = json_member(schema(prefix.empty() ? name : prefix + "Patch"), "properties");
    for (const std::string& member : members(properties)) {
      for (const std::string& value : samples(json_member(properties, member))) {
        std::string inner = "{\"" + member + "\":" + value + "}";
        if (!prefix.empty()) {
          std::string object = prefix;
          object[0] = g_ascii_tolower(object[0]);
          inner = "{\"" + object + "\":" + inner + "}";
        }
        const std::string wrong = check.problems(inner, name);
        const ApiResponse response = call("PATCH", target, inner);
        if (!wrong.empty()) {
          EXPECT_EQ(response.status, 400) << inner << " is taken; " << wrong;
        } else if (!with_rules.contains(member)) {
          EXPECT_EQ(response.status, 200) << inner << " is refused: " << response.body;
        } else {
          EXPECT_TRUE(response.status == 200 || response.status == 400) << inner << response.body;
        }
      }
    }
    for (const char* unknown : {R"({"nope":1})", R"({"nope":null})", R"({"createdAt":null})",
                                R"({"updatedAt":"2026-01-31T12:00:00Z"})"}) {
      EXPECT_NE(check.problems(unknown, name), "") << unknown;
      expect(400, "PATCH", target, unknown);
    }
  }

  static bool is_read_only(JsonNode* described) {
    JsonNode* const mark = json_member(described, "readOnly");
    return mark != nullptr && json_node_get_boolean(mark) != 0;
  }

  template <class R>
  void compare_range(const Field<R>& field, JsonNode* described) const {
    const std::string name(field.name);
    const auto min = field.or_none ? std::int64_t{0} : static_cast<std::int64_t>(field.min);
    const auto max = static_cast<std::int64_t>(field.max);
    const bool is_number = std::holds_alternative<std::uint32_t R::*>(field.member) ||
                           std::holds_alternative<std::optional<std::uint32_t> R::*>(field.member) ||
                           std::holds_alternative<std::optional<std::uint64_t> R::*>(field.member);
    if (is_number) {
      EXPECT_EQ(json_member_number(described, "minimum"), min) << name;
      EXPECT_EQ(json_member_number(described, "maximum"), max) << name;
    } else if (std::holds_alternative<std::string R::*>(field.member)) {
      EXPECT_EQ(json_member_number(described, "minLength"), min) << name;
      EXPECT_EQ(json_member_number(described, "maxLength"), max) << name;
      const char* const pattern = field.format == Format::resource ? "^[A-Za-z0-9_-]+$"
                                  : field.format == Format::code   ? "^[A-Za-z0-9._-]+$"
                                  : field.format == Format::hex    ? "^[0-9A-Fa-f]+$"
                                                                   : "";
      EXPECT_EQ(json_member_text(described, "pattern"), pattern) << name;
    } else if (std::holds_alternative<std::vector<std::string> R::*>(field.member)) {
      EXPECT_EQ(json_member_number(described, "x-maxLength"), max) << name;
    } else if (std::holds_alternative<std::vector<drm::System> R::*>(field.member)) {
      EXPECT_EQ(json_member_number(described, "minItems"), min) << name;
      EXPECT_EQ(json_member_number(described, "maxItems"), max) << name;
      described = json_member(described, "items");
    }
    JsonArrayBuilder words;
    for (const std::string_view word : choices(field)) words.add(json_text(word));
    if (JsonNode* const documented = json_member(described, "enum")) {
      EXPECT_EQ(print_json(documented), print_json(words.take().get())) << name;
    } else {
      EXPECT_TRUE(choices(field).empty()) << name;
    }
  }

  std::unique_ptr<JsonAnswer> document_;
};

TEST_F(OpenapiTest, EveryRouteIsDescribedAndEveryDescriptionIsARoute) {
  std::set<std::string> known;
  for (const Route& route : routes()) known.insert(std::string(route.method) + " " + std::string(route.path));
  std::set<std::string> described;
  JsonNode* const paths = document_->at("paths");
  for (const std::string& path : members(paths)) {
    for (const std::string& method : members(json_member(paths, path))) {
      std::string upper;
      for (const char c : method) upper += g_ascii_toupper(c);
      if (upper != "PARAMETERS") described.insert(upper + " " + path);
    }
  }
  EXPECT_EQ(known, described);
}

TEST_F(OpenapiTest, EveryQueryParameterOfARouteIsDescribed) {
  for (const Route& route : routes()) {
    JsonNode* const path = json_member(document_->at("paths"), route.path);
    std::string method;
    for (const char c : route.method) method += g_ascii_tolower(c);
    JsonNode* const list = json_member(json_member(path, method), "parameters");
    const std::string described = list != nullptr ? print_json(list) : "";
    for (const char* name : {"pageSize", "pageToken", "filter", "secrets", "deleteContent", "after"}) {
      const bool known = std::find(route.query.begin(), route.query.end(), name) != route.query.end();
      const bool mentioned = described.find("parameters/" + std::string(name) + "\"") != std::string::npos;
      EXPECT_EQ(known, mentioned) << route.method << " " << route.path << " " << name;
    }
  }
}

// What the layers above the operations answer is of every route: no token, a page of another origin, a body
// that is too long, an unknown parameter, a full disk.
TEST_F(OpenapiTest, EveryStatusOfARouteIsDescribedAndNoOther) {
  for (const Route& route : routes()) {
    std::string method;
    for (const char c : route.method) method += g_ascii_tolower(c);
    JsonNode* const described = json_member(json_member(document_->at("paths"), route.path), method);
    const std::string parameters = print_json(described);
    const bool has_body = json_member(described, "requestBody") != nullptr;
    const bool is_create =
        route.method == "POST" && has_body && route.operation != Operation::rotate_credentials;
    std::set<std::string> expected{"400", "401",
                                   is_create                  ? "201"
                                   : route.method == "DELETE" ? "204"
                                                              : "200"};
    if (route.path.find('{') != std::string_view::npos) expected.insert("404");
    if (route.method != "GET") expected.insert({"403", "413", "500", "507"});
    if (route.method == "POST" || route.method == "DELETE") expected.insert("409");
    if (route.operation == Operation::patch_endpoint)
      expected.insert("409");  // drm.contentId of another channel
    if (has_body) expected.insert("415");
    if (parameters.find("parameters/ifMatch\"") != std::string::npos) expected.insert("412");
    if (route.operation == Operation::follow_events) expected.insert("503");
    EXPECT_EQ(members(json_member(described, "responses")), expected) << route.method << " " << route.path;
  }
}

TEST_F(OpenapiTest, EverySettingIsDescribedWithTheRangeThatIsChecked) {
  compare<Group>("ChannelGroup", read_only_members<Group>());
  compare<Channel>("Channel", read_only_members<Channel>());
  compare<Endpoint>("Endpoint", read_only_members<Endpoint>());
  compare<Rotation>("Rotation", {});
}

TEST_F(OpenapiTest, PatchesAndResourceFilesAreOfTheSameSettings) {
  compare_with_nulls("ChannelGroupPatch", "ChannelGroup", {"name"});
  compare_with_nulls("ChannelPatch", "Channel", {"name"});
  compare_with_nulls("EndpointPatch", "Endpoint", {"name", "protocol"},
                     {{"manifest", "ManifestPatch"}, {"drm", "DrmPatch"}});
  compare_with_nulls("ManifestPatch", "Manifest", {});
  compare_with_nulls("DrmPatch", "Drm", {"systems", "providerUrl"});
  compare_with_nulls("GroupResource", "ChannelGroup", {"name"});
  compare_with_nulls("ChannelResource", "Channel", {"name"});
  compare_with_nulls("EndpointResource", "Endpoint", {"name", "protocol"},
                     {{"manifest", "ManifestPatch"}, {"drm", "DrmResource"}});
  compare_with_nulls("DrmResource", "Drm", {"systems", "providerUrl"});
}

TEST_F(OpenapiTest, TheServerTakesThePatchesThatAreDescribedAndNoOther) {
  make_channel();
  expect(201, "POST", endpoints_path, R"({"name":"hls","protocol":"HLS"})");
  expect(201, "POST", endpoints_path, R"({"name":"dash","protocol":"DASH"})");
  expect(
      201, "POST", endpoints_path,
      R"({"name":"drm","protocol":"DASH","drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example/"}})");
  const std::string endpoints = std::string(endpoints_path) + "/";
  compare_requests("/channel-groups/g", "ChannelGroupPatch", "", {"name"});
  compare_requests(channel_path, "ChannelPatch", "", {"name", "protocol"});
  // Fixed, of another protocol, of one another, or of a grammar of their own.
  const std::set<std::string> ruled{"name", "protocol",          "audioSeparation",
                                    "drm",  "authorizationCode", "previousAuthorizationCode"};
  compare_requests(endpoints + "hls", "EndpointPatch", "", ruled);
  compare_requests(endpoints + "dash", "EndpointPatch", "", ruled);
  compare_requests(endpoints + "hls", "EndpointPatch", "Manifest",
                   {"minVideoBitrate", "maxVideoBitrate", "minBufferTime", "minUpdatePeriod",
                    "suggestedPresentationDelay", "manifestWindow"});
  compare_requests(endpoints + "dash", "EndpointPatch", "Manifest",
                   {"minVideoBitrate", "maxVideoBitrate", "segments", "programDateTimeInterval"});
  compare_requests(
      endpoints + "drm", "EndpointPatch", "Drm",
      {"systems", "providerUrl", "rotationPeriod", "constantIv", "encryptionMethod", "contentId"});
}

TEST_F(OpenapiTest, AnswersHaveExactlyTheDescribedMembers) {
  const auto properties = [&](const std::string& name) {
    return members(json_member(schema(name), "properties"));
  };
  const auto root = [](const ApiResponse& response) { return parse_scanned_json(response.body); };
  EXPECT_EQ(members(root(expect(201, "POST", "/channel-groups", R"({"name":"g"})")).get()),
            properties("ChannelGroup"));
  EXPECT_EQ(members(root(expect(201, "POST", "/channel-groups/g/channels", R"({"name":"c"})")).get()),
            properties("Channel"));
  const ApiResponse endpoint = expect(201, "POST", endpoints_path, R"({"name":"e","protocol":"HLS"})");
  EXPECT_EQ(members(root(endpoint).get()), properties("Endpoint"));
  EXPECT_EQ(members(JsonAnswer(endpoint.body).at("manifest")), properties("Manifest"));
  const ApiResponse encrypted = expect(
      201, "POST", endpoints_path,
      R"({"name":"d","protocol":"DASH","drm":{"systems":["WIDEVINE"],"providerUrl":"https://k.example/"}})");
  EXPECT_EQ(members(JsonAnswer(encrypted.body).at("drm")), properties("Drm"));
  const ApiResponse input =
      expect(200, "POST", std::string(channel_path) + "/inputs/ingest1/rotate-credentials");
  EXPECT_EQ(members(root(input).get()), properties("Input"));
  EXPECT_EQ(members(root(expect(200, "GET", endpoints_path)).get()), properties("EndpointList"));
  expect(201, "POST", endpoints_path, R"({"name":"t","protocol":"HLS","timeShiftDays":1})");
  const ApiResponse task = expect(
      201, "POST", std::string(channel_path) + "/collection-tasks",
      R"({"endpoint":"t","start":"2026-01-31T11:00:00Z","end":"2026-01-31T11:30:00Z","target":{"url":"file:x"}})");
  EXPECT_EQ(members(root(task).get()), properties("CollectionTask"));
  EXPECT_EQ(members(JsonAnswer(task.body).at("target")), properties("CollectionTarget"));
  EXPECT_EQ(members(root(expect(200, "GET", "/collection-tasks")).get()), properties("CollectionTaskList"));
  EXPECT_EQ(members(root(expect(400, "POST", "/channel-groups", "{}")).get()), properties("Problem"));
  const SchemaCheck described;
  EXPECT_EQ(described.problems(expect(200, "GET", "/channel-groups").body, "ChannelGroupList"), "");
  EXPECT_EQ(described.problems(expect(200, "GET", "/channel-groups/g/channels").body, "ChannelList"), "");
  EXPECT_EQ(described.problems(expect(200, "GET", endpoints_path).body, "EndpointList"), "");
  EXPECT_EQ(described.problems(input.body, "Input"), "");
  EXPECT_EQ(described.problems(task.body, "CollectionTask"), "");
  EXPECT_EQ(described.problems(expect(200, "GET", "/collection-tasks").body, "CollectionTaskList"), "");
  EXPECT_EQ(described.problems(expect(400, "POST", "/channel-groups", "{}").body, "Problem"), "");
}

TEST_F(OpenapiTest, TheCheckOfAnswersFindsWhatIsWrong) {
  const SchemaCheck check;
  EXPECT_EQ(
      check.problems(
          R"({"start":"2026-01-31T11:00:00Z","end":"soon","reason":"OUTAGE","tracks":[-1],"more":1})",
          "TimelineGap"),
      "TimelineGap: lacks recovered\nTimelineGap: more is not described\nTimelineGap.end: soon is no time\n"
      "TimelineGap.tracks[]: -1\n");
  EXPECT_NE(check.problems(R"({"error":1})", "NotRunning").find("integer, not string"), std::string::npos);
}

}  // namespace
}  // namespace tarn::server
