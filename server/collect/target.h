// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "server/collect/bucket_client.h"
#include "server/collect/signature.h"
#include "server/model/collection.h"
#include "server/model/field.h"
#include "server/model/outbound.h"

namespace tarn::server {

// What is at a target under a name.
struct StoredObject {
  std::uint64_t size = 0;
  std::string md5 = {};  // hex; empty: the store does not say
};

// A task's folder at its target. Objects appear whole or not at all. Used by one thread at a time.
// Errors of the codes io, internal and no_space may go away by themselves; all others are for good. Their
// messages name what was wrong and never have a secret in them.
class Target {
 public:
  virtual ~Target() = default;
  virtual Result<std::optional<StoredObject>> find(const std::string& name) = 0;
  virtual Status put(const std::string& name, const std::string& content_type,
                     const std::vector<Blob>& parts) = 0;
  // Well also when there is nothing under that name.
  virtual Status remove(const std::string& name) = 0;
  // Takes away what a process that was killed had begun to write. While nobody else writes to the folder.
  virtual Status tidy() { return {}; }
};

inline bool may_go_away(const Error& error) {
  return error.code == ErrorCode::io || error.code == ErrorCode::internal ||
         error.code == ErrorCode::no_space;
}

struct TargetSettings {
  std::string root;                                           // of file: targets
  std::map<std::string, BucketCredentials> credentials = {};  // by name
  OutboundPolicy outbound = {};
  std::function<Utc()> now = {};
  BucketLimits limits = {};
  std::size_t part_bytes = 8U << 20U;  // S3 wants 5 MiB at least
};

// The entries of --bucket-credentials:
// {"NAME": {"accessKeyId": "…", "secretAccessKey": "…", "sessionToken": "…"}}. Errors have no values in them.
Result<std::map<std::string, BucketCredentials>> read_bucket_credentials(const std::string& json);

// What can be said of a target without trying it.
void check_target(const CollectionTarget& target, const TargetSettings& settings, FieldErrors& errors);

// `is_unwanted` is asked between steps: true ends what is under way with an error.
Result<std::unique_ptr<Target>> open_target(const CollectionTask& task, const TargetSettings& settings,
                                            std::function<bool()> is_unwanted);

}  // namespace tarn::server
