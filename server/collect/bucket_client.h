// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "server/collect/signature.h"
#include "server/model/outbound.h"

namespace tarn::server {

// Where a bucket is and how it is spoken to.
struct BucketAddress {
  SignatureScheme scheme = SignatureScheme::aws4;
  OutboundUrl base;  // of the store
  std::string bucket;
  std::string region;
  bool path_style = false;
};

struct BucketLimits {
  Microseconds idle = std::chrono::seconds{60};    // without a byte
  Microseconds total = std::chrono::minutes{10};   // of one request
  Microseconds cleanup = std::chrono::seconds{3};  // of a request that takes back, which a stop waits for
  std::size_t answer_bytes = 64U << 10U;
};

struct BucketRequest {
  std::string method;
  std::string key;  // decoded
  QueryParameters query;
  std::string content_type;  // empty: no body
  Bytes body;
  std::map<std::string, std::string> metadata = {};  // that stays with the object; names in lower case
  bool is_cleanup = false;                           // goes out although the task is not wanted any more
};
struct BucketAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Signed requests to one bucket over connections that are kept. The name is looked up once, and only an
// address that `policy` permits is connected to. Belongs to the thread that made it.
class BucketClient {
 public:
  static Result<std::unique_ptr<BucketClient>> open(BucketAddress address, BucketCredentials credentials,
                                                    const OutboundPolicy& policy, const BucketLimits& limits,
                                                    std::function<Utc()> now,
                                                    std::function<bool()> is_unwanted);
  virtual ~BucketClient() = default;
  // Any status is an answer. io: no whole answer came; invalid: the certificate is not valid.
  virtual Result<BucketAnswer> send(const BucketRequest& request) = 0;
};

}  // namespace tarn::server
