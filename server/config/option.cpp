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
    return Error{ErrorCode::invalid, "has an entry that is not one: " + networks.error().message};
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

Status set_key_provider(ServerConfig& config, const std::string& value) {
  if (value != "off" && value != "builtin") return must_be("builtin or off");
  config.builtin_key_provider = value == "builtin";
  return {};
}

Status set_outbound_allow(ServerConfig& config, const std::string& value) {
  auto networks = parse_networks(value);
  if (!networks)
    return Error{ErrorCode::invalid, "has an entry that is not one: " + networks.error().message};
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
  if (!number || *number < 100'000 || *number > 1ULL << 40U) return must_be("a whole number from 100000");
  config.collection_rate = *number;
  return {};
}

constexpr std::array all_options{
    Option{"data-dir", "DIR", "everything that lasts; default ./tarn-data",
           &set_text<&ServerConfig::data_dir>},
    Option{"listen", "ADDR:PORT", "ingest and playback; default 127.0.0.1:8080",
           &set_address<&ServerConfig::listen>},
    Option{"control-listen", "ADDR:PORT", "control API, console, metrics, health; default 127.0.0.1:8081",
           &set_address<&ServerConfig::control_listen>},
    Option{"control-token-file", "FILE",
           "bearer token of the control API; default <data-dir>/control-token, made when missing",
           &set_text<&ServerConfig::control_token_file>},
    Option{"ingest-base-url", "URL",
           "what input URLs begin with; {label} is the group's host label; default from --listen",
           &set_base_url<&ServerConfig::ingest_base_url>},
    Option{"origin-base-url", "URL", "what playback URLs begin with; likewise",
           &set_base_url<&ServerConfig::origin_base_url>},
    Option{"resources", "FILE",
           "channel groups, channels and endpoints to create or bring up to date at start",
           &set_text<&ServerConfig::resources>},
    Option{"trusted-proxies", "CIDRS", "peers whose X-Forwarded-For is believed, separated by commas",
           &set_trusted_proxies},
    Option{"require-access-control", "", "refuse playback of endpoints that have neither code nor whitelist",
           &set_require_access_control},
    Option{"key-file", "FILE",
           "32 bytes that seal stored secrets; default <data-dir>/secrets.key, made when missing",
           &set_text<&ServerConfig::key_file>},
    Option{"console-dir", "DIR", "the console's files; default where they were installed",
           &set_text<&ServerConfig::console_dir>},
    Option{"threads", "N", "serving threads, 1 to 256; default the number of cores", &set_threads},
    Option{"limit-head-bytes", "N", "of a request's head; default 32768", &set_limit_head_bytes},
    Option{"limit-head-time", "SECONDS", "for a request's head; default 10",
           &set_limit_time<&front::Limits::head_time>},
    Option{"limit-idle-time", "SECONDS", "between a viewer's requests; default 30",
           &set_limit_time<&front::Limits::idle_time>},
    Option{"limit-ingest-idle-time", "SECONDS", "the same of an encoder, and before a body; default 90",
           &set_limit_time<&front::Limits::ingest_idle_time>},
    Option{"limit-body-rate", "N", "bytes a second a body needs at least; default 8192",
           &set_limit_number<&front::Limits::body_rate>},
    Option{"limit-body-time", "SECONDS", "for a body; default 120",
           &set_limit_time<&front::Limits::body_time>},
    Option{"limit-send-rate", "N", "bytes a second a client takes at least; default 4096",
           &set_limit_number<&front::Limits::send_rate>},
    Option{"limit-requests", "N", "of a viewer's connection; default 1000", &set_limit_requests},
    Option{"limit-connections-per-address", "N", "0: any number; default 512",
           &set_limit_number<&front::Limits::per_address>},
    Option{"limit-bodies-memory", "BYTES",
           "of bodies being received, above it viewers wait; default 536870912",
           &set_limit_number<&front::Limits::bodies>},
    Option{"limit-manifest-length", "SECONDS", "of what one time-shifted manifest lists; default 86400",
           &set_manifest_length},
    Option{"log-format", "text|json", "default text", &set_log_format},
    Option{"log-level", "LEVEL", "error, warning, info or debug; default info", &set_log_level},
    Option{"key-provider", "builtin|off", "Tarn's own key server, for development and tests; default off",
           &set_key_provider},
    Option{"outbound-allow", "CIDRS",
           "networks that key servers' URLs may lead to beyond the public Internet, http included",
           &set_outbound_allow},
    Option{"key-server-credentials", "FILE",
           "JSON: URLs of key servers, and the user name and password that they ask for; default none",
           &set_text<&ServerConfig::key_server_credentials>},
    Option{"archive-quota", "BYTES",
           "of all channels' archives together; the oldest content goes when it is reached; default none",
           &set_archive_quota},
    Option{"tls-cert", "FILE",
           "PEM certificate chain: both listeners speak HTTPS; read anew when it changes; default none",
           &set_text<&ServerConfig::tls_certificate>},
    Option{"tls-key", "FILE", "its PEM key, without a pass phrase", &set_text<&ServerConfig::tls_key>},
    Option{"collection-root", "DIR",
           "where file: targets of collection tasks may write; default <data-dir>/collections",
           &set_text<&ServerConfig::collection_root>},
    Option{"bucket-credentials", "FILE",
           "JSON: names and the access keys that collection tasks may use by them; default none",
           &set_text<&ServerConfig::bucket_credentials>},
    Option{"collection-rate", "N", "bytes a second that collection tasks take at most; default 25000000",
           &set_collection_rate},
};

}  // namespace

std::span<const Option> options() { return all_options; }

}  // namespace tarn::server
