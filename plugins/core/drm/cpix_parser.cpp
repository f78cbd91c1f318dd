// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/base/base64.h"
#include "core/drm/cpix.h"
#include "core/drm/xml_tree.h"

namespace tarn::drm::cpix {
namespace {

constexpr std::string_view cpix_ns = "urn:dashif:org:cpix";
constexpr std::string_view pskc_ns = "urn:ietf:params:xml:ns:keyprov:pskc";
constexpr std::string_view speke_ns = "urn:aws:amazon:com:speke";
constexpr std::size_t most_entries = 64;  // of a list: far more than anybody asks for

std::optional<crypto::Block> parse_block(std::string_view text) {
  const auto bytes = parse_base64(text);
  crypto::Block block{};
  if (!bytes || bytes->size() != block.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), block.begin());
  return block;
}

class DocumentParser {
 public:
  Result<Document> parse(const xmlNode* root) {
    if (!is_element(root, cpix_ns, "CPIX")) return malformed("CPIX: the root is not a CPIX element");
    out_.version = attribute(root, "version").value_or("");
    out_.content_id = attribute(root, "contentId").value_or(attribute(root, "id").value_or(""));
    list(root, "ContentKeyList", "ContentKey", [this](const xmlNode* node) { content_key(node); });
    list(root, "DRMSystemList", "DRMSystem", [this](const xmlNode* node) { drm_system(node); });
    list(root, "ContentKeyPeriodList", "ContentKeyPeriod", [this](const xmlNode* node) {
      if (!out_.period_id.empty()) return fail("more than one ContentKeyPeriod");
      out_.period_id = attribute(node, "id").value_or("");
      out_.period_index = attribute(node, "index").value_or("");
    });
    list(root, "ContentKeyUsageRuleList", "ContentKeyUsageRule",
         [this](const xmlNode* node) { usage_rule(node); });
    if (error_) return *std::move(error_);
    return std::move(out_);
  }

 private:
  void fail(const std::string& what) {
    if (!error_) error_ = malformed("CPIX: " + what);
  }

  template <class Visit>
  void list(const xmlNode* root, std::string_view name, std::string_view entry, Visit&& visit) {
    std::size_t count = 0;
    each_child(find_child(root, cpix_ns, name), cpix_ns, entry, [&](const xmlNode* node) {
      if (++count > most_entries) return fail(std::string{name} + " is too long");
      visit(node);
    });
  }

  Uuid uuid(const xmlNode* node, const char* name, std::string_view element) {
    const auto parsed = parse_uuid(attribute(node, name).value_or(""));
    if (!parsed) fail(std::string{element} + "@" + name + " is not a UUID");
    return parsed.value_or(Uuid{});
  }

  void content_key(const xmlNode* node) {
    ContentKey key;
    key.kid = uuid(node, "kid", "ContentKey");
    key.scheme = attribute(node, "commonEncryptionScheme").value_or("");
    if (const auto iv = attribute(node, "explicitIV")) {
      key.explicit_iv = parse_block(*iv);
      if (!key.explicit_iv) fail("ContentKey@explicitIV is not 16 bytes in base64");
    }
    const xmlNode* const secret = find_child(find_child(node, cpix_ns, "Data"), pskc_ns, "Secret");
    if (find_child(secret, pskc_ns, "EncryptedValue") != nullptr)
      fail("an encrypted key, which was not asked for");
    if (const xmlNode* const value = find_child(secret, pskc_ns, "PlainValue")) {
      std::string text = text_of(value);
      key.key = parse_block(text);
      crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
      if (!key.key) fail("a key is not 16 bytes in base64");
    }
    out_.keys.push_back(key);
  }

  std::optional<std::string> value(const xmlNode* parent, std::string_view ns, std::string_view name) {
    const xmlNode* const node = find_child(parent, ns, name);
    return node == nullptr ? std::nullopt : decoded(node, name);
  }
  std::optional<std::string> decoded(const xmlNode* node, std::string_view name) {
    const auto bytes = parse_base64(text_of(node));
    if (!bytes) fail(std::string{name} + " is not base64");
    return bytes ? std::string{as_text(*bytes)} : std::string{};
  }

  void drm_system(const xmlNode* node) {
    DrmSystem system;
    system.kid = uuid(node, "kid", "DRMSystem");
    system.system = uuid(node, "systemId", "DRMSystem");
    system.pssh = value(node, cpix_ns, "PSSH");
    system.content_protection_data = value(node, cpix_ns, "ContentProtectionData");
    system.uri_ext_x_key = value(node, cpix_ns, "URIExtXKey");
    system.key_format = value(node, speke_ns, "KeyFormat");
    system.key_format_versions = value(node, speke_ns, "KeyFormatVersions");
    each_child(node, cpix_ns, "HLSSignalingData", [&](const xmlNode* signalling) {
      const std::string playlist = attribute(signalling, "playlist").value_or("media");
      // CPIX 2.4 says multiVariant.
      auto& place = playlist == "media" ? system.hls_media : system.hls_master;
      if (playlist != "media" && playlist != "master" && playlist != "multiVariant") {
        return fail("HLSSignalingData@playlist is unknown");
      }
      if (place) return fail("HLSSignalingData appears twice");
      place = decoded(signalling, "HLSSignalingData");
    });
    out_.systems.push_back(std::move(system));
  }

  void usage_rule(const xmlNode* node) {
    UsageRule rule;
    rule.kid = uuid(node, "kid", "ContentKeyUsageRule");
    rule.track_type = attribute(node, "intendedTrackType").value_or("");
    if (const xmlNode* const period = find_child(node, cpix_ns, "KeyPeriodFilter")) {
      rule.period = attribute(period, "periodId").value_or("");
    }
    rule.has_video_filter = find_child(node, cpix_ns, "VideoFilter") != nullptr;
    rule.has_audio_filter = find_child(node, cpix_ns, "AudioFilter") != nullptr;
    out_.rules.push_back(std::move(rule));
  }

  Document out_;
  std::optional<Error> error_;
};

}  // namespace

Result<Document> parse(std::string_view xml) {
  const XmlDocument document = TRY(parse_xml(xml, longest_document));
  return DocumentParser{}.parse(xmlDocGetRootElement(document.get()));
}

}  // namespace tarn::drm::cpix
