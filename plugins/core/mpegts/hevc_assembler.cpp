// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/hevc_assembler.h"

#include <optional>

namespace tarn::mpegts {
namespace {

namespace hevc = codecs::hevc;

constexpr std::int64_t clock_rate = 90'000;

bool is_parameter_set(std::uint8_t type) { return type >= hevc::nal_vps && type <= hevc::nal_pps; }

// NAL units that begin a new access unit when they come after a picture (7.4.2.4.4).
bool begins_unit(std::uint8_t type) {
  return is_parameter_set(type) || type == hevc::nal_aud || type == hevc::nal_prefix_sei ||
         (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
}

// What samples do not carry: delimiters, ends, filler.
bool is_removed(std::uint8_t type) { return type >= hevc::nal_aud && type <= hevc::nal_filler; }

}  // namespace

void HevcAssembler::take_nal(Bytes nal) {
  if (nal.size() <= hevc::nal_header_size) {
    if (hevc::nal_type(nal[0]) < hevc::nal_aud) ++findings_.damaged_packets;
    remove_nal();
    return;
  }
  const std::uint8_t type = hevc::nal_type(nal[0]);
  const bool is_base = hevc::nal_layer(nal) == 0;
  if (unit_.has_picture && is_base && begins_unit(type)) {
    close_unit();
    nal = this->nal(nal.size());
  }
  if (is_removed(type)) {
    if (type == hevc::nal_aud) join_unit();
    remove_nal();
  } else if (is_base && type <= hevc::nal_last_slice) {
    take_slice(type, nal);
  } else if (is_base && is_parameter_set(type)) {
    take_parameter_set(nal);
  } else {
    join_unit();
    if (type == hevc::nal_prefix_sei) captions_.read_nal(codecs::Codec::hevc, nal);
  }
}

void HevcAssembler::take_parameter_set(Bytes nal) {
  join_unit();
  if (!parameters_.add(nal)) ++findings_.damaged_packets;
  remove_nal();
}

void HevcAssembler::take_slice(std::uint8_t type, Bytes nal) {
  const std::optional<hevc::SliceHeader> slice = hevc::parse_slice_header(nal);
  if (!slice || (lost_ && !slice->first_in_picture)) {
    if (!slice) ++findings_.damaged_packets;
    remove_nal();
    return;
  }
  lost_ = false;
  if (unit_.has_picture && slice->first_in_picture) close_unit();
  join_unit();
  if (!unit_.has_picture) {
    unit_.pps_id = slice->pps_id;
    unit_.sync = hevc::is_irap(type);
  }
  unit_.has_picture = true;
}

std::uint32_t HevcAssembler::settle_config() { return parameters_.settle(unit_.sync, unit_.pps_id); }

std::int64_t HevcAssembler::frame_duration() const {
  const hevc::Sps* sps = parameters_.sps_for(unit_.pps_id);
  if (sps == nullptr) return 0;
  codecs::VideoUsability vui = *sps;
  const hevc::Vps* vps = parameters_.vps_for(*sps);
  if (vui.frame_rate_numerator == 0 && vps != nullptr) {
    set_frame_rate(vui, vps->units_in_tick, vps->time_scale, 1);
  }
  if (vui.frame_rate_numerator == 0) return 0;
  return clock_rate * vui.frame_rate_denominator / vui.frame_rate_numerator;
}

}  // namespace tarn::mpegts
