// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define TARN_TYPE_ARCHIVE_SRC (tarn_archive_src_get_type())
G_DECLARE_FINAL_TYPE(TarnArchiveSrc, tarn_archive_src, TARN, ARCHIVE_SRC, GstElement)

GST_ELEMENT_REGISTER_DECLARE(archivesrc)

G_END_DECLS
