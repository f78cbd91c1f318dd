// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/timeline/timeline.h"
#include "server/runtime/origin.h"

namespace tarn::server {

// The manifests that one state of the timeline and of an endpoint's settings gave. Thread-safe.
class ManifestStore {
 public:
  using Timeline = std::shared_ptr<const timeline::Timeline>;

  // null: not rendered from this state.
  [[nodiscard]] std::shared_ptr<const Content> find(const Timeline& timeline, const std::string& key) const;
  // `revision` is what revision() said before the settings were read that it was rendered with. What is too
  // large for all of them together is not kept.
  void insert(const Timeline& timeline, std::uint64_t revision, const std::string& key,
              const std::shared_ptr<const Content>& content);
  // The settings have changed.
  void clear();
  [[nodiscard]] std::uint64_t revision() const;

 private:
  void drop();

  mutable std::mutex mutex_;
  std::uint64_t revision_ = 0;
  Timeline of_;
  std::map<std::string, std::shared_ptr<const Content>> manifests_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tarn::server
