// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/packet.h"

#include <algorithm>

#include "core/mpegts/demuxer.h"

namespace tarn::mpegts {
namespace {

// True when sync bytes stand at `at` and on the grid behind it, `count` of them or to the end.
bool on_grid(Bytes bytes, std::size_t at, std::size_t count) {
  for (std::size_t i = 0; i < count && at < bytes.size(); ++i, at += packet_size) {
    if (bytes[at] != sync_byte) return false;
  }
  return true;
}

}  // namespace

bool PacketCursor::resync() {
  constexpr std::size_t enough = 3;
  ++losses_;
  for (std::size_t at = position_ + 1; at < segment_.size(); ++at) {
    if (segment_[at] != sync_byte || !on_grid(segment_, at, enough)) continue;
    position_ = at;
    return segment_.size() - position_ >= packet_size;
  }
  position_ = segment_.size();
  return false;
}

std::size_t first_packet(Bytes beginning) {
  const Bytes probe = beginning.first(std::min(beginning.size(), probe_size));
  if (probe.size() < packet_size) return SIZE_MAX;
  const std::size_t whole = std::min(probe.size() / packet_size, packets_to_trust);
  for (std::size_t at = 0; at + whole * packet_size <= probe.size(); ++at) {
    if (on_grid(probe, at, packets_to_trust)) return at;
  }
  return SIZE_MAX;
}

}  // namespace tarn::mpegts
