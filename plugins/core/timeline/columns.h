// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

// Whole numbers in the bits they need. What a timeline says about its slots grows along a line: starts by the
// length of a GOP, serials by the number of tracks. A column keeps the line, and of every row by how much it
// is above it, in a fixed number of bits: none, where all are on the line. Every value comes back exactly,
// whatever it is, and any row is read without those before it.
namespace tarn::timeline {

struct Column {
  std::uint64_t base = 0;  // value of row n: base + n * step + what its bits say, modulo 2^64
  std::uint64_t step = 0;
  std::uint32_t offset = 0;  // of its bits in the block's bytes
  std::uint32_t width = 0;   // bits a row
};

// One value of a column. Rows that have none are left out; what is read there means nothing.
struct Cell {
  std::uint32_t row = 0;
  std::uint64_t value = 0;
};

// The line with the fewest bits above it of those that are tried. `offset` is not set.
Column fit(std::span<const Cell> cells);

// The bytes of all columns of a block.
class ColumnBits {
 public:
  // Keeps what `cells` have above `column`, which fit() made of them, and sets its offset. `rows`: of the
  // block, more than that of any cell.
  void add(Column& column, std::span<const Cell> cells, std::size_t rows);
  // No column is added after it: nothing is kept that is not needed.
  void seal();

  [[nodiscard]] std::uint64_t value(const Column& column, std::size_t row) const {
    const std::uint64_t line = column.base + row * column.step;
    return column.width == 0 ? line : line + above(column, row);
  }

 private:
  [[nodiscard]] std::uint64_t above(const Column& column, std::size_t row) const;

  std::vector<std::uint8_t> bytes_;
};

}  // namespace tarn::timeline
