// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "server/front/transport.h"

namespace tarn::server::front {

// Bytes of answers on their way out: small ones are gathered, large ones shared; nothing large is copied.
class OutputQueue {
 public:
  enum class Sent { all, blocked, failed };

  void append(std::string_view text);
  void append(const Blob& blob);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  void clear();
  // Gives back memory that an empty queue keeps for the next answer.
  void trim();

  // Sends what is queued and then of `more`, as much as the client takes at once; `taken`: of `more`. What
  // was not taken must be given again.
  Sent send(Transport& to, Bytes more, std::size_t& taken);

 private:
  struct Piece {
    std::string text;
    Blob blob;  // instead of the text when it is not empty
    [[nodiscard]] Bytes bytes() const { return blob.empty() ? as_bytes(text) : blob.bytes(); }
  };
  void drop(std::size_t count);

  std::vector<Piece> pieces_;
  std::size_t first_ = 0;   // piece that is being sent
  std::size_t offset_ = 0;  // of it that has been sent
  std::size_t bytes_ = 0;
};

}  // namespace tarn::server::front
