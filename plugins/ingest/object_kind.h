// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/base/bytes.h"

namespace tarn::ingest {

enum class ObjectKind {
  playlist,
  transport_stream,
  fragmented_mp4,
  packed_audio,
  web_vtt,
  dash_manifest,  // that packagers write beside their playlists; of no use here, and no error
  unknown
};
// What the segments of an input may be: anything, MPEG-TS and packed audio, or fragmented MP4.
enum class Container { any, transport_stream, fragmented_mp4 };

// Encoders send any Content-Type or none, so the content itself says what it is: the name's extension
// is a hint that the first bytes must bear out.
ObjectKind recognise(std::string_view path, Bytes content);
bool is_taken(ObjectKind kind, Container container);
std::string_view name_of(Container container);  // "MPEG-TS or packed audio"
std::string_view name_of(ObjectKind kind);      // for messages: "MPEG-TS"

}  // namespace tarn::ingest
