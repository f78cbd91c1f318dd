// SPDX-License-Identifier: Apache-2.0
#include "server/config/option.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/base/text.h"

namespace tarn::server {
namespace {

Error must_be(const std::string& what) { return {ErrorCode::invalid, "must be " + what}; }

template <std::string ServerConfig::*member>
Status set_text(ServerConfig& config, const std::string& value) {
  if (value.empty() || value.find('\0') != std::string::npos) return must_be("a path");
  config.*member = value;
  return {};
}

// "127.0.0.1:8080", "[::1]:8080"
template <ListenAddress ServerConfig::*member>
Status set_address(ServerConfig& config, const std::string& value) {
  constexpr std::uint64_t last_port = 65535;
  const Error wrong = must_be("an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080");
  const auto colon = value.rfind(':');
  if (colon == std::string::npos) return wrong;
  std::string host = value.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto port = parse_u64(value.substr(colon + 1));
  const bool is_v6 = host.find(':') != std::string::npos;
  if (!parse_address(host) || bracketed != is_v6 || !port || *port > last_port) return wrong;
  config.*member = {host, static_cast<std::uint16_t>(*port)};
  return {};
}

// http(s), a host that may hold {label}, an optional path.
template <std::string ServerConfig::*member>
Status set_base_url(ServerConfig& config, const std::string& value) {
  const Error wrong =
      must_be("an http or https URL without user, query and fragment; {label} only in its host");
  const auto scheme = value.find("://");
  if (value.substr(0, scheme) != "http" && value.substr(0, scheme) != "https") return wrong;
  std::string rest = value.substr(scheme + 3);
  if (const auto label = rest.find("{label}"); label != std::string::npos && label < rest.find('/')) {
    rest.replace(label, std::string_view("{label}").size(), "label");
  }
  const auto is_url_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~/:[]%").find(c) != std::string_view::npos;
  };
  if (rest.empty() || rest.front() == '/' || !std::all_of(rest.begin(), rest.end(), is_url_character))
    return wrong;
  std::string& base = config.*member;
  base = value;
  while (base.ends_with('/')) base.pop_back();
  return {};
}

Status set_trusted_proxies(ServerConfig& config, const std::string& value) {
  auto networks = parse_networks(value);
  if (!networks)
    return must_be("IP addresses and CIDR blocks, separated by commas: " + networks.error().message);
  config.trusted_proxies = std::move(networks).value();
  return {};
}

Status set_require_access_control(ServerConfig& config, const std::string& value) {
  if (value != "true" && value != "false") return must_be("true or false");
  config.require_access_control = value == "true";
  return {};
}

Status set_threads(ServerConfig& config, const std::string& value) {
  constexpr std::uint64_t most_threads = 256;
  const auto number = parse_u64(value);
  if (!number || *number < 1 || *number > most_threads) return must_be("a whole number from 1 to 256");
  config.threads = static_cast<unsigned>(*number);
  return {};
}

// A number of `Limits`; times are in seconds.
template <auto member>
Status set_limit(ServerConfig& config, const std::string& value, std::uint64_t least, std::uint64_t most) {
  const auto number = parse_u64(value);
  if (!number || *number < least || *number > most) {
    return must_be("a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  auto& slot = config.limits.*member;
  if constexpr (std::is_same_v<std::remove_reference_t<decltype(slot)>, Microseconds>) {
    slot = std::chrono::seconds{*number};
  } else {
    slot = static_cast<std::remove_reference_t<decltype(slot)>>(*number);
  }
  return {};
}

template <auto member>
Status set_limit_time(ServerConfig& config, const std::string& value) {
  return set_limit<member>(config, value, 1, 3600);
}

// 0 means that there is none.
template <auto member>
Status set_limit_number(ServerConfig& config, const std::string& value) {
  return set_limit<member>(config, value, 0, 1ULL << 40U);
}

Status set_limit_requests(ServerConfig& config, const std::string& value) {
  return set_limit<&front::Limits::requests>(config, value, 1, 1ULL << 40U);
}

Status set_limit_head_bytes(ServerConfig& config, const std::string& value) {
  const auto number = parse_u64(value);
  // libsoup reads up to 64 KiB of what is written for it.
  if (!number || *number < 1024 || *number > 48U << 10U) return must_be("a whole number from 1024 to 49152");
  config.limits.message.head = static_cast<std::size_t>(*number);
  return {};
}

Status set_manifest_length(ServerConfig& config, const std::string& value) {
  const auto number = parse_u64(value);
  if (!number || *number < 1 || *number > 2'678'400) return must_be("a whole number from 1 to 2678400");
  config.longest_window = std::chrono::seconds{*number};
  return {};
}

Status set_log_format(ServerConfig& config, const std::string& value) {
  if (value != "text" && value != "json") return must_be("text or json");
  config.log_format = value == "json" ? LogFormat::json : LogFormat::text;
  return {};
}

Status set_log_level(ServerConfig& config, const std::string& value) {
  static constexpr std::array<std::string_view, 4> levels{"error", "warning", "info", "debug"};
  const auto found = std::find(levels.begin(), levels.end(), value);
  if (found == levels.end()) return must_be("error, warning, info or debug");
  config.log_level = static_cast<LogLevel>(found - levels.begin());
  return {};
}

Status set_access_log(ServerConfig& config, const std::string& value) {
  static constexpr std::array<std::string_view, 3> scopes{"all", "changes", "off"};
  const auto found = std::find(scopes.begin(), scopes.end(), value);
  if (found == scopes.end()) return must_be("all, changes or off");
  config.access_log = static_cast<AccessLogScope>(found - scopes.begin());
  return {};
}

Status set_key_provider(ServerConfig& config, const std::string& value) {
  if (value != "off" && value != "builtin") return must_be("builtin or off");
  config.builtin_key_provider = value == "builtin";
  return {};
}

Status set_outbound_allow(ServerConfig& config, const std::string& value) {
  auto networks = parse_networks(value);
  if (!networks)
    return must_be("IP addresses and CIDR blocks, separated by commas: " + networks.error().message);
  config.outbound_allow = std::move(networks).value();
  return {};
}

Status set_archive_quota(ServerConfig& config, const std::string& value) {
  const auto number = parse_u64(value);
  if (!number || *number < 1'000'000) return must_be("a whole number from 1000000");
  config.archive_quota = *number;
  return {};
}

Status set_collection_rate(ServerConfig& config, const std::string& value) {
  const auto number = parse_u64(value);
  if (!number || *number < 100'000 || *number > 1ULL << 40U)
    return must_be("a whole number from 100000 to 1099511627776");
  config.collection_rate = *number;
  return {};
}

Status set_collection_timeout(ServerConfig& config, const std::string& value) {
  const auto number = parse_u64(value);
  if (!number || *number < 5 || *number > 600) return must_be("a whole number from 5 to 600");
  config.collection_timeout = std::chrono::seconds{*number};
  return {};
}

Status set_collection_patience(ServerConfig& config, const std::string& value) {
  const auto number = parse_u64(value);
  if (!number || *number < 10 || *number > 2'592'000) return must_be("a whole number from 10 to 2592000");
  config.collection_patience = std::chrono::seconds{*number};
  return {};
}

constexpr std::array all_options{
    Option{"data-dir", "DIR", "./tarn-data", "everything that lasts", &set_text<&ServerConfig::data_dir>},
    Option{"listen", "ADDR:PORT", "127.0.0.1:8080", "ingest and playback",
           &set_address<&ServerConfig::listen>},
    Option{"control-listen", "ADDR:PORT", "127.0.0.1:8081", "control API, console, metrics, health",
           &set_address<&ServerConfig::control_listen>},
    Option{"control-token-file", "FILE", "<data-dir>/control-token",
           "bearer token of the control API; made when missing",
           &set_text<&ServerConfig::control_token_file>},
    Option{"ingest-base-url", "URL", "<the address of --listen>",
           "what input URLs begin with; {label} is the group's host label",
           &set_base_url<&ServerConfig::ingest_base_url>},
    Option{"origin-base-url", "URL", "<the address of --listen>", "what playback URLs begin with; likewise",
           &set_base_url<&ServerConfig::origin_base_url>},
    Option{"resources", "FILE", "",
           "channel groups, channels and endpoints to create or bring up to date at start",
           &set_text<&ServerConfig::resources>},
    Option{"trusted-proxies", "CIDRS", "", "peers whose X-Forwarded-For is believed, separated by commas",
           &set_trusted_proxies},
    Option{"require-access-control", "", "",
           "refuse playback of endpoints that have neither code nor whitelist", &set_require_access_control},
    Option{"key-file", "FILE", "<data-dir>/secrets.key",
           "32 bytes that seal stored secrets; made when missing", &set_text<&ServerConfig::key_file>},
    Option{"console-dir", "DIR", "<those in the server>", "the console's files",
           &set_text<&ServerConfig::console_dir>},
    Option{"threads", "N", "<number of cores>", "serving threads", &set_threads},
    Option{"limit-head-bytes", "N", "32768", "bytes of a request's head", &set_limit_head_bytes},
    Option{"limit-head-time", "SECONDS", "10", "from a request head's first byte to its last",
           &set_limit_time<&front::Limits::head_time>},
    Option{"limit-idle-time", "SECONDS", "30", "between a viewer's requests",
           &set_limit_time<&front::Limits::idle_time>},
    Option{"limit-ingest-idle-time", "SECONDS", "90", "the same of an encoder, and before a body",
           &set_limit_time<&front::Limits::ingest_idle_time>},
    Option{"limit-body-rate", "N", "8192", "bytes a second a body needs at least",
           &set_limit_number<&front::Limits::body_rate>},
    Option{"limit-body-time", "SECONDS", "120", "from a body's first byte to its last",
           &set_limit_time<&front::Limits::body_time>},
    Option{"limit-send-rate", "N", "4096", "bytes a second a client takes at least",
           &set_limit_number<&front::Limits::send_rate>},
    Option{"limit-requests", "N", "1000", "of one viewer's connection", &set_limit_requests},
    Option{"limit-connections-per-address", "N", "512", "open at once; 0: any number",
           &set_limit_number<&front::Limits::per_address>},
    Option{"limit-bodies-memory", "BYTES", "536870912",
           "of bodies being received; above it viewers are turned away",
           &set_limit_number<&front::Limits::bodies>},
    Option{"limit-manifest-length", "SECONDS", "86400", "of what one time-shifted manifest lists",
           &set_manifest_length},
    Option{"log-format", "text|json", "text", "one line for an event", &set_log_format},
    Option{"log-level", "LEVEL", "info", "the least important that is logged", &set_log_level},
    Option{"access-log", "all|changes|off", "all",
           "requests that have a line in the log: changes are what is no successful read", &set_access_log},
    Option{"key-provider", "builtin|off", "off", "Tarn's own key server, for development and tests",
           &set_key_provider},
    Option{"outbound-allow", "CIDRS", "",
           "networks that key servers' URLs may lead to beyond the public Internet, http included",
           &set_outbound_allow},
    Option{"key-server-credentials", "FILE", "",
           "JSON: URLs of key servers, and the user name and password that they ask for",
           &set_text<&ServerConfig::key_server_credentials>},
    Option{"archive-quota", "BYTES", "",
           "of all channels' archives together; the oldest content goes when it is reached",
           &set_archive_quota},
    Option{"tls-cert", "FILE", "",
           "PEM certificate chain: both listeners speak HTTPS; read anew when it changes",
           &set_text<&ServerConfig::tls_certificate>},
    Option{"tls-key", "FILE", "", "its PEM key, without a pass phrase", &set_text<&ServerConfig::tls_key>},
    Option{"collection-root", "DIR", "<data-dir>/collections",
           "where file: targets of collection tasks may write", &set_text<&ServerConfig::collection_root>},
    Option{"bucket-credentials", "FILE", "",
           "JSON: names and the access keys that collection tasks may use by them",
           &set_text<&ServerConfig::bucket_credentials>},
    Option{"collection-rate", "N", "25000000", "bytes a second that collection tasks take at most",
           &set_collection_rate},
    Option{"collection-timeout", "SECONDS", "60",
           "a store that neither takes nor sends a byte for so long is tried again", &set_collection_timeout},
    Option{"collection-patience", "SECONDS", "86400",
           "a task whose store takes nothing, with errors that may go away, has failed after so long",
           &set_collection_patience},
};

}  // namespace

std::span<const Option> options() { return all_options; }

std::string allowed(const Option& option) {
  ServerConfig unused;
  const Status refused = option.apply(unused, std::string(1, '\0'));
  std::string reason = refused ? "" : refused.error().message;
  constexpr std::string_view must_be = "must be ";
  if (reason.starts_with(must_be)) reason.erase(0, must_be.size());
  return reason.substr(0, reason.find(": "));
}

}  // namespace tarn::server
