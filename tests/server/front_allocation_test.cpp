// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/front/message_reader.h"
#include "server/model/json_scan.h"
#include "tests/core/allocation/every_allocation.h"
#include "tests/server/front_framing_corpus.h"

namespace tarn::server {
namespace {

using test::Run;

// "METHOD target [body]" of each message, with " | " between; the status of a refusal after them.
std::pair<std::string, int> outcome(std::string_view bytes) {
  front::MessageReader reader;
  std::string accepted;
  std::string body;
  Bytes rest = as_bytes(bytes);
  while (!rest.empty() && reader.state() != front::MessageReader::State::refused) {
    rest = rest.subspan(reader.feed(rest));
    for (const Bytes part : reader.body()) body += as_text(part);
    if (reader.state() != front::MessageReader::State::complete) continue;
    if (!accepted.empty()) accepted += " | ";
    accepted += reader.head().method + " " + reader.head().target + " [" + body + "]";
    body.clear();
    if (!reader.head().keep_alive) return {accepted, 0};
    reader.next();
  }
  if (reader.state() != front::MessageReader::State::refused) reader.end();
  const bool is_refused = reader.state() == front::MessageReader::State::refused;
  return {accepted, is_refused ? reader.refusal().status : 0};
}

void check(const front::FramingCase& framing, std::size_t& failed) {
  SCOPED_TRACE(framing.id);
  failed += test::fail_every_allocation([&] {
    const auto [accepted, status] = outcome(framing.bytes);
    return accepted == framing.accepted && status == framing.status ? Run::right : Run::wrong;
  });
}

TEST(FrontAllocation, WholeCorpus) {
  std::size_t failed = 0;
  for (const front::FramingCase& framing : front::refused_cases()) check(framing, failed);
  for (const front::FramingCase& framing : front::valid_cases()) check(framing, failed);
  EXPECT_GE(failed, 200U);
  RecordProperty("failed", static_cast<int>(failed));
}

TEST(FrontAllocation, JsonScan) {
  const std::string fine =
      R"({"a-name-that-is-not-short":[{"x":1},{"x":"text"},[[[]]]],"another-name-that-is-not-short":{"y":{"z":null}}})";
  const std::size_t failed =
      test::fail_every_allocation([&] { return scan_json(fine) ? Run::wrong : Run::right; });
  EXPECT_GE(failed, 2U);
  const std::string twice =
      R"({"a-name-that-is-not-short":[1,{"same-name-that-is-not-short":1,"same-name-that-is-not-short":2}]})";
  test::fail_every_allocation([&] {
    const auto fault = scan_json(twice);
    return fault && !fault->reason.empty() ? Run::right : Run::wrong;
  });
}

}  // namespace
}  // namespace tarn::server
