// SPDX-License-Identifier: Apache-2.0
#include "server/front/refusals.h"

namespace tarn::server::front {
namespace {

std::string_view phrase_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Service Unavailable";
  }
}

}  // namespace

std::string_view reason_of(const Refusal& refusal) {
  switch (refusal.status) {
    case 413:
      return "body-size";
    case 414:
      return "target-size";
    case 417:
      return "expectation";
    case 431:
      return "head-size";
    case 501:
      return "coding";
    case 505:
      return "version";
    default:
      return "malformed";
  }
}

std::string refusal_text(int status, std::string_view line, std::string_view date) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
  text.append(phrase_of(status)).append("\r\nServer: tarnd\r\nDate: ").append(date);
  text.append("\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n");
  text.append("X-Content-Type-Options: nosniff\r\nConnection: close\r\n");
  if (status == 503) text.append("Retry-After: 1\r\n");
  text.append("Content-Length: ").append(std::to_string(line.size() + 1)).append("\r\n\r\n");
  return text.append(line).append("\n");
}

}  // namespace tarn::server::front
