// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/arena.h"

#include <gtest/gtest.h>

#include <cstring>

namespace tarn::mpegts {
namespace {

TEST(Arena, KeepsItsBytesWhileItGrows) {
  Arena arena{10};
  for (unsigned i = 0; i < 300'000; i += 100) {
    std::memset(arena.room(100), static_cast<int>(i % 251), 100);
    arena.commit(100);
  }
  const Blob blob = arena.release();
  ASSERT_EQ(blob.size(), 300'000U);
  for (unsigned i = 0; i < 300'000; ++i) ASSERT_EQ(blob.data()[i], i / 100 * 100 % 251);
  EXPECT_EQ(arena.size(), 0U);
  EXPECT_TRUE(arena.release().empty());
}

TEST(Arena, ClosesGaps) {
  Arena arena{10};
  std::memcpy(arena.room(6), "abcdef", 6);
  arena.commit(6);
  arena.close_gap(1, 3);
  EXPECT_EQ(as_text(arena.release().bytes()), "adef");
}

}  // namespace
}  // namespace tarn::mpegts
