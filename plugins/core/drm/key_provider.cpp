// SPDX-License-Identifier: Apache-2.0
#include "core/drm/key_provider.h"

#include <algorithm>

#include "core/base/base64.h"
#include "core/drm/content_protection.h"
#include "core/drm/hls_signalling.h"
#include "core/drm/pssh.h"
#include "core/drm/system.h"

namespace tarn::drm {
namespace {

Error refusal(std::string text) { return {ErrorCode::invalid, std::move(text)}; }

Result<crypto::Scheme> scheme_of(const cpix::Document& request) {
  // SPEKE 1.0 names none; what it was made for is CTR in DASH, and pattern CBC where FairPlay is asked for.
  if (request.version.empty()) {
    const bool has_fairplay =
        std::any_of(request.systems.begin(), request.systems.end(),
                    [](const auto& system) { return system.system == system_id(System::fairplay); });
    return has_fairplay ? crypto::Scheme::cbcs : crypto::Scheme::cenc;
  }
  for (const cpix::ContentKey& key : request.keys) {
    if (key.scheme.empty()) {
      return refusal("Missing ContentKey@commonEncryptionScheme for KID " + to_text(key.kid));
    }
    if (key.scheme != request.keys.front().scheme) {
      return refusal("Non compliant ContentKey@commonEncryptionScheme combination");
    }
  }
  if (request.keys.front().scheme == "cenc") return crypto::Scheme::cenc;
  if (request.keys.front().scheme == "cbcs") return crypto::Scheme::cbcs;
  return refusal("Requested CPIX encryption contract not supported");
}

Status check(const cpix::Document& request, std::string_view speke_version) {
  const bool is_second = !speke_version.empty() && speke_version != "1.0";
  if (is_second && speke_version != "2.0") return refusal("Unsupported SPEKE version");
  if (is_second && request.version.empty()) return refusal("Missing CPIX@version");
  if (is_second && request.version != "2.3") return refusal("Unsupported CPIX@version");
  if (request.content_id.empty()) return refusal("Missing CPIX@contentId");
  if (request.keys.empty()) return refusal("Malformed encryption contract");
  if (!is_second) return {};
  if (request.rules.empty()) return refusal("Missing CPIX encryption contract");
  const auto has_key = [&](const Uuid& kid) {
    return std::any_of(request.keys.begin(), request.keys.end(),
                       [&](const auto& key) { return key.kid == kid; });
  };
  for (const cpix::UsageRule& rule : request.rules) {
    if (!has_key(rule.kid) || rule.track_type.empty() || !(rule.has_video_filter || rule.has_audio_filter)) {
      return refusal("Malformed encryption contract");
    }
  }
  for (const cpix::DrmSystem& system : request.systems) {
    if (!has_key(system.kid)) return refusal("Malformed encryption contract");
  }
  return {};
}

Status fill(cpix::DrmSystem& asked, const std::string& content_id, crypto::Scheme scheme) {
  const auto system = system_of(asked.system);
  if (!system) return refusal("Requested CPIX encryption contract not supported");
  if (*system == System::fairplay && scheme == crypto::Scheme::cenc) {
    return refusal("ContentKey@commonEncryptionScheme non compatible with DRMSystem " +
                   to_text(asked.system));
  }
  Pssh pssh{.version = 0, .system = asked.system, .kids = {}, .data = {}};
  if (*system == System::widevine) pssh.data = widevine_data(asked.kid, content_id, scheme);
  if (*system == System::playready) pssh.data = playready_object(asked.kid, scheme);
  const ByteVector box = write_pssh(pssh);
  const Bytes in_line = *system == System::playready ? Bytes{pssh.data} : Bytes{box};
  if (*system != System::fairplay) {
    if (asked.pssh) *asked.pssh = as_text(box);
    if (asked.content_protection_data) *asked.content_protection_data = content_protection(*system, box);
  }
  if (asked.hls_media) *asked.hls_media = key_line(KeyTag::media, *system, scheme, asked.kid, in_line);
  if (asked.hls_master) *asked.hls_master = key_line(KeyTag::session, *system, scheme, asked.kid, in_line);
  if (asked.uri_ext_x_key) *asked.uri_ext_x_key = key_uri(*system, asked.kid, in_line);
  if (asked.key_format) *asked.key_format = hls_key_format(*system);
  if (asked.key_format_versions) *asked.key_format_versions = "1";
  return {};
}

}  // namespace

Result<cpix::Document> provide_keys(cpix::Document request, std::string_view speke_version,
                                    const std::function<crypto::Block(const Uuid& kid)>& key_of) {
  TRY(check(request, speke_version));
  const crypto::Scheme scheme = TRY(scheme_of(request));
  for (cpix::ContentKey& key : request.keys) key.key = key_of(key.kid);
  for (cpix::DrmSystem& system : request.systems) TRY(fill(system, request.content_id, scheme));
  return request;
}

std::string clearkey_licence(const std::vector<Uuid>& kids,
                             const std::function<crypto::Block(const Uuid& kid)>& key_of) {
  std::string keys;
  for (const Uuid& kid : kids) {
    if (!keys.empty()) keys += ",";
    keys += "{\"kty\":\"oct\",\"kid\":\"" + base64url(kid) + "\",\"k\":\"" + base64url(key_of(kid)) + "\"}";
  }
  return "{\"keys\":[" + keys + "],\"type\":\"temporary\"}";
}

}  // namespace tarn::drm
