// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/av1_frame_header.h"

#include <algorithm>

// Names in comments are those of the AV1 specification; what is read in one place and matters in another is a
// member, everything else is skipped.
namespace tarn::crypto {
namespace {

using codecs::BitReader;
using codecs::av1::SequenceHeader;
using codecs::av1::SequenceTools;

enum : std::uint32_t { key_frame, inter_frame, intra_only_frame, switch_frame };

constexpr std::uint32_t references_per_frame = 7;
constexpr std::uint32_t all_frames = 0xFF;
constexpr std::uint32_t no_primary_frame = 7;
constexpr std::uint32_t most_tiles = 64;  // in a row or column
constexpr std::uint32_t widest_tile = 4'096;
constexpr std::uint32_t largest_tile = 4'096 * 2'304;
constexpr std::int32_t most_quantizer = 255;

// The least k with blk_size << k >= target.
std::uint32_t tile_log2(std::uint32_t size, std::uint32_t target) {
  std::uint32_t k = 0;
  while (size << k < target) ++k;
  return k;
}

// ns(n), 4.10.7
std::uint32_t read_ns(BitReader& in, std::uint32_t n) {
  std::uint32_t width = 0;
  while (n >> width != 0) ++width;
  if (width == 0) return 0;
  const std::uint32_t m = (1U << width) - n;
  const std::uint32_t value = in.bits(width - 1);
  return value < m ? value : (value << 1U) - m + in.bits(1);
}

class HeaderReader {
 public:
  HeaderReader(BitReader& in, const SequenceHeader& sequence, const codecs::av1::Obu& obu,
               Av1References& references)
      : in_(in), sequence_(sequence), tools_(sequence.tools), obu_(obu), refs_(references) {}

  Result<Av1Frame> read() {
    if (!tools_.reduced_still_picture && in_.flag()) return show_existing();
    kind();
    screen_content();
    if (tools_.has_frame_ids) in_.skip(tools_.frame_id_bits);
    if (type_ == switch_frame) {
      has_size_ = true;
    } else {
      has_size_ = !tools_.reduced_still_picture && in_.flag();
    }
    self_.order_hint = in_.bits(tools_.order_hint_bits);
    if (!is_intra_ && !is_resilient_) primary_ = in_.bits(3);
    removal_times();
    const bool refreshes_all = type_ == switch_frame || (type_ == key_frame && is_shown_);
    refresh_ = refreshes_all ? all_frames : in_.bits(8);
    if ((!is_intra_ || refresh_ != all_frames) && is_resilient_ && tools_.order_hint_bits > 0) hints();
    if (is_intra_) {
      frame_size();
      render_size();
      if (allows_screen_tools_ && upscaled_width_ == width_) allows_intrabc_ = in_.flag();
    } else {
      TRY(references());
    }
    if (!tools_.reduced_still_picture && !disables_cdf_update_) in_.skip(1);  // disable_frame_end_update_cdf
    Av1Frame frame;
    frame.tiling = TRY(tile_info());
    quantization();
    TRY(segmentation());
    deltas();
    is_lossless();
    loop_filter();
    cdef();
    restoration();
    if (!coded_lossless_) in_.skip(1);               // tx_mode_select
    const bool selects = !is_intra_ && in_.flag();   // reference_select
    if (selects && allows_skip_mode()) in_.skip(1);  // skip_mode_present
    const bool may_warp = !is_intra_ && !is_resilient_ && tools_.enable_warped_motion;
    in_.skip(may_warp ? 2 : 1);  // allow_warped_motion, reduced_tx_set
    if (!is_intra_) global_motion();
    if (tools_.has_film_grain && (is_shown_ || is_showable_)) film_grain();
    if (!in_.ok()) return truncated("AV1: a frame header ends inside its fields");
    self_.is_key = type_ == key_frame;
    refresh(self_);
    return frame;
  }

 private:
  Result<Av1Frame> show_existing() {
    const auto& shown = refs_[in_.bits(3)];
    if (!in_.ok()) return truncated("AV1: a frame header ends inside its fields");
    if (shown && shown->is_key) {
      refresh_ = all_frames;
      refresh(Av1Reference{*shown});
    }
    Av1Frame frame;
    frame.shows_existing = true;
    return frame;
  }

  void refresh(const Av1Reference& frame) {
    for (std::size_t i = 0; i < refs_.size(); ++i)
      if ((refresh_ >> i & 1U) != 0) refs_[i] = frame;
  }

  void kind() {
    if (tools_.reduced_still_picture) {
      is_intra_ = is_shown_ = is_resilient_ = true;
      return;
    }
    type_ = in_.bits(2);
    is_intra_ = type_ == key_frame || type_ == intra_only_frame;
    is_shown_ = in_.flag();
    if (is_shown_ && tools_.has_decoder_model_info && !tools_.equal_picture_interval)
      in_.skip(tools_.frame_presentation_time_bits);
    is_showable_ = is_shown_ ? type_ != key_frame : in_.flag();
    is_resilient_ = type_ == switch_frame || (type_ == key_frame && is_shown_) || in_.flag();
  }

  void screen_content() {
    disables_cdf_update_ = in_.flag();
    allows_screen_tools_ =
        tools_.force_screen_content_tools == 2 ? in_.flag() : tools_.force_screen_content_tools == 1;
    if (!allows_screen_tools_) return;
    forces_integer_mv_ = tools_.force_integer_mv == 2 ? in_.flag() : tools_.force_integer_mv == 1;
  }

  void removal_times() {
    if (!tools_.has_decoder_model_info || !in_.flag()) return;
    for (std::uint32_t i = 0; i < tools_.point_count; ++i) {
      const SequenceTools::OperatingPoint& point = tools_.points[i];
      if (!point.has_decoder_model) continue;
      const bool is_in =
          (point.idc >> obu_.temporal_id & 1U) != 0 && (point.idc >> (obu_.spatial_id + 8) & 1U) != 0;
      if (point.idc == 0 || is_in) in_.skip(tools_.buffer_removal_time_bits);
    }
  }

  // ref_order_hint[]: a frame that is missing is known by its order hint.
  void hints() {
    for (auto& reference : refs_) {
      const std::uint32_t hint = in_.bits(tools_.order_hint_bits);
      if (reference && reference->order_hint == hint) continue;
      reference.emplace();
      reference->order_hint = hint;
    }
  }

  void frame_size() {
    width_ = has_size_ ? in_.bits(tools_.width_bits) + 1 : sequence_.width;
    self_.height = has_size_ ? in_.bits(tools_.height_bits) + 1 : sequence_.height;
    superres();
  }

  void superres() {
    upscaled_width_ = self_.upscaled_width = width_;
    if (!tools_.enable_superres || !in_.flag()) return;
    const std::uint32_t denominator = in_.bits(3) + 9;
    width_ = (upscaled_width_ * 8 + denominator / 2) / denominator;
  }

  void render_size() {
    if (in_.flag()) in_.skip(32);
  }

  Status references() {
    const bool is_short = tools_.order_hint_bits > 0 && in_.flag();
    if (is_short) {
      const std::uint32_t last = in_.bits(3);
      const std::uint32_t golden = in_.bits(3);
      TRY(choose_references(last, golden));
    }
    for (std::uint32_t& index : indexes_) {
      if (!is_short) index = in_.bits(3);
      if (tools_.has_frame_ids) in_.skip(tools_.delta_frame_id_bits);
    }
    for (const std::uint32_t index : indexes_) {
      if (!refs_[index]) return unsupported("AV1: a frame refers to one that did not come");
    }
    if (has_size_ && !is_resilient_) {
      frame_size_with_references();
    } else {
      frame_size();
      render_size();
    }
    if (!forces_integer_mv_) has_high_precision_ = in_.flag();
    if (!in_.flag()) in_.skip(2);  // interpolation_filter
    in_.skip(1);                   // is_motion_mode_switchable
    if (!is_resilient_ && tools_.enable_ref_frame_mvs) in_.skip(1);
    return {};
  }

  void frame_size_with_references() {
    for (const std::uint32_t index : indexes_) {
      if (!in_.flag()) continue;
      width_ = refs_[index]->upscaled_width;
      self_.height = refs_[index]->height;
      superres();
      return;
    }
    frame_size();
    render_size();
  }

  [[nodiscard]] std::int32_t relative_distance(std::uint32_t a, std::uint32_t b) const {
    if (tools_.order_hint_bits == 0) return 0;
    const auto difference = static_cast<std::int32_t>(a) - static_cast<std::int32_t>(b);
    const std::int32_t m = 1 << (tools_.order_hint_bits - 1);
    return (difference & (m - 1)) - (difference & m);
  }

  // set_frame_refs(), 7.8
  Status choose_references(std::uint32_t last, std::uint32_t golden) {
    enum : std::size_t { at_last, at_last2, at_last3, at_golden, at_bwd, at_alt2, at_alt };
    std::array<std::optional<std::uint32_t>, references_per_frame> chosen{};
    std::array<bool, 8> is_used{};
    std::array<std::int32_t, 8> distances{};
    for (std::size_t i = 0; i < refs_.size(); ++i) {
      if (!refs_[i]) return unsupported("AV1: a frame refers to one that did not come");
      distances[i] = relative_distance(refs_[i]->order_hint, self_.order_hint);
    }
    const auto choose = [&](std::size_t at, std::optional<std::uint32_t> index) {
      if (!index) return;
      chosen[at] = index;
      is_used[*index] = true;
    };
    // The one with the greatest (the last of equals) or least (the first) distance of one sign.
    const auto find = [&](bool backward, bool greatest) {
      std::optional<std::uint32_t> found;
      for (std::uint32_t i = 0; i < 8; ++i) {
        if (is_used[i] || (distances[i] >= 0) != backward) continue;
        if (!found || (greatest ? distances[i] >= distances[*found] : distances[i] < distances[*found]))
          found = i;
      }
      return found;
    };
    choose(at_last, last);
    choose(at_golden, golden);
    choose(at_alt, find(true, true));
    choose(at_bwd, find(true, false));
    choose(at_alt2, find(true, false));
    for (const std::size_t at : {at_last2, at_last3, at_bwd, at_alt2, at_alt})
      if (!chosen[at]) choose(at, find(false, true));
    const auto earliest =
        static_cast<std::uint32_t>(std::min_element(distances.begin(), distances.end()) - distances.begin());
    for (std::size_t i = 0; i < indexes_.size(); ++i) indexes_[i] = chosen[i].value_or(earliest);
    return {};
  }

  // 5.9.15
  Result<Av1Tiling> tile_info() {
    const std::uint32_t shift = tools_.use_128x128_superblock ? 7 : 6;
    const auto superblocks = [shift](std::uint32_t pixels) {
      const std::uint32_t even = (pixels + 7) / 8 * 8;  // MiCols, MiRows
      return (even + (1U << shift) - 1) >> shift;
    };
    const std::uint32_t columns = superblocks(width_);
    const std::uint32_t rows = superblocks(self_.height);
    if (!in_.ok() || columns == 0 || rows == 0)
      return truncated("AV1: a frame header ends inside its fields");
    const std::uint32_t widest = widest_tile >> shift;
    const std::uint32_t least_columns_log2 = tile_log2(widest, columns);
    const std::uint32_t least_tiles_log2 =
        std::max(least_columns_log2, tile_log2(largest_tile >> (2 * shift), rows * columns));
    Av1Tiling tiling;
    const bool is_uniform = in_.flag();
    if (is_uniform) {
      tiling.columns_log2 = count_up(least_columns_log2, tile_log2(1, std::min(columns, most_tiles)));
      tiling.columns = uniform_tiles(columns, tiling.columns_log2);
      const std::uint32_t least_rows_log2 =
          least_tiles_log2 > tiling.columns_log2 ? least_tiles_log2 - tiling.columns_log2 : 0;
      tiling.rows_log2 = count_up(least_rows_log2, tile_log2(1, std::min(rows, most_tiles)));
      tiling.rows = uniform_tiles(rows, tiling.rows_log2);
    } else {
      std::uint32_t width = 1;
      tiling.columns = own_tiles(columns, widest, &width);
      const std::uint32_t area =
          least_tiles_log2 > 0 ? rows * columns >> (least_tiles_log2 + 1) : rows * columns;
      tiling.rows = own_tiles(rows, std::max(area / width, 1U), nullptr);
      tiling.columns_log2 = tile_log2(1, tiling.columns);
      tiling.rows_log2 = tile_log2(1, tiling.rows);
    }
    if (tiling.columns > most_tiles || tiling.rows > most_tiles)
      return Error{ErrorCode::limit, "AV1: a frame has more than 64 tiles in a row or column"};
    if (tiling.columns_log2 > 0 || tiling.rows_log2 > 0) {
      in_.skip(tiling.columns_log2 + tiling.rows_log2);  // context_update_tile_id
      tiling.size_bytes = in_.bits(2) + 1;
    }
    return tiling;
  }

  std::uint32_t count_up(std::uint32_t from, std::uint32_t most) {
    while (from < most && in_.flag()) ++from;
    return from;
  }
  static std::uint32_t uniform_tiles(std::uint32_t superblocks, std::uint32_t log2) {
    const std::uint32_t each = (superblocks + (1U << log2) - 1) >> log2;
    return (superblocks + each - 1) / each;
  }
  // Bounded: each tile takes a superblock at least.
  std::uint32_t own_tiles(std::uint32_t superblocks, std::uint32_t most, std::uint32_t* greatest) {
    std::uint32_t count = 0;
    for (std::uint32_t at = 0; at < superblocks; ++count) {
      const std::uint32_t size = read_ns(in_, std::min(superblocks - at, most)) + 1;
      if (greatest != nullptr) *greatest = std::max(*greatest, size);
      at += size;
    }
    return count;
  }

  std::int32_t signed_bits(unsigned count) {
    const auto value = static_cast<std::int32_t>(in_.bits(count));
    const std::int32_t sign = 1 << (count - 1);
    return (value & sign) != 0 ? value - 2 * sign : value;
  }
  bool delta_q() { return in_.flag() && signed_bits(7) != 0; }  // what matters is whether it is 0

  [[nodiscard]] bool is_monochrome() const { return sequence_.monochrome; }

  void quantization() {
    quantizer_ = static_cast<std::int32_t>(in_.bits(8));
    has_delta_q_ = delta_q();
    if (!is_monochrome()) {
      const bool differs = tools_.separate_uv_delta_q && in_.flag();
      for (int i = 0; i < (differs ? 4 : 2); ++i) has_delta_q_ = delta_q() || has_delta_q_;
    }
    if (in_.flag()) in_.skip(tools_.separate_uv_delta_q ? 12 : 8);  // qm_y, qm_u, qm_v
  }

  // 5.9.14
  Status segmentation() {
    has_segments_ = in_.flag();
    if (!has_segments_) return {};
    bool updates = true;
    if (primary_ != no_primary_frame) {
      if (in_.flag()) in_.skip(1);  // update_map, temporal_update
      updates = in_.flag();
    }
    if (!updates) {
      self_.segments = refs_[indexes_[primary_]]->segments;
      return {};
    }
    constexpr std::array<unsigned, 8> bits{8, 6, 6, 6, 6, 3, 0, 0};
    constexpr std::size_t signed_features = 5;
    for (auto& quantizer : self_.segments.quantizers) {
      for (std::size_t feature = 0; feature < bits.size(); ++feature) {
        if (!in_.flag()) continue;
        if (feature == 0) {
          quantizer = std::clamp(signed_bits(1 + bits[0]), -most_quantizer, most_quantizer);
        } else {
          in_.skip(bits[feature] + (feature < signed_features ? 1 : 0));
        }
      }
    }
    return {};
  }

  void deltas() {
    if (quantizer_ == 0 || !in_.flag()) return;  // delta_q_present
    in_.skip(2);
    if (!allows_intrabc_ && in_.flag()) in_.skip(3);  // delta_lf
  }

  void is_lossless() {
    coded_lossless_ = !has_delta_q_;
    for (const auto& own : self_.segments.quantizers) {
      const std::int32_t index =
          has_segments_ && own ? std::clamp(quantizer_ + *own, 0, most_quantizer) : quantizer_;
      coded_lossless_ = coded_lossless_ && index == 0;
    }
  }

  void loop_filter() {
    if (coded_lossless_ || allows_intrabc_) return;
    const bool filters = in_.bits(12) != 0;
    if (!is_monochrome() && filters) in_.skip(12);
    in_.skip(3);                             // sharpness
    if (!in_.flag() || !in_.flag()) return;  // delta_enabled, delta_update
    for (int i = 0; i < 8 + 2; ++i)
      if (in_.flag()) in_.skip(7);
  }

  void cdef() {
    if (coded_lossless_ || allows_intrabc_ || !tools_.enable_cdef) return;
    in_.skip(2);
    const std::size_t count = std::size_t{1} << in_.bits(2);
    in_.skip(count * (is_monochrome() ? 6 : 12));
  }

  void restoration() {
    const bool all_lossless = coded_lossless_ && width_ == upscaled_width_;
    if (all_lossless || allows_intrabc_ || !tools_.enable_restoration) return;
    const bool luma = in_.bits(2) != 0;
    bool chroma = false;
    for (int i = 0; i < (is_monochrome() ? 0 : 2); ++i) chroma = in_.bits(2) != 0 || chroma;
    if (!luma && !chroma) return;
    if (in_.flag() && !tools_.use_128x128_superblock) in_.skip(1);
    if (sequence_.subsampling_x && sequence_.subsampling_y && chroma) in_.skip(1);
  }

  // skip_mode_params(), 5.9.22
  [[nodiscard]] bool allows_skip_mode() const {
    if (tools_.order_hint_bits == 0) return false;
    std::optional<std::uint32_t> forward;
    bool has_backward = false;
    for (const std::uint32_t index : indexes_) {
      const std::uint32_t hint = refs_[index]->order_hint;
      const std::int32_t distance = relative_distance(hint, self_.order_hint);
      if (distance < 0 && (!forward || relative_distance(hint, *forward) > 0)) forward = hint;
      has_backward = has_backward || distance > 0;
    }
    if (!forward) return false;
    return has_backward || std::any_of(indexes_.begin(), indexes_.end(), [&](std::uint32_t index) {
             return relative_distance(refs_[index]->order_hint, *forward) < 0;
           });
  }

  // 5.9.24
  void global_motion() {
    for (std::uint32_t i = 0; i < references_per_frame; ++i) {
      if (!in_.flag()) continue;  // is_global
      const bool is_rotation = in_.flag();
      const bool is_translation = !is_rotation && in_.flag();
      if (!is_translation) {
        for (int parameter = 0; parameter < (is_rotation ? 2 : 4); ++parameter) global_parameter(12);
      }
      const unsigned bits = !is_translation ? 12 : has_high_precision_ ? 9 : 8;
      global_parameter(bits);
      global_parameter(bits);
    }
  }
  // decode_signed_subexp_with_ref(): how long it is does not depend on what it refers to.
  void global_parameter(unsigned absolute_bits) {
    const std::uint32_t count = 2 * (1U << absolute_bits) + 1;
    std::uint32_t low = 0;
    for (unsigned i = 0; in_.ok(); ++i) {
      const unsigned bits = i == 0 ? 3 : 3 + i - 1;
      const std::uint32_t step = 1U << bits;
      if (count <= low + 3 * step) {
        read_ns(in_, count - low);
        return;
      }
      if (!in_.flag()) {
        in_.skip(bits);
        return;
      }
      low += step;
    }
  }

  // 5.9.30
  void film_grain() {
    if (!in_.flag()) return;
    in_.skip(16);
    if (type_ == inter_frame && !in_.flag()) {
      in_.skip(3);  // film_grain_params_ref_idx
      return;
    }
    const std::size_t luma = in_.bits(4);
    in_.skip(luma * 16);
    const bool from_luma = !is_monochrome() && in_.flag();
    const bool no_chroma =
        is_monochrome() || from_luma || (sequence_.subsampling_x && sequence_.subsampling_y && luma == 0);
    std::array<std::size_t, 2> chroma{};
    for (std::size_t& points : chroma) {
      if (no_chroma) continue;
      points = in_.bits(4);
      in_.skip(points * 16);
    }
    in_.skip(2);
    const std::size_t lag = in_.bits(2);
    const std::size_t coefficients = 2 * lag * (lag + 1);
    if (luma > 0) in_.skip(coefficients * 8);
    for (const std::size_t points : chroma)
      if (from_luma || points > 0) in_.skip((coefficients + (luma > 0 ? 1 : 0)) * 8);
    in_.skip(4);
    for (const std::size_t points : chroma)
      if (points > 0) in_.skip(25);
    in_.skip(2);
  }

  BitReader& in_;
  const SequenceHeader& sequence_;
  const SequenceTools& tools_;
  const codecs::av1::Obu& obu_;
  Av1References& refs_;

  std::uint32_t type_ = key_frame;
  bool is_intra_ = false;
  bool is_shown_ = false;
  bool is_showable_ = false;
  bool is_resilient_ = false;
  bool disables_cdf_update_ = false;
  bool allows_screen_tools_ = false;
  bool forces_integer_mv_ = false;
  bool has_size_ = false;
  std::uint32_t primary_ = no_primary_frame;
  std::uint32_t refresh_ = 0;
  std::uint32_t width_ = 0;  // FrameWidth
  std::uint32_t upscaled_width_ = 0;
  bool allows_intrabc_ = false;
  bool has_high_precision_ = false;
  std::array<std::uint32_t, references_per_frame> indexes_{};  // ref_frame_idx
  std::int32_t quantizer_ = 0;
  bool has_delta_q_ = false;
  bool has_segments_ = false;
  bool coded_lossless_ = false;
  Av1Reference self_;
};

}  // namespace

Result<Av1Frame> read_av1_frame_header(BitReader& in, const SequenceHeader& sequence,
                                       const codecs::av1::Obu& obu, Av1References& references) {
  return HeaderReader{in, sequence, obu, references}.read();
}

}  // namespace tarn::crypto
