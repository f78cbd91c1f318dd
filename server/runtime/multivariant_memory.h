// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "server/runtime/ingest_line.h"

namespace tarn::server {

// Keeps each input's last multivariant playlist in the channel's directory and hands it to a new `line`
// before anything else. Encoders send it once, at their start: after a restart of the server the media
// playlists alone would not say which of them belong together.
std::unique_ptr<IngestLine> with_multivariant_memory(std::unique_ptr<IngestLine> line, std::string directory);

}  // namespace tarn::server
