// SPDX-License-Identifier: Apache-2.0
#include "core/drm/hls_signalling.h"

#include <algorithm>

#include "core/base/base64.h"
#include "core/base/text.h"
#include "core/hls/attributes.h"

namespace tarn::drm {
namespace {

constexpr std::size_t longest_line = 16'384;

std::string_view tag_text(KeyTag tag) { return tag == KeyTag::media ? "#EXT-X-KEY" : "#EXT-X-SESSION-KEY"; }
std::string_view method_of(crypto::Scheme scheme) {
  return scheme == crypto::Scheme::cenc ? "SAMPLE-AES-CTR" : "SAMPLE-AES";
}

std::string line_of(KeyTag tag, std::string_view key_format, crypto::Scheme scheme, std::string_view uri,
                    const std::string& key_id, std::string_view versions) {
  return std::string{tag_text(tag)} + ":METHOD=" + std::string{method_of(scheme)} + ",URI=\"" +
         std::string{uri} + "\"" + key_id + ",KEYFORMAT=\"" + std::string{key_format} +
         "\",KEYFORMATVERSIONS=\"" + std::string{versions} + "\"";
}

}  // namespace

std::string key_uri(System system, const Uuid& kid, Bytes pssh) {
  switch (system) {
    case System::fairplay:
      return "skd://" + to_text(kid);
    case System::widevine:
      return "data:text/plain;base64," + base64(pssh);
    case System::playready:
      break;
  }
  return "data:text/plain;charset=UTF-16;base64," + base64(pssh);
}

std::string key_line(KeyTag tag, System system, crypto::Scheme scheme, const Uuid& kid, Bytes pssh) {
  const std::string key_id = system == System::widevine ? ",KEYID=0x" + hex(kid) : std::string{};
  return line_of(tag, hls_key_format(system), scheme, key_uri(system, kid, pssh), key_id, "1");
}

std::string key_line(KeyTag tag, System system, crypto::Scheme scheme, std::string_view uri,
                     std::string_view versions) {
  return line_of(tag, hls_key_format(system), scheme, uri, {}, versions);
}

std::string clearkey_line(KeyTag tag, crypto::Scheme scheme, const Uuid& kid, std::string_view licence_url) {
  return line_of(tag, "org.w3.clearkey", scheme, licence_url, ",KEYID=0x" + hex(kid), "1");
}

Status check_key_line(std::string_view line, KeyTag tag, System system, crypto::Scheme scheme) {
  const std::string what = "HLSSignalingData of " + std::string{name_of(system)} + ": ";
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (line.size() > longest_line || std::any_of(line.begin(), line.end(), is_control)) {
    return malformed(what + "not one line");
  }
  const std::string prefix = std::string{tag_text(tag)} + ":";
  if (!line.starts_with(prefix)) return malformed(what + "not " + prefix.substr(1));
  const auto attributes = hls::Attributes::parse(
      {.number = 1, .tag = tag_text(tag).substr(1), .value = line.substr(prefix.size())});
  if (!attributes.ok()) return malformed(what + "not an attribute list");
  const auto method = attributes->enumerated("METHOD");
  const auto format = attributes->required_quoted("KEYFORMAT");
  const auto uri = attributes->required_quoted("URI");
  if (!method.ok() || *method != method_of(scheme)) return malformed(what + "METHOD does not fit the scheme");
  if (!format.ok() || *format != hls_key_format(system))
    return malformed(what + "KEYFORMAT is another system's");
  if (!uri.ok() || uri->empty()) return malformed(what + "no URI");
  return {};
}

}  // namespace tarn::drm
