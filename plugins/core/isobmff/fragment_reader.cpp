// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/fragment_reader.h"

#include <algorithm>
#include <limits>

namespace tarn::isobmff {
namespace {

constexpr std::size_t most_samples = ReadContext::most_entries;
constexpr std::size_t most_tracks = 64;
constexpr std::int64_t latest_time = std::int64_t{1} << 60U;

// Moved by 2^62 at the most, so that nothing overflows.
constexpr bool is_offset(std::int64_t value) {
  return value >= 0 && value <= std::numeric_limits<std::uint32_t>::max();
}

}  // namespace

Result<Fragments> FragmentReader::read() {
  if (bytes_.size() > std::numeric_limits<std::uint32_t>::max()) {
    return Error{ErrorCode::limit, "segment: more than 4 GiB"};
  }
  TRY(find_boxes());
  if (moofs_.empty()) return truncated("segment: no whole moof box");
  for (; moof_ < moofs_.size(); ++moof_) TRY(read_moof(moofs_[moof_]));
  std::erase_if(out_.tracks, [](const FragmentTrack& track) { return track.samples.empty(); });
  if (out_.tracks.empty() && out_.truncated) return truncated("segment: no whole sample");
  return std::move(out_);
}

Status FragmentReader::find_boxes() {
  std::size_t at = 0;
  while (const auto box = read_box_header(bytes_, at, ErrorCode::truncated, context_)) {
    at = box->end();
    if (box->type == Moof::type) moofs_.push_back(*box);
    if (box->type == fourcc("mdat")) payloads_.push_back({box->offset + box->header_size, box->end()});
    if (box->type != fourcc("emsg")) continue;
    auto event =
        parse_event_box(bytes_.subspan(box->offset + box->header_size, box->size - box->header_size));
    if (event && out_.events.size() < codecs::max_events) {
      out_.events.push_back({std::move(*event), moofs_.size()});
    } else {
      ++out_.refused_events;
    }
  }
  if (context_.ok()) return {};
  Error error = context_.take_error();
  if (error.code != ErrorCode::truncated) return error;
  // The box at `at` is cut. What there is of an mdat can be used.
  out_.truncated = true;
  context_ = {};
  Reader reader{bytes_.subspan(at)};
  const std::uint32_t size = reader.u32();
  const bool is_payload = reader.u32() == fourcc("mdat");
  if (size == 1) reader.u64();
  if (reader.ok() && is_payload) payloads_.push_back({at + reader.position(), bytes_.size()});
  return {};
}

Status FragmentReader::read_moof(const RawBox& box) {
  Moof moof;
  read_box(bytes_, box, moof, context_);
  if (!context_.ok()) return context_.take_error();
  auto end_of_data = static_cast<std::int64_t>(box.offset);
  for (const Traf& traf : moof.trafs) TRY(read_traf(traf, box.offset, end_of_data));
  return {};
}

FragmentTrack& FragmentReader::track(std::uint32_t id) {
  const auto known = std::find_if(out_.tracks.begin(), out_.tracks.end(),
                                  [id](const FragmentTrack& track) { return track.id == id; });
  if (known != out_.tracks.end()) return *known;
  out_.tracks.push_back({.id = id, .samples = {}, .begins = {}});
  return out_.tracks.back();
}

// 14496-12 8.8.7: without a base of its own, a track fragment's data begin at the moof box, or, in old files,
// where those of the fragment before it in the same moof box end.
Status FragmentReader::read_traf(const Traf& traf, std::size_t moof, std::int64_t& end_of_data) {
  if (traf.tfhd.track_id == 0) return malformed("moof/traf/tfhd: track_ID 0");
  if ((traf.tfhd.flags & Tfhd::base_data_offset_present) != 0) {
    return unsupported("moof/traf/tfhd: base-data-offset, which has no meaning in a segment of its own");
  }
  if (traf.tfdt.base_media_decode_time > static_cast<std::uint64_t>(latest_time)) {
    return malformed("moof/traf/tfdt: decode time out of range");
  }
  if (out_.tracks.size() >= most_tracks) return Error{ErrorCode::limit, "segment: more than 64 tracks"};
  const bool from_moof = (traf.tfhd.flags & Tfhd::default_base_is_moof) != 0;
  const std::int64_t base = from_moof ? static_cast<std::int64_t>(moof) : end_of_data;
  decode_time_ = static_cast<std::int64_t>(traf.tfdt.base_media_decode_time);
  offset_ = base;
  FragmentTrack& samples = track(traf.tfhd.track_id);
  samples.begins.push_back({moof_, samples.samples.size()});
  for (const Trun& run : traf.truns) {
    if (run.has(Trun::data_offset_present)) offset_ = base + run.data_offset;
    TRY(read_run(traf.tfhd, run, samples));
  }
  end_of_data = offset_;
  return {};
}

Status FragmentReader::read_run(const Tfhd& tfhd, const Trun& run, FragmentTrack& track) {
  samples_ += run.entries.size();
  if (samples_ > most_samples) return Error{ErrorCode::limit, "segment: more than 100000 samples"};
  const Trex* const trex = defaults_(track.id);
  const auto otherwise = [&](std::uint32_t flag, std::uint32_t own, std::uint32_t of_header) {
    return (tfhd.flags & flag) != 0 ? own : of_header;
  };
  const std::uint32_t duration = otherwise(Tfhd::default_duration_present, tfhd.default_sample_duration,
                                           trex != nullptr ? trex->default_sample_duration : 0);
  const std::uint32_t size = otherwise(Tfhd::default_size_present, tfhd.default_sample_size,
                                       trex != nullptr ? trex->default_sample_size : 0);
  const std::uint32_t flags = otherwise(Tfhd::default_flags_present, tfhd.default_sample_flags,
                                        trex != nullptr ? trex->default_sample_flags : 0);
  bool is_first = true;
  for (const Trun::Entry& entry : run.entries) {
    ParsedSample sample;
    sample.dts = decode_time_;
    sample.pts = decode_time_ + entry.composition_offset;
    sample.duration = run.has(Trun::duration_present) ? entry.duration : duration;
    sample.size = run.has(Trun::size_present) ? entry.size : size;
    std::uint32_t own = run.has(Trun::flags_present) ? entry.flags : flags;
    if (std::exchange(is_first, false) && run.has(Trun::first_sample_flags_present))
      own = run.first_sample_flags;
    sample.sync = (own & is_non_sync_sample) == 0;
    decode_time_ += sample.duration;
    if (!is_offset(offset_)) return malformed("moof/traf/trun: data offset out of range");
    const auto begin = static_cast<std::uint64_t>(offset_);
    offset_ += sample.size;
    if (begin + sample.size > bytes_.size()) {
      out_.truncated = true;
      continue;
    }
    if (sample.size > 0 && !is_inside(begin, begin + sample.size)) {
      return malformed("moof/traf/trun: a sample lies outside of the mdat boxes");
    }
    sample.offset = static_cast<std::uint32_t>(begin);
    track.samples.push_back(sample);
  }
  return {};
}

bool FragmentReader::is_inside(std::uint64_t begin, std::uint64_t end) {
  const auto has = [&](const Range& range) { return begin >= range.begin && end <= range.end; };
  if (last_payload_ < payloads_.size() && has(payloads_[last_payload_])) return true;
  const auto found = std::find_if(payloads_.begin(), payloads_.end(), has);
  if (found == payloads_.end()) return false;
  last_payload_ = static_cast<std::size_t>(found - payloads_.begin());
  return true;
}

}  // namespace tarn::isobmff
