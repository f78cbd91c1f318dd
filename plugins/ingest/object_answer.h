// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace tarn::ingest {

// What the sender of an object is told.
struct ObjectAnswer {
  enum class Outcome {
    created,
    replaced,  // the name was known: the same again, or new content
    held,      // kept; the playlist that names it, or its turn, has not come
    refused,
  };
  Outcome outcome = Outcome::created;
  std::optional<ErrorCode> code;  // when refused
  std::string message;            // one line
};

inline ObjectAnswer refuse(Error error) {
  return {.outcome = ObjectAnswer::Outcome::refused, .code = error.code, .message = std::move(error.message)};
}

constexpr std::string_view name_of(ObjectAnswer::Outcome outcome) {
  switch (outcome) {
    case ObjectAnswer::Outcome::created:
      return "created";
    case ObjectAnswer::Outcome::replaced:
      return "replaced";
    case ObjectAnswer::Outcome::held:
      return "held";
    case ObjectAnswer::Outcome::refused:
      break;
  }
  return "refused";
}

constexpr std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::malformed:
      return "malformed";
    case ErrorCode::truncated:
      return "truncated";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::encrypted:
      return "encrypted";
    case ErrorCode::limit:
      return "limit";
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::io:
      return "io";
    case ErrorCode::no_space:
      return "no_space";
    case ErrorCode::internal:
      break;
  }
  return "internal";
}

}  // namespace tarn::ingest
