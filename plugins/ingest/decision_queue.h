// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "core/timeline/merger.h"

namespace tarn::ingest {

// Carries out the merger's decisions in their order, whichever threads they come from: one thread at a
// time pushes, without a lock held, and a thread returns when its own decisions have been carried out.
class DecisionQueue {
 public:
  // One decision, or (empty) the end of everything.
  using Item = std::optional<timeline::Decision>;
  // Called by one thread at a time, in order.
  using CarryOut = std::function<GstFlowReturn(Item&)>;
  // The items put by one call: (first, last], counted from 1.
  struct Ticket {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };

  explicit DecisionQueue(CarryOut carry_out) : carry_out_(std::move(carry_out)) {}

  // The caller holds the merger's lock, so that the order is the merger's.
  Ticket put(std::vector<timeline::Decision> decisions);
  Ticket put_end();

  // Returns when all of the ticket has been carried out, by this thread or another, with the worst flow
  // of it. REQUIRES: no lock is held; not called from inside CarryOut.
  GstFlowReturn wait_for(Ticket ticket);

  // Forgets what has not begun and waits for what has.
  void clear();

 private:
  void drain(std::unique_lock<std::mutex>& lock);

  const CarryOut carry_out_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::uint64_t put_ = 0;   // items ever put
  std::uint64_t done_ = 0;  // items ever carried out or forgotten
  bool busy_ = false;
  std::uint64_t failed_ = 0;  // the last item that failed, and how
  GstFlowReturn failure_ = GST_FLOW_OK;
};

}  // namespace tarn::ingest
