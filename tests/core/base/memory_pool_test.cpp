// SPDX-License-Identifier: Apache-2.0
#include "core/base/memory_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

namespace tarn {
namespace {

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

TEST(PooledBytes, GoBackWithTheLastBlobAndNotBefore) {
  constexpr std::size_t size = 777'777;
  PooledBytes bytes{size};
  std::memset(bytes.data(), 7, size);
  const void* const address = bytes.data();
  Blob blob = bytes.release();
  EXPECT_EQ(bytes.size(), 0U);
  const Blob end = blob.slice(size - 1, 1);
  blob = {};
  EXPECT_NE(PooledBytes{size}.data(), address);
  EXPECT_EQ(end.data()[0], 7);
}

TEST(PooledBytes, AreTakenAgainOnceFree) {
  constexpr std::size_t size = 888'888;
  const void* address = nullptr;
  {
    PooledBytes bytes{size};
    address = bytes.data();
    (void)bytes.release();
  }
  EXPECT_EQ(PooledBytes{size}.data(), address);
}

}  // namespace
}  // namespace tarn
