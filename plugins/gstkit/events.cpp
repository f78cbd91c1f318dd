// SPDX-License-Identifier: Apache-2.0
#include "gstkit/events.h"

namespace tarn::gstkit {
namespace {
constexpr char timeline_edge[] = "tarn/timeline-edge";
}  // namespace

Ref<GstQuery> new_timeline_edge_query() {
  return Ref<GstQuery>::adopt(gst_query_new_custom(GST_QUERY_CUSTOM, gst_structure_new_empty(timeline_edge)));
}

bool is_timeline_edge_query(GstQuery* query) {
  return GST_QUERY_TYPE(query) == GST_QUERY_CUSTOM &&
         gst_structure_has_name(gst_query_get_structure(query), timeline_edge);
}

void answer_timeline_edge(GstQuery* query, std::int64_t edge_90k) {
  gst_structure_set(gst_query_writable_structure(query), "edge", G_TYPE_INT64, edge_90k, nullptr);
}

std::optional<std::int64_t> ask_timeline_edge(GstPad* pad) {
  const auto query = new_timeline_edge_query();
  gint64 edge = 0;
  if (!gst_pad_peer_query(pad, query.get())) return std::nullopt;
  if (!gst_structure_get_int64(gst_query_get_structure(query.get()), "edge", &edge)) return std::nullopt;
  return edge;
}

}  // namespace tarn::gstkit
