// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <glib.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/keys/builtin_provider.h"
#include "server/keys/key_server_credentials.h"
#include "server/keys/outbound_request.h"
#include "server/model/store.h"
#include "server/runtime/event_log.h"
#include "server/runtime/key_source.h"
#include "server/runtime/metrics.h"

namespace tarn::server {

// Has the keys of all encrypted endpoints: asks their key servers, one request at a time for each endpoint,
// until there is an answer that holds; keeps it sealed in the store; never asks for what it has. Where keys
// change with time, it asks for those of a period while the one before lasts (rotation.h), and keeps them as
// long as anything of theirs is kept. All of that on a thread of its own, so that a key server that hangs
// costs nobody else anything.
class KeyService : public KeySource {
 public:
  struct Parts {  // all outlive it
    Store& store;
    EventLog& log;
    Metrics& metrics;
    std::function<Utc()> utc;
    OutboundPolicy policy;
    const BuiltinProvider* builtin = nullptr;
    std::vector<std::string> own_urls;  // of the built-in provider: those are not requests
    std::string clearkey_url = {};      // its licences
    OutboundLimits limits = {};
    std::vector<KeyServerCredentials> credentials = {};
  };

  // Loads what the store keeps before it returns.
  KeyService(Parts parts, const Model& model);
  ~KeyService() override;
  KeyService(const KeyService&) = delete;
  KeyService& operator=(const KeyService&) = delete;

  // Called on the service's thread when an endpoint has got its keys.
  void set_listener(std::function<void()> listener);
  // What endpoints have published; called on the service's thread. Keys that change are asked for only once
  // this is known.
  using ContentSource = std::function<std::optional<KeyedContent>(const Endpoint&)>;
  void set_content_source(ContentSource source);
  // Asks for what has become due. Returns at once.
  void tick();
  // Brings it in line with a model: the Store's listener. Returns at once.
  void follow(const Model& model);

  [[nodiscard]] KeyStatus keys(const Endpoint& endpoint) const override;

 private:
  struct Period {
    std::uint64_t from = 0;
    std::shared_ptr<const drm::ContentKeys> keys;
    std::shared_ptr<const crypto::StreamProtection> encryption;
    std::shared_ptr<const timeline::Protection> signalling;
  };
  struct Entry {
    Endpoint endpoint;
    std::string identity;
    std::vector<Period> periods;  // ascending; where keys do not change one at most, from 0
    KeyStatus status;             // without keys
    unsigned failures = 0;
    std::uint64_t attempt = 0;  // the answers to earlier ones are late
    std::uint64_t asked = 0;    // the period whose keys are on their way
    std::uint64_t told = 0;     // the period whose lack was told of
    bool is_new = true;         // the store was not asked yet
    bool in_flight = false;

    [[nodiscard]] std::uint32_t length() const { return endpoint.key_period(); }
    [[nodiscard]] bool has_keys() const { return !periods.empty(); }
    void settle() {  // an answer has come that counts
      in_flight = false;
      failures = 0;
      status.last_error.clear();
    }
  };
  struct Now {
    Utc utc;
    Utc edge;
    bool is_known = false;  // what is published
  };

  void invoke(std::function<void()> call);
  void invoke_after(Microseconds delay, std::function<void()> call);
  bool update(const Model& model);  // true: something is to be loaded, asked for or forgotten
  void work();
  bool load(const std::string& id);
  std::vector<Period> load_periods(const Entry& entry);
  [[nodiscard]] Now now_of(const std::string& id) const;
  static std::optional<std::uint64_t> due(const Entry& entry, const Now& now);
  void tell_of_missing_keys(const std::string& id);
  void ask(const std::string& id);
  void ask_builtin(const std::string& id, const Entry& asked);
  void ask_server(const std::string& id, const Entry& asked);
  void answered(const std::string& id, std::uint64_t attempt, const Result<std::string>& cpix);
  [[nodiscard]] bool is_newest(const std::string& id, std::uint64_t attempt) const;
  void failed(const std::string& id, std::uint64_t attempt, const Error& error);
  void too_late(const std::string& id, std::uint64_t attempt);
  Status keep(const Entry& entry, const std::string& cpix);
  static std::vector<std::string> drop_unneeded(Entry& entry, const std::optional<KeyedContent>& content);
  [[nodiscard]] bool is_own(const Endpoint& endpoint) const;
  [[nodiscard]] Period make_period(const Endpoint& endpoint, std::uint64_t from,
                                   std::shared_ptr<const drm::ContentKeys> keys) const;
  [[nodiscard]] std::optional<KeyedContent> content_of(const Endpoint& endpoint) const;

  Parts parts_;
  GMainContext* context_;
  GMainLoop* loop_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by endpoint id
  std::vector<std::string> gone_;         // ids whose keys are to be forgotten
  std::function<void()> listener_;
  ContentSource content_source_;
  std::thread thread_;
};

}  // namespace tarn::server
