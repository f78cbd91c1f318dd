// SPDX-License-Identifier: Apache-2.0
#include "server/front/canonical_request.h"

#include <array>
#include <charconv>

namespace tarn::server::front {

std::string canonical_head(const MessageHead& head, bool keep_alive) {
  const bool has_body = head.chunked || head.content_length.value_or(0) > 0;
  std::string text;
  text.reserve(head.method.size() + head.target.size() + 128);
  // libsoup finds no handler for what is asked of the server as a whole (OPTIONS *).
  text.append(head.method).append(" ").append(head.target == "*" ? "/" : head.target);
  text.append(" HTTP/1.1\r\nHost: localhost\r\n");
  if (!keep_alive) text.append("Connection: close\r\n");
  if (head.expects_continue) text.append("Expect: 100-continue\r\n");
  if (has_body) text.append("Transfer-Encoding: chunked\r\n");
  return text.append("\r\n");
}

void append_chunk(std::string& out, Bytes data) {
  if (data.empty()) return;
  std::array<char, 16> size{};
  const auto end = std::to_chars(size.begin(), size.end(), data.size(), 16).ptr;
  out.append(size.data(), end).append("\r\n").append(as_text(data)).append("\r\n");
}

}  // namespace tarn::server::front
