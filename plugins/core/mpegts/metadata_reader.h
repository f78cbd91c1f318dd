// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/codecs/media_segment.h"
#include "core/mpegts/findings.h"
#include "core/mpegts/pes.h"
#include "core/mpegts/psi.h"

// Timed metadata beside the media of a segment: ID3 tags in PES packets (Apple, Timed Metadata for HTTP Live
// Streaming) and splice_info_section() of SCTE 35.
namespace tarn::mpegts {

// What was found, before it is known which access unit it belongs to.
struct FoundEvent {
  codecs::EventMessage message;      // duration of 90 kHz
  std::optional<std::int64_t> time;  // 33 bits of 90 kHz; nothing: when it is sent
  std::optional<std::int64_t> sent;  // decode time of the picture that was being sent; nothing: before any
};

// One PID with metadata.
class MetadataReader {
 public:
  virtual ~MetadataReader() = default;
  // `now`: decode time of the picture that is being sent.
  virtual void push(const std::uint8_t* packet, std::optional<std::int64_t> now) = 0;
  virtual void finish() = 0;
};

class Id3Reader final : public MetadataReader, private PayloadSink {
 public:
  Id3Reader(std::vector<FoundEvent>& out, Findings& findings) : out_(out), reader_(*this, findings) {}
  void push(const std::uint8_t* packet, std::optional<std::int64_t> now) override;
  void finish() override;

 private:
  void begin(const PesTimes& times) override;
  void append(Bytes payload) override;
  void drop() override { tag_.clear(); }
  void cut() override { tag_.clear(); }
  void seal() override { end(); }
  void end();

  std::vector<FoundEvent>& out_;
  PesReader reader_;
  ByteVector tag_;
  PesTimes times_;
  std::optional<std::int64_t> now_;
  std::optional<std::int64_t> sent_;
};

class SpliceReader final : public MetadataReader {
 public:
  SpliceReader(std::vector<FoundEvent>& out, Findings& findings) : out_(out), findings_(findings) {}
  void push(const std::uint8_t* packet, std::optional<std::int64_t> now) override;
  void finish() override {}

 private:
  void take(Bytes section, std::optional<std::int64_t> now);

  std::vector<FoundEvent>& out_;
  Findings& findings_;
  SectionGatherer sections_;
  std::optional<std::uint8_t> counter_;
};

// Ties each event to the access unit it is said with: the last one that is decoded no later. Events go to the
// segment's first video stream, else to its first stream. REQUIRES: !streams.empty()
void place_events(std::vector<FoundEvent> events, std::vector<codecs::ElementaryStream>& streams);

}  // namespace tarn::mpegts
