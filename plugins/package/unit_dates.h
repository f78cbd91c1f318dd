// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "gstkit/ref.h"

namespace tarn::package {

// An access unit as it came, with the times it has; 90 kHz.
struct CameUnit {
  gstkit::Ref<GstBuffer> buffer;
  std::optional<std::int64_t> dts{};
  std::optional<std::int64_t> pts{};
};

// Demuxers and parsers do not know the times of the first units where a stream is cut out of another: these
// are dated backwards from the first that have them. And where streams were joined, a demuxer may tell some
// units from an hour away before it has seen the new clock: these go in front of what follows, too. Nothing
// else waits. One stream, one thread at a time.
class UnitDates {
 public:
  // In decode order. What can go on now; units without any time are among them only when none is known.
  std::vector<CameUnit> add(CameUnit unit, bool is_video);
  // Nothing more comes, or what comes has nothing to do with it.
  std::vector<CameUnit> finish();

 private:
  [[nodiscard]] bool is_far(const CameUnit& unit) const;
  [[nodiscard]] bool has_settled() const;
  void note(const CameUnit& unit);
  void date_first();
  void move_to_next();
  std::vector<CameUnit> release();

  std::deque<CameUnit> held_;
  bool has_begun_ = false;
  std::optional<std::int64_t> last_;  // decode time of what has gone on
  std::int64_t step_ = 0;             // between the last two of them
};

}  // namespace tarn::package
