// SPDX-License-Identifier: Apache-2.0
// Playlists: no input crashes the parsers, and what they accept survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/hls/playlist.h"
#include "line_mutator.h"

namespace {

using namespace tarn::hls;

// Attributes that are written although absent in the input make lines a little longer.
constexpr Limits generous{.bytes = std::size_t{1} << 24U, .lines = 1'000'000, .line_bytes = 1U << 20U};

template <class Parse>
void check(std::string_view text, Parse parse) {
  auto first = parse(text, Limits{});
  if (!first.ok()) return;
  const std::string written = write(*first);
  const auto second = parse(written, generous);
  if (second.ok() && write(*second) == written) return;
  std::fprintf(stderr, "not a fixpoint (%s):\n%s", second.ok() ? "differs" : second.error().message.c_str(),
               written.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  (void)classify(text);
  check(text, [](std::string_view t, const Limits& limits) { return parse_multivariant(t, limits); });
  check(text, [](std::string_view t, const Limits& limits) { return parse_media(t, limits); });
  return 0;
}
