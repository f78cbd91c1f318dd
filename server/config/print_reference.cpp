// SPDX-License-Identifier: Apache-2.0
// Prints what docs/configuration.md is made of (scripts/configuration_docs.py): every option and every
// setting of a resource, as JSON.
#include <cstdio>

#include "server/config/option.h"
#include "server/model/field.h"

namespace tarn::server {
namespace {

JsonPtr option_rows() {
  JsonArrayBuilder rows;
  for (const Option& option : options()) {
    JsonObjectBuilder row;
    row.add("name", option.name).add("argument", option.argument).add("allowed", allowed(option));
    row.add("preset", option.preset).add("help", option.help);
    rows.add(row.take());
  }
  return rows.take();
}

// One that has the setting: its protocol, and encryption for the settings of `drm`.
Endpoint sample(const Field<Endpoint>& field) {
  Endpoint endpoint;
  if ((field.protocols & for_hls) == 0) endpoint.protocol = timeline::Protocol::hls_cmaf;
  if ((field.protocols & (for_hls | for_hls_cmaf)) == 0) endpoint.protocol = timeline::Protocol::dash;
  if (field.name != "drm.systems") endpoint.drm_systems = {drm::System::widevine};
  return endpoint;
}
template <class R>
R sample(const Field<R>&) {
  return {};
}

template <class R>
JsonPtr field_rows() {
  JsonArrayBuilder rows;
  for (const Field<R>& field : fields<R>()) {
    JsonObjectBuilder row;
    row.add("name", field.name).add("allowed", allowed(field));
    row.add("required", json_boolean(field.required)).add("fixed", json_boolean(field.fixed));
    row.add("secret", json_boolean(field.secret));
    row.add("preset", field.required ? json_null() : to_json(get_field(sample(field), field)));
    row.add("hls", json_boolean((field.protocols & for_hls) != 0));
    row.add("hlsCmaf", json_boolean((field.protocols & for_hls_cmaf) != 0));
    row.add("dash", json_boolean((field.protocols & for_dash) != 0));
    rows.add(row.take());
  }
  return rows.take();
}

}  // namespace
}  // namespace tarn::server

int main() {
  using namespace tarn::server;
  JsonObjectBuilder reference;
  reference.add("options", option_rows());
  reference.add("ChannelGroup", field_rows<Group>());
  reference.add("Channel", field_rows<Channel>());
  reference.add("Endpoint", field_rows<Endpoint>());
  reference.add("Rotation", field_rows<Rotation>());
  std::puts(print_json(reference.take().get(), true).c_str());
  return 0;
}
