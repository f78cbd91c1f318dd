// SPDX-License-Identifier: Apache-2.0
// A volume is a file that others play: ffprobe and ffmpeg judge one made of real media.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/archive/archive.h"
#include "core/isobmff/cmaf.h"
#include "programme.h"
#include "support/command.h"

namespace tarn::archive {
namespace {

using test::run;

// pts, dts, duration, size, flags and hash of every packet, one a line.
std::string packets(const std::string& file) {
  return run("ffprobe -v error -show_data_hash md5 -show_entries "
             "packet=pts,dts,duration,size,flags,data_hash "
             "-of csv=p=0 " +
             file)
      .output;
}

struct Box {
  std::string type;
  Bytes bytes;
};

std::vector<Box> boxes_of(Bytes file) {
  std::vector<Box> boxes;
  while (file.size() >= 8) {
    Reader reader{file};
    const std::size_t size = reader.u32();
    const std::string type{as_text(reader.take(4))};
    if (size < 8 || size > file.size()) break;
    boxes.push_back({type, file.first(size)});
    file = file.subspan(size);
  }
  return boxes;
}

// Another packager's fragments, each written again by us as one chunk in one slot.
void archive_file(Archive& archive, Bytes file) {
  const std::vector<Box> boxes = boxes_of(file);
  ASSERT_GT(boxes.size(), 4U);
  const auto parsed = isobmff::parse_init(file.first(boxes[0].bytes.size() + boxes[1].bytes.size()));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const auto init = isobmff::write_init(parsed->info, "und");
  ASSERT_TRUE(init.ok());
  timeline::Stretch stretch = make_stretch(1, 1);
  stretch.tracks.resize(1);
  stretch.tracks[0].description.info = parsed->info;
  ASSERT_TRUE(archive.begin_stretch(stretch, {Blob::copy_of(*init)}).ok());
  std::uint64_t slot = 1;
  for (std::size_t i = 0; i + 1 < boxes.size(); ++i) {
    if (boxes[i].type != "moof" || boxes[i + 1].type != "mdat") continue;
    const Bytes fragment{boxes[i].bytes.data(), boxes[i].bytes.size() + boxes[i + 1].bytes.size()};
    const auto chunk = isobmff::parse_chunks(fragment);
    ASSERT_TRUE(chunk.ok()) << chunk.error().message;
    isobmff::ChunkHeader header;
    header.sequence_number = static_cast<std::uint32_t>(slot);
    header.base_media_decode_time = chunk->samples.front().dts;
    NewChunk next;
    next.track = 1;
    next.slot = slot;
    next.start = header.base_media_decode_time;
    ByteVector payload;
    for (const isobmff::ParsedSample& sample : chunk->samples) {
      header.samples.push_back(
          {sample.size, sample.duration, static_cast<std::int32_t>(sample.pts - sample.dts), sample.sync});
      const Bytes data = fragment.subspan(sample.offset, sample.size);
      payload.insert(payload.end(), data.begin(), data.end());
      next.duration += sample.duration;
    }
    next.parts = {Blob::of(isobmff::write_chunk_header(header)), Blob::of(std::move(payload))};
    ASSERT_TRUE(archive.append(std::move(next)).ok());
    ASSERT_TRUE(archive.list_slot(make_listing(slot, 1), listing_time(slot)).ok());
    ++slot;
  }
  ASSERT_EQ(slot, 6U);
}

TEST(VolumeJudges, FfprobeReadsEveryPacketAndFfmpegDecodesThem) {
  if (!test::has_command("ffmpeg") || !test::has_command("ffprobe")) GTEST_SKIP() << "no ffmpeg";
  const ScratchDirectory scratch;
  const std::string source = scratch.path("source.mp4");
  ASSERT_EQ(
      run("ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=10 -c:v libx264 -preset "
          "ultrafast "
          "-bf 2 -g 50 -keyint_min 50 -sc_threshold 0 -movflags frag_keyframe+empty_moov+default_base_moof " +
          source)
          .exit_status,
      0);
  std::ifstream file{source, std::ios::binary};
  const ByteVector bytes{std::istreambuf_iterator<char>{file}, {}};
  const auto archive = open_or_fail(scratch.path("a"));
  ASSERT_NO_FATAL_FAILURE(archive_file(*archive, bytes));

  const std::string volume = scratch.path("a") + "/chunks/t1-1.cmfv";
  const std::string expected = packets(source);
  EXPECT_EQ(std::count(expected.begin(), expected.end(), '\n'), 250);
  EXPECT_EQ(packets(volume), expected);
  const auto decoded = run("ffmpeg -v warning -xerror -i " + volume + " -f null - 2>&1");
  EXPECT_EQ(decoded.exit_status, 0);
  EXPECT_EQ(decoded.output, "");
}

}  // namespace
}  // namespace tarn::archive
