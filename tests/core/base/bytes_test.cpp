// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.h"

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace tarn {
namespace {

TEST(Reader, ErrorIsStickyAndReadsGiveZero) {
  const ByteVector data{1, 2, 3};
  Reader reader{data};
  EXPECT_EQ(reader.u16(), 0x0102);
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0U);
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(Writer, WritesBigEndianAndPatches) {
  ByteVector out;
  Writer writer{out};
  writer.u32(0);
  writer.u16(0xABCD);
  writer.u64(0x0102030405060708);
  writer.patch_u32(0, static_cast<std::uint32_t>(writer.position()));
  EXPECT_EQ(hex(out), "0000000eabcd0102030405060708");
}

TEST(Blob, SlicesShareTheOwner) {
  const Blob whole = Blob::of({1, 2, 3, 4});
  const Blob part = whole.slice(1, 2);
  EXPECT_EQ(part.data(), whole.data() + 1);
  EXPECT_EQ(part.owner(), whole.owner());
}

TEST(Text, PathComponentsAndNames) {
  EXPECT_TRUE(is_path_component("manifest-hd_1.0.ts"));
  for (const auto* bad : {"", ".", "..", ".hidden", "a/b", "a b", "a%2e"})
    EXPECT_FALSE(is_path_component(bad)) << bad;
  EXPECT_FALSE(is_path_component(std::string(201, 'a')));
  EXPECT_TRUE(is_resource_name("-a_1"));
  EXPECT_FALSE(is_resource_name("a.b"));
}

TEST(Text, NumbersAreWholeStrings) {
  EXPECT_EQ(parse_u64("18446744073709551615"), 18446744073709551615U);
  for (const auto* bad : {"", "-1", "+1", " 1", "1 ", "18446744073709551616", "0x1"}) {
    EXPECT_FALSE(parse_u64(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace tarn
