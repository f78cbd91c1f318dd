// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <glib.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/keys/builtin_provider.h"
#include "server/keys/key_server_credentials.h"
#include "server/keys/outbound_request.h"
#include "server/model/store.h"
#include "server/runtime/event_log.h"
#include "server/runtime/key_source.h"
#include "server/runtime/metrics.h"

namespace tarn::server {

// Has the keys of all encrypted endpoints: asks their key servers, one request at a time for each endpoint,
// until there is an answer that holds; keeps it sealed in the store; never asks for what it has. All of
// that on a thread of its own, so that a key server that hangs costs nobody else anything.
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
  // Brings it in line with a model: the Store's listener. Returns at once.
  void follow(const Model& model);

  [[nodiscard]] KeyStatus keys(const Endpoint& endpoint) const override;

 private:
  struct Entry {
    Endpoint endpoint;
    std::string identity;
    KeyStatus status;
    unsigned failures = 0;
    std::uint64_t attempt = 0;  // the answers to earlier ones are late
    bool is_new = true;         // the store was not asked yet
    bool in_flight = false;
  };

  void invoke(std::function<void()> call);
  void invoke_after(Microseconds delay, std::function<void()> call);
  bool update(const Model& model);  // true: something is to be loaded, asked for or forgotten
  void work();
  bool load(const std::string& id);
  void ask(const std::string& id);
  void ask_builtin(const std::string& id, std::uint64_t attempt, const Endpoint& endpoint);
  void ask_server(const std::string& id, std::uint64_t attempt, const Endpoint& endpoint);
  void answered(const std::string& id, std::uint64_t attempt, const Result<std::string>& cpix);
  void failed(const std::string& id, std::uint64_t attempt, const Error& error);
  [[nodiscard]] bool is_own(const Endpoint& endpoint) const;
  static std::string secret_name(const Entry& entry);

  Parts parts_;
  GMainContext* context_;
  GMainLoop* loop_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by endpoint id
  std::vector<std::string> gone_;         // ids whose keys are to be forgotten
  std::function<void()> listener_;
  std::thread thread_;
};

}  // namespace tarn::server
