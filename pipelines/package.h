// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/crypto/track_encryptor.h"
#include "pipelines/recipe.h"

namespace tarn::pipelines {

struct PackageSettings {
  std::string archive_directory;
  bool transport_stream = false;                            // MPEG-2 TS segments; else CMAF
  std::optional<crypto::StreamProtection> protection = {};  // CMAF only
};

inline constexpr char package_source[] = "source";  // archivesrc: the action signal `package`
inline constexpr char package_sink[] = "sink";      // appsink: holds what was asked for when it returns

// archivesrc ! [tspackager | cencenc !] appsink, in state NULL, transfer full. Segments come out in the sink
// on the thread that emits `package`; nothing waits, nothing is queued, no clock is looked at.
Result<GstElement*> make_package_pipeline(const PackageSettings& settings, MessageHandler on_message);

}  // namespace tarn::pipelines
