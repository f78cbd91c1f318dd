// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define TARN_TYPE_HLS_INGEST_SRC (tarn_hls_ingest_src_get_type())
G_DECLARE_FINAL_TYPE(TarnHlsIngestSrc, tarn_hls_ingest_src, TARN, HLS_INGEST_SRC, GstElement)
GST_ELEMENT_REGISTER_DECLARE(hlsingestsrc);

G_END_DECLS
