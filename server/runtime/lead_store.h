// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "core/hls/render.h"
#include "server/runtime/origin.h"

namespace tarn::server {

// Up to where in packaged segments their first pictures are, for I-frame playlists. A segment's bytes never
// change, so that what is known stays true; of very many the oldest is forgotten. Thread-safe.
class LeadStore {
 public:
  // Those of `segments` of which nothing is known.
  [[nodiscard]] std::vector<std::string> missing(std::vector<std::string> segments) const;
  void learn(const std::string& segment, const Content& content);
  // Calls `use` with all that is known, which stays as it is meanwhile.
  template <class Use>
  auto with(Use use) const {
    const std::lock_guard lock{mutex_};
    return use(leads_);
  }

 private:
  mutable std::mutex mutex_;
  hls::Leads leads_;
  std::deque<std::string> order_;  // as they came
};

}  // namespace tarn::server
