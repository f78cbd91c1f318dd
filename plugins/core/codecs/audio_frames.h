// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/aac.h"
#include "core/codecs/stream_info.h"

// Audio that frames itself: a stream of bytes in which each frame begins with a sync word and says how long
// it is (ADTS, AC-3, E-AC-3, MP3), as MPEG-TS and packed audio carry it.
namespace tarn::codecs {

struct AudioFrame {
  std::uint32_t size = 0;         // with header; may be more than the bytes that were given
  std::uint32_t header_size = 0;  // of the transport's header, which samples do not carry
  bool complete = true;           // size is final; else bytes behind it must be seen first
  bool whole = true;              // has all samples a frame must have
  std::uint64_t stream = 0;       // equal for the frames of a stream; the first probe_size() bytes say it
  std::uint64_t config = 0;       // equal for frames that describe() describes alike
};

class AudioSyntax {
 public:
  virtual ~AudioSyntax() = default;
  [[nodiscard]] virtual Codec codec() const = 0;
  [[nodiscard]] virtual std::size_t probe_size() const = 0;
  // Nothing when `bytes` do not begin with a frame. REQUIRES: probe_size() bytes
  [[nodiscard]] virtual std::optional<AudioFrame> parse(Bytes bytes) const = 0;
  // `frame`: as parse() found it
  [[nodiscard]] virtual Result<StreamInfo> describe(Bytes frame) const = 0;
};

// `extension`: what the container knows of AAC. REQUIRES: a codec of the four named above
std::unique_ptr<AudioSyntax> audio_syntax(Codec codec, aac::Extension extension = aac::Extension::none);

}  // namespace tarn::codecs
