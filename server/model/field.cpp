// SPDX-License-Identifier: Apache-2.0
#include "server/model/field.h"

#include "server/model/field_member.h"

namespace tarn::server {
namespace {

FieldValue to_value(bool value) { return value; }
FieldValue to_value(std::uint32_t value) { return std::uint64_t{value}; }
FieldValue to_value(const std::string& value) { return value; }
FieldValue to_value(const std::vector<std::string>& value) { return value; }
template <class E>
requires std::is_enum_v<E> FieldValue to_value(const std::vector<E>& value) {
  std::vector<std::string> words;
  words.reserve(value.size());
  for (const E entry : value) words.emplace_back(Words<E>::words.at(static_cast<std::size_t>(entry)));
  return words;
}
template <class T>
FieldValue to_value(const std::optional<T>& value) {
  return value ? FieldValue{std::uint64_t{*value}} : FieldValue{};
}
template <class E>
requires std::is_enum_v<E> FieldValue to_value(E value) {
  return std::string(Words<E>::words.at(static_cast<std::size_t>(value)));
}

std::string joined(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

}  // namespace

JsonPtr to_json(const FieldValue& value) {
  struct Visitor {
    JsonPtr operator()(std::monostate) const { return json_null(); }
    JsonPtr operator()(bool flag) const { return json_boolean(flag); }
    JsonPtr operator()(std::uint64_t number) const { return json_number(static_cast<std::int64_t>(number)); }
    JsonPtr operator()(const std::string& text) const { return json_text(text); }
    JsonPtr operator()(const std::vector<std::string>& list) const {
      JsonArrayBuilder array;
      for (const std::string& entry : list) array.add(json_text(entry));
      return array.take();
    }
  };
  return std::visit(Visitor{}, value);
}

template <class R>
FieldValue get_field(const R& resource, const Field<R>& field) {
  const FieldValue value = std::visit(
      [&](auto member) -> FieldValue {
        if constexpr (std::is_same_v<decltype(member), std::monostate>) {
          return {};
        } else {
          return to_value(resource.*member);
        }
      },
      field.member);
  const auto* text = std::get_if<std::string>(&value);
  const bool unset = text != nullptr && text->empty() && field.min > 0;
  const bool applies = is_for_protocol(resource, field) && !is_in_absent_object(resource, field);
  return unset || !applies ? FieldValue{} : value;
}

template <class R>
void copy_field(const R& from, R& to, const Field<R>& field) {
  std::visit(
      [&](auto member) {
        if constexpr (!std::is_same_v<decltype(member), std::monostate>) to.*member = from.*member;
      },
      field.member);
}

template <class R>
std::vector<std::string_view> choices(const Field<R>& field) {
  return visit_member(field, [](auto* type, auto) -> std::vector<std::string_view> {
    using T = std::remove_pointer_t<decltype(type)>;
    if constexpr (std::is_enum_v<T>) {
      return {Words<T>::words.begin(), Words<T>::words.end()};
    } else if constexpr (is_enum_list<T>) {
      using E = typename T::value_type;
      return {Words<E>::words.begin(), Words<E>::words.end()};
    } else {
      return {};
    }
  });
}

template <class R>
std::string allowed(const Field<R>& field) {
  const std::string range = std::to_string(field.min) + " to " + std::to_string(field.max);
  return visit_member(field, [&](auto* type, auto) -> std::string {
    using T = std::remove_pointer_t<decltype(type)>;
    if constexpr (std::is_same_v<T, bool>) {
      return "true or false";
    } else if constexpr (std::is_unsigned_v<T>) {
      return (field.or_none ? "0 or a whole number from " : "a whole number from ") + range;
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (field.format == Format::free)
        return "a text of " + range + " characters without control characters";
      if (field.format == Format::hex) return std::to_string(field.max) + " hexadecimal digits";
      return range + " characters of A-Z a-z 0-9 _ -" + (field.format == Format::code ? " ." : "");
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      return "a list of IP addresses and CIDR blocks of at most " + std::to_string(field.max) +
             " characters together, commas included";
    } else if constexpr (is_enum_list<T>) {
      return "a list of " + range + " different ones of " + joined(Words<typename T::value_type>::words);
    } else if constexpr (std::is_enum_v<T>) {
      return "one of " + joined(Words<T>::words);
    } else {
      return "left out";
    }
  });
}

template <class R>
JsonPtr to_document(const R& resource, Part part) {
  JsonObjectBuilder document;
  for (const Field<R>& field : fields<R>()) {
    if (field.secret != (part == Part::secret)) continue;
    const FieldValue value = get_field(resource, field);
    if (!std::holds_alternative<std::monostate>(value)) document.add_at(field.name, to_json(value));
  }
  return document.take();
}

template FieldValue get_field(const Group&, const Field<Group>&);
template FieldValue get_field(const Channel&, const Field<Channel>&);
template FieldValue get_field(const Endpoint&, const Field<Endpoint>&);
template FieldValue get_field(const Rotation&, const Field<Rotation>&);
template void copy_field(const Group&, Group&, const Field<Group>&);
template void copy_field(const Channel&, Channel&, const Field<Channel>&);
template void copy_field(const Endpoint&, Endpoint&, const Field<Endpoint>&);
template void copy_field(const Rotation&, Rotation&, const Field<Rotation>&);
template std::vector<std::string_view> choices(const Field<Group>&);
template std::vector<std::string_view> choices(const Field<Channel>&);
template std::vector<std::string_view> choices(const Field<Endpoint>&);
template std::vector<std::string_view> choices(const Field<Rotation>&);
template std::string allowed(const Field<Group>&);
template std::string allowed(const Field<Channel>&);
template std::string allowed(const Field<Endpoint>&);
template std::string allowed(const Field<Rotation>&);
template JsonPtr to_document(const Group&, Part);
template JsonPtr to_document(const Channel&, Part);
template JsonPtr to_document(const Endpoint&, Part);
template JsonPtr to_document(const Rotation&, Part);

}  // namespace tarn::server
