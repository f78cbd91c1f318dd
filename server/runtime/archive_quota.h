// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"

namespace tarn::server {

// What one channel's archive takes, and how much of it may go.
struct ArchiveUse {
  std::string channel;      // id
  std::uint64_t bytes = 0;  // on disk
  Utc oldest;               // where its oldest slot ends: that is what is deleted first
  Utc newest;               // where its newest one begins
  Utc keep_from;            // what is younger stays: live playlists and running collections need it
};

struct Sacrifice {
  std::string channel;
  Utc before;  // content that ends before this goes
};

// `--archive-quota`: what is to be deleted now when all archives together take more than `quota` bytes: the
// oldest minute of any channel, and the next one, as many as it probably takes, but few of each channel at a
// time. At most one entry for each channel. Empty: there is room, or nothing that may go.
std::vector<Sacrifice> sacrifices(std::vector<ArchiveUse> uses, std::uint64_t quota);

}  // namespace tarn::server
