// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "virtual_channel.h"

namespace tarn::trials {

// What a viewer saw of one track. Times in ms of the scene.
struct Seen {
  std::vector<std::int64_t> samples;  // numbers, as they were fetched
  std::vector<std::string> broken;    // promises: what was listed changed, went back, or was not there
  std::int64_t gaps = 0;
  std::int64_t discontinuities = 0;
  double stall_ms = 0;
  double oldest_ms = 0;  // the longest time without a new segment

  [[nodiscard]] std::int64_t lost() const;      // between the first and the last
  [[nodiscard]] std::int64_t repeated() const;  // or out of order
};

// A segment as a manifest lists it.
struct Listed {
  std::string uri;
  double duration_ms = 0;
  bool gap = false;
  bool discontinuity = false;
};

// Follows one playlist or Representation like a player: looks at it whenever it has changed, fetches every
// new segment once, begins three segments behind the edge, and counts the time for which its buffer would be
// empty.
class Viewer {
 public:
  // `rendition`: "v1", "v1a2" of HLS, "v1" of DASH. `key`: of the track that is watched.
  Viewer(VirtualChannel& channel, OutputSettings settings, std::string rendition, std::string key)
      : channel_(channel),
        settings_(std::move(settings)),
        rendition_(std::move(rendition)),
        key_(std::move(key)) {}

  void look(double now_ms);
  // Everything that it fetched still has the same samples, and everything it saw listed answers.
  void look_back();
  [[nodiscard]] const Seen& seen() const { return seen_; }
  [[nodiscard]] std::string name() const { return settings_.endpoint + " " + rendition_; }

 private:
  std::map<std::uint64_t, Listed> hls_segments();
  std::map<std::uint64_t, Listed> dash_segments() const;
  void take(std::uint64_t position, const Listed& segment, double now_ms);
  void play(const Listed& segment, double now_ms);

  VirtualChannel& channel_;
  OutputSettings settings_;
  std::string rendition_;
  std::string key_;
  Seen seen_;
  std::map<std::uint64_t, Listed> known_;                     // by media sequence number, or presentation time
  std::map<std::string, std::vector<std::int64_t>> fetched_;  // samples by URI
  std::uint64_t media_sequence_ = 0;
  std::uint64_t discontinuity_sequence_ = 0;
  std::optional<double> changed_ms_;
  std::vector<Listed> first_;          // before it plays
  std::optional<double> plays_until_;  // when what it has is played, if nothing comes
};

}  // namespace tarn::trials
