// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/archive_quota.h"

#include <algorithm>

namespace tarn::server {
namespace {

// Deletes faster than encoders fill, and does not keep them waiting.
constexpr Microseconds step = std::chrono::minutes{1};

}  // namespace

std::optional<Sacrifice> next_sacrifice(const std::vector<ArchiveUse>& uses, std::uint64_t quota) {
  std::uint64_t total = 0;
  const ArchiveUse* oldest = nullptr;
  for (const ArchiveUse& use : uses) {
    total += use.bytes;
    if (use.oldest >= use.keep_from) continue;
    if (oldest == nullptr || use.oldest < oldest->oldest) oldest = &use;
  }
  if (total <= quota || oldest == nullptr) return std::nullopt;
  return Sacrifice{oldest->channel, std::min(oldest->oldest + step, oldest->keep_from)};
}

}  // namespace tarn::server
