// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/nal.h"

#include <gtest/gtest.h>

#include <random>

#include "core/base/text.h"
#include "tests/core/codecs/h264_builder.h"

namespace tarn::codecs {
namespace {

std::size_t search_plainly(Bytes bytes, std::size_t from) {
  for (std::size_t i = from; i + 3 <= bytes.size(); ++i) {
    if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1) return i;
  }
  return bytes.size();
}

TEST(StartCodes, AreFoundAtEveryPositionOfEverySize) {
  for (std::size_t size = 0; size <= 200; ++size) {
    ByteVector data(size, 0xFF);
    EXPECT_EQ(find_start_code(data, 0), size);
    for (std::size_t at = 0; at + 3 <= size; ++at) {
      ByteVector with = data;
      with[at] = with[at + 1] = 0;
      with[at + 2] = 1;
      ASSERT_EQ(find_start_code(with, 0), at) << size;
      ASSERT_EQ(find_start_code(with, at + 1), size) << size;
      ByteVector copy(size, 0xEE);
      ASSERT_EQ(copy_until_start_code(with, copy.data()), at) << size;
      ASSERT_TRUE(std::equal(copy.begin(), copy.begin() + static_cast<std::ptrdiff_t>(at), with.begin()));
    }
  }
}

TEST(StartCodes, OfNoiseFullOfZerosAgreeWithAPlainSearch) {
  std::mt19937 random{7};
  for (int round = 0; round < 2000; ++round) {
    ByteVector data(random() % 300);
    for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random() % 3);
    const std::size_t from = data.empty() ? 0 : random() % data.size();
    ASSERT_EQ(find_start_code(data, from), search_plainly(data, from));
    const std::size_t end = search_plainly(data, 0);
    ByteVector copy(data.size());
    ASSERT_EQ(copy_until_start_code(data, copy.data()), end);
    ASSERT_TRUE(std::equal(copy.begin(), copy.begin() + static_cast<std::ptrdiff_t>(end), data.begin()));
  }
}

TEST(Unescape, UndoesEmulationPrevention) {
  std::mt19937 random{11};
  for (int round = 0; round < 500; ++round) {
    ByteVector payload(random() % 60);
    for (std::uint8_t& byte : payload) byte = static_cast<std::uint8_t>(random() % 5);
    const ByteVector nal = test::make_nal(0x65, payload);
    ASSERT_EQ(search_plainly(nal, 0), nal.size());
    ASSERT_EQ(unescape(Bytes{nal}.subspan(1)), payload);
  }
  const ByteVector escaped = *parse_hex("00000300000301");
  EXPECT_EQ(hex(unescape(escaped)), "0000000001");
  EXPECT_EQ(hex(unescape(escaped, 3)), "000000");
}

TEST(BitReader, ReadsWhatBitWriterWrote) {
  test::BitWriter writer;
  writer.bits(0x5, 3);
  for (const std::uint32_t value : {0U, 1U, 2U, 254U, 65'535U, 4'294'967'294U}) writer.ue(value);
  for (const std::int32_t value : {0, 1, -1, 77, -32'768}) writer.se(value);
  writer.bits(0xDEADBEEF, 32);
  BitReader reader{writer.bytes()};
  EXPECT_EQ(reader.bits(3), 5U);
  for (const std::uint32_t value : {0U, 1U, 2U, 254U, 65'535U, 4'294'967'294U}) EXPECT_EQ(reader.ue(), value);
  for (const std::int32_t value : {0, 1, -1, 77, -32'768}) EXPECT_EQ(reader.se(), value);
  EXPECT_EQ(reader.bits(32), 0xDEADBEEFU);
  EXPECT_TRUE(reader.ok());
}

TEST(BitReader, ErrorIsStickyAndReadsGiveZero) {
  const ByteVector zeros(9, 0);
  BitReader endless{zeros};
  EXPECT_EQ(endless.ue(), 0U);
  EXPECT_FALSE(endless.ok());
  const ByteVector ones(2, 0xFF);
  BitReader reader{ones};
  EXPECT_EQ(reader.bits(17), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.bits(1), 0U);
  EXPECT_EQ(reader.remaining(), 0U);
}

}  // namespace
}  // namespace tarn::codecs
