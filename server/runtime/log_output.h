// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace tarn::server {

// Where the log goes: a file, a pipe or a socket that somebody reads, or has stopped reading. Nobody waits
// for that reader longer than `patience`, once; what finds no room then is dropped and counted. Thread-safe.
class LogOutput {
 public:
  static constexpr std::chrono::milliseconds patience{100};

  // The line that says, when there is room again, how many were dropped.
  using Notice = std::function<std::string(std::uint64_t dropped)>;

  // Borrows the descriptor.
  LogOutput(int descriptor, Notice notice);

  // Does not wait at all while the reader is known to have stopped.
  void write(std::string_view lines);
  // For whoever has the time: waits for room at most for that long, and says how much was taken: whole lines,
  // as many as surely fit, or 0.
  std::size_t take(std::string_view lines, std::chrono::milliseconds wait);
  // Lines that somebody else had no room for.
  void drop(std::uint64_t lines) { dropped_ += lines; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }  // lines, ever

 private:
  [[nodiscard]] bool has_room(std::chrono::milliseconds wait) const;
  bool put(std::string_view lines);
  void tell();

  const int descriptor_;
  const Notice notice_;
  std::size_t fits_;  // bytes that a reader who has room for anything has room for
  std::mutex mutex_;
  bool is_stuck_ = false;
  bool is_broken_ = false;  // in the middle of a line
  std::atomic<std::uint64_t> dropped_{0};
  std::uint64_t told_ = 0;
};

}  // namespace tarn::server
