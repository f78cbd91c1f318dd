// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace tarn::ingest {

// Who is the streaming thread now: one at a time, the others wait for their turn. What a pad's stream
// lock is for one pad this is for an element whose pads come and go; no lock is held during a turn.
class StreamingTurn {
 public:
  class Taken {
   public:
    explicit Taken(StreamingTurn& turn) : turn_(turn) {
      std::unique_lock lock{turn_.mutex_};
      turn_.free_.wait(lock, [this] { return turn_.owner_ == std::thread::id{}; });
      turn_.owner_ = std::this_thread::get_id();
    }
    ~Taken() {
      {
        const std::lock_guard lock{turn_.mutex_};
        turn_.owner_ = {};
      }
      turn_.free_.notify_one();
    }
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;

   private:
    StreamingTurn& turn_;
  };

  // True when the caller is in its turn already: it was called from its own push, and must not wait.
  [[nodiscard]] bool is_mine() const {
    const std::lock_guard lock{mutex_};
    return owner_ == std::this_thread::get_id();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable free_;
  std::thread::id owner_;
};

}  // namespace tarn::ingest
