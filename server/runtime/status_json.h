// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/archive/archive.h"
#include "server/model/model.h"
#include "server/runtime/channel_runtime.h"
#include "server/runtime/endpoint_runtime.h"
#include "server/runtime/key_source.h"
#include "server/runtime/retention.h"

// The answers to GET …/status: JSON objects of the documented members.
namespace tarn::server {

// What is kept of a channel, and why.
struct KeptContent {
  KeptDays days;
  std::optional<std::uint64_t> quota;  // bytes, of all channels together
};

std::string channel_status_json(const Channel& channel, const ChannelRuntime::State& state,
                                const archive::Archive& archive, const KeptContent& kept,
                                const Delivered& delivered, const Clocks& clocks);
std::string endpoint_status_json(const Endpoint& endpoint, const EndpointRuntime::State& state,
                                 const timeline::Timeline& timeline, const std::optional<KeyStatus>& keys);
// Of something that does not run.
std::string broken_status(const std::string& error);

}  // namespace tarn::server
