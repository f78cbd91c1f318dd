// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "server/model/field.h"
#include "server/model/field_member.h"
#include "server/model/network.h"

namespace tarn::server {
namespace {

bool fits(std::string_view text, Format format, std::uint64_t min, std::uint64_t max) {
  const auto length =
      static_cast<std::uint64_t>(g_utf8_strlen(text.data(), static_cast<gssize>(text.size())));
  const auto allowed_character = [format](char c) {
    const bool word = g_ascii_isalnum(c) != 0 || c == '_' || c == '-';
    if (format == Format::free)
      return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t' || c == '\n';
    if (format == Format::hex) return g_ascii_isxdigit(c) != 0;
    return word || (format == Format::code && c == '.');
  };
  return length >= min && length <= max && std::all_of(text.begin(), text.end(), allowed_character);
}

// Sets one row's member from one JSON value; reports what does not fit.
template <class R>
class RowReader {
 public:
  RowReader(const Field<R>& field, JsonNode* node, FieldErrors& errors)
      : field_(field), node_(node), errors_(errors) {}

  void read(R& resource) {
    visit_member(field_, [&](auto* type, auto member) {
      using T = std::remove_pointer_t<decltype(type)>;
      if constexpr (!std::is_same_v<T, std::monostate>) {
        T value{};
        if (convert(value)) resource.*member = std::move(value);
      }
    });
  }

 private:
  bool refuse(const std::string& reason) {
    errors_.push_back({std::string(field_.name), field_.secret ? "null" : short_json(node_), reason});
    return false;
  }
  bool refuse() { return refuse("must be " + allowed(field_)); }

  bool convert(bool& value) {
    if (json_node_get_value_type(node_) != G_TYPE_BOOLEAN) return refuse();
    value = json_node_get_boolean(node_) != 0;
    return true;
  }
  template <class N>
  requires std::is_unsigned_v<N>
  bool convert(N& value) {
    if (json_node_get_value_type(node_) != G_TYPE_INT64) return refuse();
    const std::int64_t number = json_node_get_int(node_);
    const bool is_none = number == 0 && field_.or_none;
    if (is_none) {
      value = N{};
      return true;
    }
    if (number < 0 || static_cast<std::uint64_t>(number) < field_.min ||
        static_cast<std::uint64_t>(number) > field_.max) {
      return refuse();
    }
    value = static_cast<N>(number);
    return true;
  }
  bool convert(std::string& value) {
    if (json_node_get_value_type(node_) != G_TYPE_STRING) return refuse();
    const std::string text = json_node_get_string(node_);
    if (!fits(text, field_.format, field_.min, field_.max)) return refuse();
    value = text;
    return true;
  }
  template <class E>
  requires std::is_enum_v<E>
  bool convert(E& value) {
    if (json_node_get_value_type(node_) != G_TYPE_STRING) return refuse();
    const auto& words = Words<E>::words;
    const auto found = std::find(words.begin(), words.end(), json_node_get_string(node_));
    if (found == words.end()) return refuse();
    value = static_cast<E>(found - words.begin());
    return true;
  }
  template <class E>
  requires std::is_enum_v<E>
  bool convert(std::vector<E>& value) {
    if (!JSON_NODE_HOLDS_ARRAY(node_)) return refuse();
    JsonArray* const array = json_node_get_array(node_);
    const auto& words = Words<E>::words;
    for (unsigned i = 0; i < json_array_get_length(array); ++i) {
      JsonNode* const element = json_array_get_element(array, i);
      if (json_node_get_value_type(element) != G_TYPE_STRING) return refuse();
      const auto found = std::find(words.begin(), words.end(), json_node_get_string(element));
      if (found == words.end()) return refuse();
      const auto entry = static_cast<E>(found - words.begin());
      if (std::find(value.begin(), value.end(), entry) != value.end()) return refuse();
      value.push_back(entry);
    }
    return (value.size() >= field_.min && value.size() <= field_.max) || refuse();
  }
  bool convert(std::vector<std::string>& value) {
    if (!JSON_NODE_HOLDS_ARRAY(node_)) return refuse();
    JsonArray* const array = json_node_get_array(node_);
    const std::size_t before = errors_.size();
    std::uint64_t length = 0;
    for (unsigned i = 0; i < json_array_get_length(array); ++i) {
      JsonNode* const element = json_array_get_element(array, i);
      const bool is_text = json_node_get_value_type(element) == G_TYPE_STRING;
      const std::string entry = is_text ? json_node_get_string(element) : "";
      length += entry.size() + (i > 0 ? 1 : 0);
      const auto network = parse_network(entry);
      if (network) {
        value.push_back(entry);
      } else {
        errors_.push_back({std::string(field_.name) + "[" + std::to_string(i) + "]", short_json(element),
                           network.error().message});
      }
    }
    if (length > field_.max) return refuse();
    return errors_.size() == before;
  }

  const Field<R>& field_;
  JsonNode* node_;
  FieldErrors& errors_;
};

JsonNode* find_node(JsonNode* document, std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return json_member(document, name);
  return json_member(json_member(document, name.substr(0, dot)), name.substr(dot + 1));
}

enum class Place { field, object, nowhere };

template <class R>
Place place_of(const std::string& path) {
  for (const Field<R>& field : fields<R>()) {
    if (field.name == path) return Place::field;
    if (field.name.size() > path.size() && field.name.substr(0, path.size()) == path &&
        field.name[path.size()] == '.') {
      return Place::object;
    }
  }
  return Place::nowhere;
}

// Members no row stands for. Their values are not shown: a misspelt secret is one of them.
enum class Unknown { any, null };
template <class R>
void report_unknown(JsonNode* object, const std::string& prefix, FieldErrors& errors,
                    std::span<const std::string_view> read_only, Unknown kind = Unknown::any) {
  JsonObjectIter iterator;
  json_object_iter_init_ordered(&iterator, json_node_get_object(object));
  const char* name = nullptr;
  JsonNode* member = nullptr;
  while (json_object_iter_next_ordered(&iterator, &name, &member) != 0) {
    const std::string path = prefix + name;
    const bool dotted = std::string_view(name).find('.') != std::string_view::npos;
    switch (dotted ? Place::nowhere : place_of<R>(path)) {
      case Place::field:
        break;
      case Place::object:
        if (JSON_NODE_HOLDS_OBJECT(member)) {
          report_unknown<R>(member, path + ".", errors, read_only, kind);
        } else if (kind == Unknown::any && !JSON_NODE_HOLDS_NULL(member)) {
          errors.push_back({path, short_json(member), "must be an object"});
        }
        break;
      case Place::nowhere:
        if (kind == Unknown::null && !JSON_NODE_HOLDS_NULL(member)) break;
        const bool known = std::find(read_only.begin(), read_only.end(), path) != read_only.end();
        errors.push_back({path, "null", known ? "is read-only" : "is not a known field"});
        break;
    }
  }
}

std::string protocol_names(unsigned protocols) {
  std::string names;
  for (std::size_t i = 0; i < Words<timeline::Protocol>::words.size(); ++i) {
    if ((protocols & (1U << i)) == 0) continue;
    names += (names.empty() ? "" : " and ") + std::string(Words<timeline::Protocol>::words[i]);
  }
  return names;
}

}  // namespace

std::string short_json(JsonNode* node) {
  constexpr std::size_t longest = 200;
  if (json_node_get_value_type(node) == G_TYPE_DOUBLE) {
    std::array<char, G_ASCII_DTOSTR_BUF_SIZE> buffer{};
    const std::string number =
        g_ascii_dtostr(buffer.data(), static_cast<gint>(buffer.size()), json_node_get_double(node));
    // json-glib writes 1e30 as 1e+30.0, which is no JSON.
    return number.find('e') == std::string::npos ? number : print_json(json_text(number).get());
  }
  std::string text = print_json(node);
  if (text.size() <= longest) return text;
  if (!JSON_NODE_HOLDS_VALUE(node) || text.front() != '"') return "null";
  std::size_t end = 100;
  const std::string value = json_node_get_string(node);
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0U) == 0x80U) --end;
  return print_json(json_text(value.substr(0, end) + "…").get());
}

// Objects that are there as a whole or not at all. REQUIRES: document is an object
template <class R>
bool is_whole_object(const Field<R>&) {
  return false;
}
bool is_whole_object(const Field<Endpoint>& field) { return field.name.starts_with("drm."); }

template <class R>
void check_objects(JsonNode*, const R&, bool, FieldErrors&) {}
void check_objects(JsonNode* document, const Endpoint& endpoint, bool protocol_known, FieldErrors& errors) {
  JsonNode* const drm = json_member(document, "drm");
  if (drm == nullptr || !JSON_NODE_HOLDS_OBJECT(drm)) return;
  constexpr unsigned protocols = for_hls_cmaf | for_dash;
  if (protocol_known && (protocols & (1U << static_cast<unsigned>(endpoint.protocol))) == 0) {
    errors.push_back({"drm", "null", "is only for " + protocol_names(protocols)});
    return;
  }
  for (const char* name : {"systems", "providerUrl"}) {
    JsonNode* const member = json_member(drm, name);
    if (member == nullptr || JSON_NODE_HOLDS_NULL(member)) {
      errors.push_back({std::string("drm.") + name, "null", "is required where drm is set"});
    }
  }
}

template <class R>
void report_unknown_nulls(JsonNode* patch, FieldErrors& errors, std::span<const std::string_view> read_only) {
  if (JSON_NODE_HOLDS_OBJECT(patch)) report_unknown<R>(patch, "", errors, read_only, Unknown::null);
}

template void report_unknown_nulls<Group>(JsonNode*, FieldErrors&, std::span<const std::string_view>);
template void report_unknown_nulls<Channel>(JsonNode*, FieldErrors&, std::span<const std::string_view>);
template void report_unknown_nulls<Endpoint>(JsonNode*, FieldErrors&, std::span<const std::string_view>);

template <class R>
void read_document(JsonNode* document, R& resource, FieldErrors& errors,
                   std::span<const std::string_view> read_only) {
  if (!JSON_NODE_HOLDS_OBJECT(document)) {
    errors.push_back({"", "null", "must be an object"});
    return;
  }
  report_unknown<R>(document, "", errors, read_only);
  const R defaults{};
  bool protocol_known = true;
  for (const Field<R>& field : fields<R>()) {
    copy_field(defaults, resource, field);
    JsonNode* const node = find_node(document, field.name);
    const bool absent = node == nullptr || JSON_NODE_HOLDS_NULL(node);
    const std::size_t before = errors.size();
    if (absent && field.required) {
      errors.push_back({std::string(field.name), "null", "is required; must be " + allowed(field)});
    } else if (!absent) {
      RowReader<R>(field, node, errors).read(resource);
    }
    const bool wrong = errors.size() != before;
    if (field.name == "protocol") protocol_known = !wrong;
    if (!absent && !wrong && protocol_known && !is_whole_object(field) && !is_for_protocol(resource, field)) {
      errors.push_back(
          {std::string(field.name), short_json(node), "is only for " + protocol_names(field.protocols)});
    }
  }
  check_objects(document, resource, protocol_known, errors);
}

template void read_document(JsonNode*, Group&, FieldErrors&, std::span<const std::string_view>);
template void read_document(JsonNode*, Channel&, FieldErrors&, std::span<const std::string_view>);
template void read_document(JsonNode*, Endpoint&, FieldErrors&, std::span<const std::string_view>);
template void read_document(JsonNode*, Rotation&, FieldErrors&, std::span<const std::string_view>);

}  // namespace tarn::server
