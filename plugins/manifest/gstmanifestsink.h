// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define TARN_TYPE_HLS_MANIFEST_SINK (tarn_hls_manifest_sink_get_type())
G_DECLARE_FINAL_TYPE(TarnHlsManifestSink, tarn_hls_manifest_sink, TARN, HLS_MANIFEST_SINK, GstElement)
GST_ELEMENT_REGISTER_DECLARE(hlsmanifestsink);

#define TARN_TYPE_DASH_MANIFEST_SINK (tarn_dash_manifest_sink_get_type())
G_DECLARE_FINAL_TYPE(TarnDashManifestSink, tarn_dash_manifest_sink, TARN, DASH_MANIFEST_SINK, GstElement)
GST_ELEMENT_REGISTER_DECLARE(dashmanifestsink);

G_END_DECLS
