// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>

#include "archive/gstarchivesink.h"
#include "archive/gstarchivesrc.h"

static gboolean plugin_init(GstPlugin* plugin) {
  return GST_ELEMENT_REGISTER(archivesink, plugin) && GST_ELEMENT_REGISTER(archivesrc, plugin);
}

#define PACKAGE "tarn"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tarnarchive, "Tarn: the channel archive", plugin_init,
                  TARN_VERSION, "Apache 2.0", "Tarn", "https://tarn.invalid")
