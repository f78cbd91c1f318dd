// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "core/archive/crc32c.h"
#include "core/archive/journal_record.h"
#include "core/archive/records.h"
#include "core/codecs/avc.h"
#include "core/hls/playlist.h"
#include "core/isobmff/cmaf.h"
#include "tests/core/allocation/every_allocation.h"
#include "tests/core/archive/programme.h"
#include "tests/core/mpegts/demuxed_units.h"

namespace tarn::test {
namespace {

// Parses, and compares with what a first parse gave.
template <class Parsed, class Equal>
Run judge(const Result<Parsed>& parsed, Equal is_right) {
  if (!parsed.ok()) return Run::refused;
  return is_right(*parsed) ? Run::right : Run::wrong;
}

ByteVector small_stream() {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid, {}}, {type_aac, audio_pid, "deu"}, {0x82, 0x102, {}}, {0x86, 0x103, {}}});
  for (std::uint32_t i = 0; i < 6; ++i) {
    ts.pes(video_pid, i == 0 ? sync_unit() : inter_unit(i),
           {.pts = 97'200 + 3600 * i, .dts = 90'000 + 3600 * i});
    const ByteVector frame = adts_frame(ByteVector(200, static_cast<std::uint8_t>(i)));
    ts.pes(audio_pid, joined({frame, frame}), {.stream_id = 0xC0, .pts = 90'000 + 3840 * i, .bounded = true});
  }
  ts.section(0x103, *parse_hex("fc301600000000000000fff00506fe000186a00000"));  // time_signal()
  return ts.bytes();
}

TEST(Allocation, TransportStream) {
  const ByteVector bytes = small_stream();
  const std::size_t failed = fail_every_allocation([&] {
    return judge(mpegts::demux(bytes), [](const codecs::MediaSegment& segment) {
      return segment.streams.size() == 2 && segment.streams[0].units.size() == 6 &&
             segment.streams[0].configs.size() == 1 && segment.streams[1].units.size() == 12 &&
             segment.streams[1].language == "deu" && segment.ignored.size() == 1 && !segment.truncated &&
             segment.streams[0].events.size() == 1 && segment.damaged_packets == 0;
    });
  });
  EXPECT_GE(failed, 20U);
  RecordProperty("failed", static_cast<int>(failed));
}

TEST(Allocation, RefusedTransportStream) {
  const ByteVector bytes(20 * 188, 0x11);
  fail_every_allocation([&] {
    const auto parsed = mpegts::demux(bytes);
    return !parsed.ok() && !parsed.error().message.empty() ? Run::right : Run::wrong;
  });
}

TEST(Allocation, MediaPlaylist) {
  std::string text =
      "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n"
      "#EXT-X-MAP:URI=\"a-long-name-of-an-initialization-section.mp4\"\n";
  for (int i = 0; i < 40; ++i) {
    text += "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T16:32:44.233+0000\n#EXTINF:2.0,a title that is not short\n" +
            std::string{"a-folder-with-a-long-name/segment-"} + std::to_string(i) + ".ts\n";
  }
  const auto right = hls::parse_media(text);
  ASSERT_TRUE(right.ok()) << right.error().message;
  ASSERT_EQ(right->segments.size(), 40U);
  const std::size_t failed = fail_every_allocation([&] {
    return judge(hls::parse_media(text), [&](const hls::MediaPlaylist& parsed) { return parsed == *right; });
  });
  EXPECT_GE(failed, 80U);
  RecordProperty("failed", static_cast<int>(failed));
}

TEST(Allocation, RefusedMediaPlaylist) {
  const std::string text =
      "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:not-a-duration-and-not-short-either,\na.ts\n";
  const std::size_t failed = fail_every_allocation([&] {
    const auto parsed = hls::parse_media(text);
    return !parsed.ok() && parsed.error().message.find("line 3") != std::string::npos ? Run::right
                                                                                      : Run::wrong;
  });
  EXPECT_GE(failed, 1U);
}

TEST(Allocation, MultivariantPlaylist) {
  std::string text = "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n";
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    text += "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a-group-of-audio-renditions-" + number +
            "\",NAME=\"Deutsch, ausführlich\",LANGUAGE=\"de\",URI=\"a-folder-with-a-long-name/audio.m3u8\"\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=5000000,CODECS=\"avc1.64001F,mp4a.40.2\",RESOLUTION=1920x1080,"
            "AUDIO=\"a-group-of-audio-renditions-" +
            number + "\"\na-folder-with-a-long-name/video-" + number + ".m3u8\n";
  }
  const auto right = hls::parse_multivariant(text);
  ASSERT_TRUE(right.ok()) << right.error().message;
  ASSERT_EQ(right->variants.size(), 20U);
  const std::size_t failed = fail_every_allocation([&] {
    return judge(hls::parse_multivariant(text),
                 [&](const hls::MultivariantPlaylist& parsed) { return parsed == *right; });
  });
  EXPECT_GE(failed, 80U);
  RecordProperty("failed", static_cast<int>(failed));
}

TEST(Allocation, Chunks) {
  isobmff::ChunkHeader header;
  header.samples.assign(300, {.size = 10, .duration = 3600, .sync = true});
  ByteVector bytes;
  for (int i = 0; i < 4; ++i) {
    const ByteVector part = isobmff::write_chunk_header(header);
    bytes.insert(bytes.end(), part.begin(), part.end());
    bytes.resize(bytes.size() + 3000);
  }
  const std::size_t failed = fail_every_allocation([&] {
    return judge(isobmff::parse_chunks(bytes), [&](const isobmff::ParsedChunks& parsed) {
      return parsed.samples.size() == 1200 && parsed.samples.back().offset == bytes.size() - 10;
    });
  });
  EXPECT_GE(failed, 3U);
}

TEST(Allocation, Init) {
  const auto info = codecs::avc::stream_info_from_config(*parse_hex(
      "0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800"));
  ASSERT_TRUE(info.ok());
  const auto bytes = isobmff::write_init(*info, "de");
  ASSERT_TRUE(bytes.ok());
  const std::size_t failed = fail_every_allocation([&] {
    return judge(isobmff::parse_init(*bytes), [&](const isobmff::ParsedInit& parsed) {
      return parsed.info.config == info->config && parsed.info.width == 320 && parsed.language == "de";
    });
  });
  EXPECT_GE(failed, 1U);
  fail_every_allocation([&] {
    return judge(isobmff::write_init(*info, "de"), [&](const ByteVector& again) { return again == *bytes; });
  });
}

ByteVector journal_file(int records) {
  ByteVector bytes;
  archive::write_journal_file_header({.nonce = 77, .number = 1}, bytes);
  for (int i = 0; i < records; ++i) {
    const std::string path = "a-folder-with-a-long-name/segment-" + std::to_string(i) + ".ts";
    const std::string all = path + "body";
    archive::write_journal_record_header({.kind = archive::JournalKind::segment,
                                          .input = 1,
                                          .path_size = static_cast<std::uint16_t>(path.size()),
                                          .sequence = static_cast<std::uint64_t>(i + 1),
                                          .arrival = {},
                                          .body_size = 4,
                                          .checksum = archive::crc32c(as_bytes(all))},
                                         77, bytes);
    const Bytes text = as_bytes(all);
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  return bytes;
}

TEST(Allocation, Journal) {
  const ByteVector bytes = journal_file(30);
  const auto read = [&](std::uint64_t offset, std::span<std::uint8_t> into) -> Status {
    if (offset > bytes.size() || into.size() > bytes.size() - offset) return truncated("beyond the end");
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  };
  const std::size_t failed = fail_every_allocation([&] {
    return judge(archive::scan_journal("journal", read, bytes.size()), [](const archive::JournalScan& scan) {
      return scan.records.size() == 30 && scan.damaged == 0 && scan.tail_bytes == 0 &&
             scan.records[29].path == "a-folder-with-a-long-name/segment-29.ts";
    });
  });
  EXPECT_GE(failed, 30U);
  RecordProperty("failed", static_cast<int>(failed));
}

TEST(Allocation, StretchRecord) {
  const timeline::Stretch stretch = archive::make_stretch(9, 1234);
  const ByteVector record = archive::write_stretch(stretch);
  const std::size_t failed = fail_every_allocation([&] {
    return judge(archive::parse_stretch(record), [&](const timeline::Stretch& parsed) {
      return parsed.id == 9 && parsed.tracks.size() == 2 &&
             parsed.tracks[0].description == stretch.tracks[0].description &&
             parsed.tracks[1].description == stretch.tracks[1].description;
    });
  });
  EXPECT_GE(failed, 3U);
}

TEST(Allocation, SlotRecord) {
  timeline::Slot slot;
  slot.number = 77;
  slot.chunks.resize(10);
  for (std::size_t i = 0; i < slot.chunks.size(); ++i)
    slot.chunks[i].track = static_cast<std::uint32_t>(i + 1);
  const ByteVector record = archive::write_slot(slot);
  const std::size_t failed = fail_every_allocation([&] {
    return judge(archive::parse_slot(77, record), [](const timeline::Slot& parsed) {
      return parsed.chunks.size() == 10 && parsed.chunks[9].track == 10;
    });
  });
  EXPECT_GE(failed, 1U);
}

}  // namespace
}  // namespace tarn::test
