// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/subsamples.h"

#include <algorithm>
#include <limits>

#include "core/codecs/avc.h"
#include "core/crypto/hevc_slice.h"

namespace tarn::crypto {
namespace {

constexpr std::size_t block = 16;
// What stays clear of a slice whose header cannot be read.
constexpr std::size_t blind_lead = 96;
// Of HEVC; with an entry point for each row of blocks they get that long.
constexpr std::size_t blind_hevc_lead = 192;
constexpr std::uint8_t last_hevc_vcl = 31;  // nal_unit_type, ITU-T H.265 table 7-1

// Joins neighbours and keeps to the widths of the fields.
class MapBuilder {
 public:
  explicit MapBuilder(std::vector<Subsample>& out) : out_(out) {}

  void clear(std::size_t count) { clear_ += count; }
  void cipher(std::size_t count) {
    if (count == 0) return;
    flush();
    out_.back().cipher = static_cast<std::uint32_t>(count);
  }
  void finish() {
    if (clear_ > 0) flush();
  }

 private:
  void flush() {
    constexpr std::size_t most = std::numeric_limits<std::uint16_t>::max();
    for (; clear_ > most; clear_ -= most) out_.push_back({static_cast<std::uint16_t>(most), 0});
    out_.push_back({static_cast<std::uint16_t>(clear_), 0});
    clear_ = 0;
  }

  std::vector<Subsample>& out_;
  std::size_t clear_ = 0;
};

}  // namespace

Result<SubsampleMapper> SubsampleMapper::make(const codecs::StreamInfo& info, Scheme scheme) {
  SubsampleMapper mapper;
  mapper.scheme_ = scheme;
  switch (info.codec) {
    case codecs::Codec::h264:
      mapper.kind_ = Kind::avc;
      mapper.avc_ = TRY(AvcSliceHeaders::from_config(info.config));
      mapper.nal_length_size_ = mapper.avc_->nal_length_size();
      return mapper;
    case codecs::Codec::hevc: {
      // lengthSizeMinusOne of hvcC, ISO/IEC 14496-15 8.3.3.1.2
      constexpr std::size_t length_size_at = 21;
      if (info.config.size() <= length_size_at) return truncated("hvcC: ends inside its fields");
      mapper.kind_ = Kind::hevc;
      mapper.nal_length_size_ = (info.config[length_size_at] & 3U) + 1;
      mapper.hevc_ =
          std::make_shared<const HevcSliceHeaders>(TRY(HevcSliceHeaders::from_config(info.config)));
      return mapper;
    }
    case codecs::Codec::av1:
      mapper.kind_ = Kind::av1;
      mapper.av1_ = TRY(Av1TileReader::from_config(info.config));
      return mapper;
    default:
      break;
  }
  if (codecs::kind_of(info.codec) == codecs::Kind::audio) return mapper;
  return unsupported("encryption of " + std::string{codecs::name_of(info.codec)});
}

// Nothing: the NAL unit is no slice and stays clear.
std::optional<std::size_t> SubsampleMapper::clear_lead(Bytes nal) const {
  if (kind_ == Kind::hevc) {
    const bool is_slice = nal.size() > 2 && (nal[0] >> 1U & 0x3FU) <= last_hevc_vcl;
    if (!is_slice) return std::nullopt;
    return hevc_->header_size(nal).value_or(blind_hevc_lead);
  }
  const std::uint8_t type = codecs::avc::nal_type(nal[0]);
  if (type == 0 || (type > codecs::avc::nal_slice_idr && type != 19 && type != 20)) return std::nullopt;
  if (type != codecs::avc::nal_slice && type != codecs::avc::nal_slice_idr) return blind_lead;
  return avc_->header_size(nal).value_or(blind_lead);
}

void SubsampleMapper::restart() {
  if (av1_) av1_->restart();
}

// AV1 Codec ISO Media File Format Binding 4: a subsample for each tile, that ends with it. Of cenc it is
// whole blocks; of cbcs it begins with the tile, and the last, partial block stays clear by itself.
Status SubsampleMapper::map_tiles(Bytes sample, std::vector<Subsample>& out) {
  tiles_.clear();
  TRY(av1_->read(sample, tiles_));
  MapBuilder builder{out};
  std::size_t at = 0;
  for (const Av1TileReader::Tile& tile : tiles_) {
    const std::size_t end = tile.offset + tile.size;
    const std::size_t cipher = scheme_ == Scheme::cenc ? tile.size / block * block : tile.size;
    builder.clear(end - cipher - at);
    builder.cipher(cipher);
    at = end;
  }
  builder.clear(sample.size() - at);
  builder.finish();
  return {};
}

Status SubsampleMapper::map(Bytes sample, std::vector<Subsample>& out) {
  if (kind_ == Kind::av1) return map_tiles(sample, out);
  MapBuilder builder{out};
  while (!sample.empty()) {
    if (sample.size() < nal_length_size_) return malformed("sample: ends inside a NAL unit's length");
    std::size_t size = 0;
    for (std::size_t i = 0; i < nal_length_size_; ++i) size = size << 8U | sample[i];
    sample = sample.subspan(nal_length_size_);
    if (size > sample.size()) return malformed("sample: a NAL unit is longer than its sample");
    builder.clear(nal_length_size_);
    const Bytes nal = sample.first(size);
    sample = sample.subspan(size);
    const auto lead = size == 0 ? std::nullopt : clear_lead(nal);
    std::size_t cipher = lead && *lead < size ? size - *lead : 0;
    // cenc: whole blocks at the end of the NAL unit (9.5.2.3). cbcs begins right behind the header and the
    // last, partial block stays clear by itself (9.6.1); less than a block would be clear as a whole.
    if (scheme_ == Scheme::cenc) cipher -= cipher % block;
    if (cipher < block) cipher = 0;
    builder.clear(size - cipher);
    builder.cipher(cipher);
  }
  builder.finish();
  return {};
}

}  // namespace tarn::crypto
