// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "core/codecs/aac.h"
#include "core/codecs/ac3.h"
#include "core/codecs/av1.h"
#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"
#include "core/codecs/mp3.h"
#include "core/codecs/opus.h"
#include "core/codecs/stream_info.h"
#include "core/codecs/vp9.h"

namespace tarn::codecs {

namespace {

// ISO/IEC 14496-30 7.5: the record is the head of a WebVTT file.
Result<StreamInfo> webvtt_info(Bytes record) {
  if (!as_text(record).starts_with("WEBVTT")) return malformed("vttC: does not begin with WEBVTT");
  StreamInfo info;
  info.codec = Codec::webvtt;
  info.config.assign(record.begin(), record.end());
  info.codec_string = "wvtt";
  return info;
}

}  // namespace

Result<StreamInfo> stream_info_from_config(Codec codec, Bytes record) {
  switch (codec) {
    case Codec::h264:
      return avc::stream_info_from_config(record);
    case Codec::hevc:
      return hevc::stream_info_from_config(record);
    case Codec::av1:
      return av1::stream_info_from_config(record);
    case Codec::vp9:
      return vp9::stream_info_from_config(record);
    case Codec::aac:
      return aac::stream_info_from_config(record);
    case Codec::ac3:
      return ac3::stream_info_from_dac3(record);
    case Codec::eac3:
      return ac3::stream_info_from_dec3(record);
    case Codec::mp3:
      return mp3::stream_info_from_config(record);
    case Codec::opus:
      return opus::stream_info_from_config(record);
    case Codec::webvtt:
      break;
  }
  return webvtt_info(record);
}

}  // namespace tarn::codecs
