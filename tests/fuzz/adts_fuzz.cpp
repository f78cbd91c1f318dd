// SPDX-License-Identifier: Apache-2.0
// ADTS headers and AudioSpecificConfig: no input crashes the parsers, and what they accept survives
// being written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/codecs/aac.h"

namespace {

using namespace tarn;
using namespace tarn::codecs;

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input{data, size};
  if (const auto header = aac::parse_adts(input)) {
    require(header->frame_size > header->header_size);
    if (const auto config = aac::config_from_adts(*header); config.ok()) {
      const auto writer = aac::AdtsWriter::for_config(*config);
      require(writer.ok());
      if (header->frame_size - header->header_size <= aac::AdtsWriter::max_frame_size) {
        const auto written = aac::parse_adts(writer->header(header->frame_size - header->header_size));
        require(written && written->same_stream(*header));
      }
    }
  }
  const Result<StreamInfo> info = aac::stream_info_from_config(input);
  if (!info.ok()) return 0;
  require(info->sample_rate > 0 && info->channels > 0 && info->samples_per_frame > 0);
  if (const auto writer = aac::AdtsWriter::for_config(input); writer.ok()) {
    require(aac::parse_adts(writer->header(100)).has_value());
  }
  return 0;
}
