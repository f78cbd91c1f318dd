// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/columns.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace tarn::timeline {
namespace {

constexpr std::size_t word_bytes = sizeof(std::uint64_t);
constexpr std::uint32_t word_bits = 64;
// A value that begins at any bit of a byte is in one word of eight bytes up to this width.
constexpr std::uint32_t widest_unaligned = word_bits - 7;

// All arithmetic is modulo 2^64, so that no value is out of range.
std::int64_t distance(std::uint64_t from, std::uint64_t to) { return static_cast<std::int64_t>(to - from); }

// Of the line with this slope that has all cells on or above it.
Column line_of(std::span<const Cell> cells, std::uint64_t step) {
  const std::uint64_t origin = cells.front().value - cells.front().row * step;
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
  for (const Cell& cell : cells) {
    const std::int64_t away = distance(origin, cell.value - cell.row * step);
    lowest = std::min(lowest, away);
    highest = std::max(highest, away);
  }
  Column line;
  line.step = step;
  line.base = origin + static_cast<std::uint64_t>(lowest);
  line.width = static_cast<std::uint32_t>(
      std::bit_width(static_cast<std::uint64_t>(highest) - static_cast<std::uint64_t>(lowest)));
  if (line.width > widest_unaligned) line.width = word_bits;
  return line;
}

// Words are little-endian in memory on every machine: a value lies in ascending bytes.
std::uint64_t load(const std::uint8_t* at) {
  std::uint64_t word = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&word, at, word_bytes);
  } else {
    for (std::size_t i = word_bytes; i-- > 0;) word = word << 8U | at[i];
  }
  return word;
}
void store(std::uint8_t* at, std::uint64_t word) {
  for (std::size_t i = 0; i < word_bytes; ++i) at[i] = static_cast<std::uint8_t>(word >> (8U * i));
}

}  // namespace

Column fit(std::span<const Cell> cells) {
  if (cells.empty()) return {};
  Column best = line_of(cells, 0);
  const Cell& first = cells.front();
  const auto attempt = [&](const Cell& from, const Cell& to) {
    if (best.width == 0 || from.row == to.row) return;
    const std::int64_t rows = std::int64_t{to.row} - from.row;
    const Column line = line_of(cells, static_cast<std::uint64_t>(distance(from.value, to.value) / rows));
    if (line.width < best.width) best = line;
  };
  attempt(first, cells.back());
  // Where a jump lies between the ends: as it goes on at either of them.
  if (cells.size() > 2) {
    attempt(first, cells[1]);
    attempt(cells[cells.size() - 2], cells.back());
  }
  return best;
}

void ColumnBits::add(Column& column, std::span<const Cell> cells, std::size_t rows) {
  column.offset = static_cast<std::uint32_t>(bytes_.size());
  if (column.width == 0) return;
  bytes_.resize(bytes_.size() + (rows * column.width + 7) / 8 + word_bytes);
  for (const Cell& cell : cells) {
    const std::size_t bit = cell.row * std::size_t{column.width};
    std::uint8_t* at = &bytes_[column.offset + bit / 8];
    store(at, load(at) | (cell.value - column.base - cell.row * column.step) << bit % 8);
  }
  // The next column may begin in what only this one's last word reaches into.
  bytes_.resize(bytes_.size() - word_bytes);
}

void ColumnBits::seal() {
  if (!bytes_.empty()) bytes_.resize(bytes_.size() + word_bytes);
  bytes_.shrink_to_fit();
}

std::uint64_t ColumnBits::above(const Column& column, std::size_t row) const {
  const std::size_t bit = row * column.width;
  const std::uint64_t word = load(&bytes_[column.offset + bit / 8]) >> bit % 8;
  if (column.width == word_bits) return word;
  return word & ((std::uint64_t{1} << column.width) - 1);
}

}  // namespace tarn::timeline
