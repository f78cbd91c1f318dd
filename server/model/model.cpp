// SPDX-License-Identifier: Apache-2.0
#include "server/model/model.h"

#include <algorithm>

#include "core/base/text.h"

namespace tarn::server {
namespace {

template <class T>
const T* find(const std::map<std::string, T>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

std::string archive_name(const Channel& channel) {
  return channel.content > 1 ? channel.id + "-" + std::to_string(channel.content) : channel.id;
}

timeline::OutputSettings effective(const Endpoint& endpoint, const Channel& channel) {
  constexpr std::uint32_t longest_buffer_time = 30;
  constexpr std::uint32_t longest_presentation_delay = 60;
  constexpr std::uint32_t usual_window = 60;
  timeline::OutputSettings settings;
  settings.endpoint = endpoint.id;
  settings.edition = endpoint.edition;
  settings.protocol = endpoint.protocol;
  settings.manifest_name = endpoint.manifest_name;
  settings.audio_separation = endpoint.audio_separation;
  settings.segments = endpoint.segments.value_or(channel.segments);
  settings.segment_duration = endpoint.segment_duration.value_or(channel.segment_duration);
  settings.stream_order = endpoint.stream_order;
  settings.min_video_bitrate = endpoint.min_video_bitrate;
  settings.max_video_bitrate = endpoint.max_video_bitrate;
  settings.program_date_time_interval = endpoint.program_date_time_interval;
  settings.i_frames = true;
  settings.is_encrypted = endpoint.is_encrypted();
  const std::uint32_t segment = settings.segment_duration;
  settings.min_buffer_time = endpoint.min_buffer_time.value_or(std::min(longest_buffer_time, 2 * segment));
  settings.min_update_period = endpoint.min_update_period.value_or(2 * segment);
  settings.suggested_presentation_delay =
      endpoint.suggested_presentation_delay.value_or(std::min(longest_presentation_delay, 3 * segment));
  settings.manifest_window = std::max(endpoint.manifest_window.value_or(usual_window),
                                      settings.suggested_presentation_delay + 2 * segment);
  return settings;
}

std::string content_id(const Endpoint& endpoint) {
  return endpoint.drm_content_id.empty() ? "tarn-" + endpoint.id : endpoint.drm_content_id;
}

drm::Contract contract_of(const Endpoint& endpoint, std::uint64_t period) {
  drm::Contract contract;
  contract.content_id = content_id(endpoint);
  contract.scheme = endpoint.encryption;
  contract.systems = endpoint.drm_systems;
  contract.preset = endpoint.key_preset;
  contract.speke = endpoint.speke_version;
  if (endpoint.rotation_period != 0) contract.period = period;
  contract.for_hls = endpoint.protocol != timeline::Protocol::dash;
  if (const auto iv = parse_hex(endpoint.constant_iv); iv && iv->size() == crypto::Block{}.size()) {
    std::copy(iv->begin(), iv->end(), contract.constant_iv.emplace().begin());
  }
  return contract;
}

std::string key_identity(const Endpoint& endpoint) {
  if (!endpoint.is_encrypted()) return {};
  std::string text =
      content_id(endpoint) + "/" + (endpoint.encryption == crypto::Scheme::cenc ? "cenc" : "cbcs") + "/" +
      endpoint.constant_iv + (endpoint.key_preset == drm::KeyPreset::shared ? "/shared" : "/separate");
  if (endpoint.rotation_period != 0) text += "/every " + std::to_string(endpoint.rotation_period) + " s";
  for (const drm::System system : endpoint.drm_systems) text += "/" + std::string{drm::name_of(system)};
  return text;
}

const Group* Model::group(const std::string& group) const { return find(groups, group); }

const Channel* Model::channel(const std::string& group, const std::string& channel) const {
  return find(channels, group + "/" + channel);
}

const Endpoint* Model::endpoint(const std::string& group, const std::string& channel,
                                const std::string& endpoint) const {
  return find(endpoints, group + "/" + channel + "/" + endpoint);
}

}  // namespace tarn::server
