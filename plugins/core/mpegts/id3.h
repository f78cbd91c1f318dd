// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

// ID3 tags, versions 2.3 and 2.4, as far as HLS uses them.
namespace tarn::mpegts {

// Size of the whole tag that `bytes` begin with; nothing when there is none, or not all of it.
std::optional<std::size_t> id3_tag_size(Bytes bytes);

// A PRIV frame (4.27).
struct PrivateFrame {
  std::string_view owner;
  Bytes data;
};
// Those of a tag, as far as it can be read; views of its bytes. REQUIRES: id3_tag_size() bytes
std::vector<PrivateFrame> private_frames(Bytes tag);

}  // namespace tarn::mpegts
