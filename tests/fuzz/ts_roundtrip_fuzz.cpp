// SPDX-License-Identifier: Apache-2.0
// Whatever samples the writer accepts, the demuxer gives back: their bytes, times, and sync marks.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <vector>

#include "core/base/time.h"
#include "core/codecs/aac.h"
#include "core/codecs/audio_frames.h"
#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"
#include "core/mpegts/demuxer.h"
#include "core/mpegts/segment_writer.h"
#include "tests/core/codecs/audio_builder.h"
#include "tests/core/codecs/h264_builder.h"
#include "tests/core/codecs/hevc_builder.h"

namespace {

using namespace tarn;
using namespace tarn::mpegts;

constexpr std::int64_t mask = (std::int64_t{1} << 33U) - 1;

void require(bool held) {
  if (!held) std::abort();
}

struct Samples {
  std::vector<Stream> streams{2};
  std::deque<ByteVector> bytes;
};

constexpr codecs::Codec audio_codecs[]{codecs::Codec::aac, codecs::Codec::ac3, codecs::Codec::eac3,
                                       codecs::Codec::mp3};

codecs::StreamInfo hevc_info() {
  const ByteVector vps = test::hevc_vps();
  const ByteVector sps = test::hevc_sps();
  const ByteVector pps = test::hevc_pps();
  const Bytes sets[]{vps, sps, pps};
  return codecs::hevc::stream_info({sets, 1}, {sets + 1, 1}, {sets + 2, 1}).value();
}

ByteVector video_nal(codecs::Codec codec, bool sync, std::uint32_t count, std::uint32_t size) {
  if (codec == codecs::Codec::hevc)
    return test::hevc_slice(sync ? 19 + 2 * (count % 2) : 1, count, true, size);
  return test::make_slice({.header = sync ? std::uint8_t{0x65} : std::uint8_t{0x41},
                           .type = 7,
                           .frame_num = count % 256,
                           .size = size,
                           .seed = count});
}

ByteVector audio_sample(codecs::Codec codec, std::uint32_t size, std::uint8_t fill) {
  switch (codec) {
    case codecs::Codec::ac3:
      return test::ac3_frame(fill);
    case codecs::Codec::eac3:
      return test::eac3_frame({.size = 64 + size / 2 * 2, .fill = fill});
    case codecs::Codec::mp3:
      return test::mp3_frame(fill);
    default:
      return ByteVector(size + 1, fill);
  }
}

codecs::StreamInfo audio_info(codecs::Codec codec) {
  if (codec == codecs::Codec::aac)
    return codecs::aac::stream_info_from_config(ByteVector{0x11, 0x90}).value();
  return codecs::audio_syntax(codec)->describe(audio_sample(codec, 0, 1)).value();
}

// The first byte says the codecs; then four bytes of input make one sample.
Samples make_samples(Bytes input) {
  Samples made;
  Stream& video = made.streams[0];
  Stream& audio = made.streams[1];
  Reader in{input};
  const std::uint8_t choice = in.u8();
  const codecs::Codec audio_codec = audio_codecs[choice & 3U];
  video.info = (choice & 4U) != 0 ? hevc_info()
                                  : codecs::avc::stream_info(test::make_sps({}), test::make_pps()).value();
  audio.info = audio_info(audio_codec);
  const std::int64_t frame = rescale(audio.info.samples_per_frame, audio.info.sample_rate, 90'000);
  std::int64_t dts = static_cast<std::int64_t>(in.u32()) * 3 - 1'000'000;
  std::int64_t audio_pts = dts + in.u8();
  std::uint32_t count = 0;
  while (in.remaining() >= 4) {
    const std::uint8_t kind = in.u8();
    const std::uint8_t step = in.u8();
    const std::uint32_t size = in.u16() % 600;
    ++count;
    if (kind % 2 == 0) {
      dts += step == 255 ? 40'000 : 900 + step * 20;
      const bool sync = kind % 8 == 0;
      const ByteVector nal = video_nal(video.info.codec, sync, count, size);
      ByteVector& data = made.bytes.emplace_back();
      Writer out{data};
      if (kind % 16 == 2) {
        out.u32(5);
        out.u8((choice & 4U) != 0 ? 39U << 1U : 6U);
        out.u32(0x01FF0080);
      }
      out.u32(nal.size());
      out.bytes(nal);
      video.samples.push_back({dts, dts + kind * 30, data, sync});
    } else {
      audio_pts += kind % 4 == 1 ? frame : frame + step;
      made.bytes.push_back(audio_sample(audio_codec, size, step));
      audio.samples.push_back({audio_pts, audio_pts, made.bytes.back(), true});
    }
  }
  return made;
}

void expect_same(const Stream& in, const codecs::ElementaryStream& out) {
  require(in.samples.size() == out.units.size() && in.info.codec == out.codec);
  for (std::size_t i = 0; i < in.samples.size(); ++i) {
    const codecs::AccessUnit& unit = out.units[i];
    const Bytes data = out.data.bytes().subspan(unit.offset, unit.size);
    require(std::equal(data.begin(), data.end(), in.samples[i].data.begin(), in.samples[i].data.end()));
    const bool is_video = codecs::kind_of(out.codec) == codecs::Kind::video;
    const std::int64_t frame = is_video ? 0 : rescale(in.info.samples_per_frame, in.info.sample_rate, 90'000);
    const std::int64_t offset = unit.frame_in_pes * frame;
    const std::int64_t expected = in.samples[i].pts & mask;
    // The writer takes frames together that adjoin within a tick.
    const std::int64_t distance = (unit.pts + offset - expected + 1) & mask;
    require(is_video ? distance == 1 : distance <= 2);
    require(!is_video || unit.dts == (in.samples[i].dts & mask));
    require(unit.sync == in.samples[i].sync);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Samples made = make_samples({data, std::min<std::size_t>(size, 300)});
  const Result<ByteVector> written = write_segment(made.streams);
  const bool empty = made.streams[0].samples.empty() && made.streams[1].samples.empty();
  require(written.ok() != empty);
  if (empty) return 0;
  const Result<codecs::MediaSegment> segment = demux(*written);
  require(segment.ok() && !segment->truncated);
  require(segment->continuity_errors == 0 && segment->damaged_packets == 0);
  std::size_t next = 0;
  for (const Stream& stream : made.streams) {
    if (!stream.samples.empty()) expect_same(stream, segment->streams.at(next++));
  }
  require(next == segment->streams.size());
  return 0;
}
