// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "server/model/collection.h"
#include "server/model/model.h"

namespace tarn::server {

// Keeps the Model in SQLite (<data-dir>/control.db). Secrets are sealed with AES-256-GCM under the key
// file (0600, outside the database). Thread-safe: changes are serialized, readers take the snapshot.
class Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::string& data_directory, const std::string& key_file);
  virtual ~Store() = default;

  [[nodiscard]] virtual std::shared_ptr<const Model> model() const = 0;

  // Each change is durable when it returns, bumps revision and version, and calls the listeners with
  // the new model on the calling thread. `created`, `updated` and the ids are the caller's, `revision` is
  // the store's. Errors: conflict (name taken, parent not empty), not_found.
  virtual Status put(const Group& group, bool create) = 0;
  virtual Status put(const Channel& channel, bool create) = 0;
  virtual Status put(const Endpoint& endpoint, bool create) = 0;
  // Gives up what the channel has: its content is counted up, and its endpoints have other URLs.
  virtual Status reset_channel(const Channel& channel) = 0;
  // Creates or updates all of them in one transaction, or none.
  virtual Status put_all(const std::vector<Group>& groups, const std::vector<Channel>& channels,
                         const std::vector<Endpoint>& endpoints) = 0;
  virtual Status remove_group(const std::string& group) = 0;
  virtual Status remove_channel(const std::string& group, const std::string& channel) = 0;
  virtual Status remove_endpoint(const std::string& group, const std::string& channel,
                                 const std::string& endpoint) = 0;

  // Secrets that are no settings, sealed and durable like those: content keys. Any thread but a listener's.
  virtual Status keep_secret(const std::string& name, std::string_view text) = 0;
  virtual Result<std::string> kept_secret(const std::string& name) = 0;  // not_found
  // Names that begin with `prefix`, in order.
  virtual Result<std::vector<std::string>> secret_names(const std::string& prefix) = 0;
  // Forgets all whose names begin with `prefix` but one.
  virtual Status forget_secrets(const std::string& prefix, const std::string& but) = 0;

  // Collection tasks, which are no settings: the model does not have them. Durable when it returns.
  virtual Status put_task(const CollectionTask& task) = 0;
  virtual Status remove_task(const std::string& id) = 0;
  virtual Result<std::vector<CollectionTask>> tasks() = 0;

  // Whether a change could be written now, for /readyz.
  virtual Status check_writable() = 0;

  // Listeners are called one change after another, and must not change the store themselves.
  virtual void add_listener(std::function<void(const std::shared_ptr<const Model>&)> listener) = 0;
};

}  // namespace tarn::server
