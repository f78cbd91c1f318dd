// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/sample_nals.h"

#include <algorithm>

#include "core/codecs/avc.h"
#include "core/codecs/hevc.h"

namespace tarn::isobmff {
namespace {

namespace avc = codecs::avc;
namespace hevc = codecs::hevc;

constexpr std::size_t most_configs = 64;  // of one segment; more are noise

std::vector<Bytes> views(const std::vector<ByteVector>& sets) { return {sets.begin(), sets.end()}; }

}  // namespace

Result<SampleNals> SampleNals::make(const codecs::StreamInfo& info) {
  SampleNals nals;
  nals.hevc_ = info.codec == codecs::Codec::hevc;
  if (nals.hevc_) {
    auto sets = TRY(hevc::parameter_sets_from_config(info.config));
    nals.length_size_ = sets.nal_length_size;
    nals.sets_ = {std::move(sets.vps), std::move(sets.sps), std::move(sets.pps)};
  } else {
    auto sets = TRY(avc::parameter_sets_from_config(info.config));
    nals.length_size_ = sets.nal_length_size;
    nals.sets_ = {std::move(sets.sps), std::move(sets.pps)};
  }
  nals.configs_.push_back(info);
  if (nals.length_size_ == 4) return nals;
  codecs::StreamInfo made = TRY(nals.describe(nals.sets_));
  nals.configs_.front().config = std::move(made.config);
  return nals;
}

// False: the lengths do not add up.
template <class Call>
bool SampleNals::each_nal(Bytes sample, Call call) const {
  while (!sample.empty()) {
    if (sample.size() < length_size_) return false;
    std::size_t length = 0;
    for (std::size_t i = 0; i < length_size_; ++i) length = length << 8U | sample[i];
    sample = sample.subspan(length_size_);
    if (length > sample.size()) return false;
    if (length > 0) call(sample.first(length));
    sample = sample.subspan(length);
  }
  return true;
}

int SampleNals::set_of(Bytes nal) const {
  if (hevc_) {
    const std::uint8_t type = hevc::nal_type(nal[0]);
    return type >= hevc::nal_vps && type <= hevc::nal_pps ? type - hevc::nal_vps : -1;
  }
  const std::uint8_t type = avc::nal_type(nal[0]);
  return type == avc::nal_sps || type == avc::nal_pps ? type - avc::nal_sps : -1;
}

bool SampleNals::is_dropped(Bytes nal) const {
  if (hevc_) {
    const std::uint8_t type = hevc::nal_type(nal[0]);
    return (type >= hevc::nal_vps && type <= hevc::nal_aud) || type == hevc::nal_filler;
  }
  const std::uint8_t type = avc::nal_type(nal[0]);
  return (type >= avc::nal_sps && type <= avc::nal_aud) || type == avc::nal_filler ||
         type == avc::nal_sps_extension;
}

Result<codecs::StreamInfo> SampleNals::describe(const Sets& sets) const {
  if (std::any_of(sets.begin(), sets.end(), [](const auto& kind) { return kind.empty(); })) {
    return malformed("parameter sets are missing");
  }
  codecs::StreamInfo info = hevc_ ? TRY(hevc::stream_info(views(sets[0]), views(sets[1]), views(sets[2])))
                                  : TRY(avc::stream_info(views(sets[0]), views(sets[1])));
  info.timescale = configs_.front().timescale;
  return info;
}

// Kinds that did not come stay as they were. What cannot be read is not used.
void SampleNals::take_sets(Sets came) {
  for (std::size_t i = 0; i < came.size(); ++i) {
    if (came[i].empty()) came[i] = sets_[i];
  }
  if (came == sets_ || configs_.size() >= most_configs) return;
  auto info = describe(came);
  if (!info.ok()) return;
  sets_ = std::move(came);
  if (*info != configs_.back()) configs_.push_back(std::move(info).value());
}

Result<SampleNals::Sample> SampleNals::read(Bytes bytes, bool& as_it_is) {
  Sample sample;
  Sets came(sets_.size());
  bool dropped = false;
  bool inter = false;
  const bool whole = each_nal(bytes, [&](Bytes nal) {
    if (hevc_ && nal.size() < hevc::nal_header_size) {
      dropped = true;
      return;
    }
    if (const int set = set_of(nal); set >= 0)
      came[static_cast<std::size_t>(set)].emplace_back(nal.begin(), nal.end());
    dropped = dropped || is_dropped(nal);
    captions_.read_nal(hevc_ ? codecs::Codec::hevc : codecs::Codec::h264, nal);
    const std::uint8_t type = hevc_ ? hevc::nal_type(nal[0]) : avc::nal_type(nal[0]);
    sample.sync = sample.sync || (hevc_ ? hevc::is_irap(type) : type == avc::nal_slice_idr);
    if (!hevc_ && type >= avc::nal_slice && type <= avc::nal_slice_idr) {
      const auto slice = avc::parse_slice_header(nal, nullptr);
      inter = inter || !slice || !slice->intra();
      sample.intra = !inter;
    }
  });
  if (!whole) return malformed("a sample's NAL unit lengths do not add up");
  take_sets(std::move(came));
  sample.config = static_cast<std::uint32_t>(configs_.size() - 1);
  as_it_is = !dropped && length_size_ == 4;
  return sample;
}

void SampleNals::append(Bytes sample, ByteVector& out) const {
  each_nal(sample, [&](Bytes nal) {
    if ((hevc_ && nal.size() < hevc::nal_header_size) || is_dropped(nal)) return;
    Writer{out}.u32(static_cast<std::uint32_t>(nal.size()));
    out.insert(out.end(), nal.begin(), nal.end());
  });
}

}  // namespace tarn::isobmff
