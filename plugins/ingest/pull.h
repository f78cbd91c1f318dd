// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "ingest/object_source.h"
#include "ingest/pull_plan.h"

namespace tarn::ingest {

// Fetches a stream object by object, in the order of a PullPlan. One thread takes steps; cancel() may come
// from any, and steps return at once from then on.
class Pull {
 public:
  struct Settings {
    std::string location;  // of a playlist: a file, or a URL of http or https
    std::string user;      // over HTTP; empty: no credentials
    std::string password;
  };
  explicit Pull(const Settings& settings);

  static bool is_url(const std::string& location);

  struct Object {
    std::string name;
    Blob content;
  };
  struct Nothing {};  // for now: a pause is over, or something could not be fetched
  struct Over {};
  struct Trouble {
    std::string why;
  };
  using Outcome = std::variant<Object, Nothing, Trouble, Over>;
  Outcome step();
  void cancel();

  [[nodiscard]] const std::optional<std::string>& single_playlist() const { return plan_.single_playlist(); }

 private:
  void wait(Monotonic until);

  std::unique_ptr<ObjectSource> source_;
  PullPlan plan_;
  bool is_troubled_ = false;  // the playlists could not be read last time
  std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
};

}  // namespace tarn::ingest
