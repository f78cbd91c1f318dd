// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "core/codecs/open_gop.h"
#include "core/mpegts/demuxer.h"
#include "tests/core/codecs/h264_builder.h"
#include "tests/core/mpegts/ts_builder.h"

// Units to put into segments, and what the demuxer made of them.
namespace tarn::test {

inline ByteVector unit_bytes(const codecs::ElementaryStream& stream, std::size_t index) {
  const codecs::AccessUnit& unit = stream.units.at(index);
  const Bytes bytes = stream.data.bytes().subspan(unit.offset, unit.size);
  return {bytes.begin(), bytes.end()};
}

inline bool has_open_leading(const codecs::ElementaryStream& stream, const codecs::AccessUnit& unit) {
  return codecs::has_open_leading(stream.configs.at(unit.config),
                                  stream.data.bytes().subspan(unit.offset, unit.size));
}

inline std::vector<std::int64_t> all_dts(const codecs::ElementaryStream& stream) {
  std::vector<std::int64_t> times;
  for (const codecs::AccessUnit& unit : stream.units) times.push_back(unit.dts);
  return times;
}

inline ByteVector idr(std::uint32_t seed = 1, std::size_t size = 400) {
  return make_slice({.header = 0x65, .type = 7, .size = size, .seed = seed});
}
inline ByteVector inter(std::uint32_t seed, std::size_t size = 150) {
  return make_slice({.frame_num = seed % 256, .size = size, .seed = seed});
}
inline ByteVector sync_unit(std::uint32_t seed = 1) {
  return byte_stream({make_delimiter(), make_sps({}), make_pps(), idr(seed)});
}
inline ByteVector inter_unit(std::uint32_t seed) { return byte_stream({make_delimiter(), inter(seed)}); }

// One IDR and `count` - 1 P frames, 3600 ticks apart.
inline void add_gop(TsBuilder& ts, std::int64_t dts, std::uint32_t count, bool bounded = false) {
  for (std::uint32_t i = 0; i < count; ++i) {
    ts.pes(video_pid, i == 0 ? sync_unit() : inter_unit(i),
           {.pts = dts + 3600 * i + 7200, .dts = dts + 3600 * i, .bounded = bounded});
  }
}

inline codecs::MediaSegment demuxed(const ByteVector& bytes) {
  Result<codecs::MediaSegment> segment = mpegts::demux(bytes);
  EXPECT_TRUE(segment.ok()) << (segment.ok() ? "" : segment.error().message);
  return segment.ok() ? std::move(segment).value() : codecs::MediaSegment{};
}

inline Error refused(const ByteVector& bytes) {
  Result<codecs::MediaSegment> segment = mpegts::demux(bytes);
  EXPECT_FALSE(segment.ok());
  return segment.ok() ? Error{} : segment.error();
}

}  // namespace tarn::test
