// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/id3.h"

#include <algorithm>

namespace tarn::mpegts {
namespace {

constexpr std::size_t header_size = 10;
constexpr std::uint8_t flag_unsynchronised = 0x80;
constexpr std::uint8_t flag_extended_header = 0x40;
constexpr std::uint8_t flag_footer = 0x10;

// Seven bits of each of four bytes (6.2).
std::size_t synchsafe(Bytes bytes) {
  std::size_t value = 0;
  for (const std::uint8_t byte : bytes.first(4)) value = value << 7U | (byte & 0x7FU);
  return value;
}

}  // namespace

std::optional<std::size_t> id3_tag_size(Bytes bytes) {
  if (bytes.size() < header_size || as_text(bytes.first(3)) != "ID3") return std::nullopt;
  const bool has_footer = (bytes[5] & flag_footer) != 0;
  const std::size_t size = header_size + synchsafe(bytes.subspan(6)) + (has_footer ? header_size : 0);
  if (size > bytes.size()) return std::nullopt;
  return size;
}

std::vector<PrivateFrame> private_frames(Bytes tag) {
  std::vector<PrivateFrame> frames;
  const std::uint8_t version = tag[3];
  // Unsynchronised tags have bytes put in; nobody writes them where a time is to be read.
  if (version < 3 || version > 4 || (tag[5] & flag_unsynchronised) != 0) return frames;
  Reader in{tag.subspan(header_size, synchsafe(tag.subspan(6)))};
  if ((tag[5] & flag_extended_header) != 0) {
    const Bytes size = in.take(4);
    // Version 2.4 counts the four bytes in (3.2).
    if (in.ok()) in.skip(version == 4 ? std::max<std::size_t>(synchsafe(size), 4) - 4 : Reader{size}.u32());
  }
  while (in.remaining() > header_size) {
    const std::string_view id = as_text(in.take(4));
    const Bytes size = in.take(4);
    in.skip(2);
    const Bytes body = in.take(version == 4 ? synchsafe(size) : Reader{size}.u32());
    if (!in.ok() || id[0] == 0) break;  // padding
    const std::size_t end = as_text(body).find('\0');
    if (id == "PRIV" && end != std::string_view::npos) {
      frames.push_back({as_text(body.first(end)), body.subspan(end + 1)});
    }
  }
  return frames;
}

}  // namespace tarn::mpegts
