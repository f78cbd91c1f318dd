// SPDX-License-Identifier: Apache-2.0
// A request body to the control API. What the strict scan lets through json-glib must take as well, with
// the same meaning after a round trip; and an endpoint that is accepted is accepted again as it is stored.
#include <cstdlib>
#include <string>

#include "server/control/resource.h"

using namespace tarn::server;

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

template <class R>
void read(JsonNode* document, std::span<const std::string_view> read_only = {}) {
  R resource{};
  FieldErrors errors;
  read_document(merge_patch(nullptr, document).get(), resource, errors, read_only);
  for (const FieldError& error : errors) demand(parse_scanned_json(error.value) != nullptr);
  if (!errors.empty()) return;
  const JsonPtr stored =
      merge_patch(to_document(resource, Part::open).get(), to_document(resource, Part::secret).get());
  R again{};
  read_document(stored.get(), again, errors);
  demand(errors.empty());
  for (const Field<R>& field : fields<R>()) demand(get_field(again, field) == get_field(resource, field));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (scan_json(text).has_value()) return 0;
  const JsonPtr document = parse_scanned_json(text);
  demand(document != nullptr);
  const std::string printed = print_json(document.get());
  const JsonPtr again = parse_scanned_json(printed);
  demand(again != nullptr && print_json(again.get()) == printed);
  if (!JSON_NODE_HOLDS_OBJECT(document.get())) return 0;
  read<Group>(document.get(), read_only_members<Group>());
  read<Channel>(document.get(), read_only_members<Channel>());
  read<Endpoint>(document.get(), read_only_members<Endpoint>());
  read<Rotation>(document.get());
  return 0;
}
