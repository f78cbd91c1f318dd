// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/captions.h"
#include "core/codecs/stream_info.h"

namespace tarn::isobmff {

// Samples of H.264 or HEVC as encoders write them (ISO/IEC 14496-15 5.3 and 8.3), brought into the form of
// codecs::ElementaryStream: NAL units behind 4-byte lengths, without delimiters, filler data and parameter
// sets. Parameter sets inside of samples (avc3, hev1) that differ from those in force make a configuration.
class SampleNals {
 public:
  static Result<SampleNals> make(const codecs::StreamInfo& info);

  struct Sample {
    bool sync = false;         // has a picture that decoding may begin with: IDR, or IRAP of HEVC
    bool intra = false;        // H.264: all of its slices are I slices
    std::uint32_t config = 0;  // index into configs()
  };
  // Whether the bytes are in that form already.
  // Errors: malformed (lengths do not add up). Nothing of the sample is taken then.
  Result<Sample> read(Bytes sample, bool& as_it_is);
  // Appends the sample that was read() last.
  void append(Bytes sample, ByteVector& out) const;

  // The first is that of the header, with 4-byte lengths.
  [[nodiscard]] const std::vector<codecs::StreamInfo>& configs() const { return configs_; }
  [[nodiscard]] const codecs::CaptionsFound& captions() const { return captions_.found(); }

 private:
  using Sets = std::vector<std::vector<ByteVector>>;  // [VPS,] SPS, PPS

  SampleNals() = default;
  template <class Call>
  bool each_nal(Bytes sample, Call call) const;
  [[nodiscard]] int set_of(Bytes nal) const;  // index into Sets; -1: no parameter set
  [[nodiscard]] bool is_dropped(Bytes nal) const;
  [[nodiscard]] Result<codecs::StreamInfo> describe(const Sets& sets) const;
  void take_sets(Sets came);

  bool hevc_ = false;
  std::size_t length_size_ = 4;
  std::vector<codecs::StreamInfo> configs_;
  Sets sets_;
  codecs::CaptionDetector captions_;
};

}  // namespace tarn::isobmff
