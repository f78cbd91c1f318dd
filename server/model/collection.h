// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/time.h"
#include "server/model/json.h"

namespace tarn::server {

// Where the files of a collection task go.
struct CollectionTarget {
  std::string url;       // "file:clip", "s3://bucket/prefix", "oss://bucket/prefix"
  std::string endpoint;  // base URL of the store; empty: the provider's own of that region
  std::string region;
  std::string credentials;  // name of an entry of the server's configuration
  bool path_style = false;  // the bucket is in the path, not in the host's name
};

// One UTC range of an endpoint, to be copied to a target. Kept in control.db, beside the Model.
struct CollectionTask {
  enum class State { queued, running, succeeded, failed, cancelled };

  std::string id;
  std::string group;  // names, for people; the endpoint may be gone
  std::string channel;
  std::string endpoint;
  std::string channel_id;
  std::string endpoint_id;
  Utc start{};
  Utc end{};
  CollectionTarget target;
  State state = State::queued;
  std::uint32_t progress = 0;  // percent
  std::uint64_t segments_done = 0;
  std::uint64_t segments_total = 0;  // as far as they are known
  std::uint64_t bytes = 0;
  std::string manifest;              // the file that players open; empty until it is there
  std::string error;                 // why it failed, or what it is waiting out; never a secret
  std::string warning;               // what a whole one lacks of its range; empty: nothing
  std::optional<Utc> content_start;  // of the segments of a whole one, in UTC
  std::optional<Utc> content_end;
  std::optional<Utc> failing_since;  // nothing more was taken since; kept when the task has failed of it
  std::optional<Utc> next_try;       // while it waits one out; not kept over restarts
  bool is_untidy = false;            // a process that was killed may have left pieces of files at its target
  Utc created{};
  std::optional<Utc> started;
  std::optional<Utc> finished;

  [[nodiscard]] bool is_over() const { return state != State::queued && state != State::running; }
  // Below the target's prefix: "<channel>-<endpoint>-<start>-<id>".
  [[nodiscard]] std::string folder() const;
};

std::string_view name_of(CollectionTask::State state);

// As the API shows it.
JsonPtr answer(const CollectionTask& task);
// As it is kept; what write_task() gave reads as the same task.
std::string write_task(const CollectionTask& task);
Result<CollectionTask> read_task(std::string_view document);

}  // namespace tarn::server
