// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "server/http/message.h"

namespace tarn::server {

// The console's static files: whatever lies in `directory`, and the players in its node_modules when
// they are installed. Plain files only, nothing outside the directory.
class ConsoleFiles {
 public:
  // `origin_base_url`: where the player in the console may load media from; may contain {label}.
  ConsoleFiles(std::string directory, const std::string& origin_base_url);

  // The answer to GET or HEAD of /console/…
  [[nodiscard]] Response response(const Request& request) const;

 private:
  std::string directory_;
  std::string policy_;  // Content-Security-Policy
};

}  // namespace tarn::server
