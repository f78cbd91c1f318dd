// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/hevc_slice.h"

#include <algorithm>

#include "core/codecs/hevc.h"
#include "core/crypto/unescaped.h"

namespace tarn::crypto {
namespace {

using codecs::BitReader;
namespace hevc = codecs::hevc;

constexpr std::uint32_t most_references = 15;
constexpr std::uint32_t most_long_term = 33;
constexpr std::uint32_t most_entry_points = 22 * 20 + 1080;  // tiles of level 6.2, or rows of blocks

}  // namespace

// Walks slice_segment_header() (7.3.6.1) to the end of its alignment.
class HevcSliceHeaders::HeaderReader {
 public:
  HeaderReader(BitReader& in, const HevcSliceHeaders& sets, std::uint8_t nal_type)
      : in_(in), sets_(sets), type_(nal_type) {}

  bool read() {
    const bool is_first = in_.flag();
    if (hevc::is_irap(type_)) in_.skip(1);  // no_output_of_prior_pics_flag
    const std::uint32_t pps_id = in_.ue();
    if (!in_.ok() || pps_id > 63 || !sets_.pps_[pps_id]) return false;
    pps_ = &*sets_.pps_[pps_id];
    if (!sets_.sps_[pps_->sps]) return false;
    sps_ = &*sets_.sps_[pps_->sps];
    bool is_dependent = false;
    if (!is_first) {
      is_dependent = pps_->dependent_slices && in_.flag();
      in_.skip(sps_->address_bits);
    }
    if (!is_dependent && !independent_part()) return false;
    if (pps_->has_entry_points && !entry_points()) return false;
    if (pps_->header_extension) in_.skip(8 * std::size_t{in_.ue()});
    // byte_alignment(): a one and zeros
    return in_.flag() && in_.ok();
  }

 private:
  enum : std::uint32_t { slice_b, slice_p, slice_i };

  bool independent_part() {
    in_.skip(pps_->extra_bits);
    slice_type_ = in_.ue();
    if (slice_type_ > slice_i) return false;
    if (pps_->output_flag) in_.skip(1);
    if (sps_->separate_colour_planes) in_.skip(2);
    if (type_ != hevc::nal_idr_w_radl && type_ != hevc::nal_idr_n_lp && !pictures()) return false;
    bool filters = false;
    if (sps_->sample_adaptive_offset) {
      filters = in_.flag();
      if (sps_->has_chroma) filters = in_.flag() || filters;
    }
    if (slice_type_ != slice_i && !prediction()) return false;
    (void)in_.se();  // slice_qp_delta
    if (pps_->chroma_qp_offsets) {
      (void)in_.se();
      (void)in_.se();
    }
    if (pps_->chroma_qp_offset_list) in_.skip(1);
    bool is_deblocked = !pps_->deblocking_disabled;
    if (pps_->deblocking_override && in_.flag()) {
      is_deblocked = !in_.flag();
      if (is_deblocked) {
        (void)in_.se();
        (void)in_.se();
      }
    }
    if (pps_->loop_filter_across && (filters || is_deblocked)) in_.skip(1);
    return in_.ok();
  }

  // From slice_pic_order_cnt_lsb to slice_temporal_mvp_enabled_flag; counts NumPicTotalCurr (7-55).
  bool pictures() {
    in_.skip(sps_->poc_lsb_bits);
    const auto& sets = sps_->picture_sets;
    if (!in_.flag()) {
      const auto own = read_picture_set(in_, sets.size(), sets, true);
      if (!own) return false;
      reference_pictures_ = own->used_count();
    } else {
      const std::size_t index = in_.bits(ceil_log2(static_cast<std::uint32_t>(sets.size())));
      if (index >= sets.size()) return false;
      reference_pictures_ = sets[index].used_count();
    }
    if (sps_->long_term_pictures && !long_term_pictures()) return false;
    temporal_mvp_ = sps_->temporal_mvp && in_.flag();
    return in_.ok();
  }

  bool long_term_pictures() {
    const auto& known = sps_->long_term_used;
    const std::uint32_t of_sps = known.empty() ? 0 : in_.ue();
    const std::uint32_t others = in_.ue();
    if (of_sps > most_long_term || others > most_long_term) return false;
    for (std::uint32_t i = 0; i < of_sps + others; ++i) {
      if (i < of_sps) {
        const std::size_t index = in_.bits(ceil_log2(static_cast<std::uint32_t>(known.size())));
        if (index >= known.size()) return false;
        if (known[index]) ++reference_pictures_;
      } else {
        in_.skip(sps_->poc_lsb_bits);
        if (in_.flag()) ++reference_pictures_;
      }
      if (in_.flag()) (void)in_.ue();  // delta_poc_msb_cycle_lt
    }
    return in_.ok();
  }

  // What P and B slices have.
  bool prediction() {
    const bool is_b = slice_type_ == slice_b;
    counts_[0] = pps_->reference_count[0];
    counts_[1] = is_b ? pps_->reference_count[1] : 0;
    if (in_.flag()) {
      for (unsigned list = 0; list < (is_b ? 2U : 1U); ++list) {
        const std::uint32_t minus1 = in_.ue();
        if (minus1 >= most_references) return false;
        counts_[list] = minus1 + 1;
      }
    }
    if (pps_->list_modification && reference_pictures_ > 1) modify_lists(is_b);
    if (is_b) in_.skip(1);  // mvd_l1_zero_flag
    if (pps_->cabac_init) in_.skip(1);
    if (temporal_mvp_) {
      const bool from_first = !is_b || in_.flag();
      if (counts_[from_first ? 0 : 1] > 1) (void)in_.ue();  // collocated_ref_idx
    }
    if (is_b ? pps_->weighted_b : pps_->weighted_p) weights();
    (void)in_.ue();  // five_minus_max_num_merge_cand
    return in_.ok();
  }

  void modify_lists(bool is_b) {
    const unsigned bits = ceil_log2(reference_pictures_);
    for (unsigned list = 0; list < (is_b ? 2U : 1U); ++list) {
      if (in_.flag()) in_.skip(std::size_t{bits} * counts_[list]);
    }
  }

  // pred_weight_table(), 7.3.6.3: one layer, so that no reference is the picture itself.
  void weights() {
    (void)in_.ue();
    if (sps_->has_chroma) (void)in_.se();
    for (const std::uint32_t count : counts_) {
      std::array<std::uint8_t, most_references + 1> values{};
      for (std::uint32_t i = 0; i < count; ++i) values[i] = in_.flag() ? 2 : 0;
      for (std::uint32_t i = 0; i < count && sps_->has_chroma; ++i) {
        if (in_.flag()) values[i] = static_cast<std::uint8_t>(values[i] + 4);
      }
      for (const std::uint8_t value : values) {
        for (unsigned i = 0; i < value; ++i) (void)in_.se();
      }
    }
  }

  bool entry_points() {
    const std::uint32_t count = in_.ue();
    if (count == 0) return true;
    const std::uint32_t bits = in_.ue() + 1;
    if (count > most_entry_points || bits > 32) return false;
    in_.skip(std::size_t{count} * bits);
    return in_.ok();
  }

  BitReader& in_;
  const HevcSliceHeaders& sets_;
  std::uint8_t type_;
  const HevcPps* pps_ = nullptr;
  const HevcSps* sps_ = nullptr;
  std::uint32_t slice_type_ = slice_i;
  std::uint32_t reference_pictures_ = 0;
  bool temporal_mvp_ = false;
  std::array<std::uint32_t, 2> counts_{};
};

Result<HevcSliceHeaders> HevcSliceHeaders::from_config(Bytes hvcc) {
  const auto sets = TRY(hevc::parameter_sets_from_config(hvcc));
  HevcSliceHeaders headers;
  for (const ByteVector& nal : sets.sps) {
    if (auto sps = parse_hevc_sps(nal)) headers.sps_[sps->id] = std::move(*sps);
  }
  for (const ByteVector& nal : sets.pps) {
    if (const auto pps = parse_hevc_pps(nal)) headers.pps_[pps->id] = *pps;
  }
  return headers;
}

std::optional<std::size_t> HevcSliceHeaders::header_size(Bytes nal) const {
  if (nal.size() <= hevc::nal_header_size || hevc::nal_layer(nal) != 0) return std::nullopt;
  // Nearly all headers are short; the long ones have weights or many entry points.
  for (const std::size_t limit : {std::size_t{48}, Unescaped::longest}) {
    const Unescaped payload{nal.subspan(hevc::nal_header_size), limit};
    BitReader in{payload.bytes()};
    if (!HeaderReader{in, *this, hevc::nal_type(nal[0])}.read()) continue;
    return hevc::nal_header_size + payload.escaped_size((in.position() + 7) / 8);
  }
  return std::nullopt;
}

}  // namespace tarn::crypto
