// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/crypto/sample_cipher.h"
#include "core/drm/uuid.h"

// The part of CPIX (DASH-IF Content Protection Information Exchange) that SPEKE uses: a request and its
// answer are the same document, which the key server fills in.
namespace tarn::drm::cpix {

struct ContentKey {
  Uuid kid{};
  std::string scheme;  // commonEncryptionScheme; empty: absent (SPEKE 1.0)
  std::optional<crypto::Block> explicit_iv;
  std::optional<crypto::Block> key;  // secret
};

// What is asked for of a system is there and empty in the request. Values are decoded from base64.
struct DrmSystem {
  Uuid kid{};
  Uuid system{};
  std::optional<std::string> pssh;
  std::optional<std::string> content_protection_data;
  std::optional<std::string> hls_media;
  std::optional<std::string> hls_master;
  // SPEKE 1.0
  std::optional<std::string> uri_ext_x_key;
  std::optional<std::string> key_format;
  std::optional<std::string> key_format_versions;
};

struct UsageRule {
  Uuid kid{};
  std::string track_type;  // intendedTrackType; empty: absent (SPEKE 1.0)
  std::string period;
  bool has_video_filter = false;
  bool has_audio_filter = false;
};

struct Document {
  std::string content_id;
  std::string version;  // "2.3"; empty: SPEKE 1.0, whose content id is CPIX@id
  std::vector<ContentKey> keys;
  std::vector<DrmSystem> systems;
  std::string period_id;
  std::string period_index;
  std::vector<UsageRule> rules;
};

constexpr std::size_t longest_document = 256U << 10U;

// As CPIX 2.3 (schema of SPEKE 2.0) has it, in the schema's order.
std::string write(const Document& document);

// At most 256 KiB of UTF-8, without a DOCTYPE; nothing is ever fetched. Elements may come in any order,
// unknown ones are passed over. Errors (malformed, limit, unsupported) never contain a value.
Result<Document> parse(std::string_view xml);

}  // namespace tarn::drm::cpix
