// SPDX-License-Identifier: Apache-2.0
#include "core/drm/contract.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>

#include "core/drm/hls_signalling.h"

namespace tarn::drm {
namespace {

constexpr char version_2_3[] = "2.3";

std::vector<std::string> track_types(KeyPreset preset) {
  if (preset == KeyPreset::shared) return {"ALL"};
  return {"VIDEO", "AUDIO"};
}

cpix::DrmSystem ask(const Contract& contract, System system, const Uuid& kid) {
  cpix::DrmSystem asked;
  asked.kid = kid;
  asked.system = system_id(system);
  if (system != System::fairplay) {
    asked.pssh.emplace();
    asked.content_protection_data.emplace();
  }
  if (!contract.for_hls) return asked;
  if (contract.speke == SpekeVersion::v1_0) {
    asked.uri_ext_x_key.emplace();
    asked.key_format.emplace();
    asked.key_format_versions.emplace();
  } else {
    asked.hls_media.emplace();
    asked.hls_master.emplace();
  }
  return asked;
}

}  // namespace

Uuid key_id(std::string_view content_id, std::uint64_t period, std::string_view track_type) {
  return name_uuid(std::string{content_id} + "/" + std::to_string(period) + "/" + std::string{track_type});
}

cpix::Document request_of(const Contract& contract) {
  cpix::Document document;
  document.content_id = contract.content_id;
  const bool is_second = contract.speke == SpekeVersion::v2_0;
  const std::uint64_t period = contract.period.value_or(0);
  const bool has_rules = is_second || contract.period;
  if (is_second) document.version = version_2_3;
  if (has_rules) {
    document.period_id = "keyPeriod_" + to_text(key_id(contract.content_id, period, "PERIOD"));
    document.period_index = std::to_string(period);
  }
  for (const std::string& type : track_types(contract.preset)) {
    cpix::ContentKey key;
    key.kid = key_id(contract.content_id, period, type);
    if (is_second) key.scheme = contract.scheme == crypto::Scheme::cenc ? "cenc" : "cbcs";
    key.explicit_iv = contract.constant_iv;
    for (const System system : contract.systems) document.systems.push_back(ask(contract, system, key.kid));
    // Of rules SPEKE 1.0 has only the period.
    if (has_rules) {
      document.rules.push_back({.kid = key.kid,
                                .track_type = is_second ? type : "",
                                .period = document.period_id,
                                .has_video_filter = is_second && type != "AUDIO",
                                .has_audio_filter = is_second && type != "VIDEO"});
    }
    document.keys.push_back(std::move(key));
  }
  return document;
}

crypto::Block derive(Bytes secret, std::string_view purpose, Bytes what) {
  std::string message{purpose};
  message += '\0';
  message += as_text(what);
  std::array<std::uint8_t, 32> digest{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
           &size) == nullptr) {
    std::abort();  // out of memory
  }
  crypto::Block block{};
  std::copy_n(digest.begin(), block.size(), block.begin());
  return block;
}

crypto::StreamProtection stream_protection(const ContentKeys& keys, bool changes) {
  const auto convert = [&](const TrackKeys& track) {
    crypto::TrackProtection out{track.key, {}};
    out.key.changes = changes;
    for (const SystemKeys& system : track.systems) {
      if (!system.pssh.empty()) out.pssh.push_back(system.pssh);
    }
    return out;
  };
  return {convert(keys.video), convert(keys.audio)};
}

void add_clearkey(timeline::Protection& protection, std::string_view licence_url) {
  const std::string url{licence_url};
  for (timeline::TrackSignalling* track : {&protection.video, &protection.audio}) {
    const auto kid = parse_uuid(track->default_kid);
    if (!kid) continue;
    const auto scheme = track->scheme == "cenc" ? crypto::Scheme::cenc : crypto::Scheme::cbcs;
    // two session keys may not have one URI (RFC 8216bis 4.4.5.2)
    const std::string own = url + "?kid=" + track->default_kid;
    track->systems.push_back({
        .hls_media = clearkey_line(KeyTag::media, scheme, *kid, own),
        .hls_session = clearkey_line(KeyTag::session, scheme, *kid, own),
        .dash_scheme = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e",
        .dash_name = "ClearKey1.0",
        .dash_content = R"(<dashif:Laurl xmlns:dashif="https://dashif.org/CPS" licenseType="EME-1.0">)" +
                        url + "</dashif:Laurl>",
    });
  }
}

timeline::Protection signalling(const ContentKeys& keys) {
  const auto convert = [](const TrackKeys& track) {
    timeline::TrackSignalling out;
    out.scheme = track.key.scheme == crypto::Scheme::cenc ? "cenc" : "cbcs";
    out.default_kid = to_text(track.key.kid);
    for (const SystemKeys& system : track.systems) {
      timeline::SystemSignalling& made = out.systems.emplace_back();
      made.hls_media = system.hls_media;
      made.hls_session = system.hls_master;
      if (system.dash_content.empty()) continue;
      made.dash_scheme = "urn:uuid:" + to_text(system_id(system.system));
      made.dash_name = name_of(system.system);
      made.dash_content = system.dash_content;
    }
    return out;
  };
  return {convert(keys.video), convert(keys.audio)};
}

}  // namespace tarn::drm
