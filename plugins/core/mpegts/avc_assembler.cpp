// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/avc_assembler.h"

#include <optional>

#include "core/codecs/nal.h"
#include "core/codecs/sei.h"

namespace tarn::mpegts {
namespace {

namespace avc = codecs::avc;

constexpr std::int64_t clock_rate = 90'000;

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

void AvcAssembler::take_nal(Bytes nal) {
  const std::uint8_t type = avc::nal_type(nal[0]);
  if (unit_.has_picture && begins_unit(type)) {
    close_unit();
    nal = this->nal(nal.size());
  }
  if (is_slice(type)) {
    take_slice(type, nal);
    return;
  }
  if (type != avc::nal_end_of_sequence && type != avc::nal_end_of_stream && type != avc::nal_filler) {
    join_unit();
  }
  if (type == avc::nal_sps && !parameters_.add_sps(nal)) ++findings_.damaged_packets;
  if (type == avc::nal_pps && !parameters_.add_pps(nal)) ++findings_.damaged_packets;
  if (type == avc::nal_sei) read_sei(nal);
  if (is_removed(type)) remove_nal();
}

void AvcAssembler::read_sei(Bytes nal) {
  const ByteVector payload = codecs::unescape(nal.subspan(1));
  codecs::SeiReader messages{payload};
  for (codecs::SeiMessage message; messages.next(message);) {
    if (message.type == avc::sei_recovery_point) unit_.recovery_point = true;
    captions_.read(message);
  }
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
    remove_nal();
    return;
  }
  lost_ = false;
  if (unit_.has_picture && begins_picture(*slice)) close_unit();
  if (!unit_.has_picture && completes_frame(*slice)) {
    reopen_last();
    return;
  }
  join_unit();
  if (!unit_.has_picture) {
    unit_.slice = *slice;
    unit_.pps_id = slice->pps_id;
  }
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
  return has_units() && last_.has_picture && !last_.second_field && slice.field && last_.slice.field &&
         slice.bottom != last_.slice.bottom && slice.frame_num == last_.slice.frame_num;
}

std::uint32_t AvcAssembler::settle_config() {
  unit_.sync = unit_.idr || (unit_.recovery_point && unit_.intra);
  return parameters_.settle(unit_.sync, unit_.pps_id);
}

std::int64_t AvcAssembler::frame_duration() const {
  const avc::Sps* sps = parameters_.sps_for(unit_.pps_id);
  if (sps == nullptr || sps->frame_rate_numerator == 0) return 0;
  return clock_rate * sps->frame_rate_denominator / sps->frame_rate_numerator;
}

}  // namespace tarn::mpegts
