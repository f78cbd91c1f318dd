// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/avc_parameters.h"

namespace tarn::mpegts {
namespace {

constexpr std::size_t kind_sps = 0;
constexpr std::size_t kind_pps = 1;
constexpr std::uint32_t none_first = UINT32_MAX;

}  // namespace

bool AvcParameters::add_sps(Bytes nal) {
  if (nal.size() > ParameterHistory<2>::max_set_size) return false;
  const Result<codecs::avc::Sps> sps = codecs::avc::parse_sps(nal);
  if (!sps.ok()) return false;
  sps_[sps->id] = *sps;
  history_.put(kind_sps, sps->id, nal);
  return true;
}

bool AvcParameters::add_pps(Bytes nal) {
  if (nal.size() > ParameterHistory<2>::max_set_size) return false;
  const Result<codecs::avc::Pps> pps = codecs::avc::parse_pps(nal);
  if (!pps.ok()) return false;
  sps_of_pps_[pps->id] = static_cast<std::uint8_t>(pps->sps_id);
  history_.put(kind_pps, pps->id, nal);
  return true;
}

const codecs::avc::Sps* AvcParameters::sps_for(std::uint32_t pps_id) const {
  if (pps_id >= sps_of_pps_.size() || !sps_of_pps_[pps_id]) return nullptr;
  const auto& sps = sps_[*sps_of_pps_[pps_id]];
  return sps ? &*sps : nullptr;
}

std::uint32_t AvcParameters::settle(bool sync, std::uint32_t pps_id) {
  // The SPS in use comes first: it gives the configuration its size and profile.
  const std::uint32_t active = pps_id < sps_of_pps_.size() ? sps_of_pps_[pps_id].value_or(0) : 0;
  return history_.settle(sync, {active, none_first},
                         [](const auto& sets) { return codecs::avc::stream_info(sets[0], sets[1]); });
}

}  // namespace tarn::mpegts
