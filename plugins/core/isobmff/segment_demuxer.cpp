// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/segment_demuxer.h"

#include <algorithm>
#include <optional>

#include "core/base/time.h"
#include "core/isobmff/fragment_reader.h"
#include "core/isobmff/sample_nals.h"

namespace tarn::isobmff {
namespace {

using codecs::ElementaryStream;

bool has_nals(codecs::Codec codec) { return codec == codecs::Codec::h264 || codec == codecs::Codec::hevc; }

// The samples of one track on their way into an elementary stream.
class StreamMaker {
 public:
  StreamMaker(const MovieTrack& track, const Blob& segment) : track_(track), segment_(segment) {
    stream_.id = track.id;
    stream_.codec = track.info.codec;
    stream_.language = track.language == "und" ? "" : track.language;
    stream_.timescale = track.info.timescale;
    stream_.wraps = false;
  }

  Result<ElementaryStream> make(const std::vector<ParsedSample>& samples) {
    if (has_nals(track_.info.codec)) nals_ = TRY(SampleNals::make(track_.info));
    stream_.units.reserve(samples.size());
    for (const ParsedSample& sample : samples) TRY(add(sample));
    stream_.configs = nals_ ? nals_->configs() : std::vector{track_.info};
    if (nals_) stream_.captions = nals_->captions();
    const std::size_t size =
        stream_.units.empty() ? 0 : stream_.units.back().offset + stream_.units.back().size;
    stream_.data = in_place_ ? segment_.slice(first_, size) : Blob::of(std::move(copied_));
    return std::move(stream_);
  }

 private:
  Status add(const ParsedSample& sample) {
    const Bytes bytes = segment_.bytes().subspan(sample.offset, sample.size);
    codecs::AccessUnit unit;
    unit.dts = sample.dts + track_.shift;
    unit.pts = sample.pts + track_.shift;
    unit.duration = sample.duration;
    unit.sync = codecs::kind_of(track_.info.codec) != codecs::Kind::video || sample.sync;
    bool as_it_is = true;
    if (nals_) {
      const auto read = TRY(nals_->read(bytes, as_it_is));
      // Whether an I picture of H.264 that is no IDR can be begun with, its writer says. Some say it of all.
      unit.sync = read.sync || (sample.sync && read.intra);
      unit.config = read.config;
    }
    if (stream_.units.empty()) first_ = sample.offset;
    const bool follows = sample.offset == first_ + position_;
    if (in_place_ && !(follows && as_it_is)) leave_place();
    const std::size_t before = copied_.size();
    if (in_place_) {
      unit.size = sample.size;
    } else {
      if (nals_)
        nals_->append(bytes, copied_);
      else
        copied_.insert(copied_.end(), bytes.begin(), bytes.end());
      unit.size = static_cast<std::uint32_t>(copied_.size() - before);
    }
    unit.offset = static_cast<std::uint32_t>(position_);
    position_ += unit.size;
    if (unit.size > 0) stream_.units.push_back(unit);
    return {};
  }

  // From here on samples are copied, and so are those before.
  void leave_place() {
    in_place_ = false;
    const Bytes before = segment_.bytes().subspan(first_, position_);
    copied_.assign(before.begin(), before.end());
  }

  const MovieTrack& track_;
  const Blob& segment_;
  std::optional<SampleNals> nals_;
  ElementaryStream stream_;
  bool in_place_ = true;
  std::size_t first_ = 0;     // of the segment: where the first sample begins
  std::size_t position_ = 0;  // bytes of all units so far
  ByteVector copied_;
};

std::uint32_t rescaled_duration(std::uint32_t duration, std::uint32_t from, std::uint32_t to) {
  if (duration == codecs::unknown_event_duration) return duration;
  const std::int64_t ticks = rescale(duration, from, to);
  return ticks < codecs::unknown_event_duration ? static_cast<std::uint32_t>(ticks)
                                                : codecs::unknown_event_duration;
}

// Ties events to the first sample of the fragment they are in front of.
void place_events(const Fragments& fragments, const FragmentTrack& samples, ElementaryStream& stream) {
  const auto earliest = std::min_element(
      stream.units.begin(), stream.units.end(),
      [](const codecs::AccessUnit& a, const codecs::AccessUnit& b) { return a.pts < b.pts; });
  for (const ChunkEvent& event : fragments.events) {
    if (codecs::is_about_manifest(event.box.message.scheme_id_uri)) continue;
    std::size_t unit = 0;
    for (const FragmentTrack::Begin& begin : samples.begins) {
      if (begin.moof <= event.chunk) unit = begin.sample;
    }
    unit = std::min(unit, stream.units.size() - 1);
    codecs::PlacedEvent placed{static_cast<std::uint32_t>(unit), event.box.message};
    const std::int64_t time = rescale(event.box.time, event.box.timescale, stream.timescale) +
                              (event.box.is_relative ? earliest->pts : 0);
    placed.message.delta = time - stream.units[unit].pts;
    placed.message.duration =
        rescaled_duration(event.box.message.duration, event.box.timescale, stream.timescale);
    stream.events.push_back(std::move(placed));
  }
}

}  // namespace

Result<bool> is_cut_short(Bytes segment) {
  auto fragments = FragmentReader{segment, [](std::uint32_t) -> const Trex* { return nullptr; }}.read();
  if (!fragments.ok()) return std::move(fragments).error();
  return fragments->truncated;
}

Result<codecs::MediaSegment> demux_fragments(const MovieHeader& header, const Blob& segment) {
  const auto find = [&](std::uint32_t id) {
    const auto at = std::find_if(header.tracks.begin(), header.tracks.end(),
                                 [id](const MovieTrack& track) { return track.id == id; });
    return at == header.tracks.end() ? nullptr : &*at;
  };
  const auto defaults = [&](std::uint32_t id) -> const Trex* {
    const MovieTrack* track = find(id);
    return track == nullptr ? nullptr : &track->defaults;
  };
  FragmentReader reader{segment.bytes(), defaults};
  const Fragments fragments = TRY(reader.read());
  codecs::MediaSegment result;
  result.truncated = fragments.truncated;
  bool has_video = false;  // once it is true, the events are with it
  std::optional<std::size_t> told;
  for (const MovieTrack& track : header.tracks) {
    const auto samples = std::find_if(fragments.tracks.begin(), fragments.tracks.end(),
                                      [&](const FragmentTrack& found) { return found.id == track.id; });
    if (samples == fragments.tracks.end()) continue;
    ElementaryStream stream = TRY(StreamMaker(track, segment).make(samples->samples));
    if (stream.units.empty()) continue;
    const bool is_video = codecs::kind_of(stream.codec) == codecs::Kind::video;
    if (!told || (is_video && !has_video)) {
      if (told) result.streams[*told].events.clear();
      place_events(fragments, *samples, stream);
      told = result.streams.size();
      has_video = is_video;
    }
    result.streams.push_back(std::move(stream));
  }
  if (fragments.refused_events != 0) {
    result.ignored.push_back(std::to_string(fragments.refused_events) +
                             " emsg boxes that are malformed, too large or too many");
  }
  for (const FragmentTrack& track : fragments.tracks) {
    if (find(track.id) == nullptr) result.ignored.push_back("track " + std::to_string(track.id));
  }
  if (result.streams.empty()) return unsupported("segment: none of its tracks is in its header");
  return result;
}

}  // namespace tarn::isobmff
