// SPDX-License-Identifier: Apache-2.0
#include "server/collect/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "core/base/text.h"

namespace tarn::server {
namespace {

ByteVector digest(const EVP_MD* type, Bytes bytes) {
  ByteVector out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, type, nullptr);
  out.resize(size);
  return out;
}

ByteVector hmac(Bytes key, std::string_view text) {
  ByteVector out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  const Bytes bytes = as_bytes(text);
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(), out.data(), &size);
  out.resize(size);
  return out;
}

// What the two schemes differ in.
struct Dialect {
  std::string_view algorithm;
  std::string_view key_prefix;
  std::string_view service;
  std::string_view terminator;
};
Dialect dialect_of(SignatureScheme scheme) {
  if (scheme == SignatureScheme::aws4) return {"AWS4-HMAC-SHA256", "AWS4", "s3", "aws4_request"};
  return {"OSS4-HMAC-SHA256", "aliyun_v4", "oss", "aliyun_v4_request"};
}

bool is_signed(SignatureScheme scheme, const std::string& header) {
  return scheme == SignatureScheme::aws4 || header == "content-type" || header == "content-md5" ||
         header.starts_with("x-oss-");
}

std::string date_of(const RequestToSign& request) { return request.moment.substr(0, 8); }

ByteVector signing_key(const Dialect& dialect, const RequestToSign& request, const std::string& secret) {
  const std::string first = std::string{dialect.key_prefix} + secret;
  ByteVector key = hmac(as_bytes(first), date_of(request));
  key = hmac(key, request.region);
  key = hmac(key, dialect.service);
  return hmac(key, dialect.terminator);
}

}  // namespace

std::string signing_moment(Utc time) {
  std::string out;
  for (const char c : format_utc_seconds(std::chrono::floor<std::chrono::seconds>(time))) {
    if (c != '-' && c != ':') out += c;
  }
  return out;
}

std::string percent_encode(std::string_view text, bool keeps_slash) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_letter || c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keeps_slash)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 0x0FU];
  }
  return out;
}

std::string encode_query(const QueryParameters& query, SignatureScheme scheme) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : query) {
    const bool is_bare = value.empty() && scheme == SignatureScheme::oss4;
    pairs.push_back(percent_encode(name, false) + (is_bare ? "" : "=" + percent_encode(value, false)));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const std::string& pair : pairs) out += (out.empty() ? "" : "&") + pair;
  return out;
}

std::string sha256_hex(Bytes bytes) { return hex(digest(EVP_sha256(), bytes)); }
std::string md5_hex(Bytes bytes) { return hex(digest(EVP_md5(), bytes)); }
Md5::Md5() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
  EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr);
}
void Md5::add(Bytes bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
std::string Md5::hex() {
  ByteVector sum(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  EVP_DigestFinal_ex(context_.get(), sum.data(), &size);
  return tarn::hex(Bytes{sum}.first(size));
}

std::string md5_base64(Bytes bytes) {
  const ByteVector sum = digest(EVP_md5(), bytes);
  std::string out(25, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), sum.data(), static_cast<int>(sum.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string authorization(SignatureScheme scheme, const RequestToSign& request,
                          const BucketCredentials& credentials) {
  const Dialect dialect = dialect_of(scheme);
  std::string canonical =
      request.method + "\n" + request.path + "\n" + encode_query(request.query, scheme) + "\n";
  std::string names;
  for (const auto& [name, value] : request.headers) {
    if (!is_signed(scheme, name)) continue;
    canonical += name + ":" + std::string{trim(value)} + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  // oss4 has headers that are signed in addition there: none.
  canonical += "\n" + (scheme == SignatureScheme::aws4 ? names : "") + "\n" + request.payload;
  const std::string scope = date_of(request) + "/" + request.region + "/" + std::string{dialect.service} +
                            "/" + std::string{dialect.terminator};
  const std::string text = std::string{dialect.algorithm} + "\n" + request.moment + "\n" + scope + "\n" +
                           sha256_hex(as_bytes(canonical));
  const std::string signature = hex(hmac(signing_key(dialect, request, credentials.secret_key), text));
  const std::string head =
      std::string{dialect.algorithm} + " Credential=" + credentials.access_key + "/" + scope + ",";
  if (scheme == SignatureScheme::oss4) return head + "Signature=" + signature;
  return head + "SignedHeaders=" + names + ",Signature=" + signature;
}

}  // namespace tarn::server
