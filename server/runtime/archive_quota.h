// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"

namespace tarn::server {

// What one channel's archive takes, and how much of it may go.
struct ArchiveUse {
  std::string channel;      // id
  std::uint64_t bytes = 0;  // on disk
  Utc oldest;               // of its content
  Utc keep_from;            // what is younger stays: live playlists and running collections need it
};

struct Sacrifice {
  std::string channel;
  Utc before;  // content that ends before this goes
};

// `--archive-quota`: whose oldest content is to be deleted next when all archives together take more than
// `quota` bytes, a minute of it at a time. Nothing: there is room, or nothing that may go.
std::optional<Sacrifice> next_sacrifice(const std::vector<ArchiveUse>& uses, std::uint64_t quota);

}  // namespace tarn::server
