// SPDX-License-Identifier: Apache-2.0
// HEVC parameter sets, slices, SEI and configuration records: no input crashes the parsers, sizes are in
// range, and a record that was made says the same when it is read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/codecs/captions.h"
#include "core/codecs/hevc.h"
#include "core/codecs/nal.h"

namespace {

using namespace tarn;
using namespace tarn::codecs;

void require(bool held) {
  if (!held) std::abort();
}

// The next of the NAL units that start codes separate.
Bytes take_nal(Bytes& input) {
  const std::size_t end = find_start_code(input, 0);
  const Bytes nal = input.first(end);
  input = end + 3 <= input.size() ? input.subspan(end + 3) : Bytes{};
  return nal;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes input{data, size};
  (void)hevc::parse_slice_header(input);
  CaptionDetector captions;
  captions.read_nal(Codec::hevc, input);
  captions.read_nal(Codec::h264, input);
  require(captions.found().cea608 < 16 && (captions.found().cea708 & 1U) == 0);
  if (const Result<StreamInfo> read = hevc::stream_info_from_config(input); read.ok()) {
    require(read->width > 0 && read->height > 0 && !read->codec_string.empty());
    require(read->sar_width > 0 && read->sar_height > 0 && read->frame_rate_denominator > 0);
  }

  const Bytes vps = take_nal(input);
  const Bytes sps = take_nal(input);
  const Bytes pps = take_nal(input);
  const Result<hevc::Sps> parsed = hevc::parse_sps(sps);
  if (parsed.ok()) {
    require(parsed->width > 0 && parsed->width <= 16'384 && parsed->height > 0 && parsed->height <= 16'384);
    require(parsed->id < 16 && parsed->temporal_layers >= 1 && parsed->temporal_layers <= 7);
  }
  const Result<StreamInfo> made = hevc::stream_info({&vps, 1}, {&sps, 1}, {&pps, 1});
  if (!made.ok()) return 0;
  require(parsed.ok() && hevc::parse_vps(vps).ok() && hevc::parse_pps(pps).ok());
  const Result<StreamInfo> read = hevc::stream_info_from_config(made->config);
  require(read.ok() && *read == *made);
  return 0;
}
