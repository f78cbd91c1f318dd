// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/types.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"

namespace tarn::server {

struct BucketCredentials {
  std::string access_key;
  std::string secret_key;     // secret
  std::string session_token;  // secret; empty: none
};

enum class SignatureScheme {
  aws4,  // AWS4-HMAC-SHA256, service s3
  oss4,  // OSS4-HMAC-SHA256 of Alibaba OSS
};

using QueryParameters = std::vector<std::pair<std::string, std::string>>;  // decoded; "": the name alone

struct RequestToSign {
  std::string method;
  std::string path;  // encoded; aws4: as it is sent, oss4: "/bucket/key" wherever the bucket is sent
  QueryParameters query;
  // Names in lower case. aws4 signs all of them, and needs host, x-amz-date and x-amz-content-sha256; oss4
  // signs content-type, content-md5 and x-oss-….
  std::map<std::string, std::string> headers;
  std::string payload;  // hex SHA-256 of the body, or "UNSIGNED-PAYLOAD"
  std::string region;
  std::string moment;  // signing_moment()
};

// "20260131T120000Z"
std::string signing_moment(Utc time);
// All but unreserved characters (RFC 3986); '/' only when it is to be kept.
std::string percent_encode(std::string_view text, bool keeps_slash);
// The query as both schemes sort and encode it, and as it must be sent.
std::string encode_query(const QueryParameters& query, SignatureScheme scheme);

std::string sha256_hex(Bytes bytes);
std::string md5_hex(Bytes bytes);
// Of bytes that come in pieces.
class Md5 {
 public:
  Md5();
  void add(Bytes bytes);
  std::string hex();  // once, at the end

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};
std::string md5_base64(Bytes bytes);

// The value of the Authorization header.
std::string authorization(SignatureScheme scheme, const RequestToSign& request,
                          const BucketCredentials& credentials);

}  // namespace tarn::server
