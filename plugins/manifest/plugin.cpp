// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>

#include "manifest/gstmanifestsink.h"

static gboolean plugin_init(GstPlugin* plugin) {
  return GST_ELEMENT_REGISTER(hlsmanifestsink, plugin) && GST_ELEMENT_REGISTER(dashmanifestsink, plugin);
}

#define PACKAGE "tarn"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tarnmanifest, "Tarn: HLS and DASH as files",
                  plugin_init, TARN_VERSION, "Apache 2.0", "Tarn", "https://tarn.invalid")
