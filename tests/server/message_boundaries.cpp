// SPDX-License-Identifier: Apache-2.0
// Reads connections from stdin, each a length of four bytes (big endian) and its bytes, and prints a line for
// each: the accepted messages as METHOD:target:body (target and body in hex), and the refusal's status or
// "end" or "close".
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "core/base/text.h"
#include "tests/support/message_run.h"

namespace {

void print(const tarn::test::MessageRun& run) {
  std::string line;
  for (const tarn::test::ReadMessage& message : run.messages) {
    line += message.method + ':' + tarn::hex(tarn::as_bytes(message.target)) + ':' +
            tarn::hex(tarn::as_bytes(message.body)) + ' ';
  }
  line += run.status != 0 ? std::to_string(run.status) : run.is_closed ? "close" : "end";
  std::cout << line << '\n';
}

}  // namespace

int main() {
  std::cin >> std::noskipws;
  const std::string input{std::istream_iterator<char>{std::cin}, {}};
  tarn::Reader reader{tarn::as_bytes(input)};
  while (reader.remaining() > 0) {
    const tarn::Bytes stream = reader.take(reader.u32());
    if (!reader.ok()) return 1;
    print(tarn::test::run_whole(tarn::as_text(stream)));
  }
  return 0;
}
