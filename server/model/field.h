// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/model/json.h"
#include "server/model/model.h"

// One row per setting of a resource. What a request may say, how it is stored, what an answer shows and
// what docs/api/openapi.json must promise are all read from these rows.
namespace tarn::server {

// What a text must look like; min and max of the row are its length in characters.
enum class Format {
  free,      // any text; no control characters but tab and line feed
  resource,  // [A-Za-z0-9_-]
  code,      // [A-Za-z0-9._-]
  hex,       // [0-9A-Fa-f]
};

inline constexpr unsigned for_hls = 1U << static_cast<unsigned>(timeline::Protocol::hls);
inline constexpr unsigned for_hls_cmaf = 1U << static_cast<unsigned>(timeline::Protocol::hls_cmaf);
inline constexpr unsigned for_dash = 1U << static_cast<unsigned>(timeline::Protocol::dash);
inline constexpr unsigned every_protocol = for_hls | for_hls_cmaf | for_dash;

// std::monostate: a setting this version does not have at all.
template <class R>
using Member = std::variant<std::monostate, std::string R::*, bool R::*, std::uint32_t R::*,
                            std::optional<std::uint32_t> R::*, std::optional<std::uint64_t> R::*,
                            std::vector<std::string> R::*, IngestProtocol R::*, timeline::Protocol R::*,
                            timeline::StreamOrder R::*, std::vector<drm::System> R::*, crypto::Scheme R::*,
                            drm::SpekeVersion R::*, drm::KeyPreset R::*>;

template <class R>
struct Field {
  std::string_view name;  // "manifest.segments" is `segments` in the object `manifest`
  Member<R> member;
  std::uint64_t min = 0;  // of a number; of the length of a text or of a list (its entries joined by commas)
  std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  Format format = Format::free;
  unsigned protocols = every_protocol;  // of the endpoint
  bool required = false;
  bool fixed = false;    // cannot be changed after creation
  bool secret = false;   // sealed in the store, null in answers, never in errors
  bool or_none = false;  // of a number: 0 is accepted too, for never
};

// What POST …/rotate-credentials takes.
struct Rotation {
  std::uint32_t grace_period = 0;  // seconds for which the old pair holds
};

// Defined for Group, Channel, Endpoint and Rotation, in the order of the answers.
template <class R>
std::span<const Field<R>> fields();

// A setting's value on its own; monostate: not set.
using FieldValue = std::variant<std::monostate, bool, std::uint64_t, std::string, std::vector<std::string>>;
template <class R>
FieldValue get_field(const R& resource, const Field<R>& field);
template <class R>
void copy_field(const R& from, R& to, const Field<R>& field);

JsonPtr to_json(const FieldValue& value);

// "a whole number from 1 to 30", "one of HLS, HLS_CMAF, DASH": what the row allows, after "must be ".
template <class R>
std::string allowed(const Field<R>& field);
// The words of an enumeration's row; empty for others.
template <class R>
std::vector<std::string_view> choices(const Field<R>& field);

struct FieldError {
  std::string field;  // with the path in front: "channelGroups[0].name"
  std::string value;  // as JSON text, shortened; "null" for secrets and for what is not there
  std::string reason;
};
using FieldErrors = std::vector<FieldError>;
// A value as FieldError shows it.
std::string short_json(JsonNode* node);

// All settings that are set, as a document: secret ones or the others.
enum class Part { open, secret };
template <class R>
JsonPtr to_document(const R& resource, Part part);

// What read_document() does not see of a merge patch, or of a body that is read as one: members that no row
// stands for and that are null.
template <class R>
void report_unknown_nulls(JsonNode* patch, FieldErrors& errors, std::span<const std::string_view> read_only);

// Sets every row's member from the document (absent: the default of R{}) and reports everything that is
// wrong with it, one row at a time. `read_only` names members of answers, for a better reason.
template <class R>
void read_document(JsonNode* document, R& resource, FieldErrors& errors,
                   std::span<const std::string_view> read_only = {});

}  // namespace tarn::server
