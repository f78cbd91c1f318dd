// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/lead.h"

#include "core/isobmff/cmaf.h"

namespace tarn::isobmff {

Result<std::size_t> lead_size(Bytes segment) {
  const ParsedChunks chunks = TRY(parse_chunks(segment));
  if (chunks.samples.empty() || !chunks.samples.front().sync) {
    return not_found("CMAF: the segment does not begin with a sync sample");
  }
  return std::size_t{chunks.samples.front().offset} + chunks.samples.front().size;
}

}  // namespace tarn::isobmff
