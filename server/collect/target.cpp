// SPDX-License-Identifier: Apache-2.0
#include "server/collect/target.h"

#include "server/collect/file_target.h"

namespace tarn::server {
namespace {

constexpr std::string_view file_scheme = "file:";

bool is_file(const CollectionTarget& target) { return target.url.starts_with(file_scheme); }
std::string path_of(const CollectionTarget& target) { return target.url.substr(file_scheme.size()); }

}  // namespace

void check_target(const CollectionTarget& target, const TargetSettings&, FieldErrors& errors) {
  if (!is_file(target)) {
    errors.push_back({"target.url", "null", "must begin with file:"});
    return;
  }
  if (!is_file_target_path(path_of(target))) {
    errors.push_back({"target.url", "null",
                      "must be file: and a relative path of letters, digits, '.', '_', '-' and '/'"});
  }
  const auto refuse = [&](const char* field, bool is_set) {
    if (is_set) errors.push_back({std::string{"target."} + field, "null", "is not for file: targets"});
  };
  refuse("endpoint", !target.endpoint.empty());
  refuse("region", !target.region.empty());
  refuse("credentials", !target.credentials.empty());
  refuse("pathStyle", target.path_style);
}

Result<std::unique_ptr<Target>> open_target(const CollectionTask& task, const TargetSettings& settings,
                                            std::function<bool()>) {
  if (is_file(task.target)) return make_file_target(settings.root, path_of(task.target), task.folder());
  return unsupported("unknown kind of target");
}

}  // namespace tarn::server
