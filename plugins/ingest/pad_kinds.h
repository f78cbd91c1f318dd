// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/codecs/stream_info.h"

namespace tarn::ingest {

// The template of the source pads of hlsingestsrc and ingestselector for tracks of a codec.
inline const char* pad_template_of(codecs::Codec codec) {
  switch (codecs::kind_of(codec)) {
    case codecs::Kind::video:
      return "video_%u";
    case codecs::Kind::audio:
      return "audio_%u";
    case codecs::Kind::text:
      break;
  }
  return "text_%u";
}

}  // namespace tarn::ingest
