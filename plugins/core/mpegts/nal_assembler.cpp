// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/nal_assembler.h"

#include <utility>

#include "core/codecs/nal.h"
#include "core/mpegts/packet.h"

namespace tarn::mpegts {
namespace {

constexpr std::size_t length_size = 4;
constexpr std::int64_t longest_frame = 900'000;  // 10 s at 90 kHz; a jump is no duration

}  // namespace

void NalAssembler::begin(const PesTimes& times) {
  ++pes_;
  pes_times_ = times;
}

void NalAssembler::append(Bytes payload) {
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

void NalAssembler::begin_nal() {
  in_nal_ = true;
  nal_offset_ = arena_.size();
  nal_pes_ = pes_;
  nal_times_ = pes_times_;
  (void)arena_.room(length_size);
  arena_.commit(length_size);
}

void NalAssembler::end_nal() {
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
  take_nal(arena_.bytes(body, size));
  nal_offset_ = arena_.size();
}

Bytes NalAssembler::nal(std::size_t size) const { return arena_.bytes(nal_offset_ + length_size, size); }

void NalAssembler::reopen_last() {
  // What came between the fields stays where it is, in front of the second one.
  const bool recovery_point = unit_.recovery_point;
  used_pes_ = nal_pes_;
  unit_ = last_;
  unit_.second_field = true;
  unit_.recovery_point |= recovery_point;
  units_.pop_back();
}

void NalAssembler::join_unit() {
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

void NalAssembler::open_unit() {
  unit_ = {};
  unit_.open = true;
  unit_.offset = nal_offset_;
  unit_.pes = nal_pes_;
  if (nal_pes_ != used_pes_) {
    unit_.times = nal_times_;
    used_pes_ = nal_pes_;
  }
}

void NalAssembler::close_unit() {
  const std::uint32_t config = settle_config();
  const std::size_t end = nal_offset_;
  if (!time_unit()) {
    ++findings_.damaged_packets;
    arena_.close_gap(unit_.offset, end);
    nal_offset_ = unit_.offset;
    last_ = unit_ = {};
    return;
  }
  if (!units_.empty() && !unit_.second_field) {
    const std::int64_t duration = (unit_.times.dts - units_.back().dts) & timestamp_mask;
    if (duration != 0 && duration < longest_frame) last_duration_ = duration;
  }
  codecs::AccessUnit unit;
  unit.pts = unit_.times.pts;
  unit.dts = unit_.times.dts;
  unit.offset = static_cast<std::uint32_t>(unit_.offset);
  unit.size = static_cast<std::uint32_t>(end - unit_.offset);
  unit.sync = unit_.sync;
  unit.config = config;
  units_.push_back(unit);
  last_ = unit_;
  unit_ = {};
}

// A unit without times of its own follows the one before at the distance of a frame.
bool NalAssembler::time_unit() {
  if (unit_.times.given) return true;
  if (units_.empty()) return false;
  const std::int64_t said = frame_duration();
  const std::int64_t duration = said != 0 ? said : last_duration_;
  if (duration == 0) return false;
  unit_.times.given = true;
  unit_.times.dts = (units_.back().dts + duration) & timestamp_mask;
  unit_.times.pts = (units_.back().pts + duration) & timestamp_mask;
  return true;
}

void NalAssembler::forget() {
  in_nal_ = false;
  lost_ = true;
  nal_offset_ = arena_.size();
  unit_ = last_ = {};
}

void NalAssembler::drop() {
  if (unit_.has_picture && unit_.pes != pes_ && in_nal_ && nal_pes_ == pes_) {
    // Only the NAL unit at hand is of the damaged PES packet; it had not yet ended the unit before.
    arena_.truncate(nal_offset_);
    close_unit();
  } else {
    arena_.truncate(unit_.open ? unit_.offset : nal_offset_);
  }
  forget();
}

void NalAssembler::seal() {
  end_nal();
  if (unit_.has_picture) {
    nal_offset_ = arena_.size();
    close_unit();
  } else if (unit_.open) {
    arena_.truncate(unit_.offset);
  }
  forget();
}

void NalAssembler::finish(codecs::ElementaryStream& out) {
  seal();
  out.units = std::move(units_);
  out.configs = take_configs();
  out.captions = captions_.found();
  out.data = arena_.release();
}

}  // namespace tarn::mpegts
