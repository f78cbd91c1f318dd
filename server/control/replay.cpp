// SPDX-License-Identifier: Apache-2.0
#include "server/control/replay.h"

#include <algorithm>

#include "server/model/secrets.h"

namespace tarn::server {
namespace {

constexpr std::chrono::hours lifetime{24};
constexpr std::size_t most_entries = 1000;
constexpr std::size_t longest_key = 255;

std::string entry_name(const std::string& key, const std::string& route) { return route + "\n" + key; }

}  // namespace

bool Replays::is_key(const std::string& key) {
  return !key.empty() && key.size() <= longest_key &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Replays::Lookup Replays::find(const std::string& key, const std::string& route, const std::string& body,
                              Utc now) {
  forget(now);
  const auto entry = entries_.find(entry_name(key, route));
  if (entry == entries_.end()) return {};
  if (entry->second.body_digest != sha256_hex(body)) return {Found::other_body, {}};
  return {Found::answer, entry->second.answer};
}

void Replays::remember(const std::string& key, const std::string& route, const std::string& body,
                       const ApiResponse& answer, Utc now) {
  const std::string name = entry_name(key, route);
  if (!entries_.insert_or_assign(name, Entry{sha256_hex(body), answer, now}).second) return;
  order_.push_back(name);
  forget(now);
}

void Replays::forget(Utc now) {
  while (!order_.empty()) {
    const auto oldest = entries_.find(order_.front());
    const bool stale = oldest == entries_.end() || now - oldest->second.at >= lifetime;
    if (!stale && entries_.size() <= most_entries) return;
    if (oldest != entries_.end()) entries_.erase(oldest);
    order_.pop_front();
  }
}

}  // namespace tarn::server
