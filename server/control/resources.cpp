// SPDX-License-Identifier: Apache-2.0
#include "server/control/resources.h"

#include <algorithm>
#include <set>

#include "server/control/collection_board.h"
#include "server/control/problem.h"
#include "server/control/resource.h"

namespace tarn::server {
namespace {

constexpr JsonLimits file_limits{std::size_t{64} * 1024 * 1024, 16};

// Walks the file and gathers what has to be stored; nothing is stored while there are errors.
class ResourceFile {
 public:
  ResourceFile(const Model& model, const ControlSettings& settings, const CollectionBoard* board, Utc now)
      : model_(model), settings_(settings), board_(board), now_(now) {}

  void read(JsonNode* root) {
    if (!JSON_NODE_HOLDS_OBJECT(root)) return report("", "must be an object");
    for (const std::string& member : members(root)) {
      if (member != "channelGroups") report(member, "is not a known field; channelGroups is");
    }
    each(root, "channelGroups", "",
         [this](JsonNode* node, const std::string& path) { read_group(node, path); });
  }

  std::vector<Group> groups;
  std::vector<Channel> channels;
  std::vector<Endpoint> endpoints;
  std::vector<ResourceChange> changes;
  FieldErrors errors;

 private:
  void read_group(JsonNode* node, const std::string& path) {
    Group group{};
    const Group* const current = model_.group(json_member_text(node, "name"));
    if (current != nullptr) group = *current;
    if (!read_settings(node, {"channels"}, group, path)) return;
    if (!first("group ", group.name, path)) return;
    keep("group " + group.name, group, current, groups);
    each(node, "channels", path,
         [&](JsonNode* child, const std::string& child_path) { read_channel(child, group, child_path); });
  }

  void read_channel(JsonNode* node, const Group& group, const std::string& path) {
    Channel channel{};
    const Channel* const current = model_.channel(group.name, json_member_text(node, "name"));
    if (current != nullptr) channel = *current;
    if (!read_settings(node, {"inputs", "endpoints"}, channel, path)) return;
    channel.group = group.name;
    if (!first("channel " + group.name + "/", channel.name, path)) return;
    if (current == nullptr) give_identity(channel);
    each(node, "inputs", path,
         [&](JsonNode* child, const std::string& child_path) { read_input(child, channel, child_path); });
    const bool changed = current == nullptr || !same_inputs(channel, *current);
    keep("channel " + group.name + "/" + channel.name, channel, current, channels, changed);
    each(node, "endpoints", path,
         [&](JsonNode* child, const std::string& child_path) { read_endpoint(child, channel, child_path); });
  }

  void read_endpoint(JsonNode* node, const Channel& channel, const std::string& path) {
    Endpoint endpoint{};
    const Endpoint* const current =
        model_.endpoint(channel.group, channel.name, json_member_text(node, "name"));
    if (current != nullptr) endpoint = *current;
    if (!read_settings(node, {}, endpoint, path)) return;
    endpoint.group = channel.group;
    endpoint.channel = channel.name;
    if (!first("endpoint " + channel.group + "/" + channel.name + "/", endpoint.name, path)) return;
    if (current == nullptr) give_identity(endpoint);
    const std::string task = current == nullptr ? "" : keep_collected(*current, endpoint);
    keep("endpoint " + channel.group + "/" + channel.name + "/" + endpoint.name, endpoint, current,
         endpoints);
    changes.back().kept_for = task;
  }

  // A folder has one kind of bytes, never a clear half and an encrypted one.
  std::string keep_collected(const Endpoint& current, Endpoint& next) const {
    std::string task = key_identity(current) == key_identity(next) ? "" : task_of(board_, current);
    if (task.empty()) return {};
    for (const Field<Endpoint>& field : fields<Endpoint>()) {
      if (field.name.starts_with("drm.")) copy_field(current, next, field);
    }
    return task;
  }

  // {id, username, password}
  void read_input(JsonNode* node, Channel& channel, const std::string& path) {
    for (const std::string& member : members(node)) {
      if (member != "id" && member != "username" && member != "password") {
        report(std::string{path}.append(".").append(member),
               "is not a known field; id, username, password are");
      }
    }
    const std::string id = json_member_text(node, "id");
    const auto input = std::find_if(channel.inputs.begin(), channel.inputs.end(),
                                    [&](const Input& candidate) { return candidate.id == id; });
    if (input == channel.inputs.end()) return report(path + ".id", "must be ingest1 or ingest2");
    if (!first("input " + channel.group + "/" + channel.name + "/", id, path)) return;
    if (is_null(node, "username") && is_null(node, "password")) return;
    const std::string username = json_member_text(node, "username");
    const std::string password = json_member_text(node, "password");
    if (!is_credential(username, 1) || username.find(':') != std::string::npos) {
      return report(path + ".username", "must be 1 to 200 visible ASCII characters without a colon");
    }
    if (!is_credential(password, 8))
      return report(path + ".password", "must be 8 to 200 visible ASCII characters");
    if (input->username == username && input->password == password) return;
    *input = Input{.id = id,
                   .username = username,
                   .password = password,
                   .previous_username = {},
                   .previous_password = {}};
  }

  static bool is_null(JsonNode* node, const std::string& member) {
    JsonNode* const value = json_member(node, member);
    return value != nullptr && JSON_NODE_HOLDS_NULL(value);
  }

  static bool is_credential(const std::string& text, std::size_t least) {
    constexpr std::size_t longest = 200;
    return text.size() >= least && text.size() <= longest &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  }

  static bool same_inputs(const Channel& a, const Channel& b) {
    return std::equal(a.inputs.begin(), a.inputs.end(), b.inputs.begin(), [](const Input& x, const Input& y) {
      return x.username == y.username && x.password == y.password;
    });
  }

  // Reads the rows; `children` are members with a reading of their own. False when there is nothing to go
  // on with; wrong settings alone do not hide what is wrong below.
  template <class R>
  bool read_settings(JsonNode* node, const std::vector<std::string>& children, R& resource,
                     const std::string& path) {
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
      report(path, "must be an object");
      return false;
    }
    JsonObjectBuilder without;
    for (const std::string& child : children) without.add(child, json_null());
    JsonPtr document = merge_patch(node, without.take().get());
    const R before = resource;
    FieldErrors found;
    if (before.revision != 0)
      document = hold_fixed<R>(to_document(before, Part::open).get(), document.get(), found);
    read_document(document.get(), resource, found, read_only_members<R>());
    if (before.revision != 0) check_fixed(before, resource, found);
    for (const Field<R>& field : fields<R>()) {
      const std::string name{field.name};
      if (!field.secret || !is_null(node, name)) continue;
      // A secret that an export has left out: what is there stays, and nothing is made without it.
      copy_field(before, resource, field);
      if (std::holds_alternative<std::monostate>(get_field(before, field)))
        found.push_back(
            {name, "null", "is a secret that was left out; give it, or remove the member for none"});
    }
    check_rules(resource, found);
    check_reach(resource, settings_, found);
    for (FieldError& error : found) {
      error.field = path + (error.field.empty() ? "" : ".") + error.field;
      errors.push_back(error);
    }
    return true;
  }

  template <class R>
  static std::vector<ResourceChange::Setting> differences(const R* current, const R& after) {
    const R before = current != nullptr ? *current : R{};
    std::vector<ResourceChange::Setting> different;
    for (const Field<R>& field : fields<R>()) {
      const FieldValue was = get_field(before, field);
      const FieldValue is = get_field(after, field);
      const bool is_of_new = current == nullptr && !std::holds_alternative<std::monostate>(is);
      const bool is_told = current != nullptr ? was != is : is_of_new && (field.required || was != is);
      if (!is_told || field.name == "name") continue;
      different.push_back({std::string{field.name}, printed(field, was), printed(field, is)});
    }
    return different;
  }

  template <class R>
  static std::string printed(const Field<R>& field, const FieldValue& value) {
    if (!field.secret) return print_json(to_json(value).get());
    return std::holds_alternative<std::monostate>(value) ? "none" : "secret";
  }

  // Only what differs from what is there is stored, so that a restart changes no ETag.
  template <class R>
  void keep(const std::string& label, R resource, const R* current, std::vector<R>& out,
            bool has_new_inputs = false) {
    ResourceChange change{ResourceChange::Kind::created, label, differences(current, resource)};
    if (current != nullptr) {
      if (has_new_inputs) change.settings.push_back({"inputs", "secret", "secret"});
      change.kind = change.settings.empty() ? ResourceChange::Kind::unchanged : ResourceChange::Kind::updated;
    }
    changes.push_back(change);
    if (change.kind == ResourceChange::Kind::unchanged) return;
    if constexpr (std::is_same_v<R, Group>) {
      if (current == nullptr) give_identity(resource);
    }
    if (current == nullptr) resource.created = now_;
    resource.updated = now_;
    out.push_back(std::move(resource));
  }

  bool first(const std::string& parent, const std::string& name, const std::string& path) {
    if (name.empty() || seen_.insert(parent + name).second) return true;
    report(path, parent + name + " appears twice");
    return false;
  }

  template <class Visit>
  void each(JsonNode* parent, const std::string& member, const std::string& path, Visit&& visit) {
    JsonNode* const list = json_member(parent, member);
    const std::string list_path = path.empty() ? member : path + "." + member;
    if (list == nullptr || JSON_NODE_HOLDS_NULL(list)) return;
    if (!JSON_NODE_HOLDS_ARRAY(list)) return report(list_path, "must be a list");
    JsonArray* const array = json_node_get_array(list);
    for (unsigned i = 0; i < json_array_get_length(array); ++i) {
      visit(json_array_get_element(array, i), list_path + "[" + std::to_string(i) + "]");
    }
  }

  static std::vector<std::string> members(JsonNode* node) {
    std::vector<std::string> names;
    if (!JSON_NODE_HOLDS_OBJECT(node)) return names;
    JsonObjectIter iterator;
    json_object_iter_init_ordered(&iterator, json_node_get_object(node));
    const char* name = nullptr;
    while (json_object_iter_next_ordered(&iterator, &name, nullptr) != 0) names.emplace_back(name);
    return names;
  }

  void report(const std::string& field, const std::string& reason) {
    errors.push_back({field, "null", reason});
  }

  const Model& model_;
  const ControlSettings& settings_;
  const CollectionBoard* board_;
  Utc now_;
  std::set<std::string> seen_;
};

}  // namespace

std::string_view name_of(ResourceChange::Kind kind) {
  constexpr std::array<std::string_view, 3> names{"created", "updated", "unchanged"};
  return names[static_cast<std::size_t>(kind)];
}

std::string print_changes(const std::vector<ResourceChange>& changes) {
  using Kind = ResourceChange::Kind;
  std::string text;
  std::size_t unchanged = 0;
  for (const ResourceChange& change : changes) {
    if (!change.kept_for.empty()) {
      text += "! " + change.resource + "\n    drm: stays as it is, collection task " + change.kept_for +
              " takes content of it; start again when that is over or cancelled\n";
    }
    if (change.kind == Kind::unchanged) {
      ++unchanged;
      continue;
    }
    const bool is_new = change.kind == Kind::created;
    text += (is_new ? "+ " : "~ ") + change.resource + "\n";
    for (const auto& [name, before, after] : change.settings) {
      text += "    " + name + ": ";
      if (!is_new) text += before == after ? "another " : before + " -> ";
      text += after + "\n";
    }
  }
  return text + "= " + std::to_string(unchanged) + " as they were\n";
}

Status apply_resources(const std::string& json, Store& store, const ControlSettings& settings,
                       const CollectionBoard* board, Utc now, std::vector<ResourceChange>* changes) {
  const auto root = parse_json(json, file_limits);
  if (!root) return Error{root.error().code, "resources: " + root.error().message};
  const auto model = store.model();
  ResourceFile file(*model, settings, board, now);
  file.read(root->get());
  if (!file.errors.empty()) {
    std::string message = "resources:";
    for (const FieldError& error : file.errors) message += "\n  " + describe(error);
    return Error{ErrorCode::invalid, message};
  }
  Status stored = store.put_all(file.groups, file.channels, file.endpoints);
  if (stored && changes != nullptr) *changes = std::move(file.changes);
  return stored;
}

}  // namespace tarn::server
