// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/audio_frames.h"

#include "core/codecs/ac3.h"
#include "core/codecs/mp3.h"

namespace tarn::codecs {
namespace {

class Adts final : public AudioSyntax {
 public:
  explicit Adts(aac::Extension extension) : extension_(extension) {}
  [[nodiscard]] Codec codec() const override { return Codec::aac; }
  [[nodiscard]] std::size_t probe_size() const override { return aac::adts_header_size; }

  [[nodiscard]] std::optional<AudioFrame> parse(Bytes bytes) const override {
    const auto header = aac::parse_adts(bytes);
    if (!header) return std::nullopt;
    AudioFrame frame;
    frame.size = header->frame_size;
    frame.header_size = header->header_size;
    frame.stream = std::uint64_t{header->object_type} << 16U | std::uint64_t{header->frequency_index} << 8U |
                   header->channel_configuration;
    frame.config = std::uint64_t{header->raw_blocks} << 24U | frame.stream;
    return frame;
  }

  [[nodiscard]] Result<StreamInfo> describe(Bytes frame) const override {
    const auto header = aac::parse_adts(frame);
    if (!header) return malformed("AAC: no ADTS header");
    if (header->raw_blocks != 1) return unsupported("AAC: several raw data blocks in one ADTS frame");
    return aac::stream_info(*header, extension_);
  }

 private:
  aac::Extension extension_;
};

// Both kinds: a frame says itself which it is.
class Ac3 final : public AudioSyntax {
 public:
  explicit Ac3(Codec codec) : codec_(codec) {}
  [[nodiscard]] Codec codec() const override { return codec_; }
  [[nodiscard]] std::size_t probe_size() const override { return ac3::probe_bytes; }

  [[nodiscard]] std::optional<AudioFrame> parse(Bytes bytes) const override {
    const auto first = ac3::parse_frame(bytes.first(ac3::probe_bytes));
    if (!first || !first->leads()) return std::nullopt;
    const auto unit = ac3::parse_unit(bytes);
    if (!unit) return std::nullopt;
    AudioFrame frame;
    frame.size = unit->size;
    frame.complete = unit->complete;
    frame.whole = unit->blocks >= ac3::blocks_per_unit;
    frame.stream = std::uint64_t{first->enhanced} << 32U | first->sample_rate;
    frame.config = unit->signature;
    return frame;
  }

  [[nodiscard]] Result<StreamInfo> describe(Bytes frame) const override { return ac3::stream_info(frame); }

 private:
  Codec codec_;
};

class Mp3 final : public AudioSyntax {
 public:
  [[nodiscard]] Codec codec() const override { return Codec::mp3; }
  [[nodiscard]] std::size_t probe_size() const override { return mp3::header_size; }

  [[nodiscard]] std::optional<AudioFrame> parse(Bytes bytes) const override {
    const auto header = mp3::parse_header(bytes);
    if (!header || header->size <= mp3::header_size) return std::nullopt;  // free format says no size
    AudioFrame frame;
    frame.size = header->size;
    frame.stream = frame.config = std::uint64_t{header->layer} << 40U |
                                  std::uint64_t{header->version} << 36U | std::uint64_t{header->mono} << 32U |
                                  header->sample_rate;
    return frame;
  }

  [[nodiscard]] Result<StreamInfo> describe(Bytes frame) const override {
    const auto header = mp3::parse_header(frame);
    if (!header) return malformed("MP3: no frame header");
    return mp3::stream_info(*header);
  }
};

}  // namespace

std::unique_ptr<AudioSyntax> audio_syntax(Codec codec, aac::Extension extension) {
  if (codec == Codec::aac) return std::make_unique<Adts>(extension);
  if (codec == Codec::mp3) return std::make_unique<Mp3>();
  return std::make_unique<Ac3>(codec);
}

}  // namespace tarn::codecs
