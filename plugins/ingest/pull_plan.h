// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/hls/playlist.h"

namespace tarn::ingest {

// What is fetched next of an HLS stream that somebody else serves, so that it arrives as an encoder would
// push it: playlists, and behind each the segments it has come to list, all playlists in step. No clock, no
// transport; time is an argument.
//
// Playlists without EXT-X-ENDLIST are followed from their last three segments on (RFC 8216bis 6.3.3) and read
// again a target duration after the last time, half of it when nothing was new (6.3.4). What cannot be
// fetched is tried again: a segment for 1.5 target durations from when it was listed, three times at most
// when it is not there, then it is passed over; a playlist for ever. A playlist that contradicts what it
// listed, or lies far behind it, is the other side beginning anew.
class PullPlan {
 public:
  // Where a URI in the playlist at `base` leads to; empty: nowhere.
  using Resolve = std::function<std::string(const std::string& base, const std::string& uri)>;
  // `name` is what the entry is called as an object, `location` where it is.
  PullPlan(std::string name, std::string location, Resolve resolve);

  struct Step {
    enum class What { fetch, wait, over };
    What what = What::over;
    std::string name;      // fetch: what it is called as an object
    std::string location;  // fetch: where it is
    bool is_playlist = false;
    Monotonic until;  // wait
  };
  // The answer to a `fetch` is taken() or failed(), before the next step is asked for.
  Step next(Monotonic now);
  // False: it could not be read, and is asked for again later; `why` says so.
  bool taken(Bytes content, Monotonic now, std::string& why);
  // `is_gone`: the other side says that it is not there.
  void failed(bool is_gone, Monotonic now);

  // The media playlist that is all of the stream; none before it is known, or with a multivariant playlist.
  [[nodiscard]] const std::optional<std::string>& single_playlist() const { return single_; }
  [[nodiscard]] std::uint64_t passed_over() const { return passed_over_; }

 private:
  struct Item {
    std::string name;
    std::string location;
    Monotonic listed;
    Monotonic again;  // not tried before
    unsigned gone = 0;
  };
  struct Lane {  // a media playlist
    std::string name;
    std::string location;
    bool begun = false;
    bool ended = false;
    Monotonic due{};
    unsigned failures = 0;
    Microseconds target{6'000'000};
    std::uint64_t listed_end = 0;
    std::uint64_t fetched = 0;
    std::string map{};  // URI that was fetched last
    std::deque<Item> items{};
    std::map<std::uint64_t, std::string> known{};  // URIs by media sequence number, the latest
  };

  bool take_entry(std::string_view text, Monotonic now, std::string& why);
  void take_media(Lane& lane, const hls::MediaPlaylist& playlist, Monotonic now);
  [[nodiscard]] static bool begins_anew(const Lane& lane, const hls::MediaPlaylist& playlist);
  void list(Lane& lane, const hls::MediaPlaylist& playlist, Monotonic now);
  void add_lane(const std::string& name, const std::string& uri, Monotonic now);

  const std::string name_;
  const std::string location_;
  const Resolve resolve_;
  bool has_entry_ = false;
  Monotonic entry_due_;
  unsigned entry_failures_ = 0;
  std::optional<std::string> single_;
  std::vector<Lane> lanes_;
  Lane* lane_ = nullptr;     // of the step that was given; null: the entry
  bool is_segment_ = false;  // so it is the lane's first item
  std::uint64_t passed_over_ = 0;
};

}  // namespace tarn::ingest
