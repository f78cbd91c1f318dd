// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "core/drm/content_protection.h"
#include "core/drm/contract.h"
#include "core/drm/hls_signalling.h"
#include "core/drm/pssh.h"

// What a key server has answered, held against what it was asked.
namespace tarn::drm {
namespace {

class AnswerChecker {
 public:
  AnswerChecker(const Contract& contract, const cpix::Document& answer)
      : contract_(contract), asked_(request_of(contract)), answer_(answer) {}

  Result<ContentKeys> check() {
    TRY(check_frame());
    std::vector<TrackKeys> tracks;
    for (std::size_t i = 0; i < asked_.keys.size(); ++i) {
      const Uuid kid = TRY(answered_kid(i));
      tracks.push_back(TRY(track(kid, asked_.keys[i])));
    }
    if (tracks.size() > 1 && tracks.front().key.kid == tracks.back().key.kid) {
      return malformed("the answer has one key for two");
    }
    return ContentKeys{tracks.front(), tracks.back()};
  }

 private:
  Status check_frame() const {
    if (answer_.content_id != asked_.content_id) return malformed("the answer is for another content id");
    if (answer_.version != asked_.version) return malformed("the answer has another CPIX version");
    if (answer_.keys.size() != asked_.keys.size())
      return malformed("the answer has not the keys that were asked for");
    if (answer_.systems.size() != asked_.systems.size()) {
      return malformed("the answer has not the DRM systems that were asked for");
    }
    if (!asked_.rules.empty() &&
        (answer_.period_id != asked_.period_id || answer_.period_index != asked_.period_index)) {
      return malformed("the answer has another key period");
    }
    if (answer_.rules.size() != asked_.rules.size()) return malformed("the answer has other usage rules");
    return {};
  }

  // The usage rules say which key is which, for a key server may have ids of its own; those of SPEKE 1.0
  // do not, so there the order does.
  [[nodiscard]] Result<Uuid> answered_kid(std::size_t index) const {
    const cpix::ContentKey& asked = asked_.keys[index];
    if (contract_.speke == SpekeVersion::v1_0) {
      const bool is_kept = std::any_of(answer_.keys.begin(), answer_.keys.end(),
                                       [&](const auto& key) { return key.kid == asked.kid; });
      return is_kept ? asked.kid : answer_.keys[index].kid;
    }
    const cpix::UsageRule& rule = asked_.rules[index];
    const cpix::UsageRule* found = nullptr;
    for (const cpix::UsageRule& candidate : answer_.rules) {
      if (candidate.track_type != rule.track_type) continue;
      if (found != nullptr) return malformed("the answer has a usage rule twice");
      found = &candidate;
    }
    if (found == nullptr || found->period != rule.period ||
        found->has_video_filter != rule.has_video_filter ||
        found->has_audio_filter != rule.has_audio_filter) {
      return malformed("the answer has other usage rules");
    }
    return found->kid;
  }

  Result<TrackKeys> track(const Uuid& kid, const cpix::ContentKey& asked) const {
    const auto is_it = [&](const auto& entry) { return entry.kid == kid; };
    if (std::count_if(answer_.keys.begin(), answer_.keys.end(), is_it) != 1) {
      return malformed("the answer has not exactly one key of an id");
    }
    const cpix::ContentKey& answered = *std::find_if(answer_.keys.begin(), answer_.keys.end(), is_it);
    TrackKeys out;
    out.key.scheme = contract_.scheme;
    out.key.kid = kid;
    if (!answered.key) return malformed("the answer has no key");
    out.key.key = *answered.key;
    if (answered.scheme != asked.scheme) return malformed("the answer has another encryption scheme");
    if (asked.explicit_iv && answered.explicit_iv && answered.explicit_iv != asked.explicit_iv) {
      return malformed("the answer has another IV");
    }
    if (asked.explicit_iv && !answered.explicit_iv) return malformed("the answer does not repeat the IV");
    if (contract_.scheme == crypto::Scheme::cbcs) {
      // Semantics S9; made of the key, so that it is the same wherever the key is.
      out.key.constant_iv =
          answered.explicit_iv ? *answered.explicit_iv : derive(out.key.key, "constant IV", kid);
    }
    for (const System system : contract_.systems) out.systems.push_back(TRY(system_keys(system, kid)));
    return out;
  }

  Result<SystemKeys> system_keys(System system, const Uuid& kid) const {
    const auto is_it = [&](const auto& entry) {
      return entry.kid == kid && entry.system == system_id(system);
    };
    if (std::count_if(answer_.systems.begin(), answer_.systems.end(), is_it) != 1) {
      return malformed("the answer has not exactly one entry of " + std::string{name_of(system)});
    }
    const cpix::DrmSystem& answered = *std::find_if(answer_.systems.begin(), answer_.systems.end(), is_it);
    SystemKeys out;
    out.system = system;
    if (system != System::fairplay) {
      out.pssh = TRY(pssh(answered, system, kid));
      out.dash_content = TRY(dash_content(answered, system, out.pssh));
    }
    if (contract_.for_hls) TRY(set_hls(answered, kid, out));
    return out;
  }

  static Result<ByteVector> pssh(const cpix::DrmSystem& answered, System system, const Uuid& kid) {
    const std::string what = "PSSH of " + std::string{name_of(system)};
    if (!answered.pssh || answered.pssh->empty()) return malformed(what + " is missing");
    const Bytes box = as_bytes(*answered.pssh);
    const auto parsed = parse_pssh(box);
    if (!parsed.ok()) return malformed(what + " is not a pssh box");
    if (parsed->system != system_id(system)) return malformed(what + " is another system's");
    const auto& kids = parsed->kids;
    if (!kids.empty() && std::find(kids.begin(), kids.end(), kid) == kids.end()) {
      return malformed(what + " is for another key");
    }
    return ByteVector{box.begin(), box.end()};
  }

  [[nodiscard]] Result<std::string> dash_content(const cpix::DrmSystem& answered, System system,
                                                 const ByteVector& pssh) const {
    const bool has_it = answered.content_protection_data && !answered.content_protection_data->empty();
    if (!has_it) {
      if (contract_.speke == SpekeVersion::v1_0) return content_protection(system, pssh);
      return malformed("ContentProtectionData of " + std::string{name_of(system)} + " is missing");
    }
    TRY(check_content_protection(*answered.content_protection_data, system, pssh));
    return *answered.content_protection_data;
  }

  Status set_hls(const cpix::DrmSystem& answered, const Uuid& kid, SystemKeys& out) const {
    if (contract_.speke == SpekeVersion::v1_0) return set_first_hls(answered, kid, out);
    if (!answered.hls_media || !answered.hls_master) {
      return malformed("HLSSignalingData of " + std::string{name_of(out.system)} + " is missing");
    }
    const auto line = [](std::string text) {
      while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
      return text;
    };
    out.hls_media = line(*answered.hls_media);
    out.hls_master = line(*answered.hls_master);
    TRY(check_key_line(out.hls_media, KeyTag::media, out.system, contract_.scheme));
    return check_key_line(out.hls_master, KeyTag::session, out.system, contract_.scheme);
  }

  // SPEKE 1.0 has the parts of the line; what is not there follows from the PSSH.
  Status set_first_hls(const cpix::DrmSystem& answered, const Uuid& kid, SystemKeys& out) const {
    const std::string uri = answered.uri_ext_x_key.value_or("");
    if (uri.empty() && out.system == System::fairplay) return malformed("URIExtXKey of FairPlay is missing");
    for (const KeyTag tag : {KeyTag::media, KeyTag::session}) {
      std::string& line = tag == KeyTag::media ? out.hls_media : out.hls_master;
      if (uri.empty()) {
        const auto box = parse_pssh(out.pssh);
        line = key_line(tag, out.system, contract_.scheme, kid,
                        out.system == System::playready ? Bytes{box->data} : Bytes{out.pssh});
      } else {
        const std::string versions = answered.key_format_versions.value_or("");
        line = key_line(tag, out.system, contract_.scheme, uri, versions.empty() ? "1" : versions);
      }
      TRY(check_key_line(line, tag, out.system, contract_.scheme));
    }
    return {};
  }

  const Contract& contract_;
  const cpix::Document asked_;
  const cpix::Document& answer_;
};

}  // namespace

Result<ContentKeys> accept_answer(const Contract& contract, const cpix::Document& answer) {
  return AnswerChecker{contract, answer}.check();
}

}  // namespace tarn::drm
