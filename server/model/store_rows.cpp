// SPDX-License-Identifier: Apache-2.0
#include "server/model/store_rows.h"

#include "server/model/field.h"

namespace tarn::server {
namespace {

constexpr const char* tables = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('version', 0);
CREATE TABLE channel_groups (
  name TEXT PRIMARY KEY,
  label TEXT NOT NULL UNIQUE,
  settings TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE channels (
  id TEXT PRIMARY KEY,
  parent TEXT NOT NULL REFERENCES channel_groups (name),
  name TEXT NOT NULL,
  settings TEXT NOT NULL,
  secrets BLOB NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, revision INTEGER NOT NULL,
  UNIQUE (parent, name)
) WITHOUT ROWID;
CREATE TABLE endpoints (
  id TEXT PRIMARY KEY,
  parent TEXT NOT NULL REFERENCES channels (id),
  name TEXT NOT NULL,
  settings TEXT NOT NULL,
  secrets BLOB NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, revision INTEGER NOT NULL,
  UNIQUE (parent, name)
) WITHOUT ROWID;
)sql";

// Version 2: editions of endpoints, and those of the deleted ones.
constexpr const char* second_version = R"sql(
ALTER TABLE endpoints ADD COLUMN edition INTEGER NOT NULL DEFAULT 1;
CREATE TABLE retired_endpoints (path TEXT PRIMARY KEY, edition INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// Version 3: whose content ids are, and secrets that are no settings.
constexpr const char* third_version = R"sql(
CREATE TABLE IF NOT EXISTS content_ids (content_id TEXT PRIMARY KEY, channel TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept_secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
)sql";

// Version 4: collection tasks.
constexpr const char* fourth_version = R"sql(
CREATE TABLE IF NOT EXISTS collection_tasks (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, document TEXT NOT NULL
) WITHOUT ROWID;
)sql";

// Version 5: channels that are stopped, and how often they were reset.
constexpr const char* fifth_version = R"sql(
ALTER TABLE channels ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN content INTEGER NOT NULL DEFAULT 1;
)sql";

constexpr std::string_view key_check_text = "this key opens this database";
constexpr std::string_view key_check_context = "key check";

std::int64_t stored(Utc time) { return time.time_since_epoch().count(); }
Utc restored(std::int64_t microseconds) { return Utc{Microseconds{microseconds}}; }

template <class R>
void bind_common(Statement& row, int first, const R& resource) {
  row.bind(first, stored(resource.created))
      .bind(first + 1, stored(resource.updated))
      .bind(first + 2, static_cast<std::int64_t>(resource.revision));
}

template <class R>
void read_common(const Statement& row, int first, R& resource) {
  resource.created = restored(row.number(first));
  resource.updated = restored(row.number(first + 1));
  resource.revision = static_cast<std::uint64_t>(row.number(first + 2));
}

std::string path_of(const Endpoint& endpoint) {
  return endpoint.group + "/" + endpoint.channel + "/" + endpoint.name;
}

std::string secret_context(const Channel& channel) { return "channel " + channel.id; }
std::string secret_context(const Endpoint& endpoint) { return "endpoint " + endpoint.id; }

JsonPtr secret_document(const Channel& channel) {
  JsonArrayBuilder inputs;
  for (const Input& input : channel.inputs) {
    JsonObjectBuilder object;
    object.add("id", input.id).add("username", input.username).add("password", input.password);
    object.add("previousUsername", input.previous_username).add("previousPassword", input.previous_password);
    object.add("previousUntil", json_number(stored(input.previous_until)));
    inputs.add(object.take());
  }
  return JsonObjectBuilder().add("inputs", inputs.take()).take();
}
JsonPtr secret_document(const Endpoint& endpoint) { return to_document(endpoint, Part::secret); }

// The secret document joins the open one before the rows are read, so that required rows are there.
void read_secrets(JsonNode* secrets, Channel& channel) {
  JsonNode* const inputs = json_member(secrets, "inputs");
  if (inputs == nullptr || !JSON_NODE_HOLDS_ARRAY(inputs)) return;
  JsonArray* const array = json_node_get_array(inputs);
  for (unsigned i = 0; i < channel.inputs.size() && i < json_array_get_length(array); ++i) {
    JsonNode* const stored_input = json_array_get_element(array, i);
    Input& input = channel.inputs.at(i);
    input.id = json_member_text(stored_input, "id");
    input.username = json_member_text(stored_input, "username");
    input.password = json_member_text(stored_input, "password");
    input.previous_username = json_member_text(stored_input, "previousUsername");
    input.previous_password = json_member_text(stored_input, "previousPassword");
    input.previous_until = restored(json_member_number(stored_input, "previousUntil"));
  }
}

template <class R>
Status read_settings(JsonNode* document, R& resource, const std::string& what) {
  FieldErrors errors;
  read_document(document, resource, errors);
  if (errors.empty()) return {};
  return malformed("control.db: " + what + ": " + errors.front().field + " " + errors.front().reason);
}

// Columns: settings, secrets, created, updated, revision, from `first` on.
template <class R>
Status read_sealed_row(const Statement& row, int first, const SecretBox& box, R& resource,
                       const std::string& what) {
  const auto settings = parse_json(row.text(first));
  if (!settings) return malformed("control.db: " + what + ": " + settings.error().message);
  const auto opened = box.open(row.blob(first + 1), secret_context(resource));
  if (!opened) return malformed("control.db: " + what + ": " + opened.error().message);
  const auto secrets = parse_json(*opened);
  if (!secrets) return malformed("control.db: " + what + ": its secrets cannot be read");
  if constexpr (std::is_same_v<R, Channel>) {
    TRY(read_settings(settings->get(), resource, what));
    read_secrets(secrets->get(), resource);
  } else {
    TRY(read_settings(merge_patch(settings->get(), secrets->get()).get(), resource, what));
  }
  read_common(row, first + 2, resource);
  return {};
}

Status load_groups(Database& database, Model& model) {
  Statement row =
      database.prepare("SELECT name, label, settings, created, updated, revision FROM channel_groups");
  while (TRY(row.step())) {
    Group group;
    const std::string name = row.text(0);
    group.label = row.text(1);
    const auto settings = parse_json(row.text(2));
    if (!settings) return malformed("control.db: group " + name + ": " + settings.error().message);
    TRY(read_settings(settings->get(), group, "group " + name));
    read_common(row, 3, group);
    model.groups.emplace(name, std::move(group));
  }
  return {};
}

Status load_channels(Database& database, const SecretBox& box, Model& model) {
  Statement row = database.prepare(
      "SELECT id, parent, name, settings, secrets, created, updated, revision, stopped, content FROM "
      "channels");
  while (TRY(row.step())) {
    Channel channel;
    channel.id = row.text(0);
    channel.group = row.text(1);
    const std::string key = channel.group + "/" + row.text(2);
    TRY(read_sealed_row(row, 3, box, channel, "channel " + key));
    channel.is_stopped = row.number(8) != 0;
    channel.content = static_cast<std::uint32_t>(row.number(9));
    model.channels.emplace(key, std::move(channel));
  }
  return {};
}

Status load_endpoints(Database& database, const SecretBox& box, Model& model) {
  Statement row = database.prepare(
      "SELECT e.id, c.parent, c.name, e.name, e.settings, e.secrets, e.created, e.updated, e.revision, "
      "e.edition "
      "FROM endpoints e JOIN channels c ON c.id = e.parent");
  while (TRY(row.step())) {
    Endpoint endpoint;
    endpoint.id = row.text(0);
    endpoint.group = row.text(1);
    endpoint.channel = row.text(2);
    const std::string key = endpoint.group + "/" + endpoint.channel + "/" + row.text(3);
    TRY(read_sealed_row(row, 4, box, endpoint, "endpoint " + key));
    endpoint.edition = static_cast<std::uint32_t>(row.number(9));
    model.endpoints.emplace(key, std::move(endpoint));
  }
  return {};
}

template <class R>
Status save_sealed_row(Database& database, const SecretBox& box, const R& resource, const std::string& table,
                       const std::string& parent) {
  Statement row = database.prepare("INSERT INTO " + table +
                                   " (id, parent, name, settings, secrets, created, updated, revision)"
                                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                                   " settings = excluded.settings, secrets = excluded.secrets,"
                                   " updated = excluded.updated, revision = excluded.revision");
  const std::string settings = print_json(to_document(resource, Part::open).get());
  const ByteVector secrets = box.seal(print_json(secret_document(resource).get()), secret_context(resource));
  row.bind(1, resource.id).bind(2, parent).bind(3, resource.name).bind(4, settings).bind(5, Bytes{secrets});
  bind_common(row, 6, resource);
  return row.run();
}

Status delete_row(Database& database, const std::string& sql, const std::string& key) {
  return database.prepare(sql).bind(1, key).run();
}

}  // namespace

Status create_tables(Database& database, const SecretBox& box) {
  TRY(database.execute(tables));
  TRY(database.execute(second_version));
  TRY(database.execute(third_version));
  TRY(database.execute(fourth_version));
  TRY(database.execute(fifth_version));
  const ByteVector check = box.seal(key_check_text, key_check_context);
  TRY(database.prepare("INSERT INTO meta VALUES ('key_check', ?)").bind(1, Bytes{check}).run());
  return database.execute("PRAGMA user_version=" + std::to_string(schema_version));
}

Status migrate_tables(Database& database, std::int64_t version) {
  if (version >= schema_version) return {};
  TRY(database.execute("BEGIN IMMEDIATE"));
  if (version < 2) TRY(database.execute(second_version));
  TRY(database.execute(third_version));
  TRY(database.execute(fourth_version));
  if (version < 5) TRY(database.execute(fifth_version));
  TRY(database.execute("PRAGMA user_version=" + std::to_string(schema_version)));
  return database.execute("COMMIT");
}

Status check_key(Database& database, const SecretBox& box) {
  Statement row = database.prepare("SELECT value FROM meta WHERE key = 'key_check'");
  if (!TRY(row.step())) return malformed("control.db: the key check is missing");
  const auto opened = box.open(row.blob(0), key_check_context);
  if (!opened)
    return Error{ErrorCode::invalid, "does not belong to control.db: the secrets in it cannot be opened"};
  return {};
}

Status save_row(Database& database, const SecretBox&, const Group& group) {
  Statement row = database.prepare(
      "INSERT INTO channel_groups (name, label, settings, created, updated, revision) VALUES (?, ?, ?, ?, ?, "
      "?)"
      " ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, updated = excluded.updated,"
      " revision = excluded.revision");
  const std::string settings = print_json(to_document(group, Part::open).get());
  row.bind(1, group.name).bind(2, group.label).bind(3, settings);
  bind_common(row, 4, group);
  return row.run();
}

Status save_row(Database& database, const SecretBox& box, const Channel& channel) {
  TRY(save_sealed_row(database, box, channel, "channels", channel.group));
  return database.prepare("UPDATE channels SET stopped = ?, content = ? WHERE id = ?")
      .bind(1, std::int64_t{channel.is_stopped})
      .bind(2, std::int64_t{channel.content})
      .bind(3, channel.id)
      .run();
}

Status save_row(Database& database, const SecretBox& box, const Endpoint& endpoint,
                const std::string& channel_id) {
  TRY(save_sealed_row(database, box, endpoint, "endpoints", channel_id));
  return database.prepare("UPDATE endpoints SET edition = ? WHERE id = ?")
      .bind(1, std::int64_t{endpoint.edition})
      .bind(2, endpoint.id)
      .run();
}

Status claim_content_id(Database& database, const std::string& content_id, const std::string& channel_id) {
  Statement row = database.prepare("SELECT channel FROM content_ids WHERE content_id = ?");
  row.bind(1, content_id);
  if (TRY(row.step())) {
    if (row.text(0) == channel_id) return {};
    return Error{ErrorCode::conflict, "drm.contentId " + content_id + " belongs to another channel"};
  }
  return database.prepare("INSERT INTO content_ids VALUES (?, ?)")
      .bind(1, content_id)
      .bind(2, channel_id)
      .run();
}

Status save_kept_secret(Database& database, const SecretBox& box, const std::string& name,
                        std::string_view text) {
  const ByteVector sealed = box.seal(text, "kept " + name);
  return database
      .prepare(
          "INSERT INTO kept_secrets VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed")
      .bind(1, name)
      .bind(2, Bytes{sealed})
      .run();
}

Result<std::string> load_kept_secret(Database& database, const SecretBox& box, const std::string& name) {
  Statement row = database.prepare("SELECT sealed FROM kept_secrets WHERE name = ?");
  row.bind(1, name);
  if (!TRY(row.step())) return not_found("no such secret is kept");
  return box.open(row.blob(0), "kept " + name);
}

Result<std::vector<std::string>> load_secret_names(Database& database, const std::string& prefix) {
  Statement row =
      database.prepare("SELECT name FROM kept_secrets WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name");
  row.bind(1, prefix);
  std::vector<std::string> names;
  while (TRY(row.step())) names.emplace_back(row.text(0));
  return names;
}

Status delete_kept_secrets(Database& database, const std::string& prefix, const std::string& but) {
  return database.prepare("DELETE FROM kept_secrets WHERE substr(name, 1, length(?1)) = ?1 AND name != ?2")
      .bind(1, prefix)
      .bind(2, but)
      .run();
}

Status save_row(Database& database, const CollectionTask& task) {
  const std::string document = write_task(task);
  return database
      .prepare(
          "INSERT INTO collection_tasks VALUES (?, ?, ?)"
          " ON CONFLICT (id) DO UPDATE SET document = excluded.document")
      .bind(1, task.id)
      .bind(2, stored(task.created))
      .bind(3, document)
      .run();
}

Status delete_task_row(Database& database, const std::string& id) {
  return delete_row(database, "DELETE FROM collection_tasks WHERE id = ?", id);
}

Result<std::vector<CollectionTask>> load_tasks(Database& database) {
  std::vector<CollectionTask> tasks;
  Statement row = database.prepare("SELECT document FROM collection_tasks ORDER BY created, id");
  while (TRY(row.step())) tasks.push_back(TRY(read_task(row.text(0))));
  return tasks;
}

Status save_version(Database& database, std::uint64_t version) {
  return database.prepare("UPDATE meta SET value = ? WHERE key = 'version'")
      .bind(1, static_cast<std::int64_t>(version))
      .run();
}

Status delete_group_row(Database& database, const std::string& name) {
  return delete_row(database, "DELETE FROM channel_groups WHERE name = ?", name);
}
Status delete_channel_row(Database& database, const std::string& id) {
  return delete_row(database, "DELETE FROM channels WHERE id = ?", id);
}
Status delete_endpoint_row(Database& database, const Endpoint& endpoint) {
  TRY(database
          .prepare("INSERT INTO retired_endpoints (path, edition) VALUES (?, ?)"
                   " ON CONFLICT (path) DO UPDATE SET edition = excluded.edition")
          .bind(1, path_of(endpoint))
          .bind(2, std::int64_t{endpoint.edition})
          .run());
  return delete_row(database, "DELETE FROM endpoints WHERE id = ?", endpoint.id);
}
Result<std::uint32_t> next_edition(Database& database, const std::string& path) {
  Statement row = database.prepare("SELECT edition FROM retired_endpoints WHERE path = ?");
  row.bind(1, path);
  return TRY(row.step()) ? static_cast<std::uint32_t>(row.number(0)) + 1 : 1U;
}

Result<Model> load_model(Database& database, const SecretBox& box) {
  Model model;
  model.version =
      static_cast<std::uint64_t>(TRY(database.number("SELECT value FROM meta WHERE key = 'version'")));
  TRY(load_groups(database, model));
  TRY(load_channels(database, box, model));
  TRY(load_endpoints(database, box, model));
  return model;
}

}  // namespace tarn::server
