// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"

// AC-3 and E-AC-3 (ETSI TS 102 366, ATSC A/52): syncframes, the access units made of them, and the
// configuration records "dac3" (F.4) and "dec3" (F.6).
namespace tarn::codecs::ac3 {

inline constexpr std::size_t probe_bytes = 6;  // what parse_frame needs to know size and kind
inline constexpr std::uint32_t samples_per_block = 256;
inline constexpr std::uint32_t blocks_per_unit = 6;

// syncinfo() and bsi() of a syncframe. Fields after `lfe` need more of the frame than probe_bytes, and are 0
// when it is not there.
struct Frame {
  enum class Type : std::uint8_t { independent = 0, dependent = 1, wrapped_ac3 = 2 };
  bool enhanced = false;  // E-AC-3
  Type type = Type::independent;
  std::uint8_t substream = 0;
  std::uint32_t size = 0;      // bytes
  std::uint32_t blocks = 6;    // of 256 samples
  std::uint8_t rate_code = 0;  // fscod; 3: half rates of E-AC-3
  std::uint32_t sample_rate = 0;
  std::uint8_t bit_rate_code = 0;  // AC-3: frmsizecod / 2
  std::uint8_t bsid = 0;
  std::uint8_t mode = 0;  // acmod
  bool lfe = false;
  std::uint8_t service = 0;          // bsmod
  std::uint16_t channel_map = 0;     // chanmap of a dependent substream
  std::uint32_t joc_complexity = 0;  // ETSI TS 103 420 8.3; 0: no objects

  // Begins an access unit: independent substream 0.
  [[nodiscard]] bool leads() const { return type != Type::dependent && substream == 0; }
};
// Nothing when the bytes do not begin with a syncframe. `bytes` may end anywhere after probe_bytes.
std::optional<Frame> parse_frame(Bytes bytes);

// The frames of one access unit: 1536 samples of independent substream 0 with everything that belongs to
// them. An AC-3 syncframe is one by itself.
struct AccessUnit {
  std::uint32_t size = 0;    // of its frames so far; more than was given when the first one is not all there
  std::uint32_t blocks = 0;  // of substream 0, in frames that are all there
  bool complete = false;     // what follows was seen, and begins another unit
  std::uint64_t signature = 0;  // equal for units that stream_info() describes alike, but for the data rate
};
// Nothing when `bytes` do not begin with a syncframe that leads.
std::optional<AccessUnit> parse_unit(Bytes bytes);

// Description of the stream an access unit is of. `unit`: as parse_unit found it.
Result<StreamInfo> stream_info(Bytes unit);
// From the payload of dac3 or dec3, which is taken over byte for byte.
Result<StreamInfo> stream_info_from_dac3(Bytes dac3);
Result<StreamInfo> stream_info_from_dec3(Bytes dec3);

// Where the channels of an AC-3 or E-AC-3 stream are, as chanmap (table E.1.4) says it: the most significant
// bit is Left, the least the low frequency channel. 0 when the record cannot be read.
std::uint16_t channel_map(const StreamInfo& info);

}  // namespace tarn::codecs::ac3
