// SPDX-License-Identifier: Apache-2.0
#include "server/model/json.h"

#include <cstdint>

namespace tarn::server {
namespace {

JsonObject* object_of(JsonNode* node) {
  return node != nullptr && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : nullptr;
}

void replace_member(JsonObject* object, const char* name, JsonPtr value) {
  json_object_set_member(object, name, value.release());
}

}  // namespace

JsonPtr parse_scanned_json(std::string_view text) {
  const std::unique_ptr<JsonParser, decltype(&g_object_unref)> parser{json_parser_new(), &g_object_unref};
  if (json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()), nullptr) == 0) {
    return nullptr;
  }
  return JsonPtr{json_parser_steal_root(parser.get())};
}

Result<JsonPtr> parse_json(std::string_view text, const JsonLimits& limits) {
  if (const auto fault = scan_json(text, limits)) {
    return Error{fault->code, fault->field.empty() ? fault->reason : fault->field + ": " + fault->reason};
  }
  JsonPtr root = parse_scanned_json(text);
  if (!root) return malformed("not JSON");
  return root;
}

std::string print_json(JsonNode* node, bool pretty) {
  const std::unique_ptr<char, decltype(&g_free)> text{json_to_string(node, pretty ? 1 : 0), &g_free};
  return text.get();
}

JsonPtr json_null() { return JsonPtr{json_node_new(JSON_NODE_NULL)}; }

JsonPtr json_text(std::string_view text) {
  return JsonPtr{json_node_init_string(json_node_alloc(), std::string(text).c_str())};
}
JsonPtr json_number(std::int64_t number) { return JsonPtr{json_node_init_int(json_node_alloc(), number)}; }
JsonPtr json_boolean(bool value) { return JsonPtr{json_node_init_boolean(json_node_alloc(), value ? 1 : 0)}; }

JsonObjectBuilder::JsonObjectBuilder() : node_(json_node_alloc()) {
  JsonObject* object = json_object_new();
  json_node_init_object(node_.get(), object);
  json_object_unref(object);
}

JsonObjectBuilder& JsonObjectBuilder::add(const std::string& name, JsonPtr value) {
  replace_member(object_of(node_.get()), name.c_str(), std::move(value));
  return *this;
}

JsonObjectBuilder& JsonObjectBuilder::add_at(std::string_view path, JsonPtr value) {
  const auto dot = path.find('.');
  if (dot == std::string_view::npos) return add(std::string(path), std::move(value));
  const std::string parent(path.substr(0, dot));
  JsonNode* nested = json_member(node_.get(), parent);
  if (nested == nullptr) {
    add(parent, JsonObjectBuilder().take());
    nested = json_member(node_.get(), parent);
  }
  replace_member(object_of(nested), std::string(path.substr(dot + 1)).c_str(), std::move(value));
  return *this;
}

JsonArrayBuilder::JsonArrayBuilder() : node_(json_node_alloc()) {
  JsonArray* array = json_array_new();
  json_node_init_array(node_.get(), array);
  json_array_unref(array);
}

void JsonArrayBuilder::add(JsonPtr value) {
  json_array_add_element(json_node_get_array(node_.get()), value.release());
}

JsonNode* json_member(JsonNode* object, std::string_view name) {
  JsonObject* const members = object_of(object);
  return members != nullptr ? json_object_get_member(members, std::string(name).c_str()) : nullptr;
}

std::string json_member_text(JsonNode* object, std::string_view name) {
  JsonNode* const member = json_member(object, name);
  if (member == nullptr || json_node_get_value_type(member) != G_TYPE_STRING) return {};
  return json_node_get_string(member);
}

std::int64_t json_member_number(JsonNode* object, std::string_view name) {
  JsonNode* const member = json_member(object, name);
  if (member == nullptr || json_node_get_value_type(member) != G_TYPE_INT64) return 0;
  return json_node_get_int(member);
}

JsonPtr merge_patch(JsonNode* target, JsonNode* patch) {
  JsonObject* const changes = object_of(patch);
  if (changes == nullptr) return JsonPtr{json_node_copy(patch)};
  JsonObjectBuilder merged;
  const auto each = [](JsonObject* object, auto&& visit) {
    JsonObjectIter iterator;
    json_object_iter_init_ordered(&iterator, object);
    const char* name = nullptr;
    JsonNode* member = nullptr;
    while (json_object_iter_next_ordered(&iterator, &name, &member) != 0) visit(name, member);
  };
  if (JsonObject* const kept = object_of(target)) {
    each(kept, [&](const char* name, JsonNode* member) {
      if (json_object_has_member(changes, name) == 0) merged.add(name, JsonPtr{json_node_copy(member)});
    });
  }
  each(changes, [&](const char* name, JsonNode* member) {
    if (JSON_NODE_HOLDS_NULL(member)) return;
    merged.add(name, merge_patch(json_member(target, name), member));
  });
  return merged.take();
}

}  // namespace tarn::server
