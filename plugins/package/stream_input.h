// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/stream_info.h"
#include "gstkit/ref.h"

namespace tarn::package {

// The elementary stream formats cmafpackager takes, brought into the one form that CMAF carries:
// H.264 byte streams become length-prefixed with their parameter sets moved to the configuration
// record, ADTS headers are taken off. Streams that are in that form already pass untouched.
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
  enum class Format { as_is, h264_byte_stream, adts };

  Result<gstkit::Ref<GstBuffer>> from_byte_stream(gstkit::Ref<GstBuffer> unit);
  Result<gstkit::Ref<GstBuffer>> from_adts(gstkit::Ref<GstBuffer> unit);
  Status take_parameter_sets(std::vector<ByteVector> sps, std::vector<ByteVector> pps);

  Format format_ = Format::as_is;
  gstkit::Ref<GstCaps> caps_;
  std::optional<codecs::StreamInfo> info_;
  std::vector<ByteVector> sps_;
  std::vector<ByteVector> pps_;
};

}  // namespace tarn::package
