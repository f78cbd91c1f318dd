// SPDX-License-Identifier: Apache-2.0
#include "server/keys/builtin_provider.h"

#include <algorithm>

#include "core/base/base64.h"
#include "core/drm/contract.h"
#include "core/drm/key_provider.h"
#include "server/model/json.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

constexpr char secret_name[] = "builtin key provider";
constexpr std::size_t secret_bytes = 32;
constexpr unsigned most_kids = 64;

}  // namespace

Result<BuiltinProvider> BuiltinProvider::open(Store& store) {
  auto secret = store.kept_secret(secret_name);
  if (!secret.ok() && secret.error().code == ErrorCode::not_found) {
    TRY(store.keep_secret(secret_name, as_text(random_bytes(secret_bytes))));
    secret = store.kept_secret(secret_name);
  }
  if (!secret.ok()) return secret.error();
  return BuiltinProvider{std::move(secret).value()};
}

crypto::Block BuiltinProvider::key_of(const drm::Uuid& kid) const {
  return drm::derive(as_bytes(secret_), "content key", kid);
}

Result<std::string> BuiltinProvider::speke(std::string_view body, std::string_view version) const {
  auto request = drm::cpix::parse(body);
  if (!request.ok()) return Error{ErrorCode::invalid, "Malformed encryption contract"};
  const auto answer = TRY(drm::provide_keys(std::move(request).value(), version,
                                            [this](const drm::Uuid& kid) { return key_of(kid); }));
  return drm::cpix::write(answer);
}

Result<std::string> BuiltinProvider::clearkey(std::string_view body) const {
  const auto root = parse_json(body);
  if (!root.ok()) return malformed("the licence request is not JSON");
  JsonNode* const list = json_member(root->get(), "kids");
  if (list == nullptr || !JSON_NODE_HOLDS_ARRAY(list)) return malformed("the licence request has no kids");
  JsonArray* const array = json_node_get_array(list);
  if (json_array_get_length(array) > most_kids) return malformed("the licence request has too many kids");
  std::vector<drm::Uuid> kids;
  for (unsigned i = 0; i < json_array_get_length(array); ++i) {
    JsonNode* const entry = json_array_get_element(array, i);
    const bool is_text = json_node_get_value_type(entry) == G_TYPE_STRING;
    const auto bytes = parse_base64url(is_text ? json_node_get_string(entry) : "!");
    drm::Uuid kid{};
    if (!bytes || bytes->size() != kid.size()) return malformed("a kid is not 16 bytes in base64url");
    std::copy(bytes->begin(), bytes->end(), kid.begin());
    kids.push_back(kid);
  }
  return drm::clearkey_licence(kids, [this](const drm::Uuid& kid) { return key_of(kid); });
}

}  // namespace tarn::server
