// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "server/front/message_head.h"

// A request's head, line by line (RFC 9112 sections 3 to 6). Each function gives the reason why the message
// is refused, or nothing.
namespace tarn::server::front {

std::optional<Refusal> parse_request_line(std::string_view line, MessageHead& head);
// Of a line that is not empty.
std::optional<Refusal> parse_field(std::string_view line, MessageHead& head);
// When the empty line is there: what the fields mean for the message's body and the connection.
std::optional<Refusal> finish_head(MessageHead& head);

}  // namespace tarn::server::front
