// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.h"

namespace tarn::server::front {

// Takes a body's bytes as they come off the socket, past libsoup, which would copy them twice.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // May call Connection::abandon_body(), and is not called for this message again then. Without memory the
  // connection is closed.
  virtual void take(Bytes bytes) = 0;
};

}  // namespace tarn::server::front
