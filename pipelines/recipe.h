// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <functional>
#include <string>

#include "core/base/result.h"
#include "gstkit/ref.h"

// What the recipes share: elements by factory name, and a pipeline that costs no thread and no file
// descriptor while nobody asks it for anything.
namespace tarn::pipelines {

// internal: the plugin is not installed; the message names the factory.
Result<gstkit::Ref<GstElement>> make_element(const char* factory, const char* name);

// The element, now in the pipeline, which owns it; the pointer is borrowed from there.
Result<GstElement*> add_element(GstElement* pipeline, const char* factory, const char* name);

// Sees every message on the thread that posts it, from inside the element's call; then it is gone.
using MessageHandler = std::function<void(GstMessage*)>;

// An empty pipeline whose bus never queues: no poll descriptors, nothing that anybody must read.
gstkit::Ref<GstElement> make_quiet_pipeline(const char* name, MessageHandler on_message);

// To PLAYING, without waiting: elements here have no thread to wait for.
Status start(GstElement* pipeline);

}  // namespace tarn::pipelines
