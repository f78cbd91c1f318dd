// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "server/front/message_head.h"

// What the connection layer answers by itself. The connection ends with it.
namespace tarn::server::front {

// A label of tarn_http_refusals_total; a small fixed set.
namespace reason {
constexpr std::string_view head_time = "head-time";
constexpr std::string_view body_rate = "body-rate";
constexpr std::string_view send_rate = "send-rate";
constexpr std::string_view per_address = "per-address";
constexpr std::string_view descriptors = "descriptors";
constexpr std::string_view bodies = "bodies";
constexpr std::string_view draining = "draining";
constexpr std::string_view tls = "tls";
}  // namespace reason

// The label of a message that could not be read.
std::string_view reason_of(const Refusal& refusal);

// The whole answer, one line of text as its body; `date`: as Date has it.
std::string refusal_text(int status, std::string_view line, std::string_view date);

}  // namespace tarn::server::front
