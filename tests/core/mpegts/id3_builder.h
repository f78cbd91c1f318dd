// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/base/bytes.h"
#include "tests/core/mpegts/ts_builder.h"

// ID3 tags as HLS uses them, made with nothing of the code under test.
namespace tarn::test {

inline constexpr std::string_view timestamp_owner = "com.apple.streaming.transportStreamTimestamp";

inline ByteVector synchsafe(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 21U & 0x7FU), static_cast<std::uint8_t>(value >> 14U & 0x7FU),
          static_cast<std::uint8_t>(value >> 7U & 0x7FU), static_cast<std::uint8_t>(value & 0x7FU)};
}

// REQUIRES: a body of less than 128 bytes, or a version 2.4 tag
inline ByteVector id3_frame(std::string_view id, const ByteVector& body) {
  return joined({{id.begin(), id.end()}, synchsafe(body.size()), {0, 0}, body});
}
inline ByteVector id3_priv(std::string_view owner, const ByteVector& data) {
  return id3_frame("PRIV", joined({{owner.begin(), owner.end()}, {0}, data}));
}
inline ByteVector id3_tag(const ByteVector& frames, std::uint8_t version = 4) {
  return joined({{'I', 'D', '3', version, 0, 0}, synchsafe(frames.size()), frames});
}
inline ByteVector timestamp_data(std::int64_t time) {
  ByteVector data;
  Writer{data}.u64(static_cast<std::uint64_t>(time));
  return data;
}
inline ByteVector timestamp_tag(std::int64_t time) {
  return id3_tag(id3_priv(timestamp_owner, timestamp_data(time)));
}

}  // namespace tarn::test
