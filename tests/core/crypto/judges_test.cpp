// SPDX-License-Identifier: Apache-2.0
// What shaka-packager makes of our encryption: it decrypts to the packets that went in.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/crypto/track_encryptor.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/cmaf.h"
#include "support/command.h"
#include "support/shared_files.h"

namespace tarn::crypto {
namespace {

namespace fs = std::filesystem;
using test::run;

constexpr char key_text[] = "00112233445566778899aabbccddeeff";
constexpr char kid_text[] = "0123456789abcdef0123456789abcdef";

std::optional<std::string> shaka_packager() {
  const fs::path program = TARN_SOURCE_ROOT "/tests/e2e/node_modules/shaka-packager/bin/packager-linux-x64";
  return fs::exists(program) ? std::optional{program.string()} : std::nullopt;
}

Block block(std::uint8_t first, std::uint8_t step) {
  Block out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(first + step * i);
  return out;
}
TrackKey test_key(Scheme scheme) {
  TrackKey key{scheme, block(0, 0x11), {}, block(0xF0, 1)};
  for (std::size_t i = 0; i < key.kid.size(); ++i) {
    key.kid[i] = static_cast<std::uint8_t>((2 * (i % 8)) << 4U | (2 * (i % 8) + 1));
  }
  return key;
}

// Another packager's fragmented file, encrypted by us; chunk by chunk as its author made them.
Result<ByteVector> encrypt(Bytes file, Scheme scheme) {
  isobmff::ReadContext context;
  std::size_t at = 0;
  std::size_t split = 0;
  while (const auto box = isobmff::read_box_header(file, at, ErrorCode::truncated, context)) {
    at = box->end();
    if (box->type == isobmff::fourcc("moov")) split = at;
  }
  const auto init = TRY(isobmff::parse_init(file.first(split)));
  auto encryptor = TRY(TrackEncryptor::make(init.info, test_key(scheme)));
  ByteVector out = TRY(encryptor.header(file.first(split), {}));
  std::uint64_t serial = 1;
  std::size_t start = 0;
  at = split;
  while (const auto box = isobmff::read_box_header(file, at, ErrorCode::truncated, context)) {
    if (box->type == isobmff::fourcc("moof")) start = box->offset;
    at = box->end();
    if (box->type != isobmff::fourcc("mdat")) continue;
    const Blob chunk =
        TRY(encryptor.chunk(std::vector{Blob::copy_of(file.subspan(start, at - start))}, serial++));
    out.insert(out.end(), chunk.bytes().begin(), chunk.bytes().end());
  }
  return out;
}

std::string packets(const fs::path& file) {
  return run("ffprobe -v quiet -show_data_hash md5 -show_entries packet=pts,dts,size,data_hash -of csv=p=0 " +
             file.string())
      .output;
}

struct Case {
  const char* name;
  Scheme scheme;
  const char* stream;
  const char* options;
};

class ShakaPackager : public testing::TestWithParam<Case> {};

TEST_P(ShakaPackager, DecryptsWhatWeEncrypted) {
  const auto packager = shaka_packager();
  if (!packager || !test::has_command("ffmpeg")) GTEST_SKIP() << "no shaka-packager or no ffmpeg";
  const test::TemporaryDirectory directory;
  const fs::path clear = directory.path() / "clear.mp4";
  const fs::path encrypted = directory.path() / "encrypted.mp4";
  const fs::path decrypted = directory.path() / "decrypted.mp4";
  ASSERT_EQ(run("ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i "
                "anoisesrc=sample_rate=48000 -t 6 " +
                std::string{GetParam().options} +
                " -movflags +frag_keyframe+cmaf+empty_moov+default_base_moof " + clear.string())
                .exit_status,
            0);
  const std::string content = test::read_file(clear);
  const auto bytes = encrypt(as_bytes(content), GetParam().scheme);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  test::write_file(encrypted, as_text(*bytes));
  EXPECT_NE(packets(encrypted), packets(clear));
  const auto result =
      run(*packager + " in=" + encrypted.string() + ",stream=" + GetParam().stream +
          ",output=" + decrypted.string() + " --enable_raw_key_decryption --keys key_id=" + kid_text +
          ":key=" + key_text + " 2>&1");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  const auto hashes = [](const fs::path& file) {
    return run("ffprobe -v error -show_data_hash md5 -show_entries packet=data_hash -of csv=p=0 " +
               file.string())
        .output;
  };
  EXPECT_GT(hashes(clear).size(), 4000U);
  EXPECT_EQ(hashes(decrypted), hashes(clear));
}

constexpr char video[] = "-map 0:v -c:v libx264 -preset veryfast -b:v 2M -g 50 -bf 2";
constexpr char slices[] =
    "-map 0:v -c:v libx264 -preset veryfast -b:v 2M -g 25 -bf 0 -x264-params slices=4:weightp=2";
constexpr char interlaced[] =
    "-map 0:v -c:v libx264 -preset veryfast -b:v 1M -g 25 -flags +ildct+ilme -x264-params cabac=0:tff=1";
constexpr char hevc[] =
    "-map 0:v -c:v libx265 -tag:v hvc1 -preset ultrafast -g 50 -x265-params "
    "log-level=none:slices=2:bframes=3";
constexpr char audio[] = "-map 1:a -c:a aac -b:a 128k";

INSTANTIATE_TEST_SUITE_P(Streams, ShakaPackager,
                         testing::Values(Case{"cbcs_video", Scheme::cbcs, "video", video},
                                         Case{"cenc_video", Scheme::cenc, "video", video},
                                         Case{"cbcs_slices", Scheme::cbcs, "video", slices},
                                         Case{"cenc_slices", Scheme::cenc, "video", slices},
                                         Case{"cbcs_interlaced", Scheme::cbcs, "video", interlaced},
                                         Case{"cenc_interlaced", Scheme::cenc, "video", interlaced},
                                         Case{"cbcs_hevc", Scheme::cbcs, "video", hevc},
                                         Case{"cenc_hevc", Scheme::cenc, "video", hevc},
                                         Case{"cbcs_audio", Scheme::cbcs, "audio", audio},
                                         Case{"cenc_audio", Scheme::cenc, "audio", audio}),
                         [](const auto& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace tarn::crypto
