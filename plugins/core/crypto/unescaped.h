// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"

namespace tarn::crypto {

// The beginning of a NAL unit without its emulation prevention bytes, and where those were.
class Unescaped {
 public:
  static constexpr std::size_t longest = 1024;

  Unescaped(Bytes escaped, std::size_t limit) {
    unsigned zeros = 0;
    for (std::size_t i = 0; i < escaped.size() && size_ < limit; ++i) {
      const std::uint8_t byte = escaped[i];
      if (zeros >= 2 && byte == 3) {
        zeros = 0;
        if (removed_count_ < removed_.size()) removed_[removed_count_] = static_cast<std::uint16_t>(size_);
        ++removed_count_;
        continue;
      }
      zeros = byte == 0 ? zeros + 1 : 0;
      bytes_[size_++] = byte;
    }
  }

  [[nodiscard]] Bytes bytes() const { return {bytes_.data(), size_}; }
  // How many escaped bytes the first `count` bytes were.
  [[nodiscard]] std::size_t escaped_size(std::size_t count) const {
    std::size_t removed = 0;
    while (removed < removed_count_ && removed < removed_.size() && removed_[removed] < count) ++removed;
    return count + removed;
  }

 private:
  std::array<std::uint8_t, longest> bytes_;
  std::array<std::uint16_t, longest / 2> removed_;  // index in bytes_ in front of which one was
  std::size_t size_ = 0;
  std::size_t removed_count_ = 0;
};

}  // namespace tarn::crypto
