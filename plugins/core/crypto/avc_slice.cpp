// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/avc_slice.h"

#include "core/codecs/avc.h"
#include "core/codecs/nal.h"
#include "core/crypto/unescaped.h"

namespace tarn::crypto {
namespace {

using codecs::BitReader;

constexpr std::uint32_t most_references = 32;

bool has_chroma_fields(std::uint32_t profile) {
  for (const unsigned with : {100U, 110U, 122U, 244U, 44U, 83U, 86U, 118U, 128U, 138U, 139U, 134U, 135U}) {
    if (profile == with) return true;
  }
  return false;
}

void skip_scaling_lists(BitReader& in, unsigned lists) {
  for (unsigned list = 0; list < lists && in.ok(); ++list) {
    if (!in.flag()) continue;
    std::int64_t last = 8;
    std::int64_t next = 8;
    for (unsigned i = 0; i < (list < 6 ? 16U : 64U) && in.ok(); ++i) {
      if (next != 0) next = (last + in.se() + 256) % 256;
      if (next != 0) last = next;
    }
  }
}

}  // namespace

// Walks slice_header() (7.3.3) to its end.
class AvcSliceHeaders::HeaderReader {
 public:
  HeaderReader(BitReader& in, const AvcSliceHeaders& sets, std::uint8_t first_byte)
      : in_(in),
        sets_(sets),
        is_idr_((first_byte & 0x1F) == codecs::avc::nal_slice_idr),
        is_reference_((first_byte & 0x60) != 0) {}

  bool read() {
    (void)in_.ue();  // first_mb_in_slice
    const std::uint32_t type = in_.ue();
    const std::uint32_t pps_id = in_.ue();
    if (!in_.ok() || type > 9 || pps_id > 255 || !sets_.pps_[pps_id]) return false;
    pps_ = &*sets_.pps_[pps_id];
    if (pps_->sps > 31 || !sets_.sps_[pps_->sps] || pps_->has_slice_groups) return false;
    sps_ = &*sets_.sps_[pps_->sps];
    type_ = type % 5;
    picture_order();
    if (pps_->redundant_pictures) (void)in_.ue();
    if (is_b()) in_.skip(1);  // direct_spatial_mv_pred_flag
    if (has_references() && !reference_lists()) return false;
    if ((pps_->weighted_p && (type_ == slice_p || type_ == slice_sp)) || (pps_->weighted_b == 1 && is_b())) {
      weights();
    }
    if (is_reference_) marking();
    if (pps_->cabac && type_ != slice_i && type_ != slice_si) (void)in_.ue();
    (void)in_.se();  // slice_qp_delta
    if (type_ == slice_sp) in_.skip(1);
    if (type_ == slice_sp || type_ == slice_si) (void)in_.se();
    if (pps_->deblocking_control && in_.ue() != 1) {
      (void)in_.se();
      (void)in_.se();
    }
    return in_.ok();
  }

 private:
  enum : std::uint32_t { slice_p, slice_b, slice_i, slice_sp, slice_si };
  [[nodiscard]] bool is_b() const { return type_ == slice_b; }
  [[nodiscard]] bool has_references() const { return type_ != slice_i && type_ != slice_si; }

  void picture_order() {
    if (sps_->separate_colour_planes) in_.skip(2);
    in_.skip(sps_->frame_num_bits);
    bool is_field = false;
    if (!sps_->frame_mbs_only) {
      is_field = in_.flag();
      if (is_field) in_.skip(1);
    }
    if (is_idr_) (void)in_.ue();  // idr_pic_id
    const bool has_bottom = pps_->bottom_field_poc && !is_field;
    if (sps_->poc_type == 0) {
      in_.skip(sps_->poc_lsb_bits);
      if (has_bottom) (void)in_.se();
    } else if (sps_->poc_type == 1 && !sps_->delta_poc_always_zero) {
      (void)in_.se();
      if (has_bottom) (void)in_.se();
    }
  }

  bool reference_lists() {
    counts_ = pps_->reference_count;
    if (in_.flag()) {
      for (unsigned list = 0; list < lists(); ++list) {
        const std::uint32_t minus1 = in_.ue();
        if (minus1 >= most_references) return false;
        counts_[list] = minus1 + 1;
      }
    }
    for (unsigned list = 0; list < lists(); ++list) {
      if (!in_.flag()) continue;
      // ref_pic_list_modification(), 7.3.3.1
      while (in_.ok()) {
        const std::uint32_t operation = in_.ue();
        if (operation == 3) break;
        if (operation > 3) return false;
        (void)in_.ue();
      }
    }
    return in_.ok();
  }
  [[nodiscard]] unsigned lists() const { return is_b() ? 2 : 1; }

  // pred_weight_table(), 7.3.3.2
  void weights() {
    (void)in_.ue();
    if (sps_->has_chroma) (void)in_.ue();
    for (unsigned list = 0; list < lists(); ++list) {
      for (std::uint32_t i = 0; i < counts_[list] && in_.ok(); ++i) {
        if (in_.flag()) skip_values(2);
        if (sps_->has_chroma && in_.flag()) skip_values(4);
      }
    }
  }
  void skip_values(unsigned count) {
    for (unsigned i = 0; i < count; ++i) (void)in_.se();
  }

  // dec_ref_pic_marking(), 7.3.3.3
  void marking() {
    if (is_idr_) return in_.skip(2);
    if (!in_.flag()) return;
    while (in_.ok()) {
      const std::uint32_t operation = in_.ue();
      if (operation == 0) return;
      if (operation == 1 || operation == 2 || operation == 3) (void)in_.ue();
      if (operation == 3 || operation == 4 || operation == 6) (void)in_.ue();
    }
  }

  BitReader& in_;
  const AvcSliceHeaders& sets_;
  bool is_idr_;
  bool is_reference_;
  const Sps* sps_ = nullptr;
  const Pps* pps_ = nullptr;
  std::uint32_t type_ = 0;
  std::array<std::uint32_t, 2> counts_{1, 1};
};

bool AvcSliceHeaders::add_sps(Bytes nal) {
  if (nal.size() < 4) return false;
  const ByteVector payload = codecs::unescape(nal.subspan(1));
  BitReader in{payload};
  Sps sps;
  const std::uint32_t profile = in.bits(8);
  in.skip(16);
  const std::uint32_t id = in.ue();
  if (has_chroma_fields(profile)) {
    const std::uint32_t chroma = in.ue();
    if (chroma == 3) sps.separate_colour_planes = in.flag();
    sps.has_chroma = chroma != 0 && !sps.separate_colour_planes;
    (void)in.ue();
    (void)in.ue();
    in.skip(1);
    if (in.flag()) skip_scaling_lists(in, chroma != 3 ? 8 : 12);
  }
  const std::uint32_t frame_num_bits = in.ue();
  sps.poc_type = in.ue();
  if (sps.poc_type == 0) {
    const std::uint32_t lsb_bits = in.ue();
    if (lsb_bits > 12) return false;
    sps.poc_lsb_bits = lsb_bits + 4;
  } else if (sps.poc_type == 1) {
    sps.delta_poc_always_zero = in.flag();
    (void)in.se();
    (void)in.se();
    const std::uint32_t cycle = in.ue();
    for (std::uint32_t i = 0; i < cycle && in.ok(); ++i) (void)in.se();
  }
  (void)in.ue();
  in.skip(1);
  (void)in.ue();
  (void)in.ue();
  sps.frame_mbs_only = in.flag();
  if (!in.ok() || id > 31 || frame_num_bits > 12) return false;
  sps.frame_num_bits = frame_num_bits + 4;
  sps_[id] = sps;
  return true;
}

bool AvcSliceHeaders::add_pps(Bytes nal) {
  if (nal.size() < 2) return false;
  const ByteVector payload = codecs::unescape(nal.subspan(1));
  BitReader in{payload};
  Pps pps;
  const std::uint32_t id = in.ue();
  pps.sps = in.ue();
  pps.cabac = in.flag();
  pps.bottom_field_poc = in.flag();
  pps.has_slice_groups = in.ue() != 0;  // what follows is of no use then: headers cannot be read
  for (std::uint32_t& count : pps.reference_count) {
    const std::uint32_t minus1 = in.ue();
    if (minus1 >= most_references && !pps.has_slice_groups) return false;
    count = minus1 + 1;
  }
  pps.weighted_p = in.flag();
  pps.weighted_b = in.bits(2);
  for (int i = 0; i < 3; ++i) (void)in.se();
  pps.deblocking_control = in.flag();
  in.skip(1);
  pps.redundant_pictures = in.flag();
  if ((!in.ok() && !pps.has_slice_groups) || id > 255 || pps.sps > 31) return false;
  pps_[id] = pps;
  return true;
}

Result<AvcSliceHeaders> AvcSliceHeaders::from_config(Bytes avcc) {
  const auto sets = TRY(codecs::avc::parameter_sets_from_config(avcc));
  AvcSliceHeaders headers;
  headers.nal_length_size_ = sets.nal_length_size;
  for (const ByteVector& sps : sets.sps) {
    if (!headers.add_sps(sps)) return malformed("H.264 SPS: ends inside its fields");
  }
  for (const ByteVector& pps : sets.pps) {
    if (!headers.add_pps(pps)) return malformed("H.264 PPS: ends inside its fields");
  }
  return headers;
}

std::optional<std::size_t> AvcSliceHeaders::header_size(Bytes nal) const {
  if (nal.empty()) return std::nullopt;
  // Nearly all headers are short; the long ones have weights or many list modifications.
  for (const std::size_t limit : {std::size_t{48}, Unescaped::longest}) {
    const Unescaped payload{nal.subspan(1), limit};
    BitReader in{payload.bytes()};
    if (!HeaderReader{in, *this, nal.front()}.read()) continue;
    return 1 + payload.escaped_size((in.position() + 7) / 8);
  }
  return std::nullopt;
}

}  // namespace tarn::crypto
