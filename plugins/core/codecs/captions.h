// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/codecs/sei.h"
#include "core/codecs/stream_info.h"

// Closed captions in the SEI of H.264 and HEVC (ATSC A/53 part 4 6.2.3: user data of ITU-T T.35, "GA94"), as
// far as it takes to say which there are.
namespace tarn::codecs {

struct CaptionsFound {
  std::uint8_t cea608 = 0;   // bit 0 is CC1, bit 3 CC4
  std::uint64_t cea708 = 0;  // bit n is service n, 1 to 63

  [[nodiscard]] bool any() const { return cea608 != 0 || cea708 != 0; }
  CaptionsFound& operator|=(const CaptionsFound& other) {
    cea608 |= other.cea608;
    cea708 |= other.cea708;
    return *this;
  }
  bool operator==(const CaptionsFound&) const = default;
};

// Looks at the messages of a stream one by one. CEA-608 channels count once a caption is addressed to them,
// or characters come that nothing else is known of; of CEA-708, service blocks that begin in a packet's first
// picture.
class CaptionDetector {
 public:
  void read(const SeiMessage& message);
  // An SEI NAL unit with its header, as it stands in a sample; others are passed over.
  void read_nal(Codec codec, Bytes nal);
  [[nodiscard]] const CaptionsFound& found() const { return found_; }

 private:
  // What the bytes of a field of CEA-608 belong to.
  struct Field {
    std::uint8_t channel = 0;  // 0 or 1: which of its two
    bool other_data = false;   // text service or extended data, no captions
  };

  void read_pair(std::size_t field, std::uint8_t first, std::uint8_t second);
  void read_packet(Bytes packet);

  CaptionsFound found_;
  std::array<Field, 2> fields_{};
};

}  // namespace tarn::codecs
