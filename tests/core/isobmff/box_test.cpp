// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/box_writer.h"
#include "core/isobmff/esds.h"
#include "core/isobmff/moof.h"
#include "core/isobmff/moov.h"

namespace tarn::isobmff {
namespace {

using testing::HasSubstr;

template <class Box>
ByteVector write(Box box) {
  ByteVector out;
  append_box(out, box);
  return out;
}

template <class Box>
Result<Box> read(Bytes bytes) {
  ReadContext context;
  Box box;
  const auto raw = read_box_header(bytes, 0, ErrorCode::truncated, context);
  if (raw) read_box(bytes, *raw, box, context);
  if (!context.ok()) return context.take_error();
  return box;
}

TEST(Box, ReadsAndWritesOneFieldList) {
  const ByteVector bytes = *parse_hex(
      "000000147466647401000000"
      "0000000123456789");
  const auto tfdt = read<Tfdt>(bytes);
  ASSERT_TRUE(tfdt.ok()) << tfdt.error().message;
  EXPECT_EQ(tfdt->base_media_decode_time, 0x123456789U);
  EXPECT_EQ(hex(write(*tfdt)), hex(bytes));
}

TEST(Box, VersionZeroHasThirtyTwoBitTimes) {
  const ByteVector bytes = *parse_hex(
      "000000107466647400000000"
      "fffffffe");
  const auto tfdt = read<Tfdt>(bytes);
  ASSERT_TRUE(tfdt.ok());
  EXPECT_EQ(tfdt->base_media_decode_time, 0xfffffffeU);
  EXPECT_EQ(hex(write(*tfdt)), hex(bytes));
}

TEST(Box, SizerAgreesWithWriter) {
  Traf traf;
  traf.truns.resize(3);
  traf.truns[1].flags |= Trun::size_present | Trun::composition_offset_present;
  traf.truns[1].sample_count = 7;
  traf.truns[1].entries.resize(7);
  EXPECT_EQ(write(traf).size(), box_size(traf));
}

TEST(Box, MessageNamesThePathAndTheField) {
  const ByteVector bytes = *parse_hex(
      "00000014"
      "74726166"
      "0000000c"
      "74666864"
      "00020000");
  const auto traf = read<Traf>(bytes);
  ASSERT_FALSE(traf.ok());
  EXPECT_EQ(traf.error().code, ErrorCode::malformed);
  EXPECT_EQ(traf.error().message, "traf/tfhd: too short for track_ID");
}

TEST(Box, MissingChildIsNamed) {
  const auto traf = read<Traf>(*parse_hex("0000000874726166"));
  ASSERT_FALSE(traf.ok());
  EXPECT_EQ(traf.error().message, "traf: has no tfhd box");
}

TEST(Box, ChildLargerThanItsParentIsMalformed) {
  const auto traf =
      read<Traf>(*parse_hex("00000010"
                            "74726166"
                            "00000010"
                            "74666864"));
  ASSERT_FALSE(traf.ok());
  EXPECT_EQ(traf.error().code, ErrorCode::malformed);
  EXPECT_THAT(traf.error().message, HasSubstr("goes past the end"));
}

TEST(Box, BoxSmallerThanItsHeaderIsMalformed) {
  const auto traf =
      read<Traf>(*parse_hex("00000010"
                            "74726166"
                            "00000004"
                            "74666864"));
  ASSERT_FALSE(traf.ok());
  EXPECT_THAT(traf.error().message, HasSubstr("smaller than its header"));
}

TEST(Box, SampleCountBeyondTheBoxAllocatesNothing) {
  const ByteVector bytes = *parse_hex(
      "00000014"
      "7472756e"
      "00000200"
      "0000ffff"
      "00000001");
  const auto trun = read<Trun>(bytes);
  ASSERT_FALSE(trun.ok());
  EXPECT_EQ(trun.error().message, "trun: too short for its 65535 samples");
}

TEST(Box, SamplesWithoutFieldsAreLimitedToo) {
  const ByteVector bytes = *parse_hex(
      "00000010"
      "7472756e"
      "00000000"
      "ffffffff");
  const auto trun = read<Trun>(bytes);
  ASSERT_FALSE(trun.ok());
  EXPECT_EQ(trun.error().code, ErrorCode::limit);
}

TEST(Box, MoreThan4096BoxesAreRefused) {
  ByteVector bytes = *parse_hex(
      "00000000"
      "74726166");
  const ByteVector child = *parse_hex("0000000866726565");
  for (int i = 0; i < 5000; ++i) bytes.insert(bytes.end(), child.begin(), child.end());
  const auto traf = read<Traf>(bytes);
  ASSERT_FALSE(traf.ok());
  EXPECT_EQ(traf.error().code, ErrorCode::limit);
}

TEST(Box, UnknownChildrenAndOrderDoNotMatter) {
  const std::string tfhd =
      "0000001074666864"
      "00020000"
      "00000005";
  const std::string tfdt =
      "0000001474666474"
      "01000000"
      "0000000000000009";
  const std::string free =
      "0000000c66726565"
      "ffffffff";
  const auto traf =
      read<Traf>(*parse_hex("00000038"
                            "74726166" +
                            tfdt + free + tfhd));
  ASSERT_TRUE(traf.ok()) << traf.error().message;
  EXPECT_EQ(traf->tfhd.track_id, 5U);
  EXPECT_EQ(traf->tfdt.base_media_decode_time, 9U);
}

TEST(Esds, RoundTripsAndHasTheBytesOfTheStandard) {
  const ByteVector descriptor = write_es_descriptor({.specific_info = {0x11, 0x90}});
  EXPECT_EQ(hex(descriptor),
            "0319"
            "000000"
            "0411"
            "4015"
            "0000000000000000000000"
            "05021190"
            "060102");
  const auto config = parse_es_descriptor(descriptor);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->specific_info, (ByteVector{0x11, 0x90}));
  EXPECT_EQ(config->object_type_indication, DecoderConfig::mpeg4_audio);
}

TEST(Esds, LongSizesTakeMoreBytes) {
  for (const std::size_t size : {0U, 127U, 128U, 300U, 20'000U}) {
    const ByteVector info(size, 7);
    const auto config = parse_es_descriptor(write_es_descriptor({.specific_info = info}));
    ASSERT_TRUE(config.ok()) << size;
    EXPECT_EQ(config->specific_info, info);
  }
}

TEST(Esds, EveryTruncationIsAnError) {
  const ByteVector descriptor = write_es_descriptor({.specific_info = {0x11, 0x90}});
  for (std::size_t size = 0; size < descriptor.size(); ++size) {
    EXPECT_FALSE(parse_es_descriptor(Bytes{descriptor}.first(size)).ok()) << size;
  }
}

}  // namespace
}  // namespace tarn::isobmff
