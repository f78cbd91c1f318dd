// SPDX-License-Identifier: Apache-2.0
// Access units that are looked into or changed on their way (the first byte says of which codec and how its
// lengths are written): temporal units of AV1, and the sync samples of open GOPs.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/codecs/av1.h"
#include "core/codecs/open_gop.h"

namespace {

using namespace tarn;
using namespace tarn::codecs;

void require(bool held) {
  if (!held) std::abort();
}

void read_av1(Bytes unit) {
  const Result<av1::TemporalUnit> read = av1::read_temporal_unit(unit);
  if (!read.ok()) return;
  require(read->sample.size() <= unit.size());
  const Result<av1::TemporalUnit> again = av1::read_temporal_unit(read->sample);
  require(again.ok() && again->sample == read->sample && again->sequence_header == read->sequence_header);
  if (!read->sequence_header) return;
  const Result<ByteVector> record = av1::configuration_record(*read->sequence_header);
  if (record.ok()) require(av1::stream_info_from_config(*record).ok());
}

void break_gop(const StreamInfo& info, Bytes sample) {
  const bool was_open = has_open_leading(info, sample);
  ByteVector broken{sample.begin(), sample.end()};
  break_link(info, broken);
  require(was_open || !has_open_leading(info, broken));
  const ByteVector once = broken;
  break_link(info, broken);
  require(broken == once);
  if (info.codec != Codec::hevc) require(std::equal(once.begin(), once.end(), sample.begin(), sample.end()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes unit{data + 1, size - 1};
  if (data[0] % 3 == 0) {
    read_av1(unit);
    return 0;
  }
  StreamInfo info;
  info.codec = data[0] % 3 == 1 ? Codec::h264 : Codec::hevc;
  info.config = ByteVector(23, data[0] >> 2U & 3U);
  break_gop(info, unit);
  return 0;
}
