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
  }
  return time;
}

Status TsReader::learn(const codecs::MediaSegment& segment) {
  std::vector<const ElementaryStream*> streams;
  for (const ElementaryStream& stream : segment.streams) {
    if (!stream.configs.empty()) streams.push_back(&stream);
  }
  if (streams.empty()) return malformed("a transport stream without anything that can be played");
  std::stable_partition(streams.begin(), streams.end(), [](const auto* stream) { return is_video(*stream); });
  for (const ElementaryStream* stream : streams) {
    timeline::TrackDescription& track = descriptions_.emplace_back();
    track.info = stream->configs.front();
    track.language = stream->language;
    pids_.push_back(stream->id);
  }
  return {};
}

const ElementaryStream* TsReader::find(const codecs::MediaSegment& segment, std::size_t track) const {
  const auto at = std::find_if(segment.streams.begin(), segment.streams.end(),
                               [&](const ElementaryStream& stream) { return stream.id == pids_[track]; });
  return at == segment.streams.end() ? nullptr : &*at;
}

Status TsReader::check(const codecs::MediaSegment& segment) const {
  for (const ElementaryStream& stream : segment.streams) {
    const auto at = std::find(pids_.begin(), pids_.end(), stream.id);
    if (at == pids_.end()) return unsupported("a track comes that the first segment did not have");
    const auto& known = descriptions_[static_cast<std::size_t>(at - pids_.begin())].info;
    const auto is_other = [&](const codecs::StreamInfo& info) { return info.config != known.config; };
    if (std::any_of(stream.configs.begin(), stream.configs.end(), is_other))
      return unsupported("a track's parameters change: one presentation has one set for each track");
  }
  return {};
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
  if (descriptions_.empty()) TRY(learn(segment));
  TRY(check(segment));
  Segment result;
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
  if (!begin) return malformed("a transport stream without anything that can be played");
  return result;
}

}  // namespace tarn::manifest
