// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>

#include "drm/gstcencenc.h"

static gboolean plugin_init(GstPlugin* plugin) { return GST_ELEMENT_REGISTER(cencenc, plugin); }

#define PACKAGE "tarn"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tarndrm, "Tarn: common encryption", plugin_init,
                  TARN_VERSION, "Apache 2.0", "Tarn", "https://tarn.invalid")
