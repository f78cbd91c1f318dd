// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace tarn::timeline {

// What manifests say about encryption: texts that are ready to be written, made by core/drm.
struct SystemSignalling {
  std::string hls_media{};     // EXT-X-KEY, the whole line; empty: not for HLS
  std::string hls_session{};   // EXT-X-SESSION-KEY
  std::string dash_scheme{};   // ContentProtection@schemeIdUri; empty: not for DASH
  std::string dash_name{};     // @value
  std::string dash_content{};  // well-formed XML with its namespaces, content of the element
};
struct TrackSignalling {
  std::string scheme{};       // "cbcs", "cenc"
  std::string default_kid{};  // as UUID
  std::vector<SystemSignalling> systems{};
};
struct Protection {
  TrackSignalling video;  // and whatever is not audio
  TrackSignalling audio;
};

}  // namespace tarn::timeline
