// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/mpegts/packet_writer.h"
#include "core/mpegts/segment_writer.h"

namespace tarn::mpegts {

// One PES packet to be written: which bytes, in which packets.
struct Pes {
  std::size_t first_piece = 0;  // of Pieces
  std::size_t piece_count = 0;
  std::size_t size = 0;  // with header
  std::size_t header_size = 0;
  std::int64_t dts = 0;
  bool sync = false;
  AdaptationField field;
  std::size_t packets = 0;
};

// The PES packets of one stream, as references to the samples and to small bytes made here (headers,
// start codes, delimiters).
class PesBuilder {
 public:
  // Video: one PES packet a sample, as byte stream with an AUD each and the parameter sets in front of sync
  // samples. Audio: up to frames_per_pes frames, AAC with ADTS headers, as long as they adjoin.
  static Result<PesBuilder> build(const Stream& stream, std::uint8_t stream_id);
  static constexpr std::size_t frames_per_pes = 8;
  // ID3 tags, one PES packet each, in the order of `sent`.
  static PesBuilder of_tags(const std::vector<Metadata>& tags);

  std::vector<Pes>& packets() { return packets_; }
  [[nodiscard]] std::span<const Bytes> pieces(const Pes& pes) const {
    return std::span{pieces_}.subspan(pes.first_piece, pes.piece_count);
  }

 private:
  PesBuilder() = default;
  // How a codec's byte stream is made of samples.
  struct NalFormat {
    std::size_t length_size = 4;
    Bytes delimiter;  // with start code
    std::uint8_t delimiter_type = 0;
    std::uint8_t (*type_of)(std::uint8_t first_byte) = nullptr;
  };

  Result<NalFormat> begin_video(const Stream& stream);
  Status build_video(const Stream& stream, std::uint8_t stream_id);
  Status build_audio(const Stream& stream, std::uint8_t stream_id);
  Status add_nal_units(const Sample& sample, const NalFormat& format);
  void add_parameter_sets(const std::vector<ByteVector>& sets);

  void begin_pes(const Sample& first);
  void end_pes(const Sample& first, std::uint8_t stream_id);
  void add(Bytes piece) {
    pieces_.push_back(piece);
    packets_.back().size += piece.size();
  }
  // Room for small bytes; they do not move. REQUIRES: within what reserve() was called for
  std::uint8_t* make(std::size_t count) {
    small_.resize(small_.size() + count);
    return small_.data() + small_.size() - count;
  }

  std::vector<Pes> packets_;
  std::vector<Bytes> pieces_;
  ByteVector small_;
  ByteVector parameter_sets_;  // with start codes
};

}  // namespace tarn::mpegts
