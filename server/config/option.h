// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/config/config.h"

namespace tarn::server {

// One row per option: the command line, the configuration file, --help and docs/configuration.md all have
// exactly these.
struct Option {
  std::string_view name;      // "data-dir": "--data-dir" on the command line, the key in the file
  std::string_view argument;  // "DIR"; empty: a switch
  std::string_view preset;    // what it is when nobody says; <in words> where it depends; empty: not set
  std::string_view help;
  // The error's message is the reason alone: "must be …".
  Status (*apply)(ServerConfig& config, const std::string& value);
};

std::span<const Option> options();

// What the option takes: "a whole number from 1 to 256". No option takes a NUL, and its refusal says what it
// does.
std::string allowed(const Option& option);

}  // namespace tarn::server
