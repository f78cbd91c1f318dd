// SPDX-License-Identifier: Apache-2.0
#include "archive/package_request.h"

#include <limits>

#include "core/base/text.h"

namespace tarn {
namespace {

Error bad_field(const char* name) {
  return {ErrorCode::invalid, std::string{"package request: field \""} + name + "\" is missing or wrong"};
}

}  // namespace

Result<PackageRequest> parse_package_request(const GstStructure* structure) {
  if (structure == nullptr) return Error{ErrorCode::invalid, "package request: nothing was asked for"};
  PackageRequest request;
  PackageRequest::Header header;
  if (gst_structure_get_uint(structure, "init-track", &header.track) != FALSE) {
    if (gst_structure_get_uint(structure, "init-config", &header.config) == FALSE)
      return bad_field("init-config");
    request.header = header;
    return request;
  }
  const GValue* tracks = gst_structure_get_value(structure, "tracks");
  if (tracks == nullptr || !GST_VALUE_HOLDS_ARRAY(tracks)) return bad_field("tracks");
  for (guint i = 0; i < gst_value_array_get_size(tracks); ++i) {
    const GValue* track = gst_value_array_get_value(tracks, i);
    if (!G_VALUE_HOLDS_UINT(track)) return bad_field("tracks");
    request.tracks.push_back(g_value_get_uint(track));
  }
  if (request.tracks.empty()) return bad_field("tracks");
  guint64 first_slot = 0;
  if (gst_structure_get_uint64(structure, "first-slot", &first_slot) == FALSE) return bad_field("first-slot");
  request.first_slot = first_slot;
  if (gst_structure_get_uint(structure, "slot-count", &request.slot_count) == FALSE)
    return bad_field("slot-count");
  gboolean segment_type = FALSE;
  gst_structure_get_boolean(structure, "segment-type", &segment_type);
  request.segment_type = segment_type != FALSE;
  return request;
}

Result<std::vector<timeline::TrackId>> parse_tracks(const std::string& text) {
  std::vector<timeline::TrackId> tracks;
  if (text.empty()) return tracks;
  for (const auto part : split(text, ',')) {
    const auto id = parse_u64(trim(part));
    if (!id || *id == 0 || *id > std::numeric_limits<timeline::TrackId>::max()) {
      return Error{ErrorCode::invalid, "tracks: \"" + text + "\" is not a list of track ids such as \"1,2\""};
    }
    tracks.push_back(static_cast<timeline::TrackId>(*id));
  }
  return tracks;
}

}  // namespace tarn
