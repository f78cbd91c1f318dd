// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/lead_store.h"

#include "core/isobmff/lead.h"
#include "core/mpegts/lead.h"

namespace tarn::server {
namespace {

// Eight renditions of the longest playlist.
constexpr std::size_t most_known = 8 * hls::most_i_frames;

Result<std::size_t> lead_of(const std::string& segment, const Content& content) {
  ByteVector whole;
  whole.reserve(content.size);
  for (const Blob& part : content.parts) whole.insert(whole.end(), part.bytes().begin(), part.bytes().end());
  return segment.ends_with(".ts") ? mpegts::lead_size(whole) : isobmff::lead_size(whole);
}

}  // namespace

std::vector<std::string> LeadStore::missing(std::vector<std::string> segments) const {
  const std::lock_guard lock{mutex_};
  std::erase_if(segments, [this](const std::string& segment) { return leads_.contains(segment); });
  return segments;
}

void LeadStore::learn(const std::string& segment, const Content& content) {
  const auto lead = lead_of(segment, content);
  const std::lock_guard lock{mutex_};
  if (!leads_.emplace(segment, lead ? *lead : 0).second) return;
  order_.push_back(segment);
  if (order_.size() <= most_known) return;
  leads_.erase(order_.front());
  order_.pop_front();
}

}  // namespace tarn::server
