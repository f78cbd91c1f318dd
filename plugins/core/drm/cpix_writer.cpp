// SPDX-License-Identifier: Apache-2.0
#include "core/base/base64.h"
#include "core/drm/cpix.h"

namespace tarn::drm::cpix {
namespace {

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) safe += c;
    }
  }
  return safe;
}

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string{name} + "=\"" + escaped(value) + "\"";
}

class DocumentWriter {
 public:
  explicit DocumentWriter(const Document& document) : document_(document) {}

  std::string write() {
    open_document();
    out_ += "<cpix:ContentKeyList>";
    for (const ContentKey& key : document_.keys) add(key);
    out_ += "</cpix:ContentKeyList><cpix:DRMSystemList>";
    for (const DrmSystem& system : document_.systems) add(system);
    out_ += "</cpix:DRMSystemList>";
    if (!document_.period_id.empty()) {
      out_ += "<cpix:ContentKeyPeriodList><cpix:ContentKeyPeriod" + attribute("id", document_.period_id) +
              attribute("index", document_.period_index) + "/></cpix:ContentKeyPeriodList>";
    }
    if (!document_.rules.empty()) {
      out_ += "<cpix:ContentKeyUsageRuleList>";
      for (const UsageRule& rule : document_.rules) add(rule);
      out_ += "</cpix:ContentKeyUsageRuleList>";
    }
    return std::move(out_) + "</cpix:CPIX>\n";
  }

 private:
  [[nodiscard]] bool is_first_version() const { return document_.version.empty(); }

  void open_document() {
    out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<cpix:CPIX";
    if (is_first_version()) {
      out_ += attribute("id", document_.content_id);
    } else {
      out_ += attribute("contentId", document_.content_id) + attribute("version", document_.version);
    }
    out_ += attribute("xmlns:cpix", "urn:dashif:org:cpix") +
            attribute("xmlns:pskc", "urn:ietf:params:xml:ns:keyprov:pskc");
    if (is_first_version()) out_ += attribute("xmlns:speke", "urn:aws:amazon:com:speke");
    out_ += ">";
  }

  void add(const ContentKey& key) {
    out_ += "<cpix:ContentKey" + attribute("kid", to_text(key.kid));
    if (key.explicit_iv) out_ += attribute("explicitIV", base64(*key.explicit_iv));
    if (!key.scheme.empty()) out_ += attribute("commonEncryptionScheme", key.scheme);
    if (!key.key) {
      out_ += "/>";
      return;
    }
    out_ += "><cpix:Data><pskc:Secret><pskc:PlainValue>" + base64(*key.key) +
            "</pskc:PlainValue></pskc:Secret></cpix:Data></cpix:ContentKey>";
  }

  void add(const DrmSystem& system) {
    out_ += "<cpix:DRMSystem" + attribute("kid", to_text(system.kid)) +
            attribute("systemId", to_text(system.system)) + ">";
    add("cpix:PSSH", {}, system.pssh);
    add("cpix:ContentProtectionData", {}, system.content_protection_data);
    add("cpix:URIExtXKey", {}, system.uri_ext_x_key);
    add("cpix:HLSSignalingData", attribute("playlist", "media"), system.hls_media);
    add("cpix:HLSSignalingData", attribute("playlist", "master"), system.hls_master);
    add("speke:KeyFormat", {}, system.key_format);
    add("speke:KeyFormatVersions", {}, system.key_format_versions);
    out_ += "</cpix:DRMSystem>";
  }
  void add(const std::string& element, const std::string& attributes,
           const std::optional<std::string>& value) {
    if (!value) return;
    out_ += "<" + element + attributes;
    out_ += value->empty() ? "/>" : ">" + base64(as_bytes(*value)) + "</" + element + ">";
  }

  void add(const UsageRule& rule) {
    out_ += "<cpix:ContentKeyUsageRule" + attribute("kid", to_text(rule.kid));
    if (!rule.track_type.empty()) out_ += attribute("intendedTrackType", rule.track_type);
    out_ += ">";
    if (!rule.period.empty()) out_ += "<cpix:KeyPeriodFilter" + attribute("periodId", rule.period) + "/>";
    if (rule.has_video_filter) out_ += "<cpix:VideoFilter/>";
    if (rule.has_audio_filter) out_ += "<cpix:AudioFilter/>";
    out_ += "</cpix:ContentKeyUsageRule>";
  }

  const Document& document_;
  std::string out_;
};

}  // namespace

std::string write(const Document& document) { return DocumentWriter{document}.write(); }

}  // namespace tarn::drm::cpix
