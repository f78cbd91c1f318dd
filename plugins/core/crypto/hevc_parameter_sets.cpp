// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/hevc_parameter_sets.h"

#include <algorithm>

#include "core/codecs/hevc.h"

namespace tarn::crypto {
namespace {

using codecs::BitReader;

constexpr std::uint32_t most_pictures = 16;  // in a set
constexpr std::uint32_t most_sets = 64;
constexpr std::uint32_t most_long_term = 32;
constexpr std::uint32_t most_references = 15;
constexpr std::uint32_t largest_dimension = 65'536;
constexpr std::uint32_t main_screen_extended = 9;  // general_profile_idc, A.3.7: slice headers have more
constexpr std::uint32_t high_throughput_screen_extended = 11;

// profile_tier_level( 1, sub_layers - 1 ), 7.3.3: general_profile_idc
std::uint32_t read_profile(BitReader& in, std::uint32_t sub_layers) {
  in.skip(3);
  const std::uint32_t profile = in.bits(5);
  in.skip(32 + 48 + 8);
  if (sub_layers <= 1) return profile;
  std::size_t bits = 0;
  for (std::uint32_t i = 0; i + 1 < sub_layers; ++i) {
    if (in.flag()) bits += 88;
    if (in.flag()) bits += 8;
  }
  in.skip(2 * std::size_t{9 - sub_layers} + bits);
  return profile;
}

// scaling_list_data(), 7.3.4
void skip_scaling_lists(BitReader& in) {
  for (unsigned size = 0; size < 4; ++size) {
    for (unsigned matrix = 0; matrix < 6 && in.ok(); matrix += size == 3 ? 3 : 1) {
      if (!in.flag()) {
        (void)in.ue();
        continue;
      }
      if (size > 1) (void)in.se();
      const unsigned coefficients = std::min(64U, 1U << (4 + (size << 1U)));
      for (unsigned i = 0; i < coefficients && in.ok(); ++i) (void)in.se();
    }
  }
}

// 7.3.7 with inter_ref_pic_set_prediction_flag, and (7-61), (7-62).
std::optional<HevcPictureSet> read_predicted_set(BitReader& in, const HevcPictureSet& from) {
  const bool is_negative = in.flag();
  const auto distance = static_cast<std::int64_t>(in.ue()) + 1;
  if (distance > 1 << 15) return std::nullopt;
  const auto delta = static_cast<std::int32_t>(is_negative ? -distance : distance);
  std::vector<HevcPictureSet::Picture> all{from.before};
  all.insert(all.end(), from.after.begin(), from.after.end());
  all.push_back({0, false});
  HevcPictureSet made;
  for (auto& picture : all) {
    const bool used = in.flag();
    const bool is_kept = used || in.flag();
    picture = {picture.delta + delta, used};
    if (!is_kept || picture.delta == 0) continue;
    (picture.delta < 0 ? made.before : made.after).push_back(picture);
  }
  std::sort(made.before.begin(), made.before.end(),
            [](const auto& a, const auto& b) { return a.delta > b.delta; });
  std::sort(made.after.begin(), made.after.end(),
            [](const auto& a, const auto& b) { return a.delta < b.delta; });
  if (!in.ok() || made.before.size() + made.after.size() > most_pictures) return std::nullopt;
  return made;
}

bool read_picture_sets(BitReader& in, HevcSps& sps) {
  const std::uint32_t count = in.ue();
  if (count > most_sets) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto set = read_picture_set(in, i, sps.picture_sets, false);
    if (!set) return false;
    sps.picture_sets.push_back(std::move(*set));
  }
  sps.long_term_pictures = in.flag();
  if (!sps.long_term_pictures) return true;
  const std::uint32_t long_term = in.ue();
  if (long_term > most_long_term) return false;
  for (std::uint32_t i = 0; i < long_term; ++i) {
    in.skip(sps.poc_lsb_bits);
    sps.long_term_used.push_back(in.flag());
  }
  return in.ok();
}

void read_tiles(BitReader& in) {
  const std::uint32_t columns = in.ue();
  const std::uint32_t rows = in.ue();
  if (!in.flag()) {
    for (std::uint64_t i = 0; i < std::uint64_t{columns} + rows && in.ok(); ++i) (void)in.ue();
  }
  in.skip(1);
}

}  // namespace

std::uint32_t HevcPictureSet::used_count() const {
  const auto used = [](const Picture& picture) { return picture.used; };
  return static_cast<std::uint32_t>(std::count_if(before.begin(), before.end(), used) +
                                    std::count_if(after.begin(), after.end(), used));
}

std::optional<HevcPictureSet> read_picture_set(BitReader& in, std::size_t index,
                                               const std::vector<HevcPictureSet>& known, bool in_slice) {
  if (index > 0 && in.flag()) {
    const std::uint64_t back = in_slice ? std::uint64_t{in.ue()} + 1 : 1;
    if (back > index) return std::nullopt;
    return read_predicted_set(in, known[index - back]);
  }
  const std::uint32_t before = in.ue();
  const std::uint32_t after = in.ue();
  if (before > most_pictures || after > most_pictures - before) return std::nullopt;
  HevcPictureSet made;
  const auto read = [&](std::uint32_t count, int sign, std::vector<HevcPictureSet::Picture>& to) {
    std::int64_t delta = 0;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      delta += (static_cast<std::int64_t>(in.ue()) + 1) * sign;
      to.push_back(
          {static_cast<std::int32_t>(std::clamp<std::int64_t>(delta, -(1 << 20), 1 << 20)), in.flag()});
    }
  };
  read(before, -1, made.before);
  read(after, 1, made.after);
  return in.ok() ? std::optional{std::move(made)} : std::nullopt;
}

std::optional<HevcSps> parse_hevc_sps(Bytes nal) {
  if (nal.size() <= codecs::hevc::nal_header_size) return std::nullopt;
  const ByteVector payload = codecs::unescape(nal.subspan(codecs::hevc::nal_header_size));
  BitReader in{payload};
  HevcSps sps;
  in.skip(4);
  const std::uint32_t sub_layers = in.bits(3) + 1;
  in.skip(1);
  if (sub_layers > 7) return std::nullopt;
  const std::uint32_t profile = read_profile(in, sub_layers);
  if (profile == main_screen_extended || profile == high_throughput_screen_extended) return std::nullopt;
  sps.id = in.ue();
  const std::uint32_t chroma = in.ue();
  if (chroma == 3) sps.separate_colour_planes = in.flag();
  sps.has_chroma = chroma != 0 && !sps.separate_colour_planes;
  const std::uint32_t width = in.ue();
  const std::uint32_t height = in.ue();
  if (in.flag()) {
    for (int i = 0; i < 4; ++i) (void)in.ue();
  }
  (void)in.ue();
  (void)in.ue();
  const std::uint32_t lsb_bits = in.ue();
  const std::uint32_t ordering = in.flag() ? sub_layers : 1;
  for (std::uint32_t i = 0; i < ordering * 3; ++i) (void)in.ue();
  const std::uint32_t smallest_block = in.ue();
  const std::uint32_t block_range = in.ue();
  if (lsb_bits > 12 || smallest_block > 3 || block_range > 3 || width > largest_dimension ||
      height > largest_dimension)
    return std::nullopt;
  sps.poc_lsb_bits = lsb_bits + 4;
  const std::uint32_t block = 1U << (smallest_block + 3 + block_range);
  sps.address_bits = ceil_log2(((width + block - 1) / block) * ((height + block - 1) / block));
  for (int i = 0; i < 4; ++i) (void)in.ue();  // transform sizes and depths
  if (in.flag() && in.flag()) skip_scaling_lists(in);
  in.skip(1);
  sps.sample_adaptive_offset = in.flag();
  if (in.flag()) {  // pcm_enabled_flag
    in.skip(8);
    (void)in.ue();
    (void)in.ue();
    in.skip(1);
  }
  if (!read_picture_sets(in, sps)) return std::nullopt;
  sps.temporal_mvp = in.flag();
  return in.ok() && sps.id <= 15 ? std::optional{std::move(sps)} : std::nullopt;
}

std::optional<HevcPps> parse_hevc_pps(Bytes nal) {
  if (nal.size() <= codecs::hevc::nal_header_size) return std::nullopt;
  const ByteVector payload = codecs::unescape(nal.subspan(codecs::hevc::nal_header_size));
  BitReader in{payload};
  HevcPps pps;
  pps.id = in.ue();
  pps.sps = in.ue();
  pps.dependent_slices = in.flag();
  pps.output_flag = in.flag();
  pps.extra_bits = in.bits(3);
  in.skip(1);
  pps.cabac_init = in.flag();
  for (std::uint32_t& count : pps.reference_count) {
    const std::uint32_t minus1 = in.ue();
    if (minus1 >= most_references) return std::nullopt;
    count = minus1 + 1;
  }
  (void)in.se();
  in.skip(1);
  const bool transform_skip = in.flag();
  if (in.flag()) (void)in.ue();  // cu_qp_delta_enabled_flag
  (void)in.se();
  (void)in.se();
  pps.chroma_qp_offsets = in.flag();
  pps.weighted_p = in.flag();
  pps.weighted_b = in.flag();
  in.skip(1);
  const bool has_tiles = in.flag();
  pps.has_entry_points = in.flag() || has_tiles;
  if (has_tiles) read_tiles(in);
  pps.loop_filter_across = in.flag();
  if (in.flag()) {  // deblocking_filter_control_present_flag
    pps.deblocking_override = in.flag();
    pps.deblocking_disabled = in.flag();
    if (!pps.deblocking_disabled) {
      (void)in.se();
      (void)in.se();
    }
  }
  if (in.flag()) skip_scaling_lists(in);
  pps.list_modification = in.flag();
  (void)in.ue();
  pps.header_extension = in.flag();
  if (in.flag()) {  // pps_extension_present_flag
    const bool has_range = in.flag();
    if (in.bits(7) != 0) return std::nullopt;  // layers, depth, screen content, and what is not known yet
    if (has_range) {
      if (transform_skip) (void)in.ue();
      in.skip(1);
      pps.chroma_qp_offset_list = in.flag();
    }
  }
  return in.ok() && pps.id <= 63 && pps.sps <= 15 ? std::optional{pps} : std::nullopt;
}

}  // namespace tarn::crypto
