// SPDX-License-Identifier: Apache-2.0
// What shaka-packager makes of our encryption: it decrypts to the packets that went in.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/crypto/track_encryptor.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/cmaf.h"
#include "decryptor.h"
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
  EXPECT_GT(hashes(clear).size(), 2000U);
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
constexpr char av1[] =
    "-map 0:v -c:v libsvtav1 -preset 12 -g 50 -frames:v 60 -svtav1-params tile-columns=1:film-grain=8";
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
                                         Case{"cbcs_av1", Scheme::cbcs, "video", av1},
                                         Case{"cenc_av1", Scheme::cenc, "video", av1},
                                         Case{"cbcs_audio", Scheme::cbcs, "audio", audio},
                                         Case{"cenc_audio", Scheme::cenc, "audio", audio}),
                         [](const auto& info) { return std::string{info.param.name}; });

// Frame headers are read with those of the frames before. What cannot be read is not sent, whatever of it
// were clear.
TEST(Av1Chunks, ThatDoNotBeginWithAKeyFrameAreRefused) {
  if (!test::has_command("ffmpeg")) GTEST_SKIP() << "no ffmpeg";
  const test::TemporaryDirectory directory;
  const fs::path clear = directory.path() / "clear.mp4";
  ASSERT_EQ(run("ffmpeg -v error -f lavfi -i testsrc2=size=448x256:rate=25 -frames:v 8 -c:v libsvtav1 "
                "-preset 12 -g 50 "
                "-movflags +frag_every_frame+cmaf+delay_moov+default_base_moof " +
                clear.string() + " 2>/dev/null")
                .exit_status,
            0);
  const std::string content = test::read_file(clear);
  for (const Scheme scheme : {Scheme::cbcs, Scheme::cenc}) {
    const auto made = encrypt(as_bytes(content), scheme);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code, ErrorCode::unsupported) << made.error().message;
    EXPECT_EQ(made.error().message, "AV1: a frame refers to one that did not come");
  }
}

// How encoders write AV1, and what of it headers are read with.
struct Av1Stream {
  const char* name;
  const char* options;  // of ffmpeg
};

class ShakaPackagerAv1 : public testing::TestWithParam<Av1Stream> {};

// The maps that shaka-packager makes of the same samples.
TEST_P(ShakaPackagerAv1, EncryptsTheSameBytesOfEachTile) {
  const auto packager = shaka_packager();
  if (!packager || !test::has_command("ffmpeg")) GTEST_SKIP() << "no shaka-packager or no ffmpeg";
  const test::TemporaryDirectory directory;
  const fs::path clear = directory.path() / "clear.mp4";
  const fs::path theirs = directory.path() / "theirs.mp4";
  ASSERT_EQ(
      run("ffmpeg -v error -f lavfi -i testsrc2=size=448x256:rate=25 -map 0:v -frames:v 20 " +
          std::string{GetParam().options} + " -movflags +frag_keyframe+cmaf+delay_moov+default_base_moof " +
          clear.string() + " 2>/dev/null")
          .exit_status,
      0);
  const std::string content = test::read_file(clear);
  for (const Scheme scheme : {Scheme::cbcs, Scheme::cenc}) {
    const auto ours = encrypt(as_bytes(content), scheme);
    ASSERT_TRUE(ours.ok()) << ours.error().message;
    const auto result = run(*packager + " in=" + clear.string() + ",stream=video,output=" + theirs.string() +
                            " --enable_raw_key_encryption --clear_lead 0 --protection_scheme " +
                            (scheme == Scheme::cbcs ? "cbcs" : "cenc") + " --keys label=:key_id=" + kid_text +
                            ":key=" + key_text + " 2>&1");
    ASSERT_EQ(result.exit_status, 0) << result.output;
    const std::string other = test::read_file(theirs);
    const auto maps = [&](Bytes file) {
      std::vector<std::vector<std::pair<std::size_t, std::size_t>>> all;
      const auto track = test::read_tenc(file);
      for (const auto& sample : test::all_protections(file, track ? track->iv_size : 0))
        all.push_back(sample.subsamples);
      return all;
    };
    const auto expected = maps(as_bytes(other));
    EXPECT_GE(expected.size(), 20U);
    EXPECT_EQ(maps(*ours), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Streams, ShakaPackagerAv1,
    testing::Values(
        Av1Stream{"svt", "-c:v libsvtav1 -preset 12 -g 10"},
        Av1Stream{"svt_grain_and_tiles",
                  "-c:v libsvtav1 -preset 8 -g 10 -svtav1-params film-grain=20:tile-columns=1:tile-rows=1"},
        Av1Stream{"svt_low_delay", "-c:v libsvtav1 -preset 10 -g 10 -svtav1-params pred-struct=1"},
        Av1Stream{"svt_superres",
                  "-c:v libsvtav1 -preset 8 -g 10 -svtav1-params superres-mode=1:superres-denom=12"},
        Av1Stream{"svt_screen", "-c:v libsvtav1 -preset 6 -g 10 -svtav1-params scm=1"},
        Av1Stream{"aom_tiles", "-c:v libaom-av1 -cpu-used 8 -g 10 -tiles 2x2"},
        Av1Stream{"aom_realtime", "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 10 -aom-params aq-mode=3"},
        Av1Stream{"aom_resilient", "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 10 -error-resilience 1"},
        Av1Stream{"aom_lossless", "-c:v libaom-av1 -cpu-used 8 -g 10 -aom-params lossless=1"},
        Av1Stream{"aom_screen",
                  "-c:v libaom-av1 -cpu-used 8 -g 10 -aom-params "
                  "tune-content=screen:enable-palette=1:enable-intrabc=1"},
        Av1Stream{"aom_grey",
                  "-pix_fmt gray -c:v libaom-av1 -cpu-used 8 -g 10 -aom-params film-grain-test=3"},
        Av1Stream{"svt_resize",
                  "-c:v libsvtav1 -preset 10 -g 24 -svtav1-params resize-mode=1:resize-denom=12"},
        Av1Stream{"aom_quantizers",
                  "-c:v libaom-av1 -cpu-used 8 -g 10 -aom-params "
                  "deltaq-mode=2:enable-chroma-deltaq=1:enable-qm=1:aq-mode=1"},
        Av1Stream{"rav1e", "-c:v librav1e -speed 10 -g 10 -tiles 4"}),
    [](const auto& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace tarn::crypto
