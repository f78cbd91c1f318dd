// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "server/front/line_reader.h"
#include "server/front/message_head.h"

namespace tarn::server::front {

// The chunked coding (RFC 9112 section 7.1): finds the data between the sizes, and the end of the trailer
// section, whose fields are checked and dropped.
class ChunkDecoder {
 public:
  enum class Outcome { more, done, refused };

  // Takes bytes of the body from the front of `bytes`, at most to its end; views of the data go to `data`.
  // `lines` holds a line that has come in part only.
  Outcome take(Bytes& bytes, LineReader& lines, const MessageLimits& limits, std::vector<Bytes>& data);
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  enum class Step { size, data, data_cr, data_lf, trailer, done };

  Outcome refuse(int status, std::string_view reason);
  Outcome take_size(Bytes& bytes, LineReader& lines, const MessageLimits& limits);
  Outcome take_data(Bytes& bytes, std::vector<Bytes>& data);
  Outcome take_data_end(Bytes& bytes);
  Outcome take_trailer(Bytes& bytes, LineReader& lines, const MessageLimits& limits);

  Step step_ = Step::size;
  std::uint64_t left_ = 0;   // of the chunk's data
  std::size_t trailer_ = 0;  // bytes of trailer lines that are over
  Refusal refusal_;
};

}  // namespace tarn::server::front
