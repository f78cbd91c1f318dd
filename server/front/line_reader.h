// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace tarn::server::front {

// Puts together one line that ends with CR LF from pieces of any size. It judges a line only when its end is
// there, or can no longer come within the limit: the verdict depends on the bytes and never on the pieces.
class LineReader {
 public:
  enum class Outcome { more, line, too_long, bare_cr, bare_lf };

  // Takes bytes of the line from the front of `bytes`; `limit` counts the line without its end and is the
  // same for all pieces of a line.
  Outcome take(Bytes& bytes, std::size_t limit);
  // After Outcome::line, without its end; valid until the next call and as long as the bytes it was given.
  [[nodiscard]] std::string_view line() const { return line_; }
  // Drops a part that was gathered, and its memory: most connections are idle most of the time.
  void reset();

 private:
  std::string gathered_;  // of a line that came in pieces
  std::string_view line_;
  bool finished_ = true;  // gathered_ belongs to a line that is over
};

}  // namespace tarn::server::front
