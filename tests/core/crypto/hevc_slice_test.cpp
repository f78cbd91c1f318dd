// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/hevc_slice.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/codecs/hevc.h"
#include "core/codecs/nal.h"
#include "support/command.h"
#include "support/shared_files.h"

namespace tarn::crypto {
namespace {

namespace hevc = codecs::hevc;

struct Case {
  const char* name;
  const char* format;
  const char* options;
};

// NAL units of a byte stream.
std::vector<Bytes> nals_of(Bytes stream) {
  std::vector<Bytes> nals;
  std::size_t at = codecs::find_start_code(stream, 0);
  while (at < stream.size()) {
    const std::size_t begin = at + 3;
    at = codecs::find_start_code(stream, begin);
    std::size_t end = at;
    while (end > begin && stream[end - 1] == 0) --end;  // the start code's first zero, trailing ones
    nals.push_back(stream.subspan(begin, end - begin));
  }
  return nals;
}

// Bytes of each slice's header as ffmpeg's trace_headers reads it, NAL header and alignment included.
std::vector<std::size_t> traced_headers(const std::string& trace) {
  std::vector<std::size_t> sizes;
  bool is_slice = false;
  std::istringstream lines{trace};
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find("] ");
    if (line.find("[trace_headers @") == std::string::npos || at == std::string::npos) continue;
    const std::string rest = line.substr(at + 2);
    if (rest.empty() || rest[0] < '0' || rest[0] > '9') {
      is_slice = rest == "Slice Segment Header";
      if (is_slice) sizes.push_back(0);
    } else if (is_slice) {
      sizes.back() = std::stoul(rest) / 8 + 1;
    }
  }
  return sizes;
}

class HevcSlices : public testing::TestWithParam<Case> {};

TEST_P(HevcSlices, HaveTheHeadersThatFfmpegReads) {
  if (!test::has_command("ffmpeg")) GTEST_SKIP() << "no ffmpeg";
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "stream.hevc";
  const auto encoded = test::run(
      "ffmpeg -v error -f lavfi -i testsrc2=size=416x240:rate=25 -vf fade=in:0:12 -t 1 -c:v libx265 "
      "-pix_fmt " +
      std::string{GetParam().format} + " -preset ultrafast -x265-params log-level=none:pools=1:keyint=12:" +
      GetParam().options + " -f hevc " + file.string() + " 2>&1");
  if (encoded.output.find("Unknown encoder") != std::string::npos) GTEST_SKIP() << "no libx265";
  ASSERT_EQ(encoded.exit_status, 0) << encoded.output;
  const auto expected = traced_headers(
      test::run("ffmpeg -v verbose -i " + file.string() + " -c copy -bsf:v trace_headers -f null - 2>&1")
          .output);
  const std::string content = test::read_file(file);
  const auto nals = nals_of(as_bytes(content));
  std::vector<Bytes> vps;
  std::vector<Bytes> sps;
  std::vector<Bytes> pps;
  std::vector<Bytes> slices;
  for (const Bytes nal : nals) {
    const auto type = hevc::nal_type(nal[0]);
    if (type == hevc::nal_vps && vps.empty()) vps.push_back(nal);
    if (type == hevc::nal_sps && sps.empty()) sps.push_back(nal);
    if (type == hevc::nal_pps && pps.empty()) pps.push_back(nal);
    if (type <= hevc::nal_last_slice) slices.push_back(nal);
  }
  const auto info = hevc::stream_info(vps, sps, pps);
  ASSERT_TRUE(info.ok()) << info.error().message;
  const auto headers = HevcSliceHeaders::from_config(info->config);
  ASSERT_TRUE(headers.ok());
  ASSERT_GE(slices.size(), 25U);
  ASSERT_EQ(expected.size(), slices.size());
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const auto size = headers->header_size(slices[i]);
    ASSERT_TRUE(size.has_value()) << i;
    EXPECT_EQ(2 + codecs::unescape(slices[i].first(*size).subspan(2)).size(), expected[i]) << i;
    // Whatever is cut off is not read beyond.
    for (std::size_t shorter = 0; shorter < *size; ++shorter) {
      EXPECT_FALSE(headers->header_size(slices[i].first(shorter)).has_value()) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Streams, HevcSlices,
    testing::Values(Case{"plain", "yuv420p", "no-wpp=1:bframes=0"},
                    Case{"rows_and_slices", "yuv420p", "wpp=1:slices=3:ctu=16:min-cu-size=8"},
                    Case{"weights", "yuv420p", "weightp=1:weightb=1:bframes=4:b-adapt=0:rc-lookahead=12"},
                    Case{"many_references", "yuv420p",
                         "ref=6:bframes=8:rc-lookahead=11:b-adapt=0:b-pyramid=1:b-intra=1:open-gop=1"},
                    Case{"few_tools", "yuv420p", "no-sao=1:deblock=false:no-temporal-mvp=1:no-signhide=1"},
                    Case{"deblocking", "yuv420p", "deblock=-2,3:sao=1:slices=2"},
                    Case{"chroma_422_10", "yuv422p10le", "weightp=1:cbqpoffs=2:crqpoffs=-2"},
                    Case{"chroma_444", "yuv444p", "weightb=1:bframes=3"},
                    Case{"no_chroma", "gray", "weightp=1:wpp=1"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(HevcSliceHeaders, ThatNeedUnknownSetsAreNotRead) {
  const HevcSliceHeaders none;
  EXPECT_FALSE(none.header_size(ByteVector{0x26, 0x01, 0xAF, 0x09, 0x40}).has_value());
  EXPECT_FALSE(none.header_size({}).has_value());
  EXPECT_FALSE(HevcSliceHeaders::from_config(ByteVector{1, 2, 3}).ok());
}

}  // namespace
}  // namespace tarn::crypto
