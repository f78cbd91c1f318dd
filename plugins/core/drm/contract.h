// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/crypto/track_encryptor.h"
#include "core/drm/cpix.h"
#include "core/drm/system.h"
#include "core/timeline/protection.h"

// The encryption contract: what an endpoint asks a key server for, and what it accepts as an answer.
namespace tarn::drm {

enum class SpekeVersion { v2_0, v1_0 };
enum class KeyPreset { shared, video_audio };

struct Contract {
  std::string content_id;
  crypto::Scheme scheme = crypto::Scheme::cbcs;
  std::vector<System> systems;
  KeyPreset preset = KeyPreset::shared;
  SpekeVersion speke = SpekeVersion::v2_0;
  bool for_hls = true;  // which signalling is asked for: HLS or DASH
  std::optional<crypto::Block> constant_iv;
  std::optional<std::uint64_t> period{};  // whose keys are asked for; none: they never change
};

struct SystemKeys {
  System system = System::widevine;
  ByteVector pssh;  // empty for FairPlay
  std::string dash_content;
  std::string hls_media;
  std::string hls_master;
};
struct TrackKeys {
  crypto::TrackKey key;
  std::vector<SystemKeys> systems;
};
struct ContentKeys {
  TrackKeys video;
  TrackKeys audio;
};

// The KID that is asked for (semantics S8); a key server may answer with another.
Uuid key_id(std::string_view content_id, std::uint64_t period, std::string_view track_type);

// The same contract always makes the same request.
cpix::Document request_of(const Contract& contract);

// Everything asked for must be there, nothing may be changed but what the key server is to fill in (SPEKE
// 2.0, "encryption contract"). Errors say what is wrong, never a value.
Result<ContentKeys> accept_answer(const Contract& contract, const cpix::Document& answer);

// For the encryptor and for manifests. `changes`: keys of other periods follow.
crypto::StreamProtection stream_protection(const ContentKeys& keys, bool changes = false);
timeline::Protection signalling(const ContentKeys& keys);
// Lets players know of EME ClearKey licences too (DASH: DASH-IF IOP, part 6; HLS: as hls.js reads it).
// Headers stay as they are. `licence_url`: needs no escaping.
void add_clearkey(timeline::Protection& protection, std::string_view licence_url);

// 16 bytes out of a secret for one purpose: HMAC-SHA-256, cut short.
crypto::Block derive(Bytes secret, std::string_view purpose, Bytes what);

}  // namespace tarn::drm
