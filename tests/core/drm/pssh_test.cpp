// SPDX-License-Identifier: Apache-2.0
#include "core/drm/pssh.h"

#include <gtest/gtest.h>

#include "core/base/base64.h"
#include "core/drm/system.h"
#include "core/drm/uuid.h"
#include "support/command.h"
#include "support/shared_files.h"

namespace tarn::drm {
namespace {

const Uuid kid = *parse_uuid("00010203-0405-0607-0809-0a0b0c0d0e0f");

TEST(Uuid, IsReadAndWrittenAndNamesAreOfVersion5) {
  EXPECT_EQ(to_text(kid), "00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(parse_uuid("000102030405060708090A0B0C0D0E0F"), kid);
  for (const char* wrong : {"", "0001", "00010203-0405-0607-0809-0a0b0c0d0e0",
                            "00010203-0405-0607-08090-a0b0c0d0e0f", "g0010203-0405-0607-0809-0a0b0c0d0e0f"}) {
    EXPECT_FALSE(parse_uuid(wrong)) << wrong;
  }
  EXPECT_EQ(name_uuid("a"), name_uuid("a"));
  EXPECT_NE(name_uuid("a"), name_uuid("b"));
  EXPECT_EQ(to_text(name_uuid("a"))[14], '5');
}

TEST(PsshBox, ComesBackInBothVersions) {
  for (const std::uint8_t version : {0, 1}) {
    Pssh pssh{.version = version, .system = system_id(System::widevine), .kids = {}, .data = {1, 2, 3}};
    if (version == 1) pssh.kids = {kid, name_uuid("x")};
    const ByteVector box = write_pssh(pssh);
    EXPECT_EQ(parse_pssh(box).value(), pssh);
    for (std::size_t size = 0; size < box.size(); ++size)
      EXPECT_FALSE(parse_pssh(Bytes(box).first(size)).ok());
    ByteVector longer = box;
    longer.push_back(0);
    EXPECT_FALSE(parse_pssh(longer).ok());
  }
}

TEST(PsshBox, OfOthersIsUnderstood) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no shared vectors";
  const std::string init = test::read_file(*shared / "vectors" / "drm" / "multidrm-video-init.mp4");
  std::size_t boxes = 0;
  for (std::size_t at = init.find("pssh"); at != std::string::npos; at = init.find("pssh", at + 4)) {
    const Bytes from = as_bytes(init).subspan(at - 4);
    const auto parsed = parse_pssh(from.first(Reader{from}.u32()));
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    if (system_of(parsed->system)) ++boxes;
  }
  EXPECT_GE(boxes, 2U);
}

// Known values: the protobuf by hand, and PlayReady's order of a GUID.
TEST(PsshData, OfWidevineIsKeyIdContentIdAndScheme) {
  EXPECT_EQ(widevine_data(kid, "ab", crypto::Scheme::cbcs),
            (ByteVector{0x12, 0x10, 0,  1,  2,    3, 4,   5,   6,    7,    8,    9,    10,   11,
                        12,   13,   14, 15, 0x22, 2, 'a', 'b', 0x48, 0xF3, 0xC6, 0x89, 0x9B, 0x06}));
}

TEST(PsshData, OfPlayReadyIsOneRecordWithTheKeyId) {
  const ByteVector object = playready_object(kid, crypto::Scheme::cenc);
  ASSERT_GT(object.size(), 10U);
  EXPECT_EQ(object[0] + object[1] * 256U, object.size());
  EXPECT_EQ(object[4], 1);
  EXPECT_EQ(object[8] + object[9] * 256U, object.size() - 10);
  std::string header;
  for (std::size_t i = 10; i < object.size(); i += 2) header += static_cast<char>(object[i]);
  EXPECT_NE(header.find("ALGID=\"AESCTR\" VALUE=\"AwIBAAUEBwYICQoLDA0ODw==\""), std::string::npos) << header;
}

}  // namespace
}  // namespace tarn::drm
