// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"

namespace tarn::ingest {

// Where objects of a stream are fetched from. One thread fetches; cancel() may come from any.
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  // Errors: not_found, when it is not there; limit, above `most` bytes; io. Messages name no credential.
  virtual Result<Blob> fetch(const std::string& location, std::size_t most, Microseconds patience) = 0;
  // As PullPlan::Resolve.
  [[nodiscard]] virtual std::string resolve(const std::string& base, const std::string& uri) const = 0;
  // From now on fetch() returns at once.
  virtual void cancel() = 0;
};

// Files of a folder; locations are paths.
std::unique_ptr<ObjectSource> make_folder_source();

// Over HTTP. The credentials (Basic) are sent to the host and port of `origin` only.
struct HttpCredentials {
  std::string origin;  // any URL of it
  std::string user;    // empty: none
  std::string password;
};
std::unique_ptr<ObjectSource> make_http_source(HttpCredentials credentials);

}  // namespace tarn::ingest
