// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"

// splice_info_section() of SCTE 35, as far as its time has to be known; it is carried as it is.
namespace tarn::mpegts {

inline constexpr std::uint8_t table_splice_info = 0xFC;

struct SpliceInfo {
  // splice_null() and bandwidth_reservation() only show that the stream is alive.
  bool is_idle = false;
  // 33 bits, 90 kHz, with pts_adjustment; nothing: immediately, or encrypted.
  std::optional<std::int64_t> time;
  std::optional<std::uint64_t> duration;  // break_duration(), 90 kHz
};
// Errors: unsupported (another table or protocol version), malformed.
Result<SpliceInfo> parse_splice_info(Bytes section);

// The section with its pts_adjustment set so that its time is `time` (33 bits), and its CRC anew; unchanged
// when it has no time that can be read. REQUIRES: parse_splice_info(section).ok()
ByteVector retimed(Bytes section, std::int64_t time);

// A section with splice_null(), the heartbeat of SCTE 35 (9.7.1), CRC and all.
ByteVector write_splice_null();

}  // namespace tarn::mpegts
