// SPDX-License-Identifier: Apache-2.0
#include "ingest/reader_task.h"

#include <utility>

namespace tarn::ingest {

ReaderTask::ReaderTask(std::function<bool()> step) : step_(std::move(step)) { g_rec_mutex_init(&lock_); }

ReaderTask::~ReaderTask() {
  stop();
  g_rec_mutex_clear(&lock_);
}

void ReaderTask::start() {
  task_ = gstkit::Ref<GstTask>::adopt(gst_task_new(&ReaderTask::run, this, nullptr));
  gst_task_set_lock(task_.get(), &lock_);
  gst_task_start(task_.get());
}

void ReaderTask::let_end() {
  if (task_) gst_task_stop(task_.get());
}

void ReaderTask::stop() {
  if (!task_) return;
  gst_task_stop(task_.get());
  gst_task_join(task_.get());
  task_ = {};
}

// Stops itself instead of pausing: a paused task keeps its thread.
void ReaderTask::run(gpointer self) {
  auto* const reader = static_cast<ReaderTask*>(self);
  if (!reader->step_()) gst_task_stop(reader->task_.get());
}

}  // namespace tarn::ingest
