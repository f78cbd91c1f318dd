// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "core/isobmff/box_writer.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/ftyp.h"
#include "core/isobmff/moof.h"

namespace tarn::isobmff {
namespace {

constexpr std::uint32_t flags_of(bool sync) {
  return sync ? depends_on_no_other : depends_on_others | is_non_sync_sample;
}

template <class Member>
bool all_equal(const std::vector<Sample>& samples, Member member) {
  return std::all_of(samples.begin(), samples.end(),
                     [&](const Sample& sample) { return sample.*member == samples.front().*member; });
}

// What all samples share goes into the tfhd, once.
Traf describe(const ChunkHeader& chunk) {
  const std::vector<Sample>& samples = chunk.samples;
  Traf traf;
  traf.tfhd.track_id = chunk.track_id;
  traf.tfdt.base_media_decode_time = static_cast<std::uint64_t>(chunk.base_media_decode_time);
  Trun& trun = traf.truns.emplace_back();
  trun.sample_count = static_cast<std::uint32_t>(samples.size());
  if (samples.empty()) return traf;

  if (all_equal(samples, &Sample::duration)) {
    traf.tfhd.flags |= Tfhd::default_duration_present;
    traf.tfhd.default_sample_duration = samples.front().duration;
  } else {
    trun.flags |= Trun::duration_present;
  }
  if (all_equal(samples, &Sample::size)) {
    traf.tfhd.flags |= Tfhd::default_size_present;
    traf.tfhd.default_sample_size = samples.front().size;
  } else {
    trun.flags |= Trun::size_present;
  }
  const bool later_sync = samples.back().sync;
  const auto differs = [&](const Sample& sample) { return sample.sync != later_sync; };
  if (std::none_of(samples.begin() + 1, samples.end(), differs)) {
    traf.tfhd.flags |= Tfhd::default_flags_present;
    traf.tfhd.default_sample_flags = flags_of(later_sync);
    if (differs(samples.front())) {
      trun.flags |= Trun::first_sample_flags_present;
      trun.first_sample_flags = flags_of(samples.front().sync);
    }
  } else {
    trun.flags |= Trun::flags_present;
  }
  const auto has_offset = [](const Sample& sample) { return sample.composition_offset != 0; };
  if (std::any_of(samples.begin(), samples.end(), has_offset)) trun.flags |= Trun::composition_offset_present;

  trun.entries.reserve(samples.size());
  for (const Sample& sample : samples) {
    trun.entries.push_back({sample.duration, sample.size, flags_of(sample.sync), sample.composition_offset});
  }
  return traf;
}

std::uint64_t payload_size(const std::vector<Sample>& samples) {
  std::uint64_t size = 0;
  for (const Sample& sample : samples) size += sample.size;
  return size;
}

}  // namespace

ByteVector write_chunk_header(const ChunkHeader& chunk) {
  Moof moof;
  moof.mfhd.sequence_number = chunk.sequence_number;
  moof.trafs.push_back(describe(chunk));

  const std::uint64_t payload = payload_size(chunk.samples);
  const bool large = payload > std::numeric_limits<std::uint32_t>::max() - box_header_size;
  const std::size_t mdat_header = large ? large_box_header_size : box_header_size;
  const std::size_t moof_size = box_size(moof);
  moof.trafs.front().truns.front().data_offset = static_cast<std::int32_t>(moof_size + mdat_header);

  ByteVector out;
  out.reserve(chunk.events.size() + moof_size + mdat_header);
  out = chunk.events;
  out.resize(chunk.events.size() + moof_size);
  BoxWriter{out.data() + chunk.events.size()}.box(moof);
  Writer writer{out};
  writer.u32(large ? 1 : payload + mdat_header);
  writer.u32(fourcc("mdat"));
  if (large) writer.u64(payload + mdat_header);
  return out;
}

Bytes segment_type() {
  static const ByteVector bytes = [] {
    ByteVector out;
    Styp styp = cmaf_segment_brands;
    append_box(out, styp);
    return out;
  }();
  return bytes;
}

}  // namespace tarn::isobmff
