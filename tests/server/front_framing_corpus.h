// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

// What has been sent to servers to make two of them disagree on where a request ends, and what is right
// beside it.
namespace tarn::server::front {

struct FramingCase {
  std::string id;
  std::string bytes;        // a whole connection, up to its end
  std::string accepted;     // "METHOD target [body]" of each message, with " | " between
  int status = 0;           // of the refusal after them; 0: none
  std::string reason = {};  // a part of its reason
};

std::vector<FramingCase> refused_cases();
std::vector<FramingCase> valid_cases();

}  // namespace tarn::server::front
