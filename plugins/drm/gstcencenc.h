// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define TARN_TYPE_CENC_ENC (tarn_cenc_enc_get_type())
G_DECLARE_FINAL_TYPE(TarnCencEnc, tarn_cenc_enc, TARN, CENC_ENC, GstElement)
GST_ELEMENT_REGISTER_DECLARE(cencenc)

G_END_DECLS
