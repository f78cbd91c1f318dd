// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/box_writer.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/prft.h"

namespace tarn::isobmff {
namespace {

constexpr std::int64_t seconds_from_1900_to_1970 = 2'208'988'800;

// Era and all but the low 32 bits of the seconds are not said, so 2036 is no end.
std::uint64_t ntp_timestamp(Utc utc) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(utc);
  const auto seconds =
      static_cast<std::uint64_t>(whole.time_since_epoch().count() + seconds_from_1900_to_1970);
  const auto micros = static_cast<std::uint64_t>((utc - whole) / Microseconds{1});
  return seconds << 32U | (micros << 32U) / 1'000'000;
}

}  // namespace

ByteVector producer_reference_time(Utc utc, std::int64_t media_time) {
  Prft prft{.ntp_timestamp = ntp_timestamp(utc), .media_time = static_cast<std::uint64_t>(media_time)};
  ByteVector out;
  append_box(out, prft);
  return out;
}

}  // namespace tarn::isobmff
