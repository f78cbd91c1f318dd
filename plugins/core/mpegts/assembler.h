// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/codecs/media_segment.h"
#include "core/mpegts/pes.h"

namespace tarn::mpegts {

// Makes the access units of one elementary stream out of the payload of its PES packets.
class Assembler : public PayloadSink {
 public:
  // Must be called once, at the end: units, configurations and data go to `out`.
  virtual void finish(codecs::ElementaryStream& out) = 0;
};

}  // namespace tarn::mpegts
