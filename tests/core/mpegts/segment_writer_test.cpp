// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/segment_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "core/base/text.h"
#include "core/base/time.h"
#include "core/codecs/aac.h"
#include "core/codecs/ac3.h"
#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"
#include "core/codecs/mp3.h"
#include "core/mpegts/demuxer.h"
#include "core/mpegts/lead.h"
#include "tests/core/codecs/audio_builder.h"
#include "tests/core/codecs/h264_builder.h"
#include "tests/core/codecs/hevc_builder.h"
#include "tests/core/mpegts/demuxed_units.h"
#include "tests/core/mpegts/transport_rules.h"
#include "tests/core/mpegts/ts_builder.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::HasSubstr;

constexpr std::uint64_t mask = (std::uint64_t{1} << 33U) - 1;

// Streams whose samples have somewhere to live.
class Source {
 public:
  Stream& add_video() {
    Stream& stream = streams.emplace_back();
    stream.info = codecs::avc::stream_info(make_sps({}), make_pps()).value();
    return stream;
  }
  Stream& add_audio(const char* language = "") {
    Stream& stream = streams.emplace_back();
    stream.info = codecs::aac::stream_info_from_config(*parse_hex("1190")).value();
    stream.language = language;
    return stream;
  }
  Bytes keep(ByteVector bytes) { return bytes_.emplace_back(std::move(bytes)); }

  void add_pictures(Stream& stream, std::int64_t begin, std::uint32_t count, std::int64_t duration,
                    std::size_t size = 2000) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const bool sync = i % 50 == 0;
      const ByteVector slice = make_slice({.header = sync ? std::uint8_t{0x65} : std::uint8_t{0x41},
                                           .type = sync ? 7U : 5U,
                                           .frame_num = i % 200,
                                           .size = sync ? size * 5 : size,
                                           .seed = i});
      const ByteVector sei = make_nal(0x06, *parse_hex("0502aabb80"));
      const std::int64_t dts = begin + duration * i;
      stream.samples.push_back(
          {dts, dts + duration * (1 + i % 3), keep(length_prefixed({sei, slice})), sync});
    }
  }
  // Frames of 1024 samples at 48 kHz are exactly 1920 ticks.
  void add_frames(Stream& stream, std::int64_t begin, std::uint32_t count, std::size_t size = 340) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::int64_t pts = begin + 1920 * i;
      stream.samples.push_back(
          {pts, pts, keep(ByteVector(size + i % 7, static_cast<std::uint8_t>(i))), true});
    }
  }

  std::vector<Stream> streams;

 private:
  std::deque<ByteVector> bytes_;
};

ByteVector written(const Source& source) {
  Result<ByteVector> out = write_segment(source.streams);
  EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().message);
  return out.ok() ? std::move(out).value() : ByteVector{};
}

// The position of an audio frame as ingest computes it, in 90 kHz.
std::uint64_t position(const codecs::AccessUnit& unit, const codecs::StreamInfo& info) {
  if (info.codec == codecs::Codec::h264) return unit.pts;
  const std::int64_t in_pes = rescale(unit.frame_in_pes * std::int64_t{1024}, info.sample_rate, 90'000);
  return (unit.pts + static_cast<std::uint64_t>(in_pes)) & mask;
}

void expect_round_trip(const Source& source, const ByteVector& bytes) {
  const Result<codecs::MediaSegment> segment = demux(bytes);
  ASSERT_TRUE(segment.ok()) << segment.error().message;
  EXPECT_EQ(segment->continuity_errors + segment->damaged_packets, 0U);
  EXPECT_FALSE(segment->truncated);
  ASSERT_EQ(segment->streams.size(), source.streams.size());
  for (std::size_t s = 0; s < source.streams.size(); ++s) {
    const Stream& in = source.streams[s];
    const codecs::ElementaryStream& out = segment->streams[s];
    EXPECT_EQ(out.language, in.language);
    ASSERT_EQ(out.configs.size(), 1U);
    EXPECT_EQ(out.configs[0], in.info);
    ASSERT_EQ(out.units.size(), in.samples.size());
    for (std::size_t i = 0; i < in.samples.size(); ++i) {
      const codecs::AccessUnit& unit = out.units[i];
      const Sample& sample = in.samples[i];
      ASSERT_EQ(position(unit, in.info), static_cast<std::uint64_t>(sample.pts) & mask) << i;
      if (in.info.codec == codecs::Codec::h264) {
        ASSERT_EQ(unit.dts, static_cast<std::uint64_t>(sample.dts) & mask) << i;
      }
      ASSERT_EQ(unit.sync, sample.sync) << i;
      const Bytes data = out.data.bytes().subspan(unit.offset, unit.size);
      ASSERT_TRUE(std::equal(data.begin(), data.end(), sample.data.begin(), sample.data.end())) << i;
    }
  }
}

TEST(WriteSegment, VideoAndAudioReadBackAsTheyWere) {
  Source source;
  source.add_video();
  source.add_audio("eng");
  source.add_pictures(source.streams[0], 900'000, 150, 3600);
  source.add_frames(source.streams[1], 900'100, 280);
  const ByteVector bytes = written(source);
  const TransportReport report = check_transport_stream(bytes);
  EXPECT_EQ(report.pcr_pid, 0x100);
  EXPECT_EQ(report.random_access, 3U);
  EXPECT_EQ(report.tables, 16U);
  // 25 frames a second need no packets for the clock alone; the audio ends less than 40 ms later.
  EXPECT_EQ(report.pcrs.size(), 150U);
  EXPECT_EQ(report.pcrs[0], (900'000U - pcr_delay) * 300);
  EXPECT_EQ(report.pcrs[1] - report.pcrs[0], 3600U * 300);
  expect_round_trip(source, bytes);
}

TEST(WriteSegment, LeadIsTheFirstPictureAlone) {
  for (const std::int64_t audio_begin : {880'000, 900'100}) {
    Source source;
    source.add_video();
    source.add_audio("eng");
    source.add_pictures(source.streams[0], 900'000, 100, 3600);
    source.add_frames(source.streams[1], audio_begin, 180);
    const ByteVector bytes = written(source);
    const auto lead = lead_size(bytes);
    ASSERT_TRUE(lead.ok()) << lead.error().message;
    EXPECT_LT(*lead, bytes.size() / 8);
    const auto read = demux(Bytes{bytes}.first(*lead));
    ASSERT_TRUE(read.ok()) << read.error().message;
    const codecs::ElementaryStream& video = read->streams[0];
    ASSERT_EQ(video.units.size(), 1U);
    const Bytes data = video.data.bytes().subspan(video.units[0].offset, video.units[0].size);
    const Bytes sent = source.streams[0].samples[0].data;
    EXPECT_TRUE(std::equal(data.begin(), data.end(), sent.begin(), sent.end()));
  }
}

TEST(WriteSegment, LeadNeedsAPictureToStartFrom) {
  Source source;
  source.add_audio("eng");
  source.add_frames(source.streams[0], 0, 20);
  EXPECT_EQ(lead_size(written(source)).error().code, ErrorCode::not_found);
  EXPECT_EQ(lead_size({}).error().code, ErrorCode::not_found);
  EXPECT_EQ(lead_size(ByteVector(400, 0x47)).error().code, ErrorCode::not_found);
}

TEST(WriteSegment, TheSameInputGivesTheSameBytes) {
  Source source;
  source.add_video();
  source.add_audio();
  source.add_pictures(source.streams[0], 0, 20, 3003);
  source.add_frames(source.streams[1], 0, 30);
  EXPECT_EQ(written(source), written(source));
}

TEST(WriteSegment, TablesHaveTheBytesOfTheStandard) {
  Source source;
  source.add_video();
  source.add_audio("fra");
  source.add_pictures(source.streams[0], 0, 1, 3600, 10);
  source.add_frames(source.streams[1], 0, 2);
  const ByteVector bytes = written(source);
  EXPECT_EQ(hex(Bytes{bytes}.first(24)), "474000100000b00d0001c100000001f0002ab104b2ffffff");
  EXPECT_EQ(hex(Bytes{bytes}.subspan(188, 33)),
            "475000100002b01d0001c10000e100f000"
            "1be100f000"
            "0fe101f006"
            "0a0466726100");
}

TEST(WriteSegment, EveryCountOfPacketsIsFilledUpToSixteen) {
  for (std::uint32_t count = 1; count < 40; ++count) {
    Source source;
    source.add_video();
    source.add_audio();
    source.add_pictures(source.streams[0], 0, count, 3600, 20 * count);
    source.add_frames(source.streams[1], 0, count, 5 * count);
    const ByteVector bytes = written(source);
    check_transport_stream(bytes);
    expect_round_trip(source, bytes);
  }
}

// A silent frame, a skipped picture: fewer bytes than packets to fill.
TEST(WriteSegment, TheSmallestSamplesStillFillSixteenPackets) {
  for (const std::size_t size : {1U, 2U, 5U, 16U, 100U, 175U}) {
    Source source;
    source.add_video();
    source.add_audio();
    source.streams[0].samples.push_back(
        {0, 0, source.keep(length_prefixed({make_slice({.size = size})})), false});
    source.add_frames(source.streams[1], 0, 1, size);
    const ByteVector bytes = written(source);
    const TransportReport report = check_transport_stream(bytes);
    EXPECT_EQ(report.payload_packets.at(0x100), 16U);
    EXPECT_EQ(report.payload_packets.at(0x101), 16U);
    const Result<codecs::MediaSegment> segment = demux(bytes);
    ASSERT_TRUE(segment.ok());
    ASSERT_EQ(segment->streams.size(), 2U);
    EXPECT_EQ(segment->streams[1].units.at(0).size, size);
  }
}

TEST(WriteSegment, PcrIsAtMostFortyMillisecondsApartAtAnyFrameRate) {
  for (const std::int64_t duration : {1500, 3003, 3600, 3750, 3754, 9000, 90'000}) {
    Source source;
    source.add_video();
    source.add_audio();
    source.add_pictures(source.streams[0], 500'000, 20, duration, 500);
    source.add_frames(source.streams[1], 499'000, static_cast<std::uint32_t>(duration / 96), 30);
    const ByteVector bytes = written(source);
    const TransportReport report = check_transport_stream(bytes);
    // from the first picture to where the next segment begins
    EXPECT_EQ(report.pcrs.front(), (500'000U - pcr_delay) * 300);
    const auto next = static_cast<std::uint64_t>(500'000 + 20 * duration - pcr_delay) * 300;
    EXPECT_LT(report.pcrs.back(), next);
    EXPECT_GE(report.pcrs.back() + std::uint64_t{40} * 27'000, next);
    expect_round_trip(source, bytes);
  }
}

TEST(WriteSegment, PcrDoesNotFollowAudioThatReachesIntoTheNextSegmentOrTheLast) {
  for (const std::int64_t early : {0, 11'520}) {
    Source source;
    source.add_video();
    source.add_audio();
    source.add_pictures(source.streams[0], 500'000, 25, 3600, 500);
    source.add_frames(source.streams[1], 500'000 - early, 53);
    const TransportReport report = check_transport_stream(written(source));
    EXPECT_EQ(report.pcrs.front(), (500'000U - pcr_delay) * 300);
    EXPECT_EQ(report.pcrs.back(), static_cast<std::uint64_t>(586'400 - pcr_delay) * 300);
  }
}

TEST(WriteSegment, PcrBeginsWithAudioThatWouldComeTooLateOtherwise) {
  Source source;
  source.add_video();
  source.add_audio();
  source.add_pictures(source.streams[0], 500'000, 25, 3600, 500);
  source.add_frames(source.streams[1], 400'000, 100);
  const TransportReport report = check_transport_stream(written(source));
  EXPECT_EQ(report.pcrs.front(), (400'000U - pcr_delay) * 300);
}

TEST(WriteSegment, AudioAloneCarriesTheClock) {
  Source source;
  source.add_audio();
  source.add_frames(source.streams[0], 90'000, 281);
  const ByteVector bytes = written(source);
  const TransportReport report = check_transport_stream(bytes);
  EXPECT_EQ(report.pcr_pid, 0x101);
  EXPECT_GE(report.random_access, 1U);
  expect_round_trip(source, bytes);
}

TEST(WriteSegment, SeveralAudioStreamsHaveTheirOwnPidsAndLanguages) {
  Source source;
  source.add_video();
  source.add_audio("eng");
  source.add_audio("swe");
  source.add_pictures(source.streams[0], 0, 25, 3600);
  source.add_frames(source.streams[1], 0, 47);
  source.add_frames(source.streams[2], 10, 47);
  const ByteVector bytes = written(source);
  EXPECT_EQ(check_transport_stream(bytes).payload_packets.count(0x102), 1U);
  expect_round_trip(source, bytes);
}

TEST(WriteSegment, AGapInAudioBeginsANewPesPacket) {
  Source source;
  source.add_audio();
  source.add_frames(source.streams[0], 0, 3);
  source.add_frames(source.streams[0], 100'000, 3);
  expect_round_trip(source, written(source));
}

TEST(WriteSegment, TimesAreWrittenModulo33Bits) {
  for (const std::int64_t begin :
       {std::int64_t{-20'000}, (std::int64_t{1} << 33U) - 20'000, (std::int64_t{1} << 33U) * 5 + 77}) {
    Source source;
    source.add_video();
    source.add_audio();
    source.add_pictures(source.streams[0], begin, 25, 3600, 100);
    source.add_frames(source.streams[1], begin, 47);
    const ByteVector bytes = written(source);
    check_transport_stream(bytes);
    expect_round_trip(source, bytes);
  }
}

TEST(WriteSegment, LargeUnitsHaveUnboundedPesPacketsAndSmallOnesBounded) {
  Source source;
  source.add_video();
  source.add_pictures(source.streams[0], 0, 2, 3600, 20'000);
  const ByteVector bytes = written(source);
  check_transport_stream(bytes);
  expect_round_trip(source, bytes);
  std::vector<unsigned> lengths;
  for (std::size_t at = 0; at < bytes.size(); at += 188) {
    if ((bytes[at + 1] & 0x5FU) != 0x41 || bytes[at + 2] != 0) continue;
    const std::size_t pes = at + 4 + ((bytes[at + 3] & 0x20U) != 0 ? 1U + bytes[at + 4] : 0U);
    lengths.push_back(bytes[pes + 4] * 256U + bytes[pes + 5]);
  }
  ASSERT_EQ(lengths.size(), 2U);
  EXPECT_EQ(lengths[0], 0U);
  EXPECT_GT(lengths[1], 20'000U);
}

TEST(WriteSegment, DelimitersInSamplesAreNotRepeatedAndShortLengthsAreRead) {
  const ByteVector sps = make_sps({});
  const ByteVector pps = make_pps();
  Source source;
  source.add_video();
  source.streams[0].info.config[4] = 0xFD;  // lengths of two bytes
  ByteVector data;
  Writer out{data};
  const ByteVector slice = make_slice({.header = 0x65, .type = 7});
  for (const ByteVector& nal : {make_delimiter(), slice}) {
    out.u16(nal.size());
    out.bytes(nal);
  }
  source.streams[0].samples.push_back({0, 0, data, true});
  const ByteVector bytes = written(source);
  const ByteVector expected =
      joined({{0, 0, 0, 1}, make_delimiter(), {0, 0, 0, 1}, sps, {0, 0, 0, 1}, pps, {0, 0, 0, 1}, slice});
  ByteVector payload;
  for (std::size_t at = 0; at < bytes.size(); at += 188) {
    if ((bytes[at + 1] & 0x1FU) != 1 || bytes[at + 2] != 0) continue;
    const std::size_t from = at + 4 + ((bytes[at + 3] & 0x20U) != 0 ? 1U + bytes[at + 4] : 0U);
    payload.insert(payload.end(), bytes.begin() + static_cast<std::ptrdiff_t>(from),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + 188));
  }
  ASSERT_EQ(payload.size(), 14 + expected.size());
  EXPECT_EQ(hex(Bytes{payload}.subspan(14)), hex(expected));
  EXPECT_EQ(hex(Bytes{payload}.first(14)),
            "000001e0" + hex(ByteVector{0, static_cast<std::uint8_t>(8 + expected.size())}) +
                "848005"
                "2100010001");
}

TEST(WriteSegment, StreamsWithoutSamplesAreOnlyListed) {
  Source source;
  source.add_video();
  source.add_audio();
  source.add_frames(source.streams[1], 0, 20);
  const ByteVector bytes = written(source);
  const TransportReport report = check_transport_stream(bytes);
  EXPECT_EQ(report.pcr_pid, 0x101);
  EXPECT_EQ(report.payload_packets.count(0x100), 0U);
}

TEST(WriteSegment, HevcHasDelimitersAndParameterSetsAsByteStream) {
  const ByteVector vps = hevc_vps();
  const ByteVector sps = hevc_sps();
  const ByteVector pps = hevc_pps();
  const Bytes lists[]{vps, sps, pps};
  Stream stream;
  stream.info = codecs::hevc::stream_info({lists, 1}, {lists + 1, 1}, {lists + 2, 1}).value();
  const ByteVector first = length_prefixed({hevc_delimiter(), hevc_slice(21)});
  const ByteVector second = length_prefixed({hevc_slice(1, 2)});
  stream.samples = {{9000, 12'000, first, true}, {12'000, 9000, second, false}};
  const Result<ByteVector> bytes = write_segment({stream});
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  check_transport_stream(*bytes);
  // Stream type 0x24, PID 0x100, no descriptors
  EXPECT_NE(hex(Bytes{*bytes}.subspan(188, 188)).find("24e100f000"), std::string::npos);
  const codecs::MediaSegment segment = demuxed(*bytes);
  ASSERT_EQ(segment.streams.size(), 1U);
  EXPECT_EQ(segment.streams[0].configs.at(0), stream.info);
  EXPECT_EQ(unit_bytes(segment.streams[0], 0), length_prefixed({hevc_slice(21)}));
  EXPECT_TRUE(has_open_leading(segment.streams[0], segment.streams[0].units[0]));
  EXPECT_EQ(unit_bytes(segment.streams[0], 1), second);
}

TEST(WriteSegment, Ac3IsRegistered) {
  const ByteVector frame = ac3_frame();
  const ByteVector unit = eac3_frame();
  std::vector<Stream> streams(3);
  streams[0].info = codecs::ac3::stream_info(frame).value();
  streams[0].samples = {{0, 0, frame, true}, {2880, 2880, frame, true}};
  streams[1].info = codecs::ac3::stream_info(unit).value();
  streams[1].language = "deu";
  streams[1].samples = {{10, 10, unit, true}};
  const ByteVector mp3 = mp3_frame();
  streams[2].info = codecs::mp3::stream_info(*codecs::mp3::parse_header(mp3)).value();
  streams[2].samples = {{20, 20, mp3, true}};
  const Result<ByteVector> bytes = write_segment(streams);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  check_transport_stream(*bytes);
  const std::string pmt = hex(Bytes{*bytes}.subspan(188, 188));
  EXPECT_NE(pmt.find("81e101f006050441432d33"), std::string::npos) << pmt;
  EXPECT_NE(pmt.find("87e102f00c0504454143330a0464657500"), std::string::npos) << pmt;
  EXPECT_NE(pmt.find("03e103f000"), std::string::npos) << pmt;
  const codecs::MediaSegment segment = demuxed(*bytes);
  ASSERT_EQ(segment.streams.size(), 3U);
  EXPECT_EQ(unit_bytes(segment.streams[0], 1), frame);
  EXPECT_EQ(segment.streams[0].units[1].frame_in_pes, 1U);
  EXPECT_EQ(unit_bytes(segment.streams[1], 0), unit);
  EXPECT_EQ(segment.streams[1].language, "deu");
  EXPECT_EQ(unit_bytes(segment.streams[2], 0), mp3);
}

TEST(WriteSegment, SaysWhatItCannotWrite) {
  const auto refusal = [](const Source& source) {
    const Result<ByteVector> out = write_segment(source.streams);
    EXPECT_FALSE(out.ok());
    return out.ok() ? Error{} : out.error();
  };
  EXPECT_EQ(refusal({}).code, ErrorCode::invalid);

  Source two;
  two.add_pictures(two.add_video(), 0, 1, 3600);
  two.add_pictures(two.add_video(), 0, 1, 3600);
  EXPECT_THAT(refusal(two).message, HasSubstr("more than one video"));

  Source codec;
  codec.add_pictures(codec.add_video(), 0, 1, 3600);
  codec.streams[0].info.codec = codecs::Codec::av1;
  EXPECT_EQ(refusal(codec).code, ErrorCode::unsupported);

  Source back;
  back.add_pictures(back.add_video(), 0, 3, -3600);
  EXPECT_THAT(refusal(back).message, HasSubstr("go back"));

  Source lengths;
  lengths.add_pictures(lengths.add_video(), 0, 1, 3600);
  lengths.streams[0].samples[0].data = lengths.streams[0].samples[0].data.first(30);
  EXPECT_EQ(refusal(lengths).code, ErrorCode::malformed);

  Source empty;
  empty.add_video().samples.push_back({0, 0, {}, true});
  EXPECT_EQ(refusal(empty).code, ErrorCode::malformed);

  Source large;
  large.add_frames(large.add_audio(), 0, 1, 9000);
  EXPECT_EQ(refusal(large).code, ErrorCode::limit);

  Source many;
  for (int i = 0; i < 15; ++i) many.add_frames(many.add_audio(), 0, 1);
  EXPECT_EQ(refusal(many).code, ErrorCode::limit);

  Source times;
  times.add_frames(times.add_audio(), INT64_MAX / 2, 1);
  EXPECT_EQ(refusal(times).code, ErrorCode::invalid);
}

}  // namespace
}  // namespace tarn::mpegts
