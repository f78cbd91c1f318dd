// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/isobmff/language.h"

namespace tarn::isobmff {
namespace {

TEST(Language, TagsBecomeTerminologyCodes) {
  EXPECT_EQ(three_letter_code("en"), "eng");
  EXPECT_EQ(three_letter_code("DE-at"), "deu");
  EXPECT_EQ(three_letter_code("ger"), "deu");
  EXPECT_EQ(three_letter_code("zu"), "zul");
  EXPECT_EQ(three_letter_code("deu"), "deu");
  EXPECT_EQ(three_letter_code("mul"), "mul");
}

TEST(Language, WhatIsNoLanguageIsUndetermined) {
  for (const char* const text : {"", "xx", "x", "e1", "engl", "\x81\x82\x83"}) {
    EXPECT_EQ(three_letter_code(text), "und") << text;
  }
}

TEST(Language, PacksThreeLettersIntoFifteenBits) {
  EXPECT_EQ(pack_language("und"), 0x55C4);  // as in every file without a language
  EXPECT_EQ(pack_language("eng"), 0x15C7);
  EXPECT_EQ(unpack_language(0x15C7), "eng");
  EXPECT_EQ(unpack_language(0x55C4), "");
  EXPECT_EQ(unpack_language(0), "");
}

}  // namespace
}  // namespace tarn::isobmff
