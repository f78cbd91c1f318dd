// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <vector>

#include "core/base/bytes.h"

// Bytes cross between the server and its pipelines without being copied.
namespace tarn::server {

// Bytes that keep the blob's owner alive; transfer full.
GBytes* bytes_of(const Blob& blob);

// Appends the buffer's memories; each stays mapped while a blob of it lives. False: one cannot be read.
bool append_blobs(GstBuffer* buffer, std::vector<Blob>& out);

}  // namespace tarn::server
