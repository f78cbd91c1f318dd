// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <json-glib/json-glib.h>

#include <memory>
#include <string>
#include <string_view>

#include "server/model/json_scan.h"

// json-glib with owners. A JsonPtr owns; a bare JsonNode* is borrowed, and only
// not const because json-glib does not know the word: nobody here changes a node that was handed in.
namespace tarn::server {

struct JsonFree {
  void operator()(JsonNode* node) const { json_node_unref(node); }
};
using JsonPtr = std::unique_ptr<JsonNode, JsonFree>;

// REQUIRES: scan_json(text) found nothing. Null when json-glib refuses it all the same.
JsonPtr parse_scanned_json(std::string_view text);
// Scans and parses; the error's message is the fault's field and reason.
Result<JsonPtr> parse_json(std::string_view text, const JsonLimits& limits = {});
std::string print_json(JsonNode* node, bool pretty = false);

JsonPtr json_null();
JsonPtr json_text(std::string_view text);
JsonPtr json_number(std::int64_t number);
JsonPtr json_boolean(bool value);

// An object under construction, members in order.
class JsonObjectBuilder {
 public:
  JsonObjectBuilder();
  JsonObjectBuilder& add(const std::string& name, JsonPtr value);
  JsonObjectBuilder& add(const std::string& name, std::string_view text) {
    return add(name, json_text(text));
  }
  JsonObjectBuilder& add(const std::string& name, const char* text) { return add(name, json_text(text)); }
  // "manifest.segments" makes or finds the object "manifest" first.
  JsonObjectBuilder& add_at(std::string_view path, JsonPtr value);
  JsonPtr take() { return std::move(node_); }

 private:
  JsonPtr node_;
};

class JsonArrayBuilder {
 public:
  JsonArrayBuilder();
  void add(JsonPtr value);
  JsonPtr take() { return std::move(node_); }

 private:
  JsonPtr node_;
};

// The member, or null.
JsonNode* json_member(JsonNode* object, std::string_view name);
// The member's text or number; "" or 0 when it is not there or something else.
std::string json_member_text(JsonNode* object, std::string_view name);
std::int64_t json_member_number(JsonNode* object, std::string_view name);

// RFC 7396; `target` may be null.
JsonPtr merge_patch(JsonNode* target, JsonNode* patch);

}  // namespace tarn::server
