// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>

#include "package/gstcmafpackager.h"
#include "package/gsttspackager.h"

static gboolean plugin_init(GstPlugin* plugin) {
  return GST_ELEMENT_REGISTER(cmafpackager, plugin) && GST_ELEMENT_REGISTER(tspackager, plugin);
}

#define PACKAGE "tarn"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tarnpackage,
                  "Tarn: elementary streams to CMAF and MPEG-TS", plugin_init, TARN_VERSION, "Apache 2.0",
                  "Tarn", "https://tarn.invalid")
