// SPDX-License-Identifier: Apache-2.0
#include "server/keys/key_server_credentials.h"

#include "server/model/json.h"
#include "server/model/outbound.h"

namespace tarn::server {

Result<std::vector<KeyServerCredentials>> read_key_server_credentials(const std::string& json) {
  const auto root = parse_json(json);
  if (!root || !JSON_NODE_HOLDS_OBJECT(root->get()))
    return malformed("--key-server-credentials: no JSON object");
  std::vector<KeyServerCredentials> all;
  JsonObjectIter iterator;
  json_object_iter_init_ordered(&iterator, json_node_get_object(root->get()));
  const char* base = nullptr;
  JsonNode* node = nullptr;
  while (json_object_iter_next_ordered(&iterator, &base, &node) != 0) {
    const std::string where = std::string{"--key-server-credentials: "} + base;
    // It may have a password in it.
    if (!parse_outbound_url(base)) {
      return malformed("--key-server-credentials: a name is no http or https URL without a user");
    }
    if (!JSON_NODE_HOLDS_OBJECT(node)) return malformed(where + " is not an object");
    KeyServerCredentials one{base, json_member_text(node, "username"), json_member_text(node, "password")};
    if (one.username.empty() || one.username.find(':') != std::string::npos) {
      return malformed(where + " needs a username without ':' and a password");
    }
    all.push_back(std::move(one));
  }
  return all;
}

const KeyServerCredentials* credentials_for(const std::vector<KeyServerCredentials>& all,
                                            const std::string& url) {
  const KeyServerCredentials* found = nullptr;
  for (const KeyServerCredentials& one : all) {
    if (!url.starts_with(one.base)) continue;
    const std::string rest = url.substr(one.base.size());
    const bool ends_well =
        rest.empty() || one.base.ends_with('/') || rest.front() == '/' || rest.front() == '?';
    if (ends_well && (found == nullptr || one.base.size() > found->base.size())) found = &one;
  }
  return found;
}

}  // namespace tarn::server
