// SPDX-License-Identifier: Apache-2.0
#include "ingest/pull_plan.h"

#include <algorithm>
#include <utility>

#include "ingest/object_path.h"
#include "ingest/stream_structure.h"

namespace tarn::ingest {
namespace {

constexpr std::size_t first_segments = 3;
constexpr std::size_t most_items = 2'000;
constexpr std::size_t most_known = 300;
constexpr std::size_t most_lanes = 64;
constexpr unsigned most_gone = 3;
constexpr unsigned failures_of_a_lane = 3;  // then the entry is read again
constexpr Microseconds shortest_pause{250'000};
constexpr Microseconds longest_pause{4'000'000};

Microseconds pause_after(unsigned failures) {
  return std::min(longest_pause, shortest_pause * (std::int64_t{1} << std::min(failures, 5U)));
}

}  // namespace

PullPlan::PullPlan(std::string name, std::string location, Resolve resolve)
    : name_(std::move(name)), location_(std::move(location)), resolve_(std::move(resolve)) {}

PullPlan::Step PullPlan::next(Monotonic now) {
  lane_ = nullptr;
  is_segment_ = false;
  std::optional<Monotonic> until;
  const auto is_due = [&](Monotonic due) {
    if (due <= now) return true;
    until = std::min(until.value_or(due), due);
    return false;
  };
  const auto fetch = [](const std::string& name, const std::string& location, bool is_playlist) {
    return Step{Step::What::fetch, name, location, is_playlist, {}};
  };
  if (!has_entry_) {
    if (is_due(entry_due_)) return fetch(name_, location_, true);
    return Step{Step::What::wait, {}, {}, false, *until};
  }
  // All playlists are read before the first segment, so that no track begins before it is known.
  for (Lane& lane : lanes_) {
    if (lane.ended || !is_due(lane.due)) continue;
    lane_ = &lane;
    return fetch(lane.name, lane.location, true);
  }
  Lane* best = nullptr;
  for (Lane& lane : lanes_) {
    if (lane.items.empty() || !is_due(lane.items.front().again)) continue;
    if (best == nullptr || lane.fetched < best->fetched) best = &lane;
  }
  if (best != nullptr) {
    lane_ = best;
    is_segment_ = true;
    return fetch(best->items.front().name, best->items.front().location, false);
  }
  if (!until) return Step{};
  return Step{Step::What::wait, {}, {}, false, *until};
}

bool PullPlan::taken(Bytes content, Monotonic now, std::string& why) {
  if (is_segment_) {
    lane_->items.pop_front();
    ++lane_->fetched;
    return true;
  }
  if (lane_ == nullptr) {
    if (take_entry(as_text(content), now, why)) return true;
    failed(false, now);
    return false;
  }
  const auto playlist = hls::parse_media(as_text(content));
  if (!playlist.ok()) {
    why = playlist.error().message;
    failed(false, now);
    return false;
  }
  lane_->failures = 0;
  take_media(*lane_, *playlist, now);
  return true;
}

void PullPlan::failed(bool is_gone, Monotonic now) {
  if (is_segment_) {
    Item& item = lane_->items.front();
    item.gone += is_gone ? 1 : 0;
    item.again = now + std::max(shortest_pause, lane_->target / 4);
    if (item.gone < most_gone && now - item.listed < lane_->target * 3 / 2) return;
    lane_->items.pop_front();
    ++lane_->fetched;
    ++passed_over_;
    return;
  }
  if (lane_ == nullptr) {
    entry_due_ = now + pause_after(entry_failures_++);
    return;
  }
  lane_->due = now + pause_after(lane_->failures++);
  if (is_gone && lane_->failures >= failures_of_a_lane && !single_) {
    has_entry_ = false;  // perhaps its playlists have other names now
    entry_due_ = now;
    lane_->failures = 0;
  }
}

bool PullPlan::take_entry(std::string_view text, Monotonic now, std::string& why) {
  const auto kind = hls::classify(text);
  if (!kind.ok()) {
    why = kind.error().message;
    return false;
  }
  if (*kind == hls::PlaylistKind::media) {
    const auto playlist = hls::parse_media(text);
    if (!playlist.ok()) {
      why = playlist.error().message;
      return false;
    }
    single_ = name_;
    if (lanes_.empty()) lanes_.push_back({.name = name_, .location = location_});
    take_media(lanes_.front(), *playlist, now);
    has_entry_ = true;
    return true;
  }
  const auto playlist = hls::parse_multivariant(text);
  if (!playlist.ok()) {
    why = playlist.error().message;
    return false;
  }
  std::vector<Lane> before = std::exchange(lanes_, {});
  for (const hls::StreamInf& variant : playlist->variants) add_lane(name_, variant.uri, now);
  for (const hls::Media& media : playlist->media) {
    if ((media.type == "AUDIO" || media.type == "SUBTITLES") && !media.uri.empty()) {
      add_lane(name_, media.uri, now);
    }
  }
  if (lanes_.empty()) {
    lanes_ = std::move(before);
    why = "it names no playlist that can be fetched";
    return false;
  }
  for (Lane& lane : lanes_) {
    const auto same = std::find_if(before.begin(), before.end(),
                                   [&](const Lane& old) { return old.location == lane.location; });
    if (same != before.end()) lane = std::move(*same);
  }
  has_entry_ = true;
  entry_failures_ = 0;
  return true;
}

void PullPlan::add_lane(const std::string& playlist, const std::string& uri, Monotonic now) {
  const auto name = ObjectName::resolve(playlist, uri);
  const std::string location = resolve_(location_, uri);
  if (!name.ok() || location.empty() || lanes_.size() == most_lanes) return;
  const bool is_known =
      std::any_of(lanes_.begin(), lanes_.end(), [&](const Lane& lane) { return lane.location == location; });
  if (!is_known) lanes_.push_back({.name = name->text(), .location = location, .due = now});
}

bool PullPlan::begins_anew(const Lane& lane, const hls::MediaPlaylist& playlist) {
  const std::uint64_t end = playlist.media_sequence + playlist.segments.size();
  if (end + playlist.segments.size() + first_segments < lane.listed_end) return true;
  for (std::size_t i = 0; i < playlist.segments.size(); ++i) {
    const auto known = lane.known.find(playlist.media_sequence + i);
    if (known != lane.known.end() && known->second != playlist.segments[i].uri) return true;
  }
  return false;
}

void PullPlan::take_media(Lane& lane, const hls::MediaPlaylist& playlist, Monotonic now) {
  lane.target = std::chrono::seconds{std::max(1U, playlist.target_duration)};
  if (lane.begun && begins_anew(lane, playlist)) {
    lane.known.clear();
    lane.items.clear();
    lane.listed_end = playlist.media_sequence;
  }
  const std::uint64_t before = lane.listed_end;
  list(lane, playlist, now);
  lane.ended = playlist.end_list;
  const bool is_new = !std::exchange(lane.begun, true) || lane.listed_end > before;
  lane.due = now + (is_new ? lane.target : lane.target / 2);
}

void PullPlan::list(Lane& lane, const hls::MediaPlaylist& playlist, Monotonic now) {
  const std::size_t count = playlist.segments.size();
  const bool joins_live = !lane.begun && !playlist.end_list && count > first_segments;
  std::string map;
  for (std::size_t i = 0; i < count; ++i) {
    const hls::MediaSegment& segment = playlist.segments[i];
    const std::uint64_t number = playlist.media_sequence + i;
    if (segment.map) map = segment.map->uri;
    if (number < lane.listed_end || (joins_live && i + first_segments < count)) continue;
    lane.known[number] = segment.uri;
    if (segment.gap || lane.items.size() >= most_items) continue;
    const auto add = [&](const std::string& uri) {
      const auto name = ObjectName::resolve(lane.name, uri);
      const std::string location = resolve_(lane.location, uri);
      if (name.ok() && !location.empty()) lane.items.push_back({name->text(), location, now, {}, 0});
    };
    if (!map.empty() && map != lane.map) add(lane.map = map);
    add(segment.uri);
  }
  lane.listed_end = std::max(lane.listed_end, playlist.media_sequence + count);
  while (lane.known.size() > most_known) lane.known.erase(lane.known.begin());
}

}  // namespace tarn::ingest
