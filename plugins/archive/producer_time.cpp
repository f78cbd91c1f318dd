// SPDX-License-Identifier: Apache-2.0
#include "archive/producer_time.h"

#include "core/isobmff/cmaf.h"

namespace tarn {

ByteVector producer_time(const timeline::Timeline& timeline, const timeline::Track& track,
                         std::uint64_t number, const timeline::Chunk& chunk) {
  const auto slot = timeline.find(number);
  const timeline::Stretch* stretch = timeline.stretch(slot->stretch);
  const timeline::Track* reference = stretch->find(stretch->reference);
  const std::uint32_t ruler = (reference != nullptr ? *reference : track).description.info.timescale;
  const Microseconds behind =
      to_microseconds(chunk.start, track.description.info.timescale) - to_microseconds(slot->start, ruler);
  return isobmff::producer_reference_time(slot->utc + behind, chunk.start);
}

}  // namespace tarn
