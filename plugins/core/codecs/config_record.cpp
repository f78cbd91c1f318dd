// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "core/codecs/aac.h"
#include "core/codecs/avc.h"
#include "core/codecs/stream_info.h"

namespace tarn::codecs {

Result<StreamInfo> stream_info_from_config(Codec codec, Bytes record) {
  switch (codec) {
    case Codec::h264:
      return avc::stream_info_from_config(record);
    case Codec::aac:
      return aac::stream_info_from_config(record);
    default:
      return unsupported("configuration of codec " + std::string{name_of(codec)});
  }
}

}  // namespace tarn::codecs
