// SPDX-License-Identifier: Apache-2.0
#include "server/http/message.h"

namespace tarn::server {

Response text_response(int status, std::string_view content_type, std::string_view text) {
  Response response;
  response.status = status;
  response.with("Content-Type", std::string{content_type});
  if (!text.empty()) response.body.push_back(Blob::copy_of(as_bytes(text)));
  return response;
}

Response error_response(int status, std::string_view line) {
  std::string body{line};
  for (char& c : body) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  Response response = text_response(status, "text/plain; charset=utf-8", body + "\n");
  response.with("Cache-Control", "no-store").with("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace tarn::server
