// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/config/config.h"

namespace tarn::server {

// One row per option: the command line, the configuration file, --help and docs/operations.md all have
// exactly these.
struct Option {
  std::string_view name;      // "data-dir": "--data-dir" on the command line, the key in the file
  std::string_view argument;  // "DIR"; empty: a switch
  std::string_view help;
  // The error's message is the reason alone: "must be …".
  Status (*apply)(ServerConfig& config, const std::string& value);
};

std::span<const Option> options();

}  // namespace tarn::server
