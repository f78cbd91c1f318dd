// SPDX-License-Identifier: Apache-2.0
// A connection's bytes as a client sends them, in pieces that the first two bytes choose.
#include <cstdlib>
#include <string_view>

#include "tests/support/message_run.h"

namespace {

using tarn::test::MessageRun;

void require(bool condition) {
  if (!condition) std::abort();
}

// Where a message ends does not depend on what comes before or behind it.
void require_exact_boundaries(std::string_view stream, const MessageRun& run) {
  std::size_t begin = 0;
  std::size_t body_bytes = 0;
  for (const tarn::test::ReadMessage& message : run.messages) {
    require(message.end > begin && message.end <= run.taken);
    const MessageRun alone = tarn::test::run_whole(stream.substr(begin, message.end - begin));
    require(alone.status == 0 && alone.messages.size() == 1);
    require(alone.messages[0].method == message.method && alone.messages[0].target == message.target);
    require(alone.messages[0].body == message.body && alone.taken == message.end - begin);
    require(tarn::test::run_whole(stream.substr(begin, message.end - begin - 1)).messages.empty());
    body_bytes += message.body.size();
    begin = message.end;
  }
  require(body_bytes <= begin && run.taken <= stream.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream{reinterpret_cast<const char*>(data + 2), size - 2};
  const std::size_t most = 1 + data[0] % 64U;
  std::uint32_t random = data[1];
  const auto piece = [most, &random](std::size_t left) {
    random = random * 1664525U + 1013904223U;
    return std::min<std::size_t>(left, 1 + (random >> 16U) % most);
  };
  const MessageRun whole = tarn::test::run_whole(stream);
  require(whole.broken_rule.empty());
  require(whole == tarn::test::run_in_pieces(stream, piece));
  require(whole.status != 0 || whole.is_closed || whole.taken == stream.size());
  require_exact_boundaries(stream, whole);
  return 0;
}
