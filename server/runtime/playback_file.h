// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>

#include "core/timeline/output.h"
#include "core/timeline/timeline.h"
#include "server/runtime/origin.h"
#include "server/runtime/packager.h"
#include "server/runtime/text_segment.h"

// What a file name in a playback URL means for an endpoint at one state of the timeline: pure.
namespace tarn::server {

struct MediaFile {
  PackageRequest request;
  bool transport_stream = false;
  std::string content_type;
  Utc keyed_at{};                   // whose key period is its own
  std::optional<TextRequest> text;  // WebVTT: this instead of `request`
};

// Either the media that the name stands for, or why there is none. Every name has exactly one spelling:
// the one the manifests use. `shift`: how far behind the live edge the endpoint goes beyond its live
// manifests; what is older is not there, even where another endpoint still needs it (semantics S30).
std::variant<MediaFile, Fetched> find_media(const timeline::Timeline& timeline,
                                            const timeline::OutputSettings& settings, Microseconds shift,
                                            Utc now, const std::string& file);

}  // namespace tarn::server
