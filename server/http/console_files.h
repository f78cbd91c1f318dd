// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "server/http/message.h"

namespace tarn::server {

// The console's built files (server/console): whatever lies in `directory`. Plain files only, nothing outside
// the directory. What is below assets/ has a hash in its name and never changes; x.gz is x for those who take
// gzip.
class ConsoleFiles {
 public:
  // `origin_base_url`: where the player in the console may load media from; may contain {label}.
  ConsoleFiles(std::string directory, const std::string& origin_base_url);

  // Beside the server where it was built, below share/ where it was installed, else `installed`.
  static std::string default_directory(const std::string& installed);

  // The answer to GET or HEAD of /console/…
  [[nodiscard]] Response response(const Request& request) const;

 private:
  std::string directory_;
  std::string policy_;  // Content-Security-Policy
};

}  // namespace tarn::server
