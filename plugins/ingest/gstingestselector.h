// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define TARN_TYPE_INGEST_SELECTOR (tarn_ingest_selector_get_type())
G_DECLARE_FINAL_TYPE(TarnIngestSelector, tarn_ingest_selector, TARN, INGEST_SELECTOR, GstElement)
GST_ELEMENT_REGISTER_DECLARE(ingestselector);

G_END_DECLS
