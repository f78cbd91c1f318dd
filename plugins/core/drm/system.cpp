// SPDX-License-Identifier: Apache-2.0
#include "core/drm/system.h"

namespace tarn::drm {
namespace {

struct Row {
  System system;
  std::string_view id;
  std::string_view name;
  std::string_view key_format;
};
constexpr Row rows[] = {
    {System::fairplay, "94ce86fb-07ff-4f43-adb8-93d2fa968ca2", "FairPlay", "com.apple.streamingkeydelivery"},
    {System::widevine, "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "Widevine",
     "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"},
    {System::playready, "9a04f079-9840-4286-ab92-e65be0885f95", "PlayReady", "com.microsoft.playready"},
};
const Row& row_of(System system) { return rows[static_cast<std::size_t>(system)]; }

}  // namespace

Uuid system_id(System system) { return *parse_uuid(row_of(system).id); }
std::string_view name_of(System system) { return row_of(system).name; }
std::string_view hls_key_format(System system) { return row_of(system).key_format; }

std::optional<System> system_of(const Uuid& id) {
  for (const Row& row : rows) {
    if (parse_uuid(row.id) == id) return row.system;
  }
  return std::nullopt;
}

}  // namespace tarn::drm
