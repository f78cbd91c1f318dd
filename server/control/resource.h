// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "server/control/control.h"
#include "server/model/field.h"

// What the API adds to the rows of field.h: rules between settings, identities, and answers.
namespace tarn::server {

// Members of answers that requests may not set.
template <class R>
std::span<const std::string_view> read_only_members();

bool is_reported(const FieldErrors& errors, std::string_view field);

// Rules that no single row can state; `errors` has what read_document() found.
void check_rules(const Group& group, FieldErrors& errors);
void check_rules(const Channel& channel, FieldErrors& errors);
void check_rules(const Endpoint& endpoint, FieldErrors& errors);

// `after` with the rows marked `fixed` as they are in `before`; reports those that were something else. So
// that a protocol which cannot be changed is the only thing said about it, and not every setting with it.
template <class R>
JsonPtr hold_fixed(JsonNode* before, JsonNode* after, FieldErrors& errors) {
  JsonObjectBuilder held;
  for (const Field<R>& field : fields<R>()) {
    JsonNode* const wanted = json_member(after, field.name);
    JsonNode* const is = json_member(before, field.name);
    if (!field.fixed || wanted == nullptr || is == nullptr || print_json(wanted) == print_json(is)) continue;
    errors.push_back({std::string(field.name), short_json(wanted), "cannot be changed"});
    held.add(std::string(field.name), JsonPtr{json_node_copy(is)});
  }
  return merge_patch(after, held.take().get());
}

// The same for rows that were left out, whose defaults differ from what is.
template <class R>
void check_fixed(const R& current, const R& next, FieldErrors& errors) {
  for (const Field<R>& field : fields<R>()) {
    if (!field.fixed || get_field(next, field) == get_field(current, field)) continue;
    if (!is_reported(errors, field.name)) {
      errors.push_back(
          {std::string(field.name), print_json(to_json(get_field(next, field)).get()), "cannot be changed"});
    }
  }
}

// The same for what depends on the server's own settings.
inline void check_reach(const Group&, const ControlSettings&, FieldErrors&) {}
inline void check_reach(const Channel&, const ControlSettings&, FieldErrors&) {}
void check_reach(const Endpoint& endpoint, const ControlSettings& settings, FieldErrors& errors);

// What a new resource gets beside its settings: id, label, credentials.
void give_identity(Group& group);
void give_identity(Channel& channel);
void give_identity(Endpoint& endpoint);
// New credentials; what was current before holds until then.
void rotate(Input& input, Utc previous_until);

enum class Secrets { hidden, shown };
JsonPtr answer(const Group& group, const Model& model, const ControlSettings& settings, Secrets secrets);
JsonPtr answer(const Channel& channel, const Model& model, const ControlSettings& settings, Secrets secrets);
JsonPtr answer(const Endpoint& endpoint, const Model& model, const ControlSettings& settings,
               Secrets secrets);
// One input of a channel; `index` 0 or 1.
JsonPtr input_answer(const Channel& channel, std::size_t index, const Model& model,
                     const ControlSettings& settings, Secrets secrets);

}  // namespace tarn::server
