// SPDX-License-Identifier: Apache-2.0
#include "manifest/ts_reader.h"

#include <algorithm>

#include "core/base/time.h"
#include "core/mpegts/demuxer.h"

namespace tarn::manifest {
namespace {

using codecs::AccessUnit;
using codecs::ElementaryStream;

constexpr std::int64_t clock_rate = 90'000;
constexpr std::int64_t period = std::int64_t{1} << 33U;

bool is_video(const ElementaryStream& stream) { return codecs::kind_of(stream.codec) == codecs::Kind::video; }

// Of all its pictures, when they are as long as those that are here.
std::int64_t length_of_pictures(const ElementaryStream& stream) {
  const auto count = static_cast<std::int64_t>(stream.units.size());
  const auto& info = stream.configs.front();
  if (count < 2 && info.frame_rate_numerator != 0)
    return rescale(count * info.frame_rate_denominator, info.frame_rate_numerator, clock_rate);
  const std::int64_t between = (stream.units.back().dts - stream.units.front().dts + period) % period;
  return count < 2 ? 1 : between * count / (count - 1);
}

}  // namespace

// Nearest to what came before.
std::int64_t TsReader::unwrap(std::int64_t time) {
  if (last_) {
    const std::int64_t distance = ((time - *last_) % period + period) % period;
    time = *last_ + (distance < period / 2 ? distance : distance - period);
    if (time < 0) time += period;  // no clock has been there: it wraps before it comes here
  }
  return time;
}

void TsReader::learn(const codecs::MediaSegment& segment) {
  for (const std::uint32_t pid : segment.empty) {
    if (std::find(pids_.begin(), pids_.end(), pid) == pids_.end()) announced_.insert(pid);
  }
  for (const ElementaryStream& stream : segment.streams) {
    const bool is_known = std::find(pids_.begin(), pids_.end(), stream.id) != pids_.end();
    if (is_known || stream.configs.empty()) continue;
    announced_.erase(stream.id);
    const auto is_first_audio = [](const timeline::TrackDescription& track) {
      return codecs::kind_of(track.info.codec) != codecs::Kind::video;
    };
    const auto at = is_video(stream)
                        ? std::find_if(descriptions_.begin(), descriptions_.end(), is_first_audio)
                        : descriptions_.end();
    pids_.insert(pids_.begin() + (at - descriptions_.begin()), stream.id);
    timeline::TrackDescription track;
    track.info = stream.configs.front();
    track.language = stream.language;
    descriptions_.insert(at, std::move(track));
  }
}

void TsReader::note_others(const codecs::MediaSegment& segment) {
  for (const ElementaryStream& stream : segment.streams) {
    const bool is_known = std::find(pids_.begin(), pids_.end(), stream.id) != pids_.end();
    if (!is_known && others_.insert(stream.id).second) left_out_ = stream.id;
  }
}

void TsReader::settle() {
  settled_ = true;
  last_.reset();
}

const ElementaryStream* TsReader::find(const codecs::MediaSegment& segment, std::size_t track) const {
  const auto at = std::find_if(segment.streams.begin(), segment.streams.end(),
                               [&](const ElementaryStream& stream) { return stream.id == pids_[track]; });
  return at == segment.streams.end() ? nullptr : &*at;
}

// A change in the middle of a segment counts from the next one on.
bool TsReader::take_changes(const codecs::MediaSegment& segment) {
  bool has_changed = false;
  for (std::size_t track = 0; track < descriptions_.size(); ++track) {
    const ElementaryStream* const stream = find(segment, track);
    if (stream == nullptr || stream->configs.empty()) continue;
    codecs::StreamInfo& known = descriptions_[track].info;
    if (stream->configs.front().config == known.config) continue;
    known = stream->configs.front();
    has_changed = true;
  }
  return has_changed;
}

Share TsReader::share_of(const ElementaryStream& stream, std::size_t track) {
  const auto& info = descriptions_[track].info;
  const AccessUnit& first = stream.units.front();
  Share share;
  for (const AccessUnit& unit : stream.units) share.size += unit.size;
  if (is_video(stream)) {
    share.start = unwrap(first.dts);
    share.duration = length_of_pictures(stream);
    return share;
  }
  // Frames behind the first of a PES packet have their place by their number.
  const AccessUnit& last = stream.units.back();
  const auto ticks = [&](const AccessUnit& unit, std::uint32_t more) {
    return rescale(unwrap(unit.pts), clock_rate, info.timescale) +
           std::int64_t{unit.frame_in_pes + more} * info.samples_per_frame;
  };
  share.start = ticks(first, 0);
  share.duration = std::max<std::int64_t>(1, ticks(last, 1) - share.start);
  return share;
}

Result<TsReader::Segment> TsReader::read(Bytes bytes, std::optional<std::int64_t> duration) {
  const auto segment = TRY(mpegts::demux(bytes));
  if (settled_) {
    note_others(segment);
  } else {
    learn(segment);
  }
  if (descriptions_.empty()) return malformed("a transport stream without anything that can be played");
  Segment result;
  result.has_changed = take_changes(segment);
  result.shares.resize(descriptions_.size());
  std::optional<std::int64_t> begin;  // 90 kHz, of the first track that is there
  for (std::size_t track = 0; track < descriptions_.size(); ++track) {
    const ElementaryStream* const stream = find(segment, track);
    if (stream == nullptr) continue;
    const std::uint32_t timescale = descriptions_[track].info.timescale;
    Share& share = result.shares[track];
    share = share_of(*stream, track);
    if (begin) continue;
    begin = rescale(share.start, timescale, clock_rate);
    if (duration) share.duration = rescale(*duration, clock_rate, timescale);
    if (track == 0) result.independent = stream->units.front().sync || !is_video(*stream);
    last_ = begin;
    Share& leading = result.shares.front();
    leading.start = rescale(*begin, clock_rate, descriptions_.front().info.timescale);
    leading.duration = rescale(share.duration, timescale, descriptions_.front().info.timescale);
  }
  if (!begin && !settled_) return malformed("a transport stream without anything that can be played");
  if (!begin) result.shares.clear();
  return result;
}

}  // namespace tarn::manifest
