// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"
#include "server/front/connection_limits.h"
#include "server/model/network.h"

namespace tarn::server {

struct ListenAddress {
  std::string host = "127.0.0.1";  // an IP address, without brackets
  std::uint16_t port = 0;          // 0: any free one
};

enum class LogFormat { text, json };
enum class LogLevel { error, warning, info, debug };
// Which requests have a line in the log: all, those that change something or fail, those that the server
// failed.
enum class AccessLogScope { all, changes, off };

// The options of docs/operations.md; defaults are the member initialisers.
struct ServerConfig {
  enum class Action { run, show_help, show_version };
  Action action = Action::run;

  std::string data_dir = "./tarn-data";
  ListenAddress listen{"127.0.0.1", 8080};
  ListenAddress control_listen{"127.0.0.1", 8081};
  std::string control_token_file;  // never empty after parse_config
  std::string key_file;            // never empty after parse_config
  std::string ingest_base_url;     // empty: default_base_url() of the bound address
  std::string origin_base_url;
  std::string collection_root;                       // never empty after parse_config
  std::uint64_t collection_rate = 25'000'000;        // bytes a second, of all tasks together
  std::chrono::seconds collection_timeout{60};       // of a store, without a byte
  std::chrono::seconds collection_patience{86'400};  // with a store that takes nothing
  std::string bucket_credentials;                    // path; empty: none
  std::string key_server_credentials;                // path; empty: none
  std::string tls_certificate;                       // path; empty: plain HTTP
  std::string tls_key;                               // path; empty as tls_certificate is
  std::string resources;                             // path; empty: none
  std::vector<Network> trusted_proxies;
  std::optional<std::uint64_t> archive_quota;  // bytes of all archives together
  bool require_access_control = false;
  bool builtin_key_provider = false;
  std::vector<Network> outbound_allow;
  unsigned threads = 1;
  front::Limits limits;
  Microseconds longest_window = std::chrono::hours{24};  // of a time-shifted manifest
  std::string console_dir;                               // the console's files; empty: those in the server
  LogFormat log_format = LogFormat::text;
  LogLevel log_level = LogLevel::info;
  AccessLogScope access_log = AccessLogScope::all;
};

// The command line without the program's name. Reads --config FILE; the command line wins over it.
Result<ServerConfig> parse_config(std::span<const std::string> arguments);

std::string help_text();

// "http://127.0.0.1:8080"; a wildcard address becomes the loopback address of its family.
std::string default_base_url(const ListenAddress& bound, std::string_view scheme = "http");

// The control token: read from the file, or made and written to it (mode 0600) when there is none.
Result<std::string> load_control_token(const std::string& path);

}  // namespace tarn::server
