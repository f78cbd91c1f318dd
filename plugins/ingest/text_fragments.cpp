// SPDX-License-Identifier: Apache-2.0
#include "ingest/text_fragments.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/codecs/media_segment.h"
#include "core/isobmff/segment_demuxer.h"
#include "core/webvtt/sample.h"

namespace tarn::ingest {
namespace {

using webvtt::Cue;

// Of a time since 1970, with room: whatever is made of it fits into 64 bits.
constexpr std::int64_t latest_ms = std::int64_t{1} << 46U;
constexpr std::int64_t earliest_ms = -latest_ms;

bool is_text(const isobmff::MovieTrack& track) {
  return codecs::kind_of(track.info.codec) == codecs::Kind::text;
}

bool has_same_text(const Cue& a, const Cue& b) {
  return a.id == b.id && a.settings == b.settings && a.payload == b.payload;
}

// In ticks of the track. Of those that are shown together each goes on; looked for among the last few.
class Cues {
 public:
  void add(std::vector<Cue> shown) {
    for (Cue& cue : shown) {
      const auto first = cues_.end() - std::min(cues_.end() - cues_.begin(), most_at_once);
      const auto before = std::find_if(first, cues_.end(), [&](const Cue& earlier) {
        return earlier.start <= cue.start && cue.start <= earlier.end && has_same_text(earlier, cue);
      });
      if (before != cues_.end()) {
        before->end = std::max(before->end, cue.end);
      } else if (cues_.size() < webvtt::most_cues) {
        cues_.push_back(std::move(cue));
      }
    }
  }
  [[nodiscard]] const std::vector<Cue>& all() const { return cues_; }

 private:
  static constexpr std::ptrdiff_t most_at_once = 64;
  std::vector<Cue> cues_;
};

Result<std::vector<webvtt::FileCue>> as_in_a_file(const std::vector<Cue>& cues, std::uint32_t timescale) {
  std::vector<webvtt::FileCue> file;
  file.reserve(cues.size());
  for (const Cue& cue : cues) {
    const std::int64_t start = rescale(cue.start, timescale, 1000);
    const std::int64_t end = rescale(cue.end, timescale, 1000);
    if (start < earliest_ms || end > latest_ms) return malformed("wvtt: a cue's time is out of range");
    const auto id = webvtt::line_for_file(cue.id);
    const auto settings = webvtt::line_for_file(cue.settings);
    const auto payload = webvtt::payload_for_file(cue.payload);
    if (!id || !settings || !payload) return malformed("wvtt: a cue is not UTF-8 text");
    if (start < end) file.push_back({start, end, *id, *settings, *payload});
  }
  return file;
}

}  // namespace

bool is_text_header(const isobmff::MovieHeader& header) {
  return std::all_of(header.tracks.begin(), header.tracks.end(), is_text);
}

Result<webvtt::Document> read_text_fragments(const isobmff::MovieHeader& header, const Blob& segment) {
  if (!is_text_header(header)) return unsupported("EXT-X-MAP names no header of subtitles");
  const codecs::MediaSegment media = TRY(isobmff::demux_fragments(header, segment));
  webvtt::Document document;
  document.map = webvtt::TimestampMap{};
  if (media.streams.empty()) return document;
  const codecs::ElementaryStream& stream = media.streams.front();
  const auto track = std::find_if(header.tracks.begin(), header.tracks.end(),
                                  [&](const auto& each) { return each.id == stream.id; });
  if (auto head = webvtt::parse_document(as_text(track->info.config)); head.ok()) {
    document.blocks = std::move(head->blocks);
  }
  Cues cues;
  for (const codecs::AccessUnit& unit : stream.units) {
    std::vector<Cue> shown;
    TRY(webvtt::read_sample(stream.data.bytes().subspan(unit.offset, unit.size), unit.pts, unit.duration,
                            shown, document.blocks));
    cues.add(std::move(shown));
  }
  document.cues = TRY(as_in_a_file(cues.all(), stream.timescale));
  return document;
}

}  // namespace tarn::ingest
