// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/codecs/stream_info.h"
#include "core/mpegts/demuxer.h"
#include "core/timeline/timeline.h"
#include "ingest/stream_structure.h"

namespace tarn::ingest {

// The elementary streams that the segments of one media playlist have had so far.
class Layout {
 public:
  struct Stream {
    std::uint32_t id = 0;  // ElementaryStream::id
    codecs::StreamInfo info;
    std::string language;
    codecs::CaptionsFound captions = {};  // in the first segment
  };
  // Takes over the streams of a segment. Where the parameter sets do not say it, the frame rate is
  // measured, once. A stream that is absent stays (audio may pause); one under a
  // new PID takes the place of an absent one of its kind. Streams that never said their parameters are
  // left out.
  void add(const codecs::MediaSegment& segment);
  void clear() { streams_.clear(); }

  [[nodiscard]] const std::vector<Stream>& streams() const { return streams_; }
  [[nodiscard]] const Stream* find(std::uint32_t id) const;
  // REQUIRES: find(stream.id), index < stream.configs.size()
  void set_config(const codecs::ElementaryStream& stream, std::size_t index);

 private:
  std::vector<Stream> streams_;
};

// A track and the stream that it is made of.
struct TrackSource {
  timeline::TrackDescription description;
  std::size_t playlist = 0;  // into StreamStructure::playlists
  std::uint32_t id = 0;      // ElementaryStream::id
};

// Names the tracks of a stream: "v0", "v1"… the video of each variant, "a0"… audio: what is muxed into
// the variants first (once, where several variants carry the same), then the renditions with segments
// of their own; "t0"… the subtitles. Names depend on what the playlists say, not on the order in which things
// came; once given they stay, through changes of parameters, too.
class TrackNaming {
 public:
  void begin_structure();
  // Muxed audio may be taken from another variant than before.
  void begin_session() { playlists_.clear(); }
  // REQUIRES: layouts.size() == structure.playlists.size()
  std::vector<TrackSource> name(const StreamStructure& structure, const std::vector<Layout>& layouts);

 private:
  struct AudioSource {
    std::string identity;
    TrackSource track;
  };
  static std::vector<TrackSource> video(const StreamStructure& structure, const std::vector<Layout>& layouts);
  std::vector<AudioSource> muxed_audio(const StreamStructure& structure, const std::vector<Layout>& layouts);
  std::vector<AudioSource> renditions(const StreamStructure& structure, const std::vector<Layout>& layouts);
  static std::vector<TrackSource> text(const StreamStructure& structure);
  void keep_numbers(const std::vector<AudioSource>& muxed);
  std::string audio_key(const std::string& identity);

  std::map<std::string, std::size_t> numbers_;    // of audio, by identity
  std::map<std::string, std::size_t> playlists_;  // that a muxed audio track is taken from
};

}  // namespace tarn::ingest
