// SPDX-License-Identifier: Apache-2.0
// Transport streams: no input crashes the demuxer, and what it gives back keeps its promises. The first
// byte chooses the form: packets as they are, or packets whose sync bytes, tables and continuity are put
// right first, so that the engine gets past them quickly; then it also chooses the codecs.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/mpegts/crc.h"
#include "core/mpegts/demuxer.h"

namespace {

using namespace tarn;
using namespace tarn::mpegts;

constexpr std::size_t packet = 188;

void require(bool held) {
  if (!held) std::abort();
}

void append_table(ByteVector& out, std::uint16_t pid, ByteVector section) {
  Writer{section}.u32(crc32(section));
  ByteVector p{0x47, static_cast<std::uint8_t>(0x40U | pid >> 8U), static_cast<std::uint8_t>(pid), 0x10, 0};
  p.insert(p.end(), section.begin(), section.end());
  p.resize(packet, 0xFF);
  out.insert(out.end(), p.begin(), p.end());
}

struct Types {
  std::uint8_t video = 0x1B;
  std::uint8_t audio = 0x0F;
};
constexpr std::array<Types, 4> types{{{0x1B, 0x0F}, {0x24, 0x81}, {0x1B, 0x87}, {0x24, 0x03}}};

// PAT, PMT (video on 0x100, audio on 0x101), then the input cut into packets: the first byte of each says
// PID, unit start and adaptation field.
ByteVector on_grid(Types choice_of_types, Bytes input) {
  ByteVector out;
  append_table(out, 0, {0, 0xB0, 13, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0});
  append_table(out, 0x1000,
               {2,
                0xB0,
                23,
                0,
                1,
                0xC1,
                0,
                0,
                0xE1,
                0,
                0xF0,
                0,
                choice_of_types.video,
                0xE1,
                0x00,
                0xF0,
                0,
                choice_of_types.audio,
                0xE1,
                0x01,
                0xF0,
                0});
  std::array<std::uint8_t, 2> counters{};
  while (!input.empty()) {
    const std::uint8_t choice = input[0];
    const std::size_t most = (choice & 0x10U) != 0 ? 16 : 184;
    const std::size_t count = std::min(most, input.size() - 1);
    const std::uint8_t stream = choice & 1U;
    std::uint8_t& counter = counters[stream];
    if ((choice & 0x0EU) == 0x0E) ++counter;
    out.insert(out.end(),
               {0x47, static_cast<std::uint8_t>(((choice & 0x80U) != 0 ? 0x40U : 0U) | 1U), stream,
                static_cast<std::uint8_t>(0x10U | (count < 184 ? 0x20U : 0U) | (counter++ & 0x0FU))});
    if (count < 184) {
      out.push_back(static_cast<std::uint8_t>(183 - count));
      if (count < 183) out.push_back(0);
      if (count < 182) out.insert(out.end(), 182 - count, 0xFF);
    }
    out.insert(out.end(), input.begin() + 1, input.begin() + 1 + static_cast<std::ptrdiff_t>(count));
    input = input.subspan(1 + count);
  }
  return out;
}

// A NAL unit of a byte behind a start code of three is five bytes of a sample; nothing else grows.
void check(const codecs::MediaSegment& segment, std::size_t input) {
  std::size_t all = 0;
  for (const codecs::ElementaryStream& stream : segment.streams) {
    require(!stream.units.empty());
    all += stream.data.size();
    require(all <= input + input / 4);
    std::size_t next = 0;
    for (const codecs::AccessUnit& unit : stream.units) {
      require(unit.offset == next);
      next += unit.size;
      require(next <= stream.data.size());
      require(unit.pts >> 33U == 0 && unit.dts >> 33U == 0);
      require(stream.configs.empty() ? unit.config == 0 : unit.config < stream.configs.size());
      if (codecs::kind_of(stream.codec) != codecs::Kind::video) continue;
      Reader nals{stream.data.bytes().subspan(unit.offset, unit.size)};
      while (nals.remaining() > 0) require(!nals.take(nals.u32()).empty());
      require(nals.ok());
    }
    require(next == stream.data.size());
    require(stream.events.size() <= codecs::max_events);
    std::uint32_t before = 0;
    for (const codecs::PlacedEvent& event : stream.events) {
      require(event.unit >= before && event.unit < stream.units.size());
      before = event.unit;
      require(!event.message.data.empty() && event.message.data.size() <= codecs::max_event_size);
      require(event.message.delta >= -(std::int64_t{1} << 32U) && event.message.delta < std::int64_t{1}
                                                                                            << 32U);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input{data + 1, size - 1};
  const ByteVector made = (data[0] & 1U) != 0 ? on_grid(types[data[0] >> 1U & 3U], input) : ByteVector{};
  const Bytes packets = made.empty() ? input : Bytes{made};
  const Result<codecs::MediaSegment> segment = demux(packets);
  if (segment.ok()) check(*segment, packets.size());
  return 0;
}
