// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/drm/contract.h"
#include "core/timeline/output.h"

// What an operator has configured, as plain values. Requests are served from an immutable Model that
// is swapped whole when something changes (store.h).
namespace tarn::server {

enum class IngestProtocol { hls, hls_cmaf };

struct Input {
  std::string id;  // "ingest1", "ingest2"
  std::string username;
  std::string password;  // secret
  // After a rotation with a grace period the old pair holds until then.
  std::string previous_username;
  std::string previous_password;  // secret
  Utc previous_until{};
};

struct Group {
  std::string name;
  std::string description;
  std::string label;  // generated, 12 characters: the host label of its origin and ingest domains
  Utc created;
  Utc updated;
  std::uint64_t revision = 0;  // ETag
};

struct Channel {
  std::string id;  // internal, names its archive directory; never reused
  std::string group;
  std::string name;
  std::string description;
  IngestProtocol protocol = IngestProtocol::hls;
  std::uint32_t segment_duration = 6;
  std::uint32_t segments = 3;
  std::array<Input, 2> inputs;
  bool is_stopped = false;    // takes nothing; what it has is served
  std::uint32_t content = 1;  // counts up with every reset
  Utc created;
  Utc updated;
  std::uint64_t revision = 0;
};

struct Endpoint {
  std::string id;  // internal; key of Timeline::presentations
  std::string group;
  std::string channel;
  std::string name;
  std::string description;
  timeline::Protocol protocol = timeline::Protocol::hls;
  std::string manifest_name = "manifest";
  std::string authorization_code;           // secret
  std::string previous_authorization_code;  // secret
  std::vector<std::string> ip_whitelist;
  std::vector<std::string> ip_blacklist;
  bool error_on_stale = false;
  bool cdn_cacheable = false;
  // How many endpoints have had this path, this one included (timeline::OutputSettings); the store counts.
  std::uint32_t edition = 1;
  std::uint32_t time_shift_days = 0;
  bool audio_separation = false;
  // What the operator set; unset ones follow the channel or the formulas of product.md (see effective()).
  std::optional<std::uint32_t> segment_duration;
  std::optional<std::uint32_t> segments;
  std::optional<std::uint32_t> program_date_time_interval;
  timeline::StreamOrder stream_order = timeline::StreamOrder::original;
  std::optional<std::uint64_t> min_video_bitrate;
  std::optional<std::uint64_t> max_video_bitrate;
  std::optional<std::uint32_t> min_buffer_time;
  std::optional<std::uint32_t> min_update_period;
  std::optional<std::uint32_t> suggested_presentation_delay;
  std::optional<std::uint32_t> manifest_window;
  // Encryption: on when there are systems.
  crypto::Scheme encryption = crypto::Scheme::cbcs;
  std::string constant_iv;  // hexadecimal
  std::vector<drm::System> drm_systems;
  std::string drm_provider_url;
  std::string drm_content_id;  // empty: made of the endpoint's id
  drm::SpekeVersion speke_version = drm::SpekeVersion::v2_0;
  drm::KeyPreset key_preset = drm::KeyPreset::shared;
  std::uint32_t rotation_period = 0;  // seconds; 0: the keys never change
  Utc created;
  Utc updated;
  std::uint64_t revision = 0;

  [[nodiscard]] bool is_encrypted() const { return !drm_systems.empty(); }
  [[nodiscard]] std::uint32_t key_period() const { return is_encrypted() ? rotation_period : 0; }
};

// The directory of its archive, below that of all channels.
std::string archive_name(const Channel& channel);

// Every setting with its effective value (semantics S24).
timeline::OutputSettings effective(const Endpoint& endpoint, const Channel& channel);

std::string content_id(const Endpoint& endpoint);
// What its key server is asked for; `period` where keys change. REQUIRES: endpoint.is_encrypted()
drm::Contract contract_of(const Endpoint& endpoint, std::uint64_t period = 0);
// Says which keys an endpoint has: those of another text are not its keys. Empty in the clear. Where keys
// come from is not part of it.
std::string key_identity(const Endpoint& endpoint);

struct Model {
  std::uint64_t version = 0;
  std::map<std::string, Group> groups;        // by name
  std::map<std::string, Channel> channels;    // by "group/channel"
  std::map<std::string, Endpoint> endpoints;  // by "group/channel/endpoint"

  [[nodiscard]] const Group* group(const std::string& group) const;
  [[nodiscard]] const Channel* channel(const std::string& group, const std::string& channel) const;
  [[nodiscard]] const Endpoint* endpoint(const std::string& group, const std::string& channel,
                                         const std::string& endpoint) const;
};

}  // namespace tarn::server
