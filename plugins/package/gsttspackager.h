// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define TARN_TYPE_TS_PACKAGER (tarn_ts_packager_get_type())
G_DECLARE_FINAL_TYPE(TarnTsPackager, tarn_ts_packager, TARN, TS_PACKAGER, GstElement)

GST_ELEMENT_REGISTER_DECLARE(tspackager)

G_END_DECLS
