// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "server/control/operations.h"
#include "server/model/json.h"

// Holds answers and requests against the OpenAPI document: the words of JSON Schema that the document uses. A
// word that it does not know is a problem of its own, so that none is thought to be checked.
namespace tarn::server {

class SchemaCheck {
 public:
  SchemaCheck() : document_(parse_scanned_json(openapi_document)) {}

  // What is wrong with a body, a line each; empty: nothing.
  [[nodiscard]] std::string problems(std::string_view body, const std::string& schema) const {
    const JsonPtr value = parse_scanned_json(body);
    if (!value) return "no JSON: " + std::string(body);
    std::string found;
    check(value.get(), component(schema), schema, found);
    return found;
  }

 private:
  [[nodiscard]] JsonNode* component(const std::string& name) const {
    return json_member(json_member(json_member(document_.get(), "components"), "schemas"), name);
  }

  static void say(std::string& found, const std::string& where, const std::string& what) {
    found += where + ": " + what + "\n";
  }

  static std::vector<JsonNode*> elements(JsonNode* list) {
    std::vector<JsonNode*> all;
    JsonArray* const array = json_node_get_array(list);
    for (unsigned i = 0; i < json_array_get_length(array); ++i) {
      all.push_back(json_array_get_element(array, i));
    }
    return all;
  }

  template <class Each>
  static void for_members(JsonNode* object, Each each) {
    JsonObjectIter iterator;
    json_object_iter_init_ordered(&iterator, json_node_get_object(object));
    const char* name = nullptr;
    JsonNode* node = nullptr;
    while (json_object_iter_next_ordered(&iterator, &name, &node) != 0) each(std::string(name), node);
  }

  static std::string type_of(JsonNode* value) {
    if (JSON_NODE_HOLDS_NULL(value)) return "null";
    if (JSON_NODE_HOLDS_OBJECT(value)) return "object";
    if (JSON_NODE_HOLDS_ARRAY(value)) return "array";
    switch (json_node_get_value_type(value)) {
      case G_TYPE_BOOLEAN:
        return "boolean";
      case G_TYPE_INT64:
        return "integer";
      case G_TYPE_STRING:
        return "string";
      default:
        return "number";
    }
  }

  void check(JsonNode* value, JsonNode* schema, const std::string& where, std::string& found) const {
    if (schema == nullptr) return say(found, where, "has no schema");
    for_members(schema, [&](const std::string& word, JsonNode* means) {
      check_word(value, schema, word, means, where, found);
    });
  }

  void check_word(JsonNode* value, JsonNode* schema, const std::string& word, JsonNode* means,
                  const std::string& where, std::string& found) const {
    const bool is_object = JSON_NODE_HOLDS_OBJECT(value);
    const bool is_array = JSON_NODE_HOLDS_ARRAY(value);
    if (word == "$ref") {
      const std::string name = json_node_get_string(means);
      check(value, component(name.substr(name.rfind('/') + 1)), where, found);
    } else if (word == "anyOf") {
      std::string all;
      for (JsonNode* one : elements(means)) {
        std::string wrong;
        check(value, one, where, wrong);
        if (wrong.empty()) return;
        all += wrong;
      }
      say(found, where, "is none of these:\n" + all);
    } else if (word == "type") {
      std::string allowed;
      if (!JSON_NODE_HOLDS_ARRAY(means))
        allowed = json_node_get_string(means);
      else
        for (JsonNode* one : elements(means)) allowed += std::string(json_node_get_string(one)) + " ";
      if (allowed.find(type_of(value)) == std::string::npos) {
        say(found, where, type_of(value) + ", not " + allowed);
      }
    } else if (word == "enum") {
      if (print_json(means).find(print_json(value)) == std::string::npos) {
        say(found, where, print_json(value) + " is not of " + print_json(means));
      }
    } else if (word == "required") {
      for (JsonNode* name : elements(means)) {
        if (is_object && json_member(value, json_node_get_string(name)) == nullptr) {
          say(found, where, std::string("lacks ") + json_node_get_string(name));
        }
      }
    } else if (word == "additionalProperties") {
      if (!is_object) return;
      JsonNode* const known = json_member(schema, "properties");
      for_members(value, [&](const std::string& name, JsonNode* member) {
        if (known != nullptr && json_member(known, name) != nullptr) return;
        if (JSON_NODE_HOLDS_OBJECT(means)) return check(member, means, where + "." + name, found);
        say(found, where, name + " is not described");
      });
    } else if (word == "properties") {
      if (!is_object) return;
      for_members(means, [&](const std::string& name, JsonNode* described) {
        JsonNode* const member = json_member(value, name);
        if (member != nullptr) check(member, described, where + "." + name, found);
      });
    } else if (word == "items") {
      if (!is_array) return;
      for (JsonNode* one : elements(value)) check(one, means, where + "[]", found);
    } else if (word == "uniqueItems") {
      if (!is_array) return;
      std::vector<std::string> seen;
      for (JsonNode* one : elements(value)) {
        const std::string text = print_json(one);
        if (std::find(seen.begin(), seen.end(), text) != seen.end()) say(found, where, text + " twice");
        seen.push_back(text);
      }
    } else if (word == "minItems" || word == "maxItems") {
      if (!is_array) return;
      const auto size = static_cast<std::int64_t>(json_array_get_length(json_node_get_array(value)));
      const std::int64_t bound = json_node_get_int(means);
      if (word == "minItems" ? size < bound : size > bound) say(found, where, word + std::to_string(size));
    } else if (word == "minimum" || word == "maximum") {
      if (type_of(value) != "integer") return;
      const std::int64_t bound = json_node_get_int(means);
      const std::int64_t number = json_node_get_int(value);
      if (word == "minimum" ? number < bound : number > bound) say(found, where, std::to_string(number));
    } else if (word == "format") {
      if (type_of(value) != "string") return;
      const std::string text = json_node_get_string(value);
      const bool is_time = json_node_get_string(means) == std::string("date-time");
      if (is_time && !parse_utc(text)) say(found, where, text + " is no time");
    } else if (word == "minLength" || word == "maxLength") {
      if (type_of(value) != "string") return;
      const auto length = static_cast<std::int64_t>(g_utf8_strlen(json_node_get_string(value), -1));
      const std::int64_t bound = json_node_get_int(means);
      if (word == "minLength" ? length < bound : length > bound) say(found, where, word);
    } else if (word == "pattern") {
      if (type_of(value) != "string") return;
      if (g_regex_match_simple(json_node_get_string(means), json_node_get_string(value),
                               G_REGEX_DOLLAR_ENDONLY, G_REGEX_MATCH_DEFAULT) == 0) {
        say(found, where, std::string("is not of ") + json_node_get_string(means));
      }
    } else if (word != "description" && word != "example" && word != "default" && word != "readOnly" &&
               word != "x-maxLength") {
      say(found, where, "the test does not know " + word);
    }
  }

  JsonPtr document_;
};

}  // namespace tarn::server
