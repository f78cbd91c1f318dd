// SPDX-License-Identifier: Apache-2.0
// Audio that frames itself: whatever comes, what the assembler gives out are whole frames of the input, in
// order, each of which is one by itself and is described as its configuration says. The first byte says the
// codec, and where the input is cut into PES packets.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/codecs/audio_frames.h"
#include "core/mpegts/frame_assembler.h"

namespace {

using namespace tarn;
using namespace tarn::codecs;

void require(bool held) {
  if (!held) std::abort();
}

constexpr Codec codecs_by_choice[]{Codec::aac, Codec::ac3, Codec::eac3, Codec::mp3};

void check_unit(const AudioSyntax& syntax, Bytes unit, const StreamInfo& config) {
  const auto frame = syntax.parse(unit);
  require(frame && frame->size == unit.size() && frame->whole);
  const Result<StreamInfo> info = syntax.describe(unit);
  require(info.ok() && info->codec == config.codec && info->sample_rate == config.sample_rate &&
          info->channels == config.channels && info->joc_complexity == config.joc_complexity);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Codec codec = codecs_by_choice[data[0] & 3U];
  const std::size_t pes_size = 1 + static_cast<std::size_t>(data[0] >> 2U) * 37;
  const Bytes input{data + 1, size - 1};
  mpegts::Findings findings;
  mpegts::FrameAssembler assembler{audio_syntax(codec), input.size(), findings};
  std::int64_t pes = 0;
  for (std::size_t at = 0; at < input.size(); at += pes_size, ++pes) {
    assembler.begin({.given = true, .pts = pes, .dts = pes});
    assembler.append(input.subspan(at, std::min(pes_size, input.size() - at)));
  }
  ElementaryStream stream;
  assembler.finish(stream);
  if (findings.error) return 0;
  require(stream.data.size() <= input.size());
  const auto syntax = audio_syntax(codec);
  std::size_t next = 0;
  std::size_t searched = 0;
  std::int64_t time = 0;
  for (const AccessUnit& unit : stream.units) {
    require(unit.offset == next && unit.config < stream.configs.size() && unit.pts >= time);
    time = unit.pts;
    const Bytes bytes = stream.data.bytes().subspan(unit.offset, unit.size);
    next += unit.size;
    const auto found = std::search(input.begin() + static_cast<std::ptrdiff_t>(searched), input.end(),
                                   bytes.begin(), bytes.end());
    require(found != input.end() || bytes.empty());
    searched = static_cast<std::size_t>(found - input.begin()) + bytes.size();
    if (codec != Codec::aac) check_unit(*syntax, bytes, stream.configs[unit.config]);
  }
  require(next == stream.data.size());
  return 0;
}
