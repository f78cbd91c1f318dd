// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

// Small synthetic H.264: parameter sets and slices whose headers are right and whose data is noise.
namespace tarn::test {

class BitWriter {
 public:
  void bits(std::uint64_t value, unsigned count) {
    for (unsigned i = count; i-- > 0;) {
      if (used_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() |= static_cast<std::uint8_t>((value >> i & 1U) << (7 - used_ % 8));
      ++used_;
    }
  }
  void ue(std::uint32_t value) {
    const std::uint64_t code = std::uint64_t{value} + 1;
    unsigned length = 0;
    while (code >> length > 1) ++length;
    bits(0, length);
    bits(code, length + 1);
  }
  void se(std::int32_t value) {
    ue(value > 0 ? static_cast<std::uint32_t>(2 * value - 1) : static_cast<std::uint32_t>(-2 * value));
  }
  void stop() { bits(1, 1); }
  [[nodiscard]] const ByteVector& bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size_bits() const { return used_; }

 private:
  ByteVector bytes_;
  unsigned used_ = 0;
};

// Header byte and payload with emulation prevention.
inline ByteVector make_nal(std::uint8_t header, Bytes payload) {
  ByteVector nal{header};
  unsigned zeros = 0;
  for (const std::uint8_t byte : payload) {
    if (zeros >= 2 && byte <= 3) {
      nal.push_back(3);
      zeros = 0;
    }
    nal.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  return nal;
}

struct SpsOptions {
  std::uint8_t profile = 100;
  std::uint8_t constraints = 0;
  std::uint8_t level = 40;
  std::uint32_t id = 0;
  std::uint32_t width_mbs = 120;
  std::uint32_t height_map_units = 68;
  bool frame_mbs_only = true;
  std::uint32_t crop_bottom = 4;
  bool vui = true;
  std::uint8_t sar_index = 1;  // 255: 40:33 written out
  std::uint32_t units_in_tick = 1;
  std::uint32_t time_scale = 50;
  bool scaling_matrix = false;
  std::uint32_t poc_type = 0;
};

inline ByteVector make_sps(const SpsOptions& o = {}) {
  BitWriter w;
  w.bits(o.profile, 8);
  w.bits(o.constraints, 8);
  w.bits(o.level, 8);
  w.ue(o.id);
  if (o.profile == 100 || o.profile == 110) {
    w.ue(1);  // 4:2:0
    w.ue(o.profile == 110 ? 2 : 0);
    w.ue(o.profile == 110 ? 2 : 0);
    w.bits(0, 1);
    w.bits(o.scaling_matrix ? 1 : 0, 1);
    for (unsigned list = 0; o.scaling_matrix && list < 8; ++list) {
      w.bits(list % 2, 1);
      for (unsigned i = 0; list % 2 == 1 && i < (list < 6 ? 16U : 64U); ++i) w.se(i == 0 ? 8 : 1);
    }
  }
  w.ue(4);  // frame_num has 8 bits
  w.ue(o.poc_type);
  if (o.poc_type == 0) w.ue(2);
  if (o.poc_type == 1) {
    w.bits(0, 1);
    w.se(-3);
    w.se(2);
    w.ue(2);
    w.se(1);
    w.se(-1);
  }
  w.ue(4);
  w.bits(0, 1);
  w.ue(o.width_mbs - 1);
  w.ue(o.height_map_units - 1);
  w.bits(o.frame_mbs_only ? 1 : 0, 1);
  if (!o.frame_mbs_only) w.bits(0, 1);
  w.bits(1, 1);
  w.bits(o.crop_bottom > 0 ? 1 : 0, 1);
  if (o.crop_bottom > 0) {
    w.ue(0);
    w.ue(0);
    w.ue(0);
    w.ue(o.crop_bottom);
  }
  w.bits(o.vui ? 1 : 0, 1);
  if (o.vui) {
    w.bits(1, 1);
    w.bits(o.sar_index, 8);
    if (o.sar_index == 255) {
      w.bits(40, 16);
      w.bits(33, 16);
    }
    w.bits(0, 1);
    w.bits(1, 1);  // video_signal_type with colour description
    w.bits(5, 3);
    w.bits(0, 1);
    w.bits(1, 1);
    w.bits(0x010101, 24);
    w.bits(0, 1);
    w.bits(1, 1);
    w.bits(o.units_in_tick, 32);
    w.bits(o.time_scale, 32);
    w.bits(1, 1);
    w.bits(0, 4);
  }
  w.stop();
  return make_nal(0x67, w.bytes());
}

inline ByteVector make_pps(std::uint32_t id = 0, std::uint32_t sps_id = 0) {
  BitWriter w;
  w.ue(id);
  w.ue(sps_id);
  w.bits(0, 2);
  w.ue(0);
  w.ue(0);
  w.ue(0);
  w.bits(0, 3);
  w.se(0);
  w.se(0);
  w.se(0);
  w.bits(0, 3);
  w.stop();
  return make_nal(0x68, w.bytes());
}

struct SliceOptions {
  std::uint8_t header = 0x41;  // 0x65: IDR
  std::uint32_t first_mb = 0;
  std::uint32_t type = 5;  // P
  std::uint32_t pps_id = 0;
  std::uint32_t frame_num = 0;
  bool interlaced = false;  // the SPS says !frame_mbs_only
  bool field = false;
  bool bottom = false;
  std::size_t size = 40;  // of the noise
  std::uint32_t seed = 1;
};

inline ByteVector make_slice(const SliceOptions& o = {}) {
  BitWriter w;
  w.ue(o.first_mb);
  w.ue(o.type);
  w.ue(o.pps_id);
  w.bits(o.frame_num, 8);
  if (o.interlaced) {
    w.bits(o.field ? 1 : 0, 1);
    if (o.field) w.bits(o.bottom ? 1 : 0, 1);
  }
  std::uint32_t noise = o.seed * 2'654'435'761U + 1;
  for (std::size_t i = 0; i < o.size; ++i) {
    noise = noise * 1'664'525U + 1'013'904'223U;
    // Many zeros and ones: start codes almost happen, and emulation prevention does.
    w.bits((noise >> 24U) < 100 ? noise >> 31U : noise >> 16U & 0xFFU, 8);
  }
  w.stop();
  return make_nal(o.header, w.bytes());
}

inline ByteVector make_recovery_point() {
  // user data in front, so that the message has to be looked for
  const ByteVector payload{0x04, 0x03, 0xAA, 0xBB, 0xCC, 0x06, 0x01, 0xC4, 0x80};
  return make_nal(0x06, payload);
}

inline ByteVector make_delimiter() { return {0x09, 0xF0}; }

}  // namespace tarn::test
