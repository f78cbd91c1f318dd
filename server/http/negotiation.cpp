// SPDX-License-Identifier: Apache-2.0
#include "server/http/negotiation.h"

#include <algorithm>
#include <optional>

#include "core/base/text.h"

namespace tarn::server {
namespace {

// "q=0", "q=0.000": not acceptable.
bool is_refused(std::string_view parameters) {
  for (std::string_view parameter : split(parameters, ';')) {
    parameter = trim(parameter);
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    const std::string_view weight = trim(parameter.substr(2));
    return std::all_of(weight.begin(), weight.end(), [](char c) { return c == '0' || c == '.'; });
  }
  return false;
}

bool equal_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
  });
}

}  // namespace

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
  if (trim(if_none_match) == "*") return true;
  // Our tags have no comma in them, so a plain split finds every one that could be ours.
  for (std::string_view tag : split(if_none_match, ',')) {
    tag = trim(tag);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (!tag.empty() && tag == etag) return true;
  }
  return false;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> any;
  for (const std::string_view element : split(accept_encoding, ',')) {
    const auto semicolon = element.find(';');
    const std::string_view coding = trim(element.substr(0, semicolon));
    const std::string_view parameters =
        semicolon == std::string_view::npos ? std::string_view{} : element.substr(semicolon + 1);
    if (equal_ignoring_case(coding, "gzip")) return !is_refused(parameters);
    if (coding == "*") any = !is_refused(parameters);
  }
  return any.value_or(false);
}

}  // namespace tarn::server
