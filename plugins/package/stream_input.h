// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <memory>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/audio_frames.h"
#include "core/codecs/stream_info.h"
#include "gstkit/ref.h"

namespace tarn::package {

// The elementary stream formats cmafpackager takes, brought into the one form that CMAF carries:
// H.264 and HEVC byte streams become length-prefixed with their parameter sets moved to the configuration
// record, ADTS headers are taken off, temporal
// units of AV1 lose their delimiters and are described by their first sequence header. Streams that are in
// that form already pass untouched; AC-3 and E-AC-3 without a configuration record are described by their
// first frame.
class StreamInput {
 public:
  Status set_caps(const GstCaps* caps);

  // What is known of the stream: from the caps, else from the first access unit that has it. Changes
  // when a byte stream's parameter sets change.
  [[nodiscard]] const std::optional<codecs::StreamInfo>& info() const { return info_; }

  // The access unit in the form that CMAF carries; empty when it cannot be used before parameter sets
  // have come.
  Result<gstkit::Ref<GstBuffer>> convert(gstkit::Ref<GstBuffer> unit);

 private:
  enum class Format { as_is, byte_stream, framed_audio, temporal_units };
  // By kind: those of H.264 are SPS and PPS, those of HEVC have the VPS in front.
  using ParameterSets = std::vector<std::vector<ByteVector>>;

  Result<gstkit::Ref<GstBuffer>> from_byte_stream(const gstkit::Ref<GstBuffer>& unit);
  Result<gstkit::Ref<GstBuffer>> from_framed_audio(gstkit::Ref<GstBuffer> unit);
  Result<gstkit::Ref<GstBuffer>> from_temporal_unit(const gstkit::Ref<GstBuffer>& unit);
  Status take_parameter_sets(ParameterSets came);

  Format format_ = Format::as_is;
  bool hevc_ = false;
  gstkit::Ref<GstCaps> caps_;
  std::optional<codecs::StreamInfo> info_;
  ParameterSets sets_;
  ByteVector sequence_header_;                   // of AV1
  std::unique_ptr<codecs::AudioSyntax> syntax_;  // of framed audio
};

}  // namespace tarn::package
