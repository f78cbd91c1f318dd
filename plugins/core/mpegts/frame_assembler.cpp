// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/frame_assembler.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tarn::mpegts {
namespace {

constexpr std::size_t max_configs = 64;

}  // namespace

using codecs::AudioFrame;

void FrameAssembler::begin(const PesTimes& times) {
  take_frames(false);
  if (times.given) marks_.push_back({waiting_.size(), times.pts});
}

// Takes all frames that are complete; what is left is the beginning of one.
void FrameAssembler::take_frames(bool at_end) {
  std::size_t at = 0;
  while (!findings_.error) {
    const std::optional<AudioFrame> frame = find_frame(at);
    if (!frame || frame->size > waiting_.size() - at) break;
    if (!frame->complete && !(at_end && frame->whole)) break;
    pass_marks(at);
    if (!take_frame(at, *frame)) ++findings_.damaged_packets;
    at += frame->size;
  }
  consume(at);
}

std::optional<AudioFrame> FrameAssembler::parse(std::size_t at) const {
  if (waiting_.size() - at < syntax_->probe_size()) return std::nullopt;
  return syntax_->parse(Bytes{waiting_}.subspan(at));
}

// The frame at `at`, or, out of step, the next one that others confirm.
std::optional<AudioFrame> FrameAssembler::find_frame(std::size_t& at) {
  const std::size_t probe = syntax_->probe_size();
  if (stream_) {
    if (waiting_.size() - at < probe) return std::nullopt;
    const auto frame = parse(at);
    if (frame && frame->stream == *stream_) return frame;
    stream_.reset();
    if (!frame || !is_confirmed(at, *frame)) ++findings_.damaged_packets;
  }
  for (; waiting_.size() - at >= probe; ++at) {
    const auto frame = parse(at);
    if (!frame || !is_confirmed(at, *frame)) continue;
    stream_ = frame->stream;
    return frame;
  }
  return std::nullopt;
}

// Two bytes of sync are found in any data: another header, or the end, must follow the frame.
bool FrameAssembler::is_confirmed(std::size_t at, const AudioFrame& frame) const {
  const std::size_t next = at + frame.size;
  if (next == waiting_.size()) return true;
  const auto begins_pes = [at](const Mark& mark) { return mark.at == at; };
  if (next + syntax_->probe_size() > waiting_.size()) {
    return std::any_of(marks_.begin(), marks_.end(), begins_pes);
  }
  // A unit whose second frame is cut ends in front of it, as far as can be seen.
  const auto following = parse(next);
  return following ? following->stream == frame.stream : !frame.complete;
}

// Frames that begin at or behind a mark belong to its PES packet.
void FrameAssembler::pass_marks(std::size_t at) {
  while (!marks_.empty() && marks_.front().at <= at) {
    timed_ = true;
    pts_ = marks_.front().pts;
    frame_in_pes_ = 0;
    marks_.erase(marks_.begin());
  }
}

bool FrameAssembler::take_frame(std::size_t at, const AudioFrame& frame) {
  const Bytes bytes = Bytes{waiting_}.subspan(at, frame.size);
  const std::uint32_t index = frame_in_pes_++;
  if (!timed_ || !frame.whole || !add_config(bytes, frame)) return false;
  const Bytes sample = bytes.subspan(frame.header_size);
  codecs::AccessUnit unit;
  unit.pts = unit.dts = pts_;
  unit.offset = static_cast<std::uint32_t>(arena_.size());
  unit.size = static_cast<std::uint32_t>(sample.size());
  unit.frame_in_pes = index;
  unit.sync = true;
  unit.config = config_;
  std::memcpy(arena_.room(sample.size()), sample.data(), sample.size());
  arena_.commit(sample.size());
  units_.push_back(unit);
  return true;
}

bool FrameAssembler::add_config(Bytes bytes, const AudioFrame& frame) {
  if (configured_ == frame.config) return true;
  Result<codecs::StreamInfo> info = syntax_->describe(bytes);
  if (!info.ok()) {
    findings_.refuse(std::move(info).error());
    return false;
  }
  if (!configs_.empty() && configs_.front().codec != info->codec) return false;
  const auto known = std::find(configs_.begin(), configs_.end(), *info);
  if (known == configs_.end() && configs_.size() == max_configs) return false;
  config_ = static_cast<std::uint32_t>(known - configs_.begin());
  if (known == configs_.end()) configs_.push_back(std::move(info).value());
  configured_ = frame.config;
  return true;
}

void FrameAssembler::consume(std::size_t count) {
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  for (Mark& mark : marks_) mark.at -= std::min(mark.at, count);
}

void FrameAssembler::forget() {
  waiting_.clear();
  marks_.clear();
  stream_.reset();
  timed_ = false;
}

void FrameAssembler::drop() { forget(); }

void FrameAssembler::cut() {
  take_frames(true);
  forget();
}

void FrameAssembler::seal() {
  take_frames(true);
  ended_in_frame_ = !waiting_.empty() && stream_.has_value();
  if (!waiting_.empty()) ++findings_.damaged_packets;
  forget();
}

void FrameAssembler::finish(codecs::ElementaryStream& out) {
  seal();
  // AC-3 and E-AC-3 say themselves which they are.
  out.codec = configs_.empty() ? syntax_->codec() : configs_.front().codec;
  out.units = std::move(units_);
  out.configs = std::move(configs_);
  out.data = arena_.release();
}

}  // namespace tarn::mpegts
