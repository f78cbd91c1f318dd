// SPDX-License-Identifier: Apache-2.0
#include "core/drm/pssh.h"

#include <utility>

#include "core/base/base64.h"
#include "core/isobmff/fourcc.h"

namespace tarn::drm {
namespace {

constexpr std::size_t most_kids = 1024;

// Protocol Buffers: a key of field number and wire type, then a varint or a length and bytes.
void put_varint(ByteVector& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<std::uint8_t>(value | 0x80U));
  out.push_back(static_cast<std::uint8_t>(value));
}
void put_bytes(ByteVector& out, unsigned field, Bytes value) {
  put_varint(out, field << 3U | 2U);
  put_varint(out, value.size());
  out.insert(out.end(), value.begin(), value.end());
}

void put_u16_little(ByteVector& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
}

// The order in which Windows keeps the first three parts of a GUID.
Uuid little_endian_guid(Uuid uuid) {
  std::swap(uuid[0], uuid[3]);
  std::swap(uuid[1], uuid[2]);
  std::swap(uuid[4], uuid[5]);
  std::swap(uuid[6], uuid[7]);
  return uuid;
}

}  // namespace

ByteVector write_pssh(const Pssh& pssh) {
  ByteVector out;
  Writer writer{out};
  writer.u32(0);
  writer.u32(isobmff::fourcc("pssh"));
  writer.u8(pssh.version);
  writer.u24(0);
  writer.bytes(pssh.system);
  if (pssh.version > 0) {
    writer.u32(pssh.kids.size());
    for (const Uuid& kid : pssh.kids) writer.bytes(kid);
  }
  writer.u32(pssh.data.size());
  writer.bytes(pssh.data);
  writer.patch_u32(0, static_cast<std::uint32_t>(out.size()));
  return out;
}

Result<Pssh> parse_pssh(Bytes box) {
  Reader reader{box};
  Pssh pssh;
  const std::uint32_t size = reader.u32();
  const bool is_pssh = reader.u32() == isobmff::fourcc("pssh");
  pssh.version = reader.u8();
  reader.skip(3);
  if (!reader.ok()) return truncated("pssh: ends inside its header");
  if (!is_pssh || size != box.size() || pssh.version > 1) return malformed("pssh: not one box of that kind");
  const auto take_uuid = [&](Uuid& uuid) {
    for (auto& byte : uuid) byte = reader.u8();
  };
  take_uuid(pssh.system);
  if (pssh.version > 0) {
    const std::uint32_t count = reader.u32();
    if (count > most_kids || count > reader.remaining() / pssh.system.size()) {
      return truncated("pssh: ends inside its key ids");
    }
    pssh.kids.resize(count);
    for (Uuid& kid : pssh.kids) take_uuid(kid);
  }
  const Bytes data = reader.take(reader.u32());
  if (!reader.ok()) return truncated("pssh: ends inside its data");
  if (reader.remaining() != 0) return malformed("pssh: bytes behind its data");
  pssh.data.assign(data.begin(), data.end());
  return pssh;
}

ByteVector widevine_data(const Uuid& kid, std::string_view content_id, crypto::Scheme scheme) {
  constexpr unsigned key_id_field = 2;
  constexpr unsigned content_id_field = 4;
  constexpr unsigned scheme_field = 9;
  ByteVector out;
  put_bytes(out, key_id_field, kid);
  put_bytes(out, content_id_field, as_bytes(content_id));
  put_varint(out, scheme_field << 3U);
  put_varint(out, scheme == crypto::Scheme::cenc ? isobmff::fourcc("cenc") : isobmff::fourcc("cbcs"));
  return out;
}

ByteVector playready_object(const Uuid& kid, crypto::Scheme scheme) {
  const std::string header =
      "<WRMHEADER xmlns=\"http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader\" version=\"4.3.0.0\">"
      "<DATA><PROTECTINFO><KIDS><KID ALGID=\"" +
      std::string{scheme == crypto::Scheme::cenc ? "AESCTR" : "AESCBC"} + "\" VALUE=\"" +
      base64(little_endian_guid(kid)) + "\"></KID></KIDS></PROTECTINFO></DATA></WRMHEADER>";
  constexpr std::size_t object_header = 6;
  constexpr std::size_t record_header = 4;
  constexpr std::size_t rights_management_record = 1;
  const std::size_t size = header.size() * 2;
  const std::size_t total = object_header + record_header + size;
  ByteVector out;
  put_u16_little(out, total & 0xFFFFU);
  put_u16_little(out, total >> 16U);
  put_u16_little(out, 1);
  put_u16_little(out, rights_management_record);
  put_u16_little(out, size);
  for (const char c : header) put_u16_little(out, static_cast<unsigned char>(c));
  return out;
}

}  // namespace tarn::drm
