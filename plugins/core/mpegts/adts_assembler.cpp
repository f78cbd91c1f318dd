// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/adts_assembler.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tarn::mpegts {

namespace aac = codecs::aac;

void AdtsAssembler::begin(const PesTimes& times) {
  take_frames();
  if (times.given) marks_.push_back({waiting_.size(), times.pts});
}

// Takes all frames that are complete; what is left is the beginning of one.
void AdtsAssembler::take_frames() {
  std::size_t at = 0;
  while (!findings_.error) {
    const std::optional<aac::AdtsHeader> header = find_frame(at);
    if (!header || at + header->frame_size > waiting_.size()) break;
    pass_marks(at);
    if (!take_frame(at, *header)) ++findings_.damaged_packets;
    at += header->frame_size;
  }
  consume(at);
}

// The header at `at`, or, out of step, the next one that others confirm.
std::optional<aac::AdtsHeader> AdtsAssembler::find_frame(std::size_t& at) {
  const Bytes bytes{waiting_};
  if (stream_) {
    if (bytes.size() - at < aac::adts_header_size) return std::nullopt;
    const auto header = aac::parse_adts(bytes.subspan(at));
    if (header && header->same_stream(*stream_)) return header;
    stream_.reset();
    if (!header || !is_confirmed(at, *header)) ++findings_.damaged_packets;
  }
  for (; bytes.size() - at >= aac::adts_header_size; ++at) {
    const auto header = aac::parse_adts(bytes.subspan(at));
    if (!header || !is_confirmed(at, *header)) continue;
    stream_ = header;
    return header;
  }
  return std::nullopt;
}

// Two bytes of sync are found in any data: another header, or the end, must follow the frame.
bool AdtsAssembler::is_confirmed(std::size_t at, const aac::AdtsHeader& header) const {
  const std::size_t next = at + header.frame_size;
  if (next == waiting_.size()) return true;
  const auto begins_pes = [at](const Mark& mark) { return mark.at == at; };
  if (next + aac::adts_header_size > waiting_.size()) {
    return std::any_of(marks_.begin(), marks_.end(), begins_pes);
  }
  const auto following = aac::parse_adts(Bytes{waiting_}.subspan(next));
  return following && following->same_stream(header);
}

// Frames that begin at or behind a mark belong to its PES packet.
void AdtsAssembler::pass_marks(std::size_t at) {
  while (!marks_.empty() && marks_.front().at <= at) {
    timed_ = true;
    pts_ = marks_.front().pts;
    frame_in_pes_ = 0;
    marks_.erase(marks_.begin());
  }
}

bool AdtsAssembler::take_frame(std::size_t at, const aac::AdtsHeader& header) {
  const std::uint32_t index = frame_in_pes_++;
  if (!timed_ || !add_config(header)) return false;
  const std::size_t size = header.frame_size - header.header_size;
  codecs::AccessUnit unit;
  unit.pts = unit.dts = pts_;
  unit.offset = static_cast<std::uint32_t>(arena_.size());
  unit.size = static_cast<std::uint32_t>(size);
  unit.frame_in_pes = index;
  unit.sync = true;
  unit.config = config_;
  std::memcpy(arena_.room(size), waiting_.data() + at + header.header_size, size);
  arena_.commit(size);
  units_.push_back(unit);
  return true;
}

bool AdtsAssembler::add_config(const aac::AdtsHeader& header) {
  if (header.raw_blocks != 1) {
    findings_.refuse(unsupported("AAC: several raw data blocks in one ADTS frame"));
    return false;
  }
  if (configured_ && configured_->same_stream(header)) return true;
  Result<codecs::StreamInfo> info = aac::stream_info(header);
  if (!info.ok()) {
    findings_.refuse(std::move(info).error());
    return false;
  }
  const auto known = std::find(configs_.begin(), configs_.end(), *info);
  config_ = static_cast<std::uint32_t>(known - configs_.begin());
  if (known == configs_.end()) configs_.push_back(std::move(info).value());
  configured_ = header;
  return true;
}

void AdtsAssembler::consume(std::size_t count) {
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  for (Mark& mark : marks_) mark.at -= std::min(mark.at, count);
}

void AdtsAssembler::forget() {
  waiting_.clear();
  marks_.clear();
  stream_.reset();
  timed_ = false;
}

void AdtsAssembler::drop() { forget(); }

void AdtsAssembler::cut() {
  take_frames();
  forget();
}

void AdtsAssembler::seal() {
  take_frames();
  if (!waiting_.empty()) ++findings_.damaged_packets;
  forget();
}

void AdtsAssembler::finish(codecs::ElementaryStream& out) {
  seal();
  out.units = std::move(units_);
  out.configs = std::move(configs_);
  out.data = arena_.release();
}

}  // namespace tarn::mpegts
