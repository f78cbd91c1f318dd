// SPDX-License-Identifier: Apache-2.0
#include "server/collect/bucket_target.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr int ok = 200;
constexpr int no_content = 204;
constexpr int forbidden = 403;
constexpr int not_there = 404;
constexpr int too_many = 429;
constexpr int timed_out = 408;
constexpr int first_fault = 500;

bool is_one_of(const std::string& code, std::initializer_list<std::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

std::string header(const BucketAnswer& answer, const std::string& name) {
  const auto at = answer.headers.find(name);
  return at == answer.headers.end() ? "" : at->second;
}

// The MD5 of what the store has: the tag of an object that was put at once and that the store does not
// encrypt with keys of its own. Empty: the tag is something else.
std::string md5_of(const BucketAnswer& answer) {
  std::string tag = header(answer, "etag");
  if (tag.size() != 34 || tag.front() != '"' || tag.back() != '"') return {};
  for (const char* name : {"x-amz-server-side-encryption", "x-amz-server-side-encryption-customer-algorithm",
                           "x-oss-server-side-encryption"}) {
    const std::string value = header(answer, name);
    if (!value.empty() && value != "AES256") return {};
  }
  tag = tag.substr(1, 32);
  std::transform(tag.begin(), tag.end(), tag.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  return parse_hex(tag).has_value() ? tag : "";
}

bool is_another_object(const BucketAnswer& answer, Bytes body) {
  const std::string md5 = md5_of(answer);
  return !md5.empty() && md5 != md5_hex(body);
}

// What was to be stored, for when the tag does not say what is: of what went up in parts each one was
// checked.
constexpr char md5_metadata[] = "md5";

std::string said_md5(const BucketAnswer& answer) {
  for (const char* prefix : {"x-amz-meta-", "x-oss-meta-"}) {
    const std::string said = header(answer, std::string{prefix} + md5_metadata);
    if (said.size() == 32 && parse_hex(said)) return said;
  }
  return {};
}

Error elsewhere(const std::string& said) {
  return {ErrorCode::invalid, "the bucket is at another endpoint or in another region (" + said + ")"};
}

Error other_bytes() { return {ErrorCode::io, "the store has other bytes than it was sent"}; }

class BucketTarget final : public Target {
 public:
  BucketTarget(std::unique_ptr<BucketClient> client, std::string bucket, std::string prefix,
               std::size_t part_bytes)
      : client_(std::move(client)),
        bucket_(std::move(bucket)),
        prefix_(std::move(prefix)),
        part_bytes_(part_bytes) {}

  Result<std::optional<StoredObject>> find(const std::string& name) override {
    const BucketAnswer answer = TRY(client_->send({"HEAD", prefix_ + name, {}, "", {}}));
    // A store that may not say what is missing says 403; whether it takes anything at all, put() will see.
    if (answer.status == not_there || answer.status == forbidden) return std::optional<StoredObject>{};
    if (answer.status != ok) return bucket_error(answer, bucket_);
    const std::string md5 = md5_of(answer);
    return std::optional{StoredObject{parse_u64(header(answer, "content-length")).value_or(0),
                                      md5.empty() ? said_md5(answer) : md5}};
  }

  Status put(const std::string& name, const std::string& content_type,
             const std::vector<Blob>& parts) override {
    ByteVector joined;
    for (const Blob& part : parts) joined.insert(joined.end(), part.bytes().begin(), part.bytes().end());
    const std::string key = prefix_ + name;
    if (joined.size() > 2 * part_bytes_) return put_in_parts(key, content_type, joined);
    const BucketAnswer answer =
        TRY(client_->send({"PUT", key, {}, content_type, joined, {{md5_metadata, md5_hex(joined)}}}));
    if (answer.status != ok) return bucket_error(answer, bucket_);
    return is_another_object(answer, joined) ? Status{other_bytes()} : Status{};
  }

  Status remove(const std::string& name) override {
    const BucketAnswer answer = TRY(client_->send({"DELETE", prefix_ + name, {}, "", {}}));
    const bool is_gone = answer.status == ok || answer.status == no_content || answer.status == not_there;
    return is_gone ? Status{} : Status{bucket_error(answer, bucket_)};
  }

 private:
  Status put_in_parts(const std::string& key, const std::string& content_type, Bytes bytes) {
    BucketRequest begin{"POST", key, {{"uploads", ""}}, content_type, {}, {{md5_metadata, md5_hex(bytes)}}};
    const BucketAnswer begun = TRY(client_->send(begin));
    if (begun.status != ok) return bucket_error(begun, bucket_);
    const std::string upload = xml_text(begun.body, "UploadId");
    if (upload.empty()) return Error{ErrorCode::io, "the store gave no upload id"};
    Status done = put_parts(key, upload, bytes);
    // Stores keep parts, and charge for them, until they are told that nothing will come of them.
    if (!done) (void)client_->send({"DELETE", key, {{"uploadId", upload}}, "", {}, {}, true});
    return done;
  }

  Status put_parts(const std::string& key, const std::string& upload, Bytes bytes) {
    std::string list = "<CompleteMultipartUpload>";
    for (unsigned number = 1; !bytes.empty(); ++number) {
      const Bytes part = bytes.first(std::min(part_bytes_, bytes.size()));
      bytes = bytes.subspan(part.size());
      const BucketAnswer answer =
          TRY(client_->send({"PUT",
                             key,
                             {{"partNumber", std::to_string(number)}, {"uploadId", upload}},
                             "application/octet-stream",
                             part}));
      if (answer.status != ok) return bucket_error(answer, bucket_);
      if (is_another_object(answer, part)) return other_bytes();
      const std::string tag = header(answer, "etag");
      if (tag.find_first_of("<>&") != std::string::npos) return other_bytes();
      list += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" + tag + "</ETag></Part>";
    }
    list += "</CompleteMultipartUpload>";
    const BucketAnswer answer =
        TRY(client_->send({"POST", key, {{"uploadId", upload}}, "application/xml", as_bytes(list)}));
    if (answer.status != ok && answer.status != no_content) return bucket_error(answer, bucket_);
    // The answer may begin as a success, to hold the connection, and end as an error.
    if (answer.body.find("<Error") == std::string::npos) return {};
    return Error{ErrorCode::io, "the store could not join the parts"};
  }

  std::unique_ptr<BucketClient> client_;
  const std::string bucket_;
  const std::string prefix_;
  const std::size_t part_bytes_;
};

}  // namespace

std::string xml_text(std::string_view document, std::string_view name) {
  const std::string open = "<" + std::string{name} + ">";
  const std::string close = "</" + std::string{name} + ">";
  constexpr std::size_t longest = 1024;
  const auto from = document.find(open);
  if (from == std::string_view::npos) return {};
  document.remove_prefix(from + open.size());
  const auto to = document.find(close);
  if (to == std::string_view::npos || to > longest) return {};
  const std::string_view text = document.substr(0, to);
  if (text.find_first_of("<>&") != std::string_view::npos) return {};
  return std::string{text};
}

Error bucket_error(const BucketAnswer& answer, const std::string& bucket) {
  std::string code = xml_text(answer.body, "Code");
  const bool is_word = code.size() <= 64 && std::all_of(code.begin(), code.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                       });
  if (!is_word) code.clear();
  const std::string said =
      "the store answered " + std::to_string(answer.status) + (code.empty() ? "" : " " + code);
  const bool is_passing =
      answer.status >= first_fault || answer.status == too_many || answer.status == timed_out ||
      is_one_of(code,
                {"RequestTimeout", "SlowDown", "BadDigest", "XAmzContentSHA256Mismatch", "NoSuchUpload"});
  if (is_passing) return {ErrorCode::io, said};
  if (code == "RequestTimeTooSkewed") {
    return {ErrorCode::invalid, "the clocks of this server and of the store differ too much (" + said + ")"};
  }
  if (is_one_of(code, {"ExpiredToken", "SecurityTokenExpired", "TokenRefreshRequired"})) {
    return {ErrorCode::invalid, "the session token of the credentials has expired (" + said + ")"};
  }
  if (is_one_of(code, {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})) {
    return elsewhere(said);  // what was signed names another region than the store is in
  }
  if (answer.status == forbidden || answer.status == 401) {
    return {ErrorCode::invalid, "the store refuses the credentials (" + said + ")"};
  }
  if (answer.status == not_there) {
    return {ErrorCode::not_found, "the bucket " + bucket + " does not exist (" + said + ")"};
  }
  if (answer.status >= 300 && answer.status < 400) return elsewhere(said);
  return {ErrorCode::invalid, said};
}

std::unique_ptr<Target> make_bucket_target(std::unique_ptr<BucketClient> client, std::string bucket,
                                           std::string prefix, std::size_t part_bytes) {
  return std::make_unique<BucketTarget>(std::move(client), std::move(bucket), std::move(prefix), part_bytes);
}

}  // namespace tarn::server
