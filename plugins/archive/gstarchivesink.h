// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define TARN_TYPE_ARCHIVE_SINK (tarn_archive_sink_get_type())
G_DECLARE_FINAL_TYPE(TarnArchiveSink, tarn_archive_sink, TARN, ARCHIVE_SINK, GstElement)
GST_ELEMENT_REGISTER_DECLARE(archivesink);

G_END_DECLS
