// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/hevc_parameters.h"

namespace tarn::mpegts {
namespace {

namespace hevc = codecs::hevc;

constexpr std::size_t kind_vps = 0;
constexpr std::size_t kind_sps = 1;
constexpr std::size_t kind_pps = 2;
constexpr std::uint32_t none_first = UINT32_MAX;

}  // namespace

bool HevcParameters::add(Bytes nal) {
  if (nal.size() > ParameterHistory<3>::max_set_size) return false;
  const std::uint8_t type = hevc::nal_type(nal[0]);
  if (type == hevc::nal_vps) {
    const Result<hevc::Vps> vps = hevc::parse_vps(nal);
    if (!vps.ok()) return false;
    vps_[vps->id] = *vps;
    history_.put(kind_vps, vps->id, nal);
  } else if (type == hevc::nal_sps) {
    const Result<hevc::Sps> sps = hevc::parse_sps(nal);
    if (!sps.ok()) return false;
    sps_[sps->id] = *sps;
    history_.put(kind_sps, sps->id, nal);
  } else {
    const Result<hevc::Pps> pps = hevc::parse_pps(nal);
    if (!pps.ok()) return false;
    sps_of_pps_[pps->id] = static_cast<std::uint8_t>(pps->sps_id);
    history_.put(kind_pps, pps->id, nal);
  }
  return true;
}

const hevc::Sps* HevcParameters::sps_for(std::uint32_t pps_id) const {
  if (pps_id >= sps_of_pps_.size() || !sps_of_pps_[pps_id]) return nullptr;
  const auto& sps = sps_[*sps_of_pps_[pps_id]];
  return sps ? &*sps : nullptr;
}

const hevc::Vps* HevcParameters::vps_for(const hevc::Sps& sps) const {
  const auto& vps = vps_[sps.vps_id];
  return vps ? &*vps : nullptr;
}

std::uint32_t HevcParameters::settle(bool sync, std::uint32_t pps_id) {
  // The sets in use come first: they give the configuration its size, profile and rate.
  const hevc::Sps* sps = sps_for(pps_id);
  const std::uint32_t sps_id = sps != nullptr ? sps->id : none_first;
  const std::uint32_t vps_id = sps != nullptr ? sps->vps_id : none_first;
  return history_.settle(sync, {vps_id, sps_id, none_first},
                         [](const auto& sets) { return hevc::stream_info(sets[0], sets[1], sets[2]); });
}

}  // namespace tarn::mpegts
