// SPDX-License-Identifier: Apache-2.0
// H.264 parameter sets, slices, SEI and configuration records: no input crashes the parsers, sizes are
// in range, and a record that was made can be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/codecs/avc.h"
#include "core/codecs/nal.h"

namespace {

using namespace tarn;
using namespace tarn::codecs;

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input{data, size};
  (void)avc::has_recovery_point(input);
  (void)avc::parse_slice_header(input, nullptr);
  (void)avc::stream_info_from_config(input);
  ByteVector copy(size);
  const std::size_t end = find_start_code(input, 0);
  require(copy_until_start_code(input, copy.data()) == end);

  const Bytes sps = input.first(end);
  const Result<avc::Sps> parsed = avc::parse_sps(sps);
  if (!parsed.ok()) return 0;
  require(parsed->width > 0 && parsed->width <= 16'384 && parsed->height > 0 && parsed->height <= 32'768);
  require(parsed->sar_width > 0 && parsed->sar_height > 0 && parsed->frame_rate_denominator > 0);
  if (end + 3 > size) return 0;
  const Bytes rest = input.subspan(end + 3);
  (void)avc::parse_slice_header(rest, &*parsed);
  const Result<StreamInfo> made = avc::stream_info(sps, rest);
  if (!made.ok()) return 0;
  const Result<StreamInfo> read = avc::stream_info_from_config(made->config);
  require(read.ok() && *read == *made);
  return 0;
}
