// SPDX-License-Identifier: Apache-2.0
#include "core/base/base64.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(Base64, WritesAndReadsTheVectorsOfTheRfc) {
  for (const auto& [plain, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64(as_bytes(plain)), text);
    const auto read = parse_base64(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(as_text(*read), plain);
  }
}

TEST(Base64, TheUrlFormHasNoPaddingAndOtherLetters) {
  const ByteVector bytes{0xfb, 0xff, 0xfe, 0x01};
  EXPECT_EQ(base64url(bytes), "-__-AQ");
  EXPECT_EQ(parse_base64url("-__-AQ"), bytes);
  EXPECT_EQ(parse_base64url("-__-AQ=="), bytes);
  EXPECT_FALSE(parse_base64("-__-AQ=="));
}

TEST(Base64, RefusesWhatNoWriterWrites) {
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zh==", "Zm9", "Zm9=v", "Zm9v=", "====", "Zm9v!"}) {
    EXPECT_FALSE(parse_base64(wrong)) << wrong;
  }
  EXPECT_TRUE(parse_base64(" Zm\n9v "));
}

}  // namespace
}  // namespace tarn
