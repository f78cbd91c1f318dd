// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/open_gop.h"

#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"

namespace tarn::codecs {
namespace {

// Where lengthSizeMinusOne stands in avcC and in hvcC (ISO/IEC 14496-15 5.3.3.1.2 and 8.3.3.1.2).
constexpr std::size_t avc_length_size = 4;
constexpr std::size_t hevc_length_size = 21;

// Calls with each NAL unit until that says false. False: lengths do not add up.
template <class SampleBytes, class Call>
bool each_nal(const StreamInfo& info, SampleBytes sample, Call call) {
  const std::size_t length_size_at = info.codec == Codec::h264 ? avc_length_size : hevc_length_size;
  if (info.config.size() <= length_size_at) return false;
  const std::size_t length_size = (info.config[length_size_at] & 3U) + 1;
  while (sample.size() > length_size) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < length_size; ++i) length = length << 8U | sample[i];
    sample = sample.subspan(length_size);
    if (length > sample.size()) return false;
    if (length > 0 && !call(sample.first(length))) return true;
    sample = sample.subspan(length);
  }
  return sample.empty();
}

bool is_open(std::uint8_t hevc_type) { return hevc_type == hevc::nal_cra || hevc_type == hevc::nal_bla_w_lp; }

}  // namespace

bool has_open_leading(const StreamInfo& info, Bytes sample) {
  if (info.codec != Codec::h264 && info.codec != Codec::hevc) return false;
  bool open = true;
  each_nal(info, sample, [&](Bytes nal) {
    const std::uint8_t type = info.codec == Codec::h264 ? avc::nal_type(nal[0]) : hevc::nal_type(nal[0]);
    const bool is_slice = info.codec == Codec::h264 ? type >= avc::nal_slice && type <= avc::nal_slice_idr
                                                    : type <= hevc::nal_last_slice;
    if (is_slice) open = info.codec == Codec::h264 ? type != avc::nal_slice_idr : is_open(type);
    return !is_slice;
  });
  return open;
}

void break_link(const StreamInfo& info, std::span<std::uint8_t> sample) {
  if (info.codec != Codec::hevc) return;
  each_nal(info, sample, [](std::span<std::uint8_t> nal) {
    if (is_open(hevc::nal_type(nal[0])))
      nal[0] = static_cast<std::uint8_t>((nal[0] & 0x81U) | hevc::nal_bla_n_lp << 1U);
    return true;
  });
}

}  // namespace tarn::codecs
