// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/hls/playlist.h"

namespace tarn::hls {

// One line that means something: a tag (`#EXT…`) split at its first colon, or a URI.
struct Line {
  std::size_t number = 0;  // from 1
  std::string_view tag;    // "EXT-X-VERSION"; empty: this is a URI
  std::string_view value;  // what follows the colon, or the URI; without spaces around it
};

// `line 12: EXTINF: not a duration: "x"`; `what` is cut to a printable length.
Error line_error(ErrorCode code, const Line& line, std::string_view reason);
Error line_error(ErrorCode code, const Line& line, std::string_view reason, std::string_view what);

// Walks over a playlist's lines (RFC 8216bis 4.1): blank lines and comments are passed over.
// Errors: no #EXTM3U at the start, limits, control characters, text that is not UTF-8.
class LineReader {
 public:
  LineReader(std::string_view text, const Limits& limits) : rest_(text), limits_(limits) {}

  // Checks what concerns the whole text and passes over #EXTM3U. Call it once, first.
  Status begin();
  // The next line; none at the end.
  Result<std::optional<Line>> next();

 private:
  Result<std::optional<std::string_view>> raw();

  std::string_view rest_;
  Limits limits_;
  std::size_t number_ = 0;
};

}  // namespace tarn::hls
