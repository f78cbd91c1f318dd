// SPDX-License-Identifier: Apache-2.0
#include "server/model/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "server/model/store_rows.h"

namespace tarn::server {
namespace {

Error conflict(std::string message) { return {ErrorCode::conflict, std::move(message)}; }

// Held for as long as the store is open: two servers on one data directory would not see each other's
// changes.
class DirectoryLock {
 public:
  DirectoryLock() = default;
  DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock() {
    if (fd_ >= 0) close(fd_);
  }
  static Result<DirectoryLock> take(const std::string& path) {
    DirectoryLock lock;
    lock.fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (lock.fd_ < 0) return Error{ErrorCode::io, "cannot open " + path + ": " + std::strerror(errno)};
    if (flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
      return conflict("the data directory is in use by another server (" + path + " is locked)");
    }
    return lock;
  }

 private:
  int fd_ = -1;
};

Result<ByteVector> load_key(const std::string& path, bool new_database) {
  auto content = read_secret_file(path);
  if (!content && content.error().code == ErrorCode::not_found) {
    if (!new_database) {
      return not_found("the key file " + path +
                       " is missing; without it the secrets in control.db cannot be opened");
    }
    TRY(create_secret_file(path, as_text(random_bytes(SecretBox::key_bytes))));
    content = read_secret_file(path);
  }
  if (!content) return content.error();
  if (content->size() != SecretBox::key_bytes) {
    return malformed("the key file " + path + " must hold exactly 32 bytes");
  }
  const Bytes bytes = as_bytes(*content);
  return ByteVector(bytes.begin(), bytes.end());
}

class SqliteStore final : public Store {
 public:
  SqliteStore(DirectoryLock lock, Database database, ByteVector key, Model model)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        box_(std::move(key)),
        model_(std::make_shared<const Model>(std::move(model))) {}

  [[nodiscard]] std::shared_ptr<const Model> model() const override {
    const std::lock_guard guard(model_lock_);
    return model_;
  }

  Status put(const Group& group, bool create) override {
    return change([&](Model& next) -> Status {
      TRY(check_presence(next.group(group.name) != nullptr, create, "channel group", group.name));
      return write(next, group);
    });
  }
  Status put(const Channel& channel, bool create) override {
    return change([&](Model& next) -> Status {
      const bool present = next.channel(channel.group, channel.name) != nullptr;
      TRY(check_presence(present, create, "channel", channel.group + "/" + channel.name));
      return write(next, channel);
    });
  }
  Status put(const Endpoint& endpoint, bool create) override {
    return change([&](Model& next) -> Status {
      const bool present = next.endpoint(endpoint.group, endpoint.channel, endpoint.name) != nullptr;
      TRY(check_presence(present, create, "endpoint",
                         endpoint.group + "/" + endpoint.channel + "/" + endpoint.name));
      return write(next, endpoint);
    });
  }
  Status reset_channel(const Channel& channel) override {
    return change([&](Model& next) -> Status {
      Channel fresh = channel;
      ++fresh.content;
      TRY(write(next, fresh));
      const std::string parent = channel.group + "/" + channel.name + "/";
      for (auto at = next.endpoints.lower_bound(parent);
           at != next.endpoints.end() && at->first.starts_with(parent); ++at) {
        ++at->second.edition;
        at->second.revision = next.version;
        TRY(save_row(database_, box_, at->second, channel.id));
      }
      return {};
    });
  }
  Status put_all(const std::vector<Group>& groups, const std::vector<Channel>& channels,
                 const std::vector<Endpoint>& endpoints) override {
    if (groups.empty() && channels.empty() && endpoints.empty()) return {};
    return change([&](Model& next) -> Status {
      for (const Group& group : groups) TRY(write(next, group));
      for (const Channel& channel : channels) TRY(write(next, channel));
      for (const Endpoint& endpoint : endpoints) TRY(write(next, endpoint));
      return {};
    });
  }

  Status remove_group(const std::string& group) override {
    return change([&](Model& next) -> Status {
      if (next.group(group) == nullptr) return not_found("there is no channel group " + group);
      if (has_children(next.channels, group + "/"))
        return conflict("channel group " + group + " has channels");
      next.groups.erase(group);
      return delete_group_row(database_, group);
    });
  }
  Status remove_channel(const std::string& group, const std::string& channel) override {
    return change([&](Model& next) -> Status {
      const std::string key = group + "/" + channel;
      const Channel* const found = next.channel(group, channel);
      if (found == nullptr) return not_found("there is no channel " + key);
      if (has_children(next.endpoints, key + "/")) return conflict("channel " + key + " has endpoints");
      TRY(delete_channel_row(database_, found->id));
      next.channels.erase(key);
      return {};
    });
  }
  Status remove_endpoint(const std::string& group, const std::string& channel,
                         const std::string& endpoint) override {
    return change([&](Model& next) -> Status {
      const std::string key = group + "/" + channel + "/" + endpoint;
      const Endpoint* const found = next.endpoint(group, channel, endpoint);
      if (found == nullptr) return not_found("there is no endpoint " + key);
      TRY(delete_endpoint_row(database_, *found));
      next.endpoints.erase(key);
      return {};
    });
  }

  Status keep_secret(const std::string& name, std::string_view text) override {
    const std::lock_guard guard(change_lock_);
    return failed_ ? Status{failure()} : save_kept_secret(database_, box_, name, text);
  }
  Result<std::string> kept_secret(const std::string& name) override {
    const std::lock_guard guard(change_lock_);
    return load_kept_secret(database_, box_, name);
  }
  Result<std::vector<std::string>> secret_names(const std::string& prefix) override {
    const std::lock_guard guard(change_lock_);
    return load_secret_names(database_, prefix);
  }
  Status forget_secrets(const std::string& prefix, const std::string& but) override {
    const std::lock_guard guard(change_lock_);
    return failed_ ? Status{failure()} : delete_kept_secrets(database_, prefix, but);
  }

  Status put_task(const CollectionTask& task) override {
    const std::lock_guard guard(change_lock_);
    return failed_ ? Status{failure()} : save_row(database_, task);
  }
  Status remove_task(const std::string& id) override {
    const std::lock_guard guard(change_lock_);
    return failed_ ? Status{failure()} : delete_task_row(database_, id);
  }
  Result<std::vector<CollectionTask>> tasks() override {
    const std::lock_guard guard(change_lock_);
    return load_tasks(database_);
  }

  Status check_writable() override {
    const std::lock_guard guard(change_lock_);
    if (failed_) return failure();
    TRY(database_.execute("BEGIN IMMEDIATE"));
    return database_.execute("ROLLBACK");
  }

  void add_listener(std::function<void(const std::shared_ptr<const Model>&)> listener) override {
    const std::lock_guard guard(change_lock_);
    listeners_.push_back(std::move(listener));
  }

 private:
  // `apply` changes the copy it is given and the database in step with it.
  template <class Apply>
  Status change(Apply&& apply) {
    const std::lock_guard guard(change_lock_);
    if (failed_) return failure();
    auto next = std::make_shared<Model>(*model());
    ++next->version;
    TRY(database_.execute("BEGIN IMMEDIATE"));
    Status done = apply(*next);
    if (done) done = save_version(database_, next->version);
    if (done) {
      done = database_.execute("COMMIT");
      // What a failed sync left on the disk is not known, and a second try would not tell (fsync
      // reports an error once): no more changes until the database has been opened anew.
      failed_ = !done && done.error().code == ErrorCode::io;
    }
    if (!done) {
      (void)database_.execute("ROLLBACK");
      return done;
    }
    publish(next);
    return {};
  }

  void publish(const std::shared_ptr<const Model>& next) {
    {
      const std::lock_guard guard(model_lock_);
      model_ = next;
    }
    for (const auto& listener : listeners_) listener(next);
  }

  static Error failure() {
    return {ErrorCode::io, "control.db failed to write; restart the server when the disk is well"};
  }

  static Status check_presence(bool present, bool create, const std::string& kind, const std::string& name) {
    if (present && create) return conflict("there is a " + kind + " " + name + " already");
    if (!present && !create) return not_found("there is no " + kind + " " + name);
    return {};
  }

  template <class Map>
  static bool has_children(const Map& map, const std::string& prefix) {
    const auto first = map.lower_bound(prefix);
    return first != map.end() && first->first.starts_with(prefix);
  }

  Status write(Model& next, Group group) {
    group.revision = next.version;
    TRY(save_row(database_, box_, group));
    next.groups.insert_or_assign(group.name, group);
    return {};
  }
  Status write(Model& next, Channel channel) {
    if (next.group(channel.group) == nullptr) return not_found("there is no channel group " + channel.group);
    channel.revision = next.version;
    TRY(save_row(database_, box_, channel));
    next.channels.insert_or_assign(channel.group + "/" + channel.name, channel);
    return {};
  }
  Status write(Model& next, Endpoint endpoint) {
    const std::string parent = endpoint.group + "/" + endpoint.channel;
    const Channel* const channel = next.channel(endpoint.group, endpoint.channel);
    if (channel == nullptr) return not_found("there is no channel " + parent);
    const std::string path = parent + "/" + endpoint.name;
    const Endpoint* const known = next.endpoint(endpoint.group, endpoint.channel, endpoint.name);
    endpoint.edition = known != nullptr ? known->edition : TRY(next_edition(database_, path));
    // Other keys, or none any more: everything gets new URLs, and the old ones answer 404 (semantics S7).
    if (known != nullptr && key_identity(*known) != key_identity(endpoint)) ++endpoint.edition;
    if (endpoint.is_encrypted()) TRY(claim_content_id(database_, content_id(endpoint), channel->id));
    endpoint.revision = next.version;
    TRY(save_row(database_, box_, endpoint, channel->id));
    next.endpoints.insert_or_assign(path, endpoint);
    return {};
  }

  DirectoryLock lock_;
  std::mutex change_lock_;  // guards everything below but model_
  Database database_;
  SecretBox box_;
  bool failed_ = false;
  std::vector<std::function<void(const std::shared_ptr<const Model>&)>> listeners_;
  mutable std::mutex model_lock_;
  std::shared_ptr<const Model> model_;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& data_directory, const std::string& key_file) {
  TRY(make_private_directory(data_directory));
  DirectoryLock lock = TRY(DirectoryLock::take(data_directory + "/control.lock"));
  Database database = TRY(Database::open(data_directory + "/control.db"));
  const std::int64_t version = TRY(database.number("PRAGMA user_version"));
  if (version > schema_version) {
    return unsupported("control.db has format " + std::to_string(version) +
                       ", written by a newer Tarn; this one knows " + std::to_string(schema_version));
  }
  const bool is_new = version == 0;
  ByteVector key = TRY(load_key(key_file, is_new));
  const SecretBox box(key);
  if (is_new) {
    TRY(database.execute("BEGIN IMMEDIATE"));
    TRY(create_tables(database, box));
    TRY(database.execute("COMMIT"));
  } else if (const Status fits = check_key(database, box); !fits) {
    return Error{fits.error().code, "the key file " + key_file + " " + fits.error().message};
  }
  TRY(migrate_tables(database, is_new ? schema_version : version));
  Model model = TRY(load_model(database, box));
  return std::unique_ptr<Store>(
      std::make_unique<SqliteStore>(std::move(lock), std::move(database), std::move(key), std::move(model)));
}

}  // namespace tarn::server
