// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

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

TEST(MemoryPool, GivesTheSameMemoryAgainOnlyWhenItIsFree) {
  constexpr std::size_t size = 300'000;
  MemoryPool pool;
  std::size_t capacity = size;
  Memory first = pool.take(capacity);
  const void* const address = first.get();
  Memory second = pool.take(capacity);
  EXPECT_NE(second.get(), address);
  pool.give(std::move(first), capacity);
  std::size_t far_less = 140'000;
  EXPECT_NE(pool.take(far_less).get(), address);
  EXPECT_EQ(far_less, 140'000U);
  std::size_t less = 200'000;
  EXPECT_EQ(pool.take(less).get(), address);
  EXPECT_EQ(less, size);
}

TEST(MemoryPool, HoldsNoMoreThanItsLimit) {
  MemoryPool pool;
  constexpr std::size_t block = 8U << 20U;
  std::vector<const void*> addresses;
  std::vector<Memory> blocks;
  for (std::size_t i = 0; i < MemoryPool::max_kept / block + 1; ++i) {
    std::size_t capacity = block;
    blocks.push_back(pool.take(capacity));
    addresses.push_back(blocks.back().get());
  }
  for (Memory& memory : blocks) pool.give(std::move(memory), block);
  // The one that came back first had to go.
  for (std::size_t i = 1; i < addresses.size(); ++i) {
    std::size_t capacity = block;
    blocks[i] = pool.take(capacity);
    EXPECT_EQ(blocks[i].get(), addresses[i]);
  }
}

}  // namespace
}  // namespace tarn::mpegts
