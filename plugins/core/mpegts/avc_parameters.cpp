// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/avc_parameters.h"

#include <algorithm>
#include <utility>

namespace tarn::mpegts {
namespace {

constexpr std::size_t max_set_size = 0xFFFF;
constexpr std::size_t max_configs = 64;

}  // namespace

void AvcParameters::put(Sets& sets, std::uint32_t id, Bytes nal) {
  const auto same_id = [id](const Set& set) { return set.id == id; };
  const auto known = std::find_if(sets.begin(), sets.end(), same_id);
  if (known == sets.end()) {
    sets.push_back({id, {nal.begin(), nal.end()}});
  } else if (!std::equal(nal.begin(), nal.end(), known->nal.begin(), known->nal.end())) {
    known->nal.assign(nal.begin(), nal.end());
  }
}

bool AvcParameters::add_sps(Bytes nal) {
  if (nal.size() > max_set_size) return false;
  const Result<codecs::avc::Sps> sps = codecs::avc::parse_sps(nal);
  if (!sps.ok()) return false;
  sps_[sps->id] = *sps;
  put(came_sps_, sps->id, nal);
  return true;
}

bool AvcParameters::add_pps(Bytes nal) {
  if (nal.size() > max_set_size) return false;
  const Result<codecs::avc::Pps> pps = codecs::avc::parse_pps(nal);
  if (!pps.ok()) return false;
  sps_of_pps_[pps->id] = static_cast<std::uint8_t>(pps->sps_id);
  put(came_pps_, pps->id, nal);
  return true;
}

const codecs::avc::Sps* AvcParameters::sps_for(std::uint32_t pps_id) const {
  if (pps_id >= sps_of_pps_.size() || !sps_of_pps_[pps_id]) return nullptr;
  const auto& sps = sps_[*sps_of_pps_[pps_id]];
  return sps ? &*sps : nullptr;
}

std::uint32_t AvcParameters::settle(bool sync, std::uint32_t pps_id) {
  if (came_sps_.empty() && came_pps_.empty()) return current_;
  if (!sync && !configs_.empty()) return current_;
  // An SPS begins everything anew; a PPS alone adds to what holds.
  Sets sps = came_sps_.empty() ? sps_sets_ : came_sps_;
  Sets pps = came_sps_.empty() || came_pps_.empty() ? pps_sets_ : came_pps_;
  if (came_sps_.empty()) {
    for (const Set& set : came_pps_) put(pps, set.id, set.nal);
  }
  if (sps.empty() || pps.empty()) return current_;
  came_sps_.clear();
  came_pps_.clear();
  if (sps == sps_sets_ && pps == pps_sets_) return current_;
  sps_sets_ = std::move(sps);
  pps_sets_ = std::move(pps);
  (void)make_config(pps_id);
  return current_;
}

bool AvcParameters::make_config(std::uint32_t pps_id) {
  // The SPS in use comes first: it gives the configuration its size and profile.
  const std::uint32_t active = pps_id < sps_of_pps_.size() ? sps_of_pps_[pps_id].value_or(0) : 0;
  std::vector<Bytes> sps;
  std::vector<Bytes> pps;
  for (const Set& set : sps_sets_) sps.insert(set.id == active ? sps.begin() : sps.end(), set.nal);
  for (const Set& set : pps_sets_) pps.emplace_back(set.nal);
  Result<codecs::StreamInfo> info = codecs::avc::stream_info(sps, pps);
  if (!info.ok() || configs_.size() == max_configs) return false;
  const auto known = std::find(configs_.begin(), configs_.end(), *info);
  current_ = static_cast<std::uint32_t>(known - configs_.begin());
  if (known == configs_.end()) configs_.push_back(std::move(info).value());
  return true;
}

}  // namespace tarn::mpegts
