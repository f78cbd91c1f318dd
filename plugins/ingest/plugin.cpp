// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>

#include "ingest/gsthlsingestsrc.h"
#include "ingest/gstingestselector.h"

static gboolean plugin_init(GstPlugin* plugin) {
  return GST_ELEMENT_REGISTER(hlsingestsrc, plugin) && GST_ELEMENT_REGISTER(ingestselector, plugin);
}

#define PACKAGE "tarn"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tarningest, "Tarn: redundant HLS ingest", plugin_init,
                  TARN_VERSION, "Apache 2.0", "Tarn", "https://tarn.invalid")
