// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "core/base/result.h"
#include "server/http/message.h"

namespace tarn::server {

// The console's built files (server/console). What is below assets/ has a hash in its name and never changes;
// x.gz is x for those who take gzip.
class ConsoleFiles {
 public:
  // "assets/x.js" -> its bytes. Thread-safe; given names of plain components only.
  using Source = std::function<Result<Blob>(const std::string& file)>;
  // Plain files that lie in the directory, nothing outside of it.
  static Source in_directory(std::string directory);
  // A GResource with the files below /tarn/console, or nothing. The bytes live as long as the program.
  static Source in_bundle(Bytes bundle);

  // `origin_base_url`: where the player in the console may load media from; may contain {label}.
  ConsoleFiles(Source source, const std::string& origin_base_url);

  // The answer to GET or HEAD of /console/…
  [[nodiscard]] Response response(const Request& request) const;

 private:
  Source source_;
  std::string policy_;  // Content-Security-Policy
};

}  // namespace tarn::server
