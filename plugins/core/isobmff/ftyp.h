// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// ISO/IEC 14496-12 4.3. Tarn writes a fixed set of brands and reads none.
template <FourCC box_type, std::size_t brand_count>
struct Brands {
  static constexpr FourCC type = box_type;
  FourCC major_brand = 0;
  std::uint32_t minor_version = 0;
  std::array<FourCC, brand_count> compatible_brands{};

  template <class Io>
  void fields(Io& io) {
    io.field("major_brand", major_brand);
    io.field("minor_version", minor_version);
    for (FourCC& brand : compatible_brands) io.field("compatible_brand", brand);
  }
};

// CMAF track (ISO/IEC 23000-19 7.2) in a file that needs iso6 (14496-12: default-base-is-moof,
// signed composition offsets). No media profile is claimed: what is in the track is passed through.
using Ftyp = Brands<fourcc("ftyp"), 2>;
constexpr Ftyp cmaf_header_brands{.major_brand = fourcc("cmfc"),
                                  .compatible_brands = {fourcc("cmfc"), fourcc("iso6")}};

// A DASH media segment that is a CMAF segment, begins a fragment and is made of chunks
// (ISO/IEC 23009-1 6.3.4.2, ISO/IEC 23000-19 7.3.2.3 and 7.3.3).
using Styp = Brands<fourcc("styp"), 4>;
constexpr Styp cmaf_segment_brands{
    .major_brand = fourcc("msdh"),
    .compatible_brands = {fourcc("msdh"), fourcc("cmfs"), fourcc("cmff"), fourcc("cmfl")}};

}  // namespace tarn::isobmff
