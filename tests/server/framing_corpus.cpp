// SPDX-License-Identifier: Apache-2.0
// Prints the corpus for tests against whole servers, a line for each case: its name, its bytes in hex, the
// number of messages that are accepted, and the status of the refusal after them (0: none).
#include <iostream>
#include <string>
#include <string_view>

#include "core/base/text.h"
#include "tests/server/front_framing_corpus.h"

namespace {

void print(const tarn::server::front::FramingCase& framing) {
  const std::string_view separator = " | ";
  const std::string& accepted = framing.accepted;
  std::size_t messages = accepted.empty() ? 0 : 1;
  for (std::size_t at = accepted.find(separator); at != std::string::npos;
       at = accepted.find(separator, at + separator.size())) {
    ++messages;
  }
  std::cout << framing.id << ' ' << tarn::hex(tarn::as_bytes(framing.bytes)) << ' ' << messages << ' '
            << framing.status << '\n';
}

}  // namespace

int main() {
  for (const auto& framing : tarn::server::front::refused_cases()) print(framing);
  for (const auto& framing : tarn::server::front::valid_cases()) {
    if (!framing.bytes.empty()) print(framing);
  }
  return 0;
}
