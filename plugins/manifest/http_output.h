// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "gstkit/ref.h"
#include "manifest/manifest_builder.h"

namespace tarn::manifest {

// Puts files below a URL, in order, on a thread of its own: a server that is slow or away holds up neither
// the pipeline nor another server. What cannot be sent now is sent again with a pause that grows; a playlist
// of which a newer version waits is left out. What waits is bounded: beyond it the oldest segments are given
// up. Thread-safe.
class HttpOutput {
 public:
  struct Target {
    std::string base;  // "http://127.0.0.1:8080/v1/g/1/c/": names are appended
    std::string user;  // empty: no credentials
    std::string password;
  };
  // `trouble`: on the thread or in put, with what went wrong with which file; never a credential.
  HttpOutput(Target target, std::function<void(const std::string&)> trouble);
  // Gives up what has not been sent.
  ~HttpOutput();

  void put(const std::vector<FileAction>& actions);
  enum class Drained { all, late, stopped };
  // Waits until nothing waits to be sent, or the deadline has passed, or stop() is called.
  Drained drain(std::chrono::steady_clock::time_point deadline);
  // Nothing more is sent, and what is under way is broken off. Does not wait for that.
  void stop();
  // Nothing: the server has taken a file, or none has been put. Else why not, as far as known.
  [[nodiscard]] std::optional<std::string> refusal() const;

 private:
  enum class Sent { yes, again, never, given_up };
  void run();
  Sent send(const FileAction& action, std::string& why);
  [[nodiscard]] bool is_superseded(const FileAction& action) const;
  std::size_t limit();

  const Target target_;
  const std::function<void(const std::string&)> trouble_;
  const gstkit::Ref<GCancellable> cancellable_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<FileAction> waiting_;
  std::size_t bytes_ = 0;
  bool busy_ = false;
  bool stopping_ = false;
  bool has_work_ = false;    // there was some
  bool has_taken_ = false;   // the server has, a file
  std::string why_;          // the last failure
  void* session_ = nullptr;  // SoupSession, the thread's
  std::thread thread_;
};

// A base URL of http or https, ending in a slash, without a user, a query and a fragment. Errors: invalid
Status check_base_url(const std::string& url);

}  // namespace tarn::manifest
