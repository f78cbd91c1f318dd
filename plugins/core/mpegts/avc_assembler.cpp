// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/avc_assembler.h"

#include <algorithm>
#include <utility>

#include "core/base/time.h"
#include "core/codecs/nal.h"

namespace tarn::mpegts {
namespace {

namespace avc = codecs::avc;

constexpr std::size_t length_size = 4;
constexpr std::uint32_t clock_rate = 90'000;

// NAL units that begin a new access unit when they come after a picture (7.4.1.2.3).
bool begins_unit(std::uint8_t type) {
  return type == avc::nal_sei || type == avc::nal_sps || type == avc::nal_pps || type == avc::nal_aud ||
         (type >= 14 && type <= 18);
}

bool is_slice(std::uint8_t type) {
  return type == avc::nal_slice || type == avc::nal_slice_partition_a || type == avc::nal_slice_idr;
}

// What samples do not carry: delimiters, filler, and the parameter sets of the configuration.
bool is_removed(std::uint8_t type) { return type >= avc::nal_sps && type <= avc::nal_sps_extension; }

}  // namespace

void AvcAssembler::begin(const PesTimes& times) {
  ++pes_;
  pes_times_ = times;
}

void AvcAssembler::append(Bytes payload) {
  // A start code may have begun with the zeros that were copied last.
  const std::size_t body = in_nal_ ? nal_offset_ + length_size : nal_offset_;
  const std::size_t size = arena_.size();
  const auto zero_at = [this, body, size](std::size_t back) {
    return size >= body + back && *arena_.at(size - back) == 0;
  };
  if (payload[0] <= 1 && zero_at(1)) {
    std::size_t skip = 0;
    if (payload[0] == 1 && zero_at(2)) skip = 1;
    if (payload[0] == 0 && payload.size() > 1 && payload[1] == 1) skip = 2;
    if (skip > 0) {
      end_nal();
      begin_nal();
      payload = payload.subspan(skip);
    }
  }
  while (!payload.empty()) {
    const std::size_t copied = codecs::copy_until_start_code(payload, arena_.room(payload.size()));
    arena_.commit(copied);
    if (copied == payload.size()) break;
    end_nal();
    begin_nal();
    payload = payload.subspan(copied + 3);
  }
  if (arena_.size() - nal_offset_ > max_nal_size) {
    findings_.refuse({ErrorCode::limit, "a NAL unit is larger than 4 MiB"});
  }
}

void AvcAssembler::begin_nal() {
  in_nal_ = true;
  nal_offset_ = arena_.size();
  nal_pes_ = pes_;
  nal_times_ = pes_times_;
  (void)arena_.room(length_size);
  arena_.commit(length_size);
}

void AvcAssembler::end_nal() {
  if (!in_nal_) {
    arena_.truncate(nal_offset_);
    return;
  }
  in_nal_ = false;
  const std::size_t body = nal_offset_ + length_size;
  std::size_t end = arena_.size();
  while (end > body && *arena_.at(end - 1) == 0) --end;  // trailing_zero_8bits, Annex B
  if (end == body) {
    arena_.truncate(nal_offset_);
    return;
  }
  arena_.truncate(end);
  const auto size = static_cast<std::uint32_t>(end - body);
  std::uint8_t* prefix = arena_.at(nal_offset_);
  for (unsigned i = 0; i < length_size; ++i) prefix[i] = static_cast<std::uint8_t>(size >> (24 - 8 * i));
  take_nal(avc::nal_type(*arena_.at(body)), arena_.bytes(body, size));
  nal_offset_ = arena_.size();
}

void AvcAssembler::take_nal(std::uint8_t type, Bytes nal) {
  if (unit_.has_picture && begins_unit(type)) {
    close_unit();
    nal = arena_.bytes(nal_offset_ + length_size, nal.size());
  }
  if (is_slice(type)) {
    take_slice(type, nal);
    return;
  }
  if (type != avc::nal_end_of_sequence && type != avc::nal_end_of_stream && type != avc::nal_filler) {
    join_pes();
  }
  if (type == avc::nal_sps && !parameters_.add_sps(nal)) ++findings_.damaged_packets;
  if (type == avc::nal_pps && !parameters_.add_pps(nal)) ++findings_.damaged_packets;
  if (type == avc::nal_sei && avc::has_recovery_point(nal)) unit_.recovery_point = true;
  if (is_removed(type)) arena_.truncate(nal_offset_);
}

void AvcAssembler::take_slice(std::uint8_t type, Bytes nal) {
  std::optional<avc::SliceHeader> slice = avc::parse_slice_header(nal, nullptr);
  if (slice) {
    if (const avc::Sps* sps = parameters_.sps_for(slice->pps_id); sps != nullptr) {
      slice = avc::parse_slice_header(nal, sps);
    }
  }
  if (!slice || (lost_ && slice->first_mb != 0)) {
    if (!slice) ++findings_.damaged_packets;
    arena_.truncate(nal_offset_);
    return;
  }
  lost_ = false;
  if (unit_.has_picture && begins_picture(*slice)) close_unit();
  if (!unit_.has_picture && completes_frame(*slice)) {
    // What came between the fields stays where it is, in front of the second one.
    const bool recovery_point = unit_.recovery_point;
    used_pes_ = nal_pes_;
    unit_ = last_;
    unit_.second_field = true;
    unit_.recovery_point |= recovery_point;
    units_.pop_back();
    return;
  }
  join_pes();
  if (!unit_.has_picture) unit_.slice = *slice;
  unit_.has_picture = true;
  unit_.idr |= type == avc::nal_slice_idr;
  if (!unit_.second_field) unit_.intra &= slice->intra();
}

// A picture begins with its first macroblock. (Colour planes coded separately each have one.)
bool AvcAssembler::begins_picture(const avc::SliceHeader& slice) const {
  if (slice.first_mb != 0) return false;
  const avc::Sps* sps = parameters_.sps_for(slice.pps_id);
  return sps == nullptr || !sps->separate_colour_planes;
}

// The second field of the frame whose first field is the unit before (3.30).
bool AvcAssembler::completes_frame(const avc::SliceHeader& slice) const {
  return !units_.empty() && last_.has_picture && !last_.second_field && slice.field && last_.slice.field &&
         slice.bottom != last_.slice.bottom && slice.frame_num == last_.slice.frame_num;
}

// The NAL unit at hand belongs to the unit that is open, or opens one.
void AvcAssembler::join_pes() {
  if (!unit_.open) {
    open_unit();
  } else if (!unit_.has_picture && nal_pes_ != unit_.pes) {
    if (!units_.empty() && last_.has_picture && last_.pes == unit_.pes) {
      // Without a picture of its own in the PES packet: it was the end of the unit before.
      units_.back().size += static_cast<std::uint32_t>(nal_offset_ - unit_.offset);
      unit_ = {};
      open_unit();
    } else if (nal_times_.given) {
      unit_.times = nal_times_;
      unit_.pes = used_pes_ = nal_pes_;
    }
  }
}

void AvcAssembler::open_unit() {
  unit_ = {};
  unit_.open = true;
  unit_.offset = nal_offset_;
  unit_.pes = nal_pes_;
  if (nal_pes_ != used_pes_) {
    unit_.times = nal_times_;
    used_pes_ = nal_pes_;
  }
}

// Ends the unit that is open where the NAL unit at hand begins.
void AvcAssembler::close_unit() {
  const bool sync = unit_.idr || (unit_.recovery_point && unit_.intra);
  const std::uint32_t config = parameters_.settle(sync, unit_.slice.pps_id);
  const std::size_t end = nal_offset_;
  const bool second_field = unit_.second_field;
  if (!time_unit()) {
    ++findings_.damaged_packets;
    arena_.close_gap(unit_.offset, end);
    nal_offset_ = unit_.offset;
    last_ = unit_ = {};
    return;
  }
  if (!units_.empty() && !second_field) {
    const std::int64_t duration = (unit_.times.dts - units_.back().dts) & timestamp_mask;
    if (duration != 0 && duration < clock_rate * 10) last_duration_ = duration;
  }
  codecs::AccessUnit unit;
  unit.pts = unit_.times.pts;
  unit.dts = unit_.times.dts;
  unit.offset = static_cast<std::uint32_t>(unit_.offset);
  unit.size = static_cast<std::uint32_t>(end - unit_.offset);
  unit.sync = sync;
  unit.leading_open = sync && !unit_.idr;
  unit.config = config;
  units_.push_back(unit);
  last_ = unit_;
  unit_ = {};
}

// A unit without times of its own follows the one before at the distance of a frame.
bool AvcAssembler::time_unit() {
  if (unit_.times.given) return true;
  if (units_.empty()) return false;
  std::int64_t duration = last_duration_;
  if (const avc::Sps* sps = parameters_.sps_for(unit_.slice.pps_id);
      sps != nullptr && sps->frame_rate_numerator != 0) {
    duration = std::int64_t{clock_rate} * sps->frame_rate_denominator / sps->frame_rate_numerator;
  }
  if (duration == 0) return false;
  unit_.times.given = true;
  unit_.times.dts = (units_.back().dts + duration) & timestamp_mask;
  unit_.times.pts = (units_.back().pts + duration) & timestamp_mask;
  return true;
}

void AvcAssembler::forget() {
  in_nal_ = false;
  lost_ = true;
  nal_offset_ = arena_.size();
  unit_ = {};
  last_ = {};
}

void AvcAssembler::drop() {
  if (unit_.has_picture && unit_.pes != pes_ && in_nal_ && nal_pes_ == pes_) {
    // Only the NAL unit at hand is of the damaged PES packet; it had not yet ended the unit before.
    arena_.truncate(nal_offset_);
    close_unit();
  } else {
    arena_.truncate(unit_.open ? unit_.offset : nal_offset_);
  }
  forget();
}

void AvcAssembler::seal() {
  end_nal();
  if (unit_.has_picture) {
    nal_offset_ = arena_.size();
    close_unit();
  } else if (unit_.open) {
    arena_.truncate(unit_.offset);
  }
  forget();
}

void AvcAssembler::finish(codecs::ElementaryStream& out) {
  seal();
  out.units = std::move(units_);
  out.configs = parameters_.take_configs();
  out.data = arena_.release();
}

}  // namespace tarn::mpegts
