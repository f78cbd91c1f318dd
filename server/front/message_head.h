// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the head of an HTTP/1.1 request says, and why one is refused.
namespace tarn::server::front {

struct MessageLimits {
  std::size_t request_line = 4U << 10U;  // bytes without the line end
  std::size_t head = 32U << 10U;         // bytes of request line and fields, line ends included
  std::size_t fields = 64;
  std::size_t chunk_line = 256;  // bytes of a chunk's size line; extensions are skipped
  std::size_t trailer = 4U << 10U;
};

struct Field {
  std::string name;   // as sent
  std::string value;  // without white space at both ends
};

struct MessageHead {
  std::string method;
  std::string target;  // origin-form, or "*" of OPTIONS; never absolute-form
  int minor_version = 1;
  std::vector<Field> fields;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;         // as version and Connection say; never after an offered upgrade
  bool expects_continue = false;  // Expect: 100-continue, and a body follows

  // The value of a field that was sent, by lower-case name; of several the first one.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view lower_name) const;
};

// Why a message is not read on. The connection is closed after the answer: nobody knows where the next one
// begins. The reason names what is wrong and repeats nothing that was sent.
struct Refusal {
  int status = 400;  // 400, 413, 414, 417, 431, 501, 505
  std::string reason;
};

}  // namespace tarn::server::front
