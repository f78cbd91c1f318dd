// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/captions.h"

#include <algorithm>

#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"
#include "core/codecs/nal.h"

namespace tarn::codecs {
namespace {

constexpr std::uint32_t user_data_registered = 4;  // payloadType
constexpr std::uint8_t country_usa = 0xB5;
constexpr std::uint16_t provider_atsc = 0x0031;
constexpr std::uint32_t identifier_ga94 = 0x47413934;
constexpr std::uint8_t type_cc_data = 3;

// cc_type, CEA-708 table 3
constexpr unsigned type_dtvcc_data = 2;
constexpr unsigned type_dtvcc_start = 3;

// Miscellaneous control codes of CEA-608 that begin captions, and those that begin text.
bool begins_captions(std::uint8_t code) {
  return code == 0x20 || (code >= 0x25 && code <= 0x27) || code == 0x29 || code == 0x2F;
}
bool begins_text(std::uint8_t code) { return code == 0x2A || code == 0x2B; }

}  // namespace

void CaptionDetector::read_nal(Codec codec, Bytes nal) {
  const bool is_hevc = codec == Codec::hevc;
  const std::size_t header_size = is_hevc ? hevc::nal_header_size : 1;
  if (nal.size() <= header_size) return;
  const bool is_sei =
      is_hevc ? hevc::nal_type(nal[0]) == hevc::nal_prefix_sei : avc::nal_type(nal[0]) == avc::nal_sei;
  if (!is_sei) return;
  const ByteVector payload = unescape(nal.subspan(header_size));
  SeiReader messages{payload};
  for (SeiMessage message; messages.next(message);) read(message);
}

void CaptionDetector::read(const SeiMessage& message) {
  if (message.type != user_data_registered) return;
  Reader in{message.payload};
  if (in.u8() != country_usa || in.u16() != provider_atsc || in.u32() != identifier_ga94) return;
  if (in.u8() != type_cc_data) return;
  const std::uint8_t flags = in.u8();
  in.skip(1);                        // em_data
  if ((flags & 0x40U) == 0) return;  // process_cc_data_flag
  ByteVector packet;
  for (unsigned left = flags & 0x1FU; left > 0 && in.remaining() >= 3; --left) {
    const std::uint8_t head = in.u8();
    const std::uint8_t first = in.u8();
    const std::uint8_t second = in.u8();
    if ((head & 4U) == 0) continue;  // cc_valid
    const unsigned type = head & 3U;
    if (type < type_dtvcc_data) {
      read_pair(type, first & 0x7FU, second & 0x7FU);
      continue;
    }
    if (type == type_dtvcc_start) {
      read_packet(packet);
      packet.clear();
    } else if (packet.empty()) {
      continue;  // goes on from another picture, which need not be the one before in decode order
    }
    packet.push_back(first);
    packet.push_back(second);
  }
  read_packet(packet);
}

// CEA-608-E 8.4 and 8.5; parity is taken off.
void CaptionDetector::read_pair(std::size_t field_index, std::uint8_t first, std::uint8_t second) {
  Field& field = fields_[field_index];
  if (first == 0 && second == 0) return;
  if (first > 0 && first < 0x10) {  // extended data services
    field.other_data = true;
    return;
  }
  if (first < 0x20) {
    field.channel = (first & 8U) != 0 ? 1 : 0;
    const bool is_control = (first & 0x76U) == 0x14;  // 14, 15, 1C, 1D
    if (!is_control) return;
    if (begins_text(second)) field.other_data = true;
    if (!begins_captions(second)) return;
    field.other_data = false;
  } else if (field.other_data) {
    return;
  }
  found_.cea608 |= static_cast<std::uint8_t>(1U << (2 * field_index + field.channel));
}

// The service blocks (CEA-708-E 6.2) at the beginning of a caption channel packet, as far as it is here.
void CaptionDetector::read_packet(Bytes packet) {
  if (packet.empty()) return;
  const std::size_t size_code = packet[0] & 0x3FU;
  const std::size_t size = size_code == 0 ? 128 : size_code * 2;
  Reader in{packet.first(std::min(packet.size(), size))};
  in.skip(1);
  while (in.remaining() >= 1) {
    const std::uint8_t head = in.u8();
    unsigned service = head >> 5U;
    const unsigned block_size = head & 0x1FU;
    if (service == 0 || block_size == 0) return;  // a null block: nothing follows
    if (service == 7) service = in.u8() & 0x3FU;
    if (!in.ok()) return;
    if (service != 0) found_.cea708 |= std::uint64_t{1} << service;
    in.skip(block_size);
  }
}

}  // namespace tarn::codecs
