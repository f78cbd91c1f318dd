// SPDX-License-Identifier: Apache-2.0
#include "server/control/export.h"

namespace tarn::server {
namespace {

template <class R>
JsonObjectBuilder settings_of(const R& resource, Secrets secrets) {
  JsonObjectBuilder object;
  for (const Field<R>& field : fields<R>()) {
    const FieldValue value = get_field(resource, field);
    if (std::holds_alternative<std::monostate>(value)) continue;
    // Null says that there is one: whoever applies this must not take it for none.
    const bool is_hidden = field.secret && secrets == Secrets::hidden;
    object.add_at(field.name, is_hidden ? json_null() : to_json(value));
  }
  return object;
}

JsonPtr inputs_of(const Channel& channel, Secrets secrets) {
  const bool is_shown = secrets == Secrets::shown;
  JsonArrayBuilder inputs;
  for (const Input& input : channel.inputs) {
    JsonObjectBuilder object;
    object.add("id", input.id)
        .add("username", is_shown ? json_text(input.username) : json_null())
        .add("password", is_shown ? json_text(input.password) : json_null());
    inputs.add(object.take());
  }
  return inputs.take();
}

// The children of a resource are those whose key begins with its own and "/".
template <class R, class Make>
JsonPtr children(const std::map<std::string, R>& all, const std::string& parent, Make make) {
  JsonArrayBuilder list;
  const std::string prefix = parent + "/";
  for (auto entry = all.lower_bound(prefix); entry != all.end() && entry->first.starts_with(prefix);
       ++entry) {
    list.add(make(entry->first, entry->second));
  }
  return list.take();
}

}  // namespace

std::string export_resources(const Model& model, Secrets secrets) {
  JsonArrayBuilder groups;
  for (const auto& [name, group] : model.groups) {
    JsonObjectBuilder object = settings_of(group, secrets);
    object.add(
        "channels", children(model.channels, name, [&](const std::string& key, const Channel& channel) {
          JsonObjectBuilder inner = settings_of(channel, secrets);
          inner.add("inputs", inputs_of(channel, secrets));
          inner.add("endpoints", children(model.endpoints, key, [&](const auto&, const Endpoint& endpoint) {
                      return settings_of(endpoint, secrets).take();
                    }));
          return inner.take();
        }));
    groups.add(object.take());
  }
  JsonObjectBuilder root;
  root.add("channelGroups", groups.take());
  return print_json(root.take().get());
}

}  // namespace tarn::server
