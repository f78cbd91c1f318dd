// SPDX-License-Identifier: Apache-2.0
#include "server/http/byte_range.h"

#include <algorithm>

#include "core/base/text.h"

namespace tarn::server {
namespace {

ByteRange part(std::uint64_t first, std::uint64_t last, std::uint64_t size) {
  if (first >= size) return {ByteRange::Kind::unsatisfiable, 0, 0};
  return {ByteRange::Kind::part, first, std::min(last, size - 1) - first + 1};
}

}  // namespace

ByteRange parse_range(std::string_view field, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!field.starts_with(unit)) return {};
  const std::string_view spec = trim(field.substr(unit.size()));
  const auto dash = spec.find('-');
  // Several ranges, and what is not a range at all, are ignored: the answer is the whole.
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return {};
  const std::string_view from = spec.substr(0, dash);
  const std::string_view to = spec.substr(dash + 1);
  if (from.empty()) {
    const auto suffix = parse_u64(to);
    if (!suffix) return {};
    if (*suffix == 0 || size == 0) return {ByteRange::Kind::unsatisfiable, 0, 0};
    return part(size - std::min(*suffix, size), size - 1, size);
  }
  const auto first = parse_u64(from);
  if (!first) return {};
  if (to.empty()) return part(*first, UINT64_MAX, size);
  const auto last = parse_u64(to);
  if (!last || *last < *first) return {};
  return part(*first, *last, size);
}

std::vector<Blob> slice(const std::vector<Blob>& parts, std::uint64_t first, std::uint64_t length) {
  std::vector<Blob> result;
  for (const Blob& part : parts) {
    if (length == 0) break;
    if (first >= part.size()) {
      first -= part.size();
      continue;
    }
    const std::uint64_t taken = std::min<std::uint64_t>(part.size() - first, length);
    result.push_back(part.slice(first, taken));
    first = 0;
    length -= taken;
  }
  return result;
}

}  // namespace tarn::server
