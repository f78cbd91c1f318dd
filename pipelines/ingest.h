// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <string>

#include "core/base/result.h"
#include "pipelines/recipe.h"

namespace tarn::pipelines {

enum class IngestContainer { any, transport_stream, fragmented_mp4 };  // hlsingestsrc: `container`

struct IngestSettings {
  std::string archive_directory;
  std::chrono::seconds target_duration{6};  // of the segments the encoders send
  IngestContainer container = IngestContainer::any;
};

inline constexpr const char* ingest_inputs[] = {"ingest1", "ingest2"};  // hlsingestsrc: `put-object`
inline constexpr char ingest_selector[] = "selector";                   // ingestselector: statistics
inline constexpr char ingest_archive[] = "archive";                     // archivesink

// hlsingestsrc ×2 ! ingestselector ! cmafpackager ×track ! archivesink, in state NULL, transfer full. Pads
// come with the tracks and are linked as they come, on the thread that emits `put-object`.
Result<GstElement*> make_ingest_pipeline(const IngestSettings& settings, MessageHandler on_message);

}  // namespace tarn::pipelines
