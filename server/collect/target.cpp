// SPDX-License-Identifier: Apache-2.0
#include "server/collect/target.h"

#include <algorithm>

#include "core/base/text.h"
#include "server/collect/bucket_target.h"
#include "server/collect/file_target.h"

namespace tarn::server {
namespace {

constexpr std::string_view file_scheme = "file:";
constexpr std::string_view s3_scheme = "s3://";
constexpr std::string_view oss_scheme = "oss://";

bool is_file(const CollectionTarget& target) { return target.url.starts_with(file_scheme); }
bool is_oss(const CollectionTarget& target) { return target.url.starts_with(oss_scheme); }
std::string path_of(const CollectionTarget& target) { return target.url.substr(file_scheme.size()); }

bool is_name(std::string_view text, std::size_t least, std::size_t most, std::string_view more) {
  return text.size() >= least && text.size() <= most && std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
         });
}

// "s3://bucket/prefix"
struct Place {
  std::string bucket;
  std::string prefix;  // without slashes at its ends
};
Result<Place> place_of(const CollectionTarget& target) {
  const std::string_view scheme = is_oss(target) ? oss_scheme : s3_scheme;
  if (!target.url.starts_with(scheme)) {
    return Error{ErrorCode::invalid, "must begin with file:, s3:// or oss://"};
  }
  const std::string_view rest = std::string_view{target.url}.substr(scheme.size());
  Place place{std::string{rest.substr(0, rest.find('/'))}, {}};
  if (!is_name(place.bucket, 3, 63, ".-") || place.bucket.starts_with('.') || place.bucket.starts_with('-') ||
      place.bucket.find("..") != std::string::npos) {
    return Error{ErrorCode::invalid, "has no valid bucket"};
  }
  if (place.bucket.size() < rest.size()) place.prefix = rest.substr(place.bucket.size() + 1);
  if (place.prefix.ends_with('/')) place.prefix.pop_back();
  if (!is_file_target_path(place.prefix)) {
    return Error{ErrorCode::invalid,
                 "has a prefix with other characters than letters, digits, '.', '_', '-'"};
  }
  return place;
}

std::string endpoint_of(const CollectionTarget& target) {
  if (!target.endpoint.empty()) return target.endpoint;
  return is_oss(target) ? "https://oss-" + target.region + ".aliyuncs.com"
                        : "https://s3." + target.region + ".amazonaws.com";
}

Result<BucketAddress> address_of(const CollectionTarget& target) {
  BucketAddress address;
  address.scheme = is_oss(target) ? SignatureScheme::oss4 : SignatureScheme::aws4;
  address.bucket = TRY(place_of(target)).bucket;
  address.base = TRY(parse_outbound_url(endpoint_of(target)));
  address.region = target.region.empty() ? "us-east-1" : target.region;
  address.path_style = target.path_style;
  return address;
}

void check_file(const CollectionTarget& target, FieldErrors& errors) {
  if (!is_file_target_path(path_of(target))) {
    errors.push_back({"target.url", "null",
                      "must be file: and a relative path of letters, digits, '.', '_', '-' and '/'"});
  }
  const auto refuse = [&](const char* field, bool is_set) {
    if (is_set) errors.push_back({std::string{"target."} + field, "null", "is not for file: targets"});
  };
  refuse("endpoint", !target.endpoint.empty());
  refuse("region", !target.region.empty());
  refuse("credentials", !target.credentials.empty());
  refuse("pathStyle", target.path_style);
}

void check_bucket(const CollectionTarget& target, const TargetSettings& settings, FieldErrors& errors) {
  const auto refuse = [&](const char* field, const std::string& reason) {
    errors.push_back({std::string{"target."} + field, "null", reason});
  };
  if (target.region.empty()) {
    if (is_oss(target) || target.endpoint.empty()) refuse("region", "is required");
  } else if (!is_name(target.region, 1, 64, "-_")) {
    refuse("region", "must be 1 to 64 lower-case letters, digits and '-'");
  }
  if (!settings.credentials.contains(target.credentials)) {
    refuse("credentials", "must be the name of an entry of --bucket-credentials");
  }
  if (const auto place = place_of(target); !place) refuse("url", place.error().message);
  const auto url = parse_outbound_url(endpoint_of(target));
  const Status allowed = url ? settings.outbound.check(*url) : Status{url.error()};
  if (!allowed) {
    if (!target.endpoint.empty() || !target.region.empty()) refuse("endpoint", allowed.error().message);
    return;
  }
  if (url->target != "/") refuse("endpoint", "must have no path");
  if (!target.path_style && parse_address(url->host)) {
    refuse("pathStyle", "must be true where the endpoint is an address");
  }
}

}  // namespace

Result<std::map<std::string, BucketCredentials>> read_bucket_credentials(const std::string& json) {
  const auto root = parse_json(json);
  if (!root || !JSON_NODE_HOLDS_OBJECT(root->get())) return malformed("--bucket-credentials: no JSON object");
  std::map<std::string, BucketCredentials> all;
  JsonObjectIter iterator;
  json_object_iter_init_ordered(&iterator, json_node_get_object(root->get()));
  const char* name = nullptr;
  JsonNode* node = nullptr;
  while (json_object_iter_next_ordered(&iterator, &name, &node) != 0) {
    const std::string where = std::string{"--bucket-credentials: "} + name;
    if (!JSON_NODE_HOLDS_OBJECT(node)) return malformed(where + " is not an object");
    BucketCredentials one{json_member_text(node, "accessKeyId"), json_member_text(node, "secretAccessKey"),
                          json_member_text(node, "sessionToken")};
    const auto is_visible = [](const std::string& text) {
      return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
    };
    if (one.access_key.empty() || one.secret_key.empty() || !is_visible(one.access_key) ||
        !is_visible(one.secret_key) || !is_visible(one.session_token)) {
      return malformed(where + " needs accessKeyId and secretAccessKey of visible ASCII characters");
    }
    all.emplace(name, std::move(one));
  }
  return all;
}

void check_target(const CollectionTarget& target, const TargetSettings& settings, FieldErrors& errors) {
  if (is_file(target)) return check_file(target, errors);
  check_bucket(target, settings, errors);
}

Result<std::unique_ptr<Target>> open_target(const CollectionTask& task, const TargetSettings& settings,
                                            std::function<bool()> is_unwanted) {
  if (is_file(task.target)) return make_file_target(settings.root, path_of(task.target), task.folder());
  const auto credentials = settings.credentials.find(task.target.credentials);
  if (credentials == settings.credentials.end()) {
    return Error{ErrorCode::invalid, "there are no bucket credentials of this name any more"};
  }
  const Place place = TRY(place_of(task.target));
  auto client = TRY(BucketClient::open(TRY(address_of(task.target)), credentials->second, settings.outbound,
                                       settings.limits, settings.now, std::move(is_unwanted)));
  const std::string prefix = (place.prefix.empty() ? "" : place.prefix + "/") + task.folder() + "/";
  return make_bucket_target(std::move(client), place.bucket, prefix, settings.part_bytes);
}

}  // namespace tarn::server
