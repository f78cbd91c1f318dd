// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/packed_audio.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/codecs/audio_frames.h"
#include "core/mpegts/frame_assembler.h"
#include "core/mpegts/id3.h"
#include "core/mpegts/packet.h"

namespace tarn::mpegts {
namespace {

constexpr std::size_t max_segment_size = std::size_t{64} << 20U;
constexpr std::string_view timestamp_owner = "com.apple.streaming.transportStreamTimestamp";
constexpr std::string_view sample_aes_owner = "com.apple.streaming.audioDescription";

// The codec whose frames begin with this sync word.
std::optional<codecs::Codec> codec_at(Bytes bytes) {
  if (bytes.size() >= 6 && bytes[0] == 0x0B && bytes[1] == 0x77) {
    return bytes[5] >> 3U > 10 ? codecs::Codec::eac3 : codecs::Codec::ac3;  // bsid
  }
  if (bytes.size() < 2 || bytes[0] != 0xFF || (bytes[1] & 0xE0U) != 0xE0) return std::nullopt;
  const bool has_layer = (bytes[1] & 6U) != 0;  // ADTS leaves those bits 0
  if (has_layer) return codecs::Codec::mp3;
  return (bytes[1] & 0xF0U) == 0xF0 ? std::optional{codecs::Codec::aac} : std::nullopt;
}

struct Beginning {
  Bytes frames;
  std::optional<std::int64_t> time;
  bool encrypted = false;
};

Beginning read_tags(Bytes segment) {
  Beginning beginning;
  while (const std::optional<std::size_t> size = id3_tag_size(segment)) {
    for (const PrivateFrame& frame : private_frames(segment.first(*size))) {
      if (frame.owner == sample_aes_owner) beginning.encrypted = true;
      if (frame.owner != timestamp_owner || frame.data.size() != 8) continue;
      beginning.time = static_cast<std::int64_t>(Reader{frame.data}.u64()) & timestamp_mask;
    }
    segment = segment.subspan(*size);
  }
  beginning.frames = segment;
  return beginning;
}

}  // namespace

bool is_packed_audio(Bytes beginning) {
  return as_text(beginning.first(std::min<std::size_t>(beginning.size(), 3))) == "ID3" ||
         codec_at(beginning).has_value();
}

Result<codecs::MediaSegment> demux_packed_audio(Bytes segment) {
  if (segment.size() > max_segment_size) {
    return Error{ErrorCode::limit, "packed audio: segment larger than 64 MiB"};
  }
  const Beginning beginning = read_tags(segment);
  if (beginning.encrypted)
    return Error{ErrorCode::encrypted, "packed audio: its ID3 tag announces SAMPLE-AES"};
  if (!beginning.time) {
    return malformed("packed audio: no ID3 tag with " + std::string{timestamp_owner} +
                     ", so that its time is not known");
  }
  const std::optional<codecs::Codec> codec = codec_at(beginning.frames);
  if (!codec) return unsupported("packed audio: neither ADTS, AC-3, E-AC-3 nor MP3 behind the ID3 tag");
  Findings findings;
  FrameAssembler assembler{codecs::audio_syntax(*codec), beginning.frames.size(), findings};
  assembler.begin({.given = true, .pts = *beginning.time, .dts = *beginning.time});
  assembler.append(beginning.frames);
  codecs::ElementaryStream stream;
  stream.id = 1;
  assembler.finish(stream);
  if (findings.error) return *std::move(findings.error);
  if (stream.units.empty()) return malformed("packed audio: no whole frame");
  codecs::MediaSegment media;
  media.streams.push_back(std::move(stream));
  media.damaged_packets = findings.damaged_packets;
  media.truncated = assembler.ended_in_frame();
  return media;
}

}  // namespace tarn::mpegts
