// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

// Supplemental enhancement information: sei_rbsp() of H.264 (7.3.2.3) and HEVC (7.3.2.4), which agree.
namespace tarn::codecs {

struct SeiMessage {
  std::uint32_t type = 0;
  Bytes payload;
};

// Goes over the messages of a NAL unit whose header and emulation prevention bytes are taken off.
class SeiReader {
 public:
  explicit SeiReader(Bytes payload) : in_(payload) {}

  // The next message; false at the end, or where one does not fit.
  bool next(SeiMessage& message) {
    // The trailing bits are one byte: fewer than two cannot hold a message.
    if (in_.remaining() < 2) return false;
    message.type = coded();
    message.payload = in_.take(coded());
    return in_.ok();
  }

 private:
  // A run of FF bytes and a last one, which add up.
  std::uint32_t coded() {
    std::uint32_t value = 0;
    std::uint8_t byte = 0xFF;
    while (in_.ok() && byte == 0xFF) {
      byte = in_.u8();
      value += byte;
    }
    return value;
  }

  Reader in_;
};

}  // namespace tarn::codecs
