// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/open_gop.h"

#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"

namespace tarn::codecs {
namespace {

// Where lengthSizeMinusOne stands in avcC and in hvcC (ISO/IEC 14496-15 5.3.3.1.2 and 8.3.3.1.2).
constexpr std::size_t avc_length_size = 4;
constexpr std::size_t hevc_length_size = 21;

}  // namespace

bool has_open_leading(const StreamInfo& info, Bytes sample) {
  if (info.codec != Codec::h264 && info.codec != Codec::hevc) return false;
  const std::size_t length_size_at = info.codec == Codec::h264 ? avc_length_size : hevc_length_size;
  if (info.config.size() <= length_size_at) return true;
  const std::size_t length_size = (info.config[length_size_at] & 3U) + 1;
  while (sample.size() > length_size) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < length_size; ++i) length = length << 8U | sample[i];
    sample = sample.subspan(length_size);
    if (length > sample.size()) break;
    if (length > 0 && info.codec == Codec::h264) {
      const std::uint8_t type = avc::nal_type(sample[0]);
      if (type >= avc::nal_slice && type <= avc::nal_slice_idr) return type != avc::nal_slice_idr;
    } else if (length > 0) {
      const std::uint8_t type = hevc::nal_type(sample[0]);
      if (type <= hevc::nal_last_slice) return type == hevc::nal_cra || type == hevc::nal_bla_w_lp;
    }
    sample = sample.subspan(length);
  }
  return true;
}

}  // namespace tarn::codecs
