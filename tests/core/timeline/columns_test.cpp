// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/columns.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace tarn::timeline {
namespace {

using Values = std::vector<std::uint64_t>;

std::vector<Cell> cells_of(const Values& values) {
  std::vector<Cell> cells;
  for (std::size_t row = 0; row < values.size(); ++row) {
    cells.push_back({static_cast<std::uint32_t>(row), values[row]});
  }
  return cells;
}

std::uint32_t width_of(const Values& values) { return fit(cells_of(values)).width; }

// All of them in one block, as columns are kept.
void expect_exact(const std::vector<Values>& all) {
  ColumnBits bits;
  std::vector<Column> columns;
  for (const Values& values : all) {
    columns.push_back(fit(cells_of(values)));
    bits.add(columns.back(), cells_of(values), values.size());
  }
  bits.seal();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t row = 0; row < all[i].size(); ++row) {
      ASSERT_EQ(bits.value(columns[i], row), all[i][row]) << "column " << i << ", row " << row;
    }
  }
}

TEST(Columns, WhatIsOnALineTakesNoBits) {
  EXPECT_EQ(width_of({7, 7, 7}), 0U);
  EXPECT_EQ(width_of({5, 7, 9, 11}), 0U);
  EXPECT_EQ(width_of({100, 90, 80}), 0U);
  EXPECT_EQ(width_of({42}), 0U);
  EXPECT_EQ(width_of({}), 0U);
}

TEST(Columns, WhatIsBesideItTakesWhatItIsBesideIt) {
  EXPECT_EQ(width_of({0, 1, 0, 1}), 1U);
  EXPECT_EQ(width_of({1000, 2003, 3000, 4000}), 2U);
  // After a jump it goes on as before.
  EXPECT_EQ(width_of({0, 10, 20, 1030, 1040}), 10U);
}

TEST(Columns, EveryValueComesBack) {
  constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t middle = std::uint64_t{1} << 63U;
  expect_exact({{0, highest},
                {highest, 0, middle},
                {middle, middle - 1, 0, 1},
                {highest, 1, highest, 1},
                {},
                {9},
                {0, middle, 0, middle, highest}});
}

TEST(Columns, EveryWidthComesBack) {
  std::mt19937_64 random{1};
  std::vector<Values> all;
  for (std::uint32_t width = 0; width <= 64; ++width) {
    for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{180'000}, random()}) {
      Values& values = all.emplace_back();
      const std::uint64_t base = random();
      for (std::uint64_t row = 0; row < 70; ++row) {
        const std::uint64_t above = width == 0 ? 0 : random() >> (64U - width);
        values.push_back(base + row * step + above);
      }
    }
  }
  expect_exact(all);
}

TEST(Columns, ARowMayHaveNone) {
  ColumnBits bits;
  const std::vector<Cell> cells{{1, 500}, {2, 600}, {5, 907}, {6, 1000}};
  Column column = fit(cells);
  EXPECT_EQ(column.width, 3U);
  bits.add(column, cells, 8);
  bits.seal();
  for (const Cell& cell : cells) EXPECT_EQ(bits.value(column, cell.row), cell.value);
}

}  // namespace
}  // namespace tarn::timeline
