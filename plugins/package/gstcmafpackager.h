// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define TARN_TYPE_CMAF_PACKAGER (tarn_cmaf_packager_get_type())
G_DECLARE_FINAL_TYPE(TarnCmafPackager, tarn_cmaf_packager, TARN, CMAF_PACKAGER, GstElement)
GST_ELEMENT_REGISTER_DECLARE(cmafpackager);

G_END_DECLS
