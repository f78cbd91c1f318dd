// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <functional>

#include "gstkit/ref.h"

namespace tarn::ingest {

// A GstTask that calls `step` until it returns false. Made for an element whose pads come and go, so
// that no pad's task can be used. Started and stopped by the thread that changes the element's state.
class ReaderTask {
 public:
  explicit ReaderTask(std::function<bool()> step);
  ~ReaderTask();
  ReaderTask(const ReaderTask&) = delete;
  ReaderTask& operator=(const ReaderTask&) = delete;

  void start();
  // No further step is begun; returns at once.
  void let_end();
  // Returns when the last step is over.
  void stop();

 private:
  static void run(gpointer self);

  std::function<bool()> step_;
  GRecMutex lock_{};
  gstkit::Ref<GstTask> task_;
};

}  // namespace tarn::ingest
