// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/archive_quota.h"

#include <algorithm>
#include <optional>

namespace tarn::server {
namespace {

// Deletes faster than encoders fill, and does not keep them waiting.
constexpr Microseconds step = std::chrono::minutes{1};
constexpr int most_steps = 5;  // of a channel, at a time

// What so much of its content takes, if all of it takes as much.
std::uint64_t bytes_of(const ArchiveUse& use, Microseconds length) {
  const Microseconds all = std::max(use.newest - use.oldest, length);
  const double share = static_cast<double>(length.count()) / static_cast<double>(all.count());
  return static_cast<std::uint64_t>(static_cast<double>(use.bytes) * share);
}

}  // namespace

std::vector<Sacrifice> sacrifices(std::vector<ArchiveUse> uses, std::uint64_t quota) {
  std::uint64_t total = 0;
  for (const ArchiveUse& use : uses) total += use.bytes;
  std::vector<Sacrifice> all;
  std::vector<int> steps(uses.size());
  while (total > quota) {
    std::optional<std::size_t> oldest;
    for (std::size_t i = 0; i < uses.size(); ++i) {
      if (uses[i].oldest >= uses[i].keep_from || steps[i] == most_steps) continue;
      if (!oldest || uses[i].oldest < uses[*oldest].oldest) oldest = i;
    }
    if (!oldest) break;
    ArchiveUse& use = uses[*oldest];
    const Utc before = std::min(use.oldest + step, use.keep_from);
    const std::uint64_t gone = bytes_of(use, before - use.oldest);
    total -= std::min(gone, total);
    use.bytes -= std::min(gone, use.bytes);
    use.oldest = before;
    const auto its = std::find_if(all.begin(), all.end(),
                                  [&](const Sacrifice& one) { return one.channel == use.channel; });
    if (its == all.end()) {
      all.push_back({use.channel, before});
    } else {
      its->before = before;
    }
    ++steps[*oldest];
  }
  return all;
}

}  // namespace tarn::server
