// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/front/message_head.h"

// The character classes and small grammars of RFC 9110 section 5.6, without any leniency.
namespace tarn::server::front {

bool is_token(std::string_view text);        // one tchar or more
bool is_field_value(std::string_view text);  // visible, obs-text, space and tab: no control characters
bool is_visible(std::string_view text);      // 0x21 to 0x7e only
bool equals_ignoring_case(std::string_view text, std::string_view lower_case);

// Whether a field says, to us or to any other reader, where a message or the connection ends.
bool delimits_messages(std::string_view name);

// The name or address of Host with an optional port (RFC 9110 7.2); never empty, no user information.
bool is_host(std::string_view text);
// Content-Length (RFC 9110 8.6): digits only, at most 19 of them, at most 2^63 - 1.
std::optional<std::uint64_t> parse_content_length(std::string_view text);

// What a field line of a head or trailer says, or why it is none (RFC 9112 5.1 and 5.2).
struct FieldLine {
  std::string_view name;
  std::string_view value;
  std::string_view problem;  // empty: there is none
};
FieldLine split_field_line(std::string_view line);

}  // namespace tarn::server::front
