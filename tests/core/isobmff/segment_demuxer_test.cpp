// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/segment_demuxer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/base/text.h"
#include "core/isobmff/box_writer.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/event_message.h"
#include "core/isobmff/moof.h"
#include "core/isobmff/moov.h"
#include "core/isobmff/sample_description.h"
#include "support/shared_files.h"

namespace tarn::isobmff {
namespace {

using testing::HasSubstr;

codecs::StreamInfo aac() {
  return codecs::stream_info_from_config(codecs::Codec::aac, *parse_hex("1190")).value();
}

codecs::StreamInfo avc() {
  return codecs::stream_info_from_config(codecs::Codec::h264,
                                         *parse_hex("0164000cffe1001a6764000cacd941419f9f01100000030010000003"
                                                    "0320f142996001000468ef8fcbfdf8f800"))
      .value();
}

// What another writer's header may have.
struct Track {
  std::uint32_t id = 1;
  codecs::StreamInfo info = aac();
  std::vector<Elst::Entry> edits = {};
  Trex defaults = {};
};

ByteVector header_of(const std::vector<Track>& tracks) {
  Moov moov;
  moov.mvhd.timescale = 1000;
  moov.mvex.emplace();
  for (const Track& track : tracks) {
    Trak& trak = moov.traks.emplace_back();
    trak.tkhd.track_id = track.id;
    trak.mdia.mdhd.timescale = track.info.timescale;
    EXPECT_TRUE(fill_sample_entry(trak.mdia.minf.stbl.stsd, track.info).ok());
    if (!track.edits.empty()) {
      Elst& elst = trak.edts.emplace().elst.emplace();
      elst.entry_count = static_cast<std::uint32_t>(track.edits.size());
      elst.entries = track.edits;
    }
    Trex defaults = track.defaults;
    defaults.track_id = track.id;
    moov.mvex->trexes.push_back(defaults);
  }
  ByteVector out;
  append_box(out, moov);
  return out;
}

MovieHeader read(const std::vector<Track>& tracks) {
  auto header = read_movie_header(header_of(tracks));
  EXPECT_TRUE(header.ok()) << header.error().message;
  return header.ok() ? std::move(header).value() : MovieHeader{};
}

Traf traf(std::uint32_t track, std::uint64_t time, std::vector<std::uint32_t> sizes) {
  Traf made;
  made.tfhd.track_id = track;
  made.tfdt.base_media_decode_time = time;
  Trun& run = made.truns.emplace_back();
  run.flags |= Trun::size_present;
  run.sample_count = static_cast<std::uint32_t>(sizes.size());
  for (const std::uint32_t size : sizes) {
    Trun::Entry entry;
    entry.size = size;
    run.entries.push_back(entry);
  }
  return made;
}

// One moof and its mdat; the bytes of track n are n, n + 1, n + 2…
void append_fragment(ByteVector& out, std::vector<Traf> trafs) {
  Moof moof;
  moof.trafs = std::move(trafs);
  ByteVector measured;
  append_box(measured, moof);
  std::int32_t offset = static_cast<std::int32_t>(measured.size()) + 8;
  ByteVector payload;
  for (Traf& each : moof.trafs) {
    each.truns.front().data_offset = offset;
    auto value = static_cast<std::uint8_t>(each.tfhd.track_id);
    for (const Trun::Entry& entry : each.truns.front().entries) {
      payload.insert(payload.end(), entry.size, value++);
      offset += static_cast<std::int32_t>(entry.size);
    }
  }
  append_box(out, moof);
  Writer writer{out};
  writer.u32(static_cast<std::uint32_t>(payload.size()) + 8);
  writer.text("mdat");
  writer.bytes(payload);
}

void append_other(ByteVector& out, const char* type) {
  Writer writer{out};
  writer.u32(16);
  writer.text(type);
  writer.u64(0x0102030405060708);
}

std::string data_of(const codecs::ElementaryStream& stream, std::size_t unit) {
  return hex(stream.data.bytes().subspan(stream.units[unit].offset, stream.units[unit].size));
}

TEST(MovieHeader, HasAllTracksWithTheirDefaultsAndEdits) {
  Track sound{7, aac(), {{500, Elst::empty}, {0, 1024}}, {}};
  sound.defaults.default_sample_duration = 1024;
  const MovieHeader header = read({{3, avc(), {{0, 3003}}, {}}, sound});
  ASSERT_EQ(header.tracks.size(), 2U);
  EXPECT_EQ(header.tracks[0].id, 3U);
  EXPECT_EQ(header.tracks[0].shift, -3003);
  EXPECT_EQ(header.tracks[1].id, 7U);
  EXPECT_EQ(header.tracks[1].shift, 24'000 - 1024);
  EXPECT_EQ(header.tracks[1].defaults.default_sample_duration, 1024U);
}

TEST(MovieHeader, SaysWhatItCannotUse) {
  ByteVector strange = header_of({{1, aac(), {}, {}}});
  const auto at = std::search(strange.begin(), strange.end(), "mp4a", "mp4a" + 4);
  std::copy_n("zzzz", 4, at);
  EXPECT_EQ(read_movie_header(strange).error().code, ErrorCode::unsupported);
  EXPECT_THAT(read_movie_header(strange).error().message, HasSubstr("zzzz"));
  std::copy_n("enca", 4, at);
  EXPECT_EQ(read_movie_header(strange).error().code, ErrorCode::encrypted);
  EXPECT_THAT(read_movie_header(header_of({{1, aac(), {}, {}}, {1, aac(), {}, {}}})).error().message,
              HasSubstr("two tracks"));
  EXPECT_EQ(read_movie_header(header_of({{1, aac(), {{0, std::int64_t{1} << 30U}}, {}}})).error().code,
            ErrorCode::malformed);
}

TEST(SegmentDemuxer, JoinsFragmentsAndKeepsTracksApart) {
  Track sound{2, aac(), {{0, 100}}, {}};
  sound.defaults.default_sample_duration = 1024;
  const MovieHeader header = read({{1, aac(), {}, sound.defaults}, sound});
  ByteVector bytes;
  append_other(bytes, "styp");
  append_fragment(bytes, {traf(1, 5000, {3, 2}), traf(2, 1100, {1})});
  append_other(bytes, "emsg");
  append_fragment(bytes, {traf(1, 7048, {4}), traf(2, 2124, {2, 2}), traf(9, 0, {5})});
  const auto media = demux_fragments(header, Blob::of(bytes));
  ASSERT_TRUE(media.ok()) << media.error().message;
  ASSERT_EQ(media->streams.size(), 2U);
  const auto& first = media->streams[0];
  ASSERT_EQ(first.units.size(), 3U);
  EXPECT_FALSE(first.wraps);
  EXPECT_EQ(first.units[1].dts, 6024);
  EXPECT_EQ(first.units[2].dts, 7048);
  EXPECT_EQ(first.units[0].duration, 1024U);
  EXPECT_EQ(data_of(first, 0), "010101");
  EXPECT_EQ(data_of(first, 1), "0202");
  EXPECT_EQ(data_of(first, 2), "01010101");
  EXPECT_EQ(first.data.size(), 9U) << "nothing but its samples";
  const auto& second = media->streams[1];
  EXPECT_EQ(second.units[0].dts, 1000);
  EXPECT_EQ(second.units[2].dts, 3048 - 1024 + 1024);
  EXPECT_EQ(data_of(second, 2), "0303");
  EXPECT_EQ(media->ignored,
            (std::vector<std::string>{"1 emsg boxes that are malformed, too large or too many", "track 9"}));
}

TEST(SegmentDemuxer, EventMessagesGoWithTheFragmentTheyAreInFrontOf) {
  Track sound{.id = 2};
  sound.defaults.default_sample_duration = 1024;
  const MovieHeader header = read({sound});
  codecs::EventMessage message{
      .scheme_id_uri = "urn:x", .value = "v", .id = 7, .duration = 10, .data = {1, 2}};
  ByteVector bytes;
  append_event_box(bytes, message, 1000, 500);
  append_fragment(bytes, {traf(2, 24'000, {1, 1})});
  message.scheme_id_uri = "urn:mpeg:dash:event:2012";  // about the encoder's own MPD
  append_event_box(bytes, message, 1000, 500);
  message.scheme_id_uri = "urn:y";
  message.duration = codecs::unknown_event_duration;
  append_event_box(bytes, message, 90'000, 90'000);
  append_fragment(bytes, {traf(2, 24'000 + 2048, {1})});
  const auto media = demux_fragments(header, Blob::of(bytes));
  ASSERT_TRUE(media.ok()) << media.error().message;
  const auto& events = media->streams.at(0).events;
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].unit, 0U);
  EXPECT_EQ(events[0].message.delta, 0) << "500 ms of 48 kHz less 24000";
  EXPECT_EQ(events[0].message.duration, 480U);
  EXPECT_EQ(events[0].message.value, "v");
  EXPECT_EQ(events[0].message.data, (ByteVector{1, 2}));
  EXPECT_EQ(events[1].unit, 2U);
  EXPECT_EQ(events[1].message.scheme_id_uri, "urn:y");
  EXPECT_EQ(events[1].message.delta, 48'000 - 26'048);
  EXPECT_EQ(events[1].message.duration, codecs::unknown_event_duration);
}

TEST(SegmentDemuxer, OneFragmentIsNotCopied) {
  ByteVector bytes;
  append_fragment(bytes, {traf(1, 0, {30, 40})});
  const Blob segment = Blob::of(bytes);
  const auto media = demux_fragments(read({{1, aac(), {}, {}}}), segment);
  ASSERT_TRUE(media.ok());
  const Bytes data = media->streams[0].data.bytes();
  EXPECT_GE(data.data(), segment.data());
  EXPECT_LE(data.data() + data.size(), segment.data() + segment.size());
}

// ---- H.264 in samples

ByteVector nals(std::size_t length_size, const std::vector<std::string>& units) {
  ByteVector out;
  for (const std::string& unit : units) {
    const ByteVector nal = *parse_hex(unit);
    for (std::size_t i = length_size; i-- > 0;) {
      out.push_back(static_cast<std::uint8_t>(i > 3 ? 0 : nal.size() >> (8 * i)));
    }
    out.insert(out.end(), nal.begin(), nal.end());
  }
  return out;
}

ByteVector video_segment(const std::vector<ByteVector>& samples, std::uint32_t first_flags = 0) {
  Traf made = traf(1, 0, {});
  Trun& run = made.truns.front();
  run.flags |= Trun::flags_present;
  for (const ByteVector& sample : samples) {
    Trun::Entry entry;
    entry.size = static_cast<std::uint32_t>(sample.size());
    entry.flags = run.entries.empty() ? first_flags : is_non_sync_sample;
    run.entries.push_back(entry);
  }
  run.sample_count = static_cast<std::uint32_t>(samples.size());
  ByteVector out;
  append_fragment(out, {made});
  std::size_t at = out.size();
  for (auto sample = samples.rbegin(); sample != samples.rend(); ++sample) {
    at -= sample->size();
    std::copy(sample->begin(), sample->end(), out.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return out;
}

constexpr char idr[] = "65888400aabb";  // first_mb 0, I
constexpr char inter[] = "419a0011";    // first_mb 0, P
constexpr char aud[] = "0910";

TEST(SegmentDemuxer, DropsWhatSamplesDoNotCarry) {
  const auto media = demux_fragments(
      read({{1, avc(), {}, {}}}),
      Blob::of(video_segment({nals(4, {aud, idr, "0cffff"}), nals(4, {aud, inter})}, is_non_sync_sample)));
  ASSERT_TRUE(media.ok()) << media.error().message;
  const auto& stream = media->streams[0];
  ASSERT_EQ(stream.units.size(), 2U);
  EXPECT_TRUE(stream.units[0].sync) << "whatever the flags say";
  EXPECT_FALSE(stream.units[1].sync);
  EXPECT_EQ(data_of(stream, 0), std::string{"00000006"} + idr);
  EXPECT_EQ(data_of(stream, 1), std::string{"00000004"} + inter);
}

TEST(SegmentDemuxer, ShortLengthsBecomeLongOnes) {
  codecs::StreamInfo info = avc();
  info.config[4] = 0xFD;  // lengthSizeMinusOne 1
  const auto media =
      demux_fragments(read({{1, info, {}, {}}}), Blob::of(video_segment({nals(2, {idr}), nals(2, {inter})})));
  ASSERT_TRUE(media.ok()) << media.error().message;
  EXPECT_EQ(data_of(media->streams[0], 0), std::string{"00000006"} + idr);
  EXPECT_EQ(media->streams[0].configs[0].config[4] & 3, 3) << "and the record says so";
}

TEST(SegmentDemuxer, ParameterSetsInSamplesChangeTheConfiguration) {
  const std::string sps = "6764000cacd941419f9f011000000300100000030320f1429960";
  const std::string other_pps = "68ebecb22d";
  const auto media = demux_fragments(
      read({{1, avc(), {}, {}}}),
      Blob::of(video_segment({nals(4, {sps, "68ef8fcb", idr}), nals(4, {sps, other_pps, idr})})));
  ASSERT_TRUE(media.ok()) << media.error().message;
  const auto& stream = media->streams[0];
  ASSERT_EQ(stream.units.size(), 2U);
  EXPECT_EQ(stream.units[0].config, 0U) << "those of the header";
  EXPECT_EQ(stream.units[1].config, 1U);
  ASSERT_EQ(stream.configs.size(), 2U);
  EXPECT_NE(stream.configs[0].config, stream.configs[1].config);
  EXPECT_EQ(stream.configs[1].timescale, stream.configs[0].timescale);
}

TEST(SegmentDemuxer, LengthsThatDoNotAddUpAreMalformed) {
  ByteVector sample = nals(4, {idr});
  sample[3] += 1;
  const auto media = demux_fragments(read({{1, avc(), {}, {}}}), Blob::of(video_segment({sample})));
  ASSERT_FALSE(media.ok());
  EXPECT_EQ(media.error().code, ErrorCode::malformed);
}

// ---- what comes damaged

TEST(SegmentDemuxer, OfACutSegmentThereIsABeginning) {
  const MovieHeader header = read({{1, aac(), {}, {}}});
  ByteVector bytes;
  append_fragment(bytes, {traf(1, 0, {10, 11})});
  const std::size_t first = bytes.size();
  append_fragment(bytes, {traf(1, 2048, {12, 13})});
  const auto whole = demux_fragments(header, Blob::of(bytes)).value();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Blob part = Blob::of(ByteVector(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)));
    const auto media = demux_fragments(header, part);
    const auto cut = is_cut_short(part.bytes());
    EXPECT_EQ(media.ok(), cut.ok()) << size;
    if (!media.ok()) {
      EXPECT_EQ(media.error().code, ErrorCode::truncated) << size;
      continue;
    }
    EXPECT_EQ(media->truncated, size != first) << size;
    EXPECT_EQ(*cut, media->truncated) << size;
    const auto& units = media->streams[0].units;
    ASSERT_LE(units.size(), 4U);
    for (std::size_t i = 0; i < units.size(); ++i) {
      EXPECT_EQ(units[i].dts, whole.streams[0].units[i].dts);
      EXPECT_EQ(data_of(media->streams[0], i), data_of(whole.streams[0], i));
    }
  }
}

TEST(SegmentDemuxer, SamplesLieInMdatBoxes) {
  ByteVector bytes;
  append_fragment(bytes, {traf(1, 0, {10})});
  const auto header = read({{1, aac(), {}, {}}});
  ByteVector outside = bytes;
  const auto run = std::search(outside.begin(), outside.end(), "trun", "trun" + 4);
  *(run + 15) = 4;  // data_offset: into the moof box itself
  EXPECT_EQ(demux_fragments(header, Blob::of(outside)).error().code, ErrorCode::malformed);
  Traf absolute = traf(1, 0, {10});
  absolute.tfhd.flags |= Tfhd::base_data_offset_present;
  ByteVector with_base;
  append_fragment(with_base, {absolute});
  EXPECT_EQ(demux_fragments(header, Blob::of(with_base)).error().code, ErrorCode::unsupported);
}

// ---- streams of others

Blob load(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return Blob::of(ByteVector{std::istreambuf_iterator<char>{file}, {}});
}

TEST(SegmentDemuxer, ReadsWhatOtherPackagersWrite) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no vectors";
  struct Row {
    const char* header;
    const char* segment;
    const char* codec;
    std::size_t units;  // by ffprobe -count_packets
  };
  const Row rows[] = {
      {"cmaf-parts/av1_init.mp4", "cmaf-parts/av1_multitile_seg.m4s", "av01.0.00M.08", 3},
      {"cmaf-parts/hvc1_init.mp4", "cmaf-parts/hvc1_seg_1.m4s", "hvc1.1.6.L63.90", 23},
      {"cmaf-parts/opus.mp4", "cmaf-parts/opus.mp4", "opus", 50},
  };
  for (const Row& row : rows) {
    const auto header = read_movie_header(load(*shared / "vectors" / row.header).bytes());
    ASSERT_TRUE(header.ok()) << row.header << ": " << header.error().message;
    const auto media = demux_fragments(*header, load(*shared / "vectors" / row.segment));
    ASSERT_TRUE(media.ok()) << row.segment << ": " << media.error().message;
    EXPECT_EQ(header->tracks[0].info.codec_string, row.codec);
    EXPECT_EQ(media->streams[0].units.size(), row.units) << row.segment;
  }
}

}  // namespace
}  // namespace tarn::isobmff
