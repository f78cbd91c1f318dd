// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "server/model/collection.h"
#include "server/model/field.h"
#include "server/model/model.h"

namespace tarn::server {

// What the API asks of those who run collection tasks (server/collect). Thread-safe.
class CollectionBoard {
 public:
  virtual ~CollectionBoard() = default;
  // What can be said of a target before anything is tried; fields are "target.…".
  virtual void check_target(const CollectionTarget& target, FieldErrors& errors) const = 0;
  // The task is kept when it returns, and begins by itself.
  virtual Status submit(CollectionTask task) = 0;
  // Oldest first.
  [[nodiscard]] virtual std::vector<CollectionTask> tasks() const = 0;
  [[nodiscard]] virtual std::optional<CollectionTask> find(const std::string& id) const = 0;
  // not_found; conflict when it has succeeded or failed. Cancelled already: nothing to do.
  virtual Status cancel(const std::string& id) = 0;
};

// The id of the oldest task that is not over and takes content of it; "" when there is none. `board` may be
// null.
std::string task_of(const CollectionBoard* board, const Channel& channel);
std::string task_of(const CollectionBoard* board, const Endpoint& endpoint);

}  // namespace tarn::server
