// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/model/field.h"

// What a row's member pointer points at; for field.cpp and field_reader.cpp only.
namespace tarn::server {

// The words of an enumeration, in the order of its values.
template <class E>
struct Words;
template <>
struct Words<IngestProtocol> {
  static constexpr std::array<std::string_view, 2> words{"HLS", "HLS_CMAF"};
};
template <>
struct Words<timeline::Protocol> {
  static constexpr std::array<std::string_view, 3> words{"HLS", "HLS_CMAF", "DASH"};
};
template <>
struct Words<timeline::StreamOrder> {
  static constexpr std::array<std::string_view, 3> words{"ORIGINAL", "BITRATE_ASCENDING",
                                                         "BITRATE_DESCENDING"};
};

template <>
struct Words<crypto::Scheme> {
  static constexpr std::array<std::string_view, 2> words{"CENC", "SAMPLE_AES"};
};
template <>
struct Words<drm::System> {
  static constexpr std::array<std::string_view, 3> words{"FAIRPLAY", "WIDEVINE", "PLAYREADY"};
};
template <>
struct Words<drm::SpekeVersion> {
  static constexpr std::array<std::string_view, 2> words{"2.0", "1.0"};
};
template <>
struct Words<drm::KeyPreset> {
  static constexpr std::array<std::string_view, 2> words{"SHARED", "VIDEO_AUDIO"};
};

// The type a row's member holds, without std::optional.
template <class T>
struct Plain {
  using type = T;
};
template <class T>
struct Plain<std::optional<T>> {
  using type = T;
};

template <class T>
inline constexpr bool is_enum_list = false;
template <class E>
inline constexpr bool is_enum_list<std::vector<E>> = std::is_enum_v<E>;

// Calls visitor(T*, member pointer) with a null T*: the type decides, for a row without a member it is
// std::monostate.
template <class R, class Visitor>
auto visit_member(const Field<R>& field, Visitor&& visitor) {
  return std::visit(
      [&](auto member) {
        if constexpr (std::is_same_v<decltype(member), std::monostate>) {
          return visitor(static_cast<std::monostate*>(nullptr), member);
        } else {
          using Held = std::remove_cvref_t<decltype(std::declval<R&>().*member)>;
          return visitor(static_cast<typename Plain<Held>::type*>(nullptr), member);
        }
      },
      field.member);
}

// Whether the row is one of an object that is not there as a whole: `drm` of what is not encrypted.
template <class R>
bool is_in_absent_object(const R&, const Field<R>&) {
  return false;
}
inline bool is_in_absent_object(const Endpoint& endpoint, const Field<Endpoint>& field) {
  return field.name.starts_with("drm.") && !endpoint.is_encrypted();
}

// Endpoint settings that have no meaning in its protocol.
template <class R>
bool is_for_protocol(const R&, const Field<R>&) {
  return true;
}
inline bool is_for_protocol(const Endpoint& endpoint, const Field<Endpoint>& field) {
  return (field.protocols & (1U << static_cast<unsigned>(endpoint.protocol))) != 0;
}

}  // namespace tarn::server
