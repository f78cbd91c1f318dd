// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"

// Transport streams made packet by packet, with nothing of the code under test.
namespace tarn::test {

inline std::uint32_t section_crc(Bytes bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    for (int bit = 7; bit >= 0; --bit) {
      const bool one = ((crc >> 31U) ^ (byte >> bit & 1U)) != 0;
      crc = crc << 1U ^ (one ? 0x04C11DB7U : 0U);
    }
  }
  return crc;
}

inline ByteVector joined(std::initializer_list<ByteVector> parts) {
  ByteVector all;
  for (const ByteVector& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

struct PesOptions {
  std::uint8_t stream_id = 0xE0;
  std::optional<std::int64_t> pts{};
  std::optional<std::int64_t> dts{};
  bool bounded = false;
  std::size_t header_stuffing = 0;
  std::size_t announced_more = 0;  // bytes that the length promises and that do not come
  std::uint8_t scrambling = 0;
};

inline ByteVector make_pes(Bytes payload, const PesOptions& o) {
  const auto timestamp = [](std::uint8_t prefix, std::int64_t t) {
    return ByteVector{static_cast<std::uint8_t>(prefix << 4U | (t >> 30U & 7U) << 1U | 1U),
                      static_cast<std::uint8_t>(t >> 22U),
                      static_cast<std::uint8_t>((t >> 15U & 0x7FU) << 1U | 1U),
                      static_cast<std::uint8_t>(t >> 7U), static_cast<std::uint8_t>((t & 0x7FU) << 1U | 1U)};
  };
  ByteVector optional;
  if (o.pts) optional = timestamp(o.dts ? 3 : 2, *o.pts);
  if (o.dts) optional = joined({optional, timestamp(1, *o.dts)});
  optional.insert(optional.end(), o.header_stuffing, 0xFF);
  const std::size_t length = o.bounded ? 3 + optional.size() + payload.size() + o.announced_more : 0;
  const ByteVector head{0,
                        0,
                        1,
                        o.stream_id,
                        static_cast<std::uint8_t>(length >> 8U),
                        static_cast<std::uint8_t>(length),
                        static_cast<std::uint8_t>(0x80U | o.scrambling << 4U),
                        static_cast<std::uint8_t>((o.pts ? 0x80U : 0U) | (o.dts ? 0x40U : 0U)),
                        static_cast<std::uint8_t>(optional.size())};
  return joined({head, optional, {payload.begin(), payload.end()}});
}

class TsBuilder {
 public:
  struct Stream {
    std::uint8_t type = 0;
    std::uint16_t pid = 0;
    std::string language{};
    ByteVector descriptors{};
  };
  static constexpr std::uint16_t pmt_pid = 0x1000;

  // One packet with `payload` (at most 184 bytes), stuffed by an adaptation field.
  ByteVector& packet(std::uint16_t pid, bool unit_start, Bytes payload, std::uint8_t adaptation_flags = 0) {
    ByteVector p{0x47, static_cast<std::uint8_t>((unit_start ? 0x40U : 0U) | pid >> 8U),
                 static_cast<std::uint8_t>(pid), static_cast<std::uint8_t>(0x10U | counters_.at(pid))};
    counters_.at(pid) = (counters_.at(pid) + 1U) & 15U;
    std::size_t stuffing = 184 - payload.size();
    if (adaptation_flags != 0 && stuffing < 2) stuffing = 2;
    if (stuffing > 0) {
      p[3] |= 0x20;
      p.push_back(static_cast<std::uint8_t>(stuffing - 1));
      if (stuffing > 1) p.push_back(adaptation_flags);
      p.insert(p.end(), stuffing > 2 ? stuffing - 2 : 0, 0xFF);
    }
    p.insert(p.end(), payload.begin(), payload.end());
    packets_.push_back(p);
    return packets_.back();
  }

  // A section over as many packets as it takes.
  void section(std::uint16_t pid, ByteVector body, std::uint32_t damage = 0) {
    const std::uint32_t crc = section_crc(body) ^ damage;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) body.push_back(static_cast<std::uint8_t>(crc >> shift));
    body.insert(body.begin(), 0);  // pointer_field
    body.resize((body.size() + 183) / 184 * 184, 0xFF);
    for (std::size_t at = 0; at < body.size(); at += 184) packet(pid, at == 0, Bytes{body}.subspan(at, 184));
  }
  void pat(std::uint16_t program_map_pid = pmt_pid) {
    section(0, {0, 0xB0, 13, 0, 1, 0xC1, 0, 0, 0, 1, static_cast<std::uint8_t>(0xE0U | program_map_pid >> 8U),
                static_cast<std::uint8_t>(program_map_pid)});
  }
  void pmt(const std::vector<Stream>& streams, std::uint8_t version = 0, std::uint32_t damage = 0,
           std::size_t program_info = 0) {
    ByteVector body{2,
                    0,
                    0,
                    0,
                    1,
                    static_cast<std::uint8_t>(0xC1U | version << 1U),
                    0,
                    0,
                    0xE1,
                    0,
                    static_cast<std::uint8_t>(0xF0U | program_info >> 8U),
                    static_cast<std::uint8_t>(program_info)};
    for (std::size_t i = 0; i < program_info; ++i) body.push_back(i % 2 == 0 ? 0x80 : 0);
    for (const Stream& stream : streams) {
      body.push_back(stream.type);
      body.push_back(static_cast<std::uint8_t>(0xE0U | stream.pid >> 8U));
      body.push_back(static_cast<std::uint8_t>(stream.pid));
      body.push_back(0xF0);
      body.push_back(
          static_cast<std::uint8_t>((stream.language.empty() ? 0U : 6U) + stream.descriptors.size()));
      body.insert(body.end(), stream.descriptors.begin(), stream.descriptors.end());
      if (stream.language.empty()) continue;
      body.push_back(0x0A);
      body.push_back(4);
      body.insert(body.end(), stream.language.begin(), stream.language.end());
      body.push_back(0);
    }
    const std::size_t length = body.size() - 3 + 4;
    body[1] = static_cast<std::uint8_t>(0xB0U | length >> 8U);
    body[2] = static_cast<std::uint8_t>(length);
    section(pmt_pid, body, damage);
  }
  void tables(const std::vector<Stream>& streams) {
    pat();
    pmt(streams);
  }

  // A PES packet, `per_packet` bytes of it in each packet.
  void pes(std::uint16_t pid, Bytes payload, const PesOptions& options, std::size_t per_packet = 184) {
    const ByteVector bytes = make_pes(payload, options);
    for (std::size_t at = 0; at < bytes.size(); at += per_packet) {
      packet(pid, at == 0, Bytes{bytes}.subspan(at, std::min(per_packet, bytes.size() - at)));
    }
  }

  void skip_counter(std::uint16_t pid) { counters_.at(pid) = (counters_.at(pid) + 1U) & 15U; }
  std::vector<ByteVector>& packets() { return packets_; }
  [[nodiscard]] ByteVector bytes() const {
    ByteVector all;
    for (const ByteVector& p : packets_) all.insert(all.end(), p.begin(), p.end());
    return all;
  }

 private:
  std::vector<ByteVector> packets_;
  std::array<std::uint8_t, 8192> counters_{};
};

inline constexpr std::uint8_t type_h264 = 0x1B;
inline constexpr std::uint8_t type_aac = 0x0F;
inline constexpr std::uint16_t video_pid = 0x100;
inline constexpr std::uint16_t audio_pid = 0x101;

// NAL units behind start codes of three bytes, the first one's of four.
inline ByteVector byte_stream(const std::vector<ByteVector>& nals) {
  ByteVector all{0};
  for (const ByteVector& nal : nals) all = joined({all, {0, 0, 1}, nal});
  return all;
}

// NAL units behind lengths: what samples are to be.
inline ByteVector length_prefixed(const std::vector<ByteVector>& nals) {
  ByteVector all;
  Writer out{all};
  for (const ByteVector& nal : nals) {
    out.u32(nal.size());
    out.bytes(nal);
  }
  return all;
}

// LC, 48 kHz, stereo
inline ByteVector adts_frame(Bytes raw, bool crc = false, std::uint8_t channels = 2,
                             std::uint8_t blocks = 0) {
  const std::size_t size = raw.size() + (crc ? 9 : 7);
  ByteVector frame{0xFF,
                   static_cast<std::uint8_t>(crc ? 0xF0 : 0xF1),
                   static_cast<std::uint8_t>(0x4CU | channels >> 2U),
                   static_cast<std::uint8_t>((channels & 3U) << 6U | size >> 11U),
                   static_cast<std::uint8_t>(size >> 3U),
                   static_cast<std::uint8_t>((size & 7U) << 5U | 0x1FU),
                   static_cast<std::uint8_t>(0xFCU | blocks)};
  if (crc) frame.insert(frame.end(), 2, 0xAB);
  frame.insert(frame.end(), raw.begin(), raw.end());
  return frame;
}

}  // namespace tarn::test
