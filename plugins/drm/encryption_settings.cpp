// SPDX-License-Identifier: Apache-2.0
#include "drm/encryption_settings.h"

#include <algorithm>

#include "core/base/base64.h"
#include "core/base/text.h"

namespace tarn::drm_element {
namespace {

constexpr std::size_t smallest_pssh = 32;

Error wrong(const std::string& property, const std::string& reason) {
  return {ErrorCode::invalid, "cencenc: " + property + " must be " + reason};
}

Result<crypto::Block> parse_block(const std::string& text, const std::string& property) {
  std::string digits = text;
  std::erase(digits, '-');
  const auto bytes = parse_hex(digits);
  crypto::Block block{};
  if (!bytes || bytes->size() != block.size()) return wrong(property, "32 hexadecimal digits");
  std::copy(bytes->begin(), bytes->end(), block.begin());
  return block;
}

bool is_pssh(Bytes box) {
  Reader reader{box};
  return box.size() >= smallest_pssh && reader.u32() == box.size() && reader.u32() == isobmff::fourcc("pssh");
}

}  // namespace

Result<crypto::TrackProtection> parse_keys(const KeyTexts& texts, crypto::Scheme scheme,
                                           const std::string& prefix) {
  crypto::TrackProtection out;
  out.key.scheme = scheme;
  out.key.key = TRY(parse_block(texts.key, prefix + "key"));
  out.key.kid = TRY(parse_block(texts.kid, prefix + "kid"));
  if (scheme == crypto::Scheme::cbcs) {
    out.key.constant_iv = TRY(parse_block(texts.iv, prefix + "iv"));
  } else if (!texts.iv.empty()) {
    return wrong(prefix + "iv", "empty: with cenc every sample has an IV of its own");
  }
  if (texts.pssh.empty()) return out;
  for (const std::string_view text : split(texts.pssh, ',')) {
    auto box = parse_base64(text);
    if (!box || !is_pssh(*box)) return wrong(prefix + "pssh", "pssh boxes in base64, separated by commas");
    out.pssh.push_back(std::move(*box));
  }
  return out;
}

Status read_text(const GstStructure* fields, const char* name, std::string& out) {
  if (gst_structure_has_field(fields, name) == FALSE) return {};
  const char* const text = gst_structure_get_string(fields, name);
  if (text == nullptr) return wrong(name, "a text");
  out = text;
  return {};
}

Status read_key(const GstStructure* fields, const char* name, std::string& out) {
  const GValue* const value = gst_structure_get_value(fields, name);
  if (value == nullptr) return {};
  auto* const bytes =
      G_VALUE_HOLDS(value, G_TYPE_BYTES) ? static_cast<GBytes*>(g_value_get_boxed(value)) : nullptr;
  gsize size = 0;
  const auto* const data =
      bytes != nullptr ? static_cast<const std::uint8_t*>(g_bytes_get_data(bytes, &size)) : nullptr;
  if (size != crypto::Block{}.size()) return wrong(name, "GBytes of 16 bytes in a context");
  out = hex(Bytes{data, size});
  return {};
}

}  // namespace tarn::drm_element
