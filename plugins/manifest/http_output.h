// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
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
// up. Media segments that the server does not get, because it refuses them for good or because they are given
// up, are gaps in the HLS playlists that it gets. Redirections (301, 302, 307, 308) are followed, five at
// most and never from https to http. Thread-safe.
class HttpOutput {
 public:
  struct Target {
    std::string base;  // "http://127.0.0.1:8080/v1/g/1/c/": names are appended
    std::string user;  // empty: no credentials
    std::string password;
  };
  struct Trouble {
    std::string what{};            // went wrong with which file; never a credential
    bool is_refused = false;       // from now on is_refused()
    bool for_credentials = false;  // that is why
  };
  // `trouble`: on the thread.
  HttpOutput(Target target, std::function<void(const Trouble&)> trouble);
  // Gives up what has not been sent.
  ~HttpOutput();

  void put(const std::vector<FileAction>& actions);
  // Segments that were given up, because the server is too slow, since this was last asked.
  std::size_t take_given_up();
  enum class Drained { all, late, stopped };
  // Waits until nothing waits to be sent, or the deadline has passed, or stop() is called.
  Drained drain(std::chrono::steady_clock::time_point deadline);
  // Nothing more is sent, and what is under way is broken off. Does not wait for that.
  void stop();
  // Nothing: the server has taken a file, or none has been put. Else why not, as far as known.
  [[nodiscard]] std::optional<std::string> refusal() const;
  // Nothing can come of it as it is: the server refuses the credentials, or has refused a header or three
  // files before it has taken any. What comes is offered all the same, and the first that is taken ends it.
  [[nodiscard]] bool is_refused() const;

 private:
  enum class Sent { yes, again, never, given_up };
  struct Outcome {
    Sent sent = Sent::yes;
    std::string why{};
    unsigned status = 0;
  };
  void run();
  Outcome send(const FileAction& action);
  Outcome send_to(const std::string& url, const FileAction& action, std::string& location);
  // What the server is to have; a playlist says what it has not got.
  [[nodiscard]] FileAction for_the_server(FileAction action) const;
  // Keeps what came of it. Something: to be said, without the lock. REQUIRES: mutex_ is held
  std::optional<Trouble> judge(const FileAction& action, const Outcome& outcome, bool is_first_try);
  [[nodiscard]] bool is_hopeless(const FileAction& action, unsigned status) const;
  [[nodiscard]] bool is_superseded(const FileAction& action) const;
  std::size_t limit();
  void forget_older(const FileAction& newer);

  const Target target_;
  const std::function<void(const Trouble&)> trouble_;
  const gstkit::Ref<GCancellable> cancellable_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<FileAction> waiting_;
  std::size_t bytes_ = 0;
  std::size_t given_up_ = 0;  // segments, not said yet
  bool busy_ = false;
  bool stopping_ = false;
  bool has_work_ = false;   // there was some
  bool has_taken_ = false;  // the server has, a file
  std::string why_;         // the last failure
  bool is_refused_ = false;
  unsigned refusals_ = 0;                       // files, for good
  std::set<std::string, std::less<>> missing_;  // media segments that it has not got
  void* session_ = nullptr;                     // SoupSession, the thread's
  std::thread thread_;
};

// A base URL of http or https, ending in a slash, without a user, a query and a fragment. Errors: invalid
Status check_base_url(const std::string& url);

}  // namespace tarn::manifest
