// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/event_message.h"
#include "core/isobmff/moof.h"
#include "core/isobmff/mvex.h"

namespace tarn::isobmff {

// The samples of the fragments of one segment, track by track, before anybody looks into them.
struct FragmentTrack {
  std::uint32_t id = 0;
  std::vector<ParsedSample> samples;  // in decode order
  struct Begin {
    std::size_t moof = 0;
    std::size_t sample = 0;  // the first of it
  };
  std::vector<Begin> begins;
};
struct Fragments {
  std::vector<FragmentTrack> tracks;  // in order of appearance
  std::vector<ChunkEvent> events;     // of the emsg boxes, and which moof each is in front of
  std::size_t refused_events = 0;     // malformed, too large or too many
  bool truncated = false;             // a box or a sample was cut at the end
};

class FragmentReader {
 public:
  // `defaults`: of a track; null: it has none.
  using Defaults = std::function<const Trex*(std::uint32_t track)>;
  FragmentReader(Bytes segment, Defaults defaults) : bytes_(segment), defaults_(std::move(defaults)) {}

  Result<Fragments> read();

 private:
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  Status find_boxes();
  Status read_moof(const RawBox& box);
  Status read_traf(const Traf& traf, std::size_t moof, std::int64_t& end_of_data);
  Status read_run(const Tfhd& tfhd, const Trun& run, FragmentTrack& track);
  [[nodiscard]] bool is_inside(std::uint64_t begin, std::uint64_t end);
  FragmentTrack& track(std::uint32_t id);

  Bytes bytes_;
  Defaults defaults_;
  ReadContext context_;
  Fragments out_;
  std::vector<RawBox> moofs_;
  std::vector<Range> payloads_;  // of the mdat boxes
  std::size_t last_payload_ = 0;
  std::size_t samples_ = 0;
  std::size_t moof_ = 0;  // that is being read
  std::int64_t decode_time_ = 0;
  std::int64_t offset_ = 0;  // where the next sample's bytes begin
};

}  // namespace tarn::isobmff
