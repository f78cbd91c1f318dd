// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "server/model/collection.h"
#include "server/model/database.h"
#include "server/model/model.h"
#include "server/model/secrets.h"

// The tables of control.db: one row per resource, its settings as a JSON document with the names of the
// API (field.h), its secrets sealed as one blob that is bound to the resource's id.
namespace tarn::server {

// What PRAGMA user_version says; a database with a larger number was written by a newer Tarn.
inline constexpr std::int64_t schema_version = 5;

// For a new database: tables, and a sealed text that tells later whether a key is the right one.
Status create_tables(Database& database, const SecretBox& box);
// Brings the tables of an older version up to schema_version.
Status migrate_tables(Database& database, std::int64_t version);
Status check_key(Database& database, const SecretBox& box);

// Insert or update.
Status save_row(Database& database, const SecretBox& box, const Group& group);
Status save_row(Database& database, const SecretBox& box, const Channel& channel);
// `channel_id`: of its parent.
Status save_row(Database& database, const SecretBox& box, const Endpoint& endpoint,
                const std::string& channel_id);
// A content id is one channel's for ever (semantics S8): conflict when it is another's.
Status claim_content_id(Database& database, const std::string& content_id, const std::string& channel_id);

Status save_kept_secret(Database& database, const SecretBox& box, const std::string& name,
                        std::string_view text);
Result<std::string> load_kept_secret(Database& database, const SecretBox& box, const std::string& name);
// All whose names begin with `prefix` but one.
Result<std::vector<std::string>> load_secret_names(Database& database, const std::string& prefix);
Status delete_kept_secrets(Database& database, const std::string& prefix, const std::string& but);

Status save_row(Database& database, const CollectionTask& task);
Status delete_task_row(Database& database, const std::string& id);
// Oldest first.
Result<std::vector<CollectionTask>> load_tasks(Database& database);

Status save_version(Database& database, std::uint64_t version);
Status delete_group_row(Database& database, const std::string& name);
Status delete_channel_row(Database& database, const std::string& id);
// Remembers the edition, so that the next endpoint of this path ("group/channel/endpoint") has another one.
Status delete_endpoint_row(Database& database, const Endpoint& endpoint);
// Of a new endpoint of this path.
Result<std::uint32_t> next_edition(Database& database, const std::string& path);

Result<Model> load_model(Database& database, const SecretBox& box);

}  // namespace tarn::server
