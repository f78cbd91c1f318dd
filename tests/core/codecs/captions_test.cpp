// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/captions.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/core/codecs/h264_builder.h"

namespace tarn::codecs {
namespace {

struct Triplet {
  std::uint8_t type = 0;  // cc_type
  std::uint8_t first = 0;
  std::uint8_t second = 0;
  bool valid = true;
};

ByteVector user_data(const std::vector<Triplet>& triplets) {
  ByteVector payload{
      0xB5, 0x00, 0x31, 'G', 'A', '9', '4', 3, static_cast<std::uint8_t>(0xC0U | triplets.size()), 0xFF};
  for (const Triplet& t : triplets) {
    payload.push_back(static_cast<std::uint8_t>(0xF8U | (t.valid ? 4U : 0U) | t.type));
    payload.push_back(t.first);
    payload.push_back(t.second);
  }
  payload.push_back(0xFF);
  return payload;
}

CaptionsFound found(const std::vector<Triplet>& triplets) {
  CaptionDetector detector;
  const ByteVector payload = user_data(triplets);
  detector.read({4, payload});
  return detector.found();
}

TEST(Captions608, PaddingIsNoCaption) {
  EXPECT_FALSE(found({{0, 0x80, 0x80}, {1, 0x80, 0x80}}).any());
  EXPECT_FALSE(found({{0, 0x94, 0x20, false}}).any()) << "not valid";
  EXPECT_FALSE(found({{0, 0x94, 0x2C}}).any()) << "an empty display is no caption";
}

TEST(Captions608, ControlCodesSayTheChannel) {
  EXPECT_EQ(found({{0, 0x94, 0x20}}).cea608, 0b0001);  // resume caption loading
  EXPECT_EQ(found({{0, 0x1C, 0x25}}).cea608, 0b0010);  // roll-up, second channel
  EXPECT_EQ(found({{1, 0x15, 0x26}}).cea608, 0b0100);
  EXPECT_EQ(found({{1, 0x9D, 0x2F}}).cea608, 0b1000);
  EXPECT_EQ(found({{0, 0x94, 0x20}, {0, 0x1C, 0x25}, {1, 0x15, 0x26}}).cea608, 0b0111);
}

TEST(Captions608, CharactersCountForTheirChannelButNotExtendedDataAndText) {
  EXPECT_EQ(found({{0, 'H', 'i'}}).cea608, 0b0001);
  EXPECT_EQ(found({{1, 0x01, 0x03}, {1, 'N', 'e'}}).cea608, 0);
  EXPECT_EQ(found({{0, 0x14, 0x2A}, {0, 'N', 'o'}}).cea608, 0);
  EXPECT_EQ(found({{1, 0x01, 0x03}, {1, 0x15, 0x25}, {1, 'N', 'e'}}).cea608, 0b0100);
}

TEST(Captions708, ServiceBlocksSayTheirService) {
  // Packet of 8 bytes: service 1 with 3 bytes, service 2 with 1, end
  EXPECT_EQ(found({{3, 0x04, 0x23}, {2, 'a', 'b'}, {2, 'c', 0x41}, {2, 'd', 0x00}}).cea708, 0b110U);
  // Extended service number 9
  EXPECT_EQ(found({{3, 0x02, 0xE1}, {2, 9, 'a'}}).cea708, std::uint64_t{1} << 9U);
  EXPECT_EQ(found({{3, 0x02, 0x00}, {2, 0, 0}}).cea708, 0U) << "a null block";
  EXPECT_EQ(found({{2, 0x23, 0x23}}).cea708, 0U) << "the packet began elsewhere";
}

TEST(Captions, OtherUserDataIsPassedOver) {
  CaptionDetector detector;
  ByteVector payload = user_data({{0, 0x94, 0x20}});
  detector.read({5, payload});
  payload[3] = 'X';
  detector.read({4, payload});
  for (std::size_t size = 0; size < 12; ++size) {
    detector.read({4, Bytes{payload}.first(size)});
  }
  EXPECT_FALSE(detector.found().any());
}

TEST(Captions, AreFoundInTheSeiOfBothCodecs) {
  const ByteVector data = user_data({{0, 0x94, 0x20}});
  ByteVector sei{4, static_cast<std::uint8_t>(data.size())};
  sei.insert(sei.end(), data.begin(), data.end());
  sei.push_back(0x80);
  CaptionDetector avc;
  avc.read_nal(Codec::h264, test::make_nal(0x06, sei));
  EXPECT_EQ(avc.found().cea608, 1);
  ByteVector hevc_sei = test::make_nal(0x01, sei);
  hevc_sei.insert(hevc_sei.begin(), 39 << 1);
  CaptionDetector hevc;
  hevc.read_nal(Codec::hevc, hevc_sei);
  EXPECT_EQ(hevc.found().cea608, 1);
  hevc.read_nal(Codec::hevc, Bytes{hevc_sei}.first(2));
}

}  // namespace
}  // namespace tarn::codecs
