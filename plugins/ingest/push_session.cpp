// SPDX-License-Identifier: Apache-2.0
#include "ingest/push_session.h"

#include <algorithm>
#include <utility>

namespace tarn::ingest {
namespace {

using Outcome = ObjectAnswer::Outcome;

constexpr std::size_t most_playlists = 128;
constexpr Microseconds shortest_wait{60'000'000};
constexpr std::int64_t waits = 5;  // target durations that a segment may lie unclaimed

const hls::MediaSegment* first_encrypted(const hls::MediaPlaylist& playlist) {
  const auto at = std::find_if(playlist.segments.begin(), playlist.segments.end(),
                               [](const hls::MediaSegment& segment) { return segment.encrypted; });
  return at == playlist.segments.end() ? nullptr : &*at;
}

}  // namespace

ObjectAnswer PushSession::put_playlist(const std::string& path, std::string_view text, Monotonic now) {
  const auto kind = hls::classify(text);
  if (!kind.ok()) return refuse(kind.error());
  ObjectAnswer answer =
      *kind == hls::PlaylistKind::multivariant ? put_multivariant(path, text) : put_media(path, text, now);
  advance(now);
  return answer;
}

ObjectAnswer PushSession::put_multivariant(const std::string& path, std::string_view text) {
  const auto playlist = hls::parse_multivariant(text);
  if (!playlist.ok()) return refuse(playlist.error());
  auto structure = structure_of(path, *playlist);
  if (!structure.ok()) return refuse(std::move(structure).error());
  const bool known = structure_is_declared_;
  structure_is_declared_ = true;
  use(std::move(structure).value());
  return {.outcome = known ? Outcome::replaced : Outcome::created,
          .code = {},
          .message = "multivariant playlist"};
}

ObjectAnswer PushSession::put_media(const std::string& path, std::string_view text, Monotonic now) {
  const auto playlist = hls::parse_media(text);
  if (!playlist.ok()) return refuse(playlist.error());
  if (const hls::MediaSegment* const segment = first_encrypted(*playlist)) {
    return refuse({ErrorCode::encrypted, "EXT-X-KEY: segment " + segment->uri + " is encrypted"});
  }
  const bool known = playlists_.contains(path);
  if (replaying_ && !known && !holds_any_of(path, *playlist)) {
    return {.outcome = Outcome::held, .code = {}, .message = "none of its segments came again"};
  }
  if (!known && playlists_.size() >= most_playlists) {
    return refuse({ErrorCode::limit, "more than 128 media playlists"});
  }
  Playlist& entry = playlists_[path];
  if (const Status status = entry.follower.update(path, *playlist, shelf_, now); !status.ok()) {
    return refuse(status.error());
  }
  return {.outcome = known ? Outcome::replaced : Outcome::created, .code = {}, .message = "media playlist"};
}

bool PushSession::holds_any_of(const std::string& path, const hls::MediaPlaylist& playlist) const {
  return std::any_of(playlist.segments.begin(), playlist.segments.end(),
                     [&](const hls::MediaSegment& segment) {
                       const auto name = ObjectName::resolve(path, segment.uri);
                       return name.ok() && shelf_.find(*name) != nullptr;
                     });
}

ObjectAnswer PushSession::put_segment(UploadedSegment segment, Monotonic now) {
  const std::string path = segment.path;
  const ObjectShelf::Placed placed = shelf_.put(std::move(segment));
  if (placed == ObjectShelf::Placed::repeated) {
    for (auto& [playlist_path, playlist] : playlists_) playlist.follower.arrived(path, shelf_, now);
    advance(now);
    return {.outcome = Outcome::replaced, .code = {}, .message = "the same content again"};
  }
  bool has_turn = false;
  for (auto& [playlist_path, playlist] : playlists_) {
    playlist.follower.arrived(path, shelf_, now);
    has_turn = has_turn || (is_in_use(playlist_path) && playlist.follower.names(path));
  }
  advance(now);
  if (placed == ObjectShelf::Placed::replaced && !has_turn) {
    return {
        .outcome = Outcome::replaced, .code = {}, .message = "new content under a name that was used before"};
  }
  if (!has_turn) return {.outcome = Outcome::held, .code = {}, .message = "no playlist names it yet"};
  return {.outcome = Outcome::created, .code = {}, .message = "segment"};
}

ObjectAnswer PushSession::put_header(const std::string& path, std::uint64_t digest, std::uint64_t number,
                                     HeaderShelf::Header header, Monotonic now) {
  const bool is_new = shelf_.headers().put(path, digest, number, std::move(header));
  advance(now);
  if (!is_new) return {.outcome = Outcome::replaced, .code = {}, .message = "the same content again"};
  return {.outcome = Outcome::created, .code = {}, .message = "header"};
}

void PushSession::advance(Monotonic now) {
  for (auto& [path, playlist] : playlists_) {
    if (!playlist.complete_since && playlist.follower.has_complete_segment(shelf_))
      playlist.complete_since = now;
  }
  look_for_single_playlist(now, false);
  shelf_.drop_older_than(now - std::max(shortest_wait, waits * target_duration()));
}

void PushSession::settle(Monotonic now) {
  for (auto& [path, playlist] : playlists_) playlist.follower.settle();
  look_for_single_playlist(now, true);
}

void PushSession::use_single_playlist(const std::string& path) {
  structure_is_declared_ = true;
  use(structure_of_single_playlist(path));
}

std::optional<Monotonic> PushSession::deadline() const {
  if (structure_) return std::nullopt;
  std::optional<Monotonic> earliest;
  for (const auto& [path, playlist] : playlists_) {
    if (!playlist.complete_since || playlist.follower.is_text(shelf_)) continue;
    const Monotonic due = *playlist.complete_since + playlist.follower.target_duration() * 3 / 2;
    earliest = std::min(earliest.value_or(due), due);
  }
  return earliest;
}

void PushSession::look_for_single_playlist(Monotonic now, bool settled) {
  if (structure_) return;
  const Playlists::value_type* found = nullptr;
  for (const auto& entry : playlists_) {
    const Playlist& playlist = entry.second;
    if (!playlist.complete_since || playlist.follower.is_text(shelf_)) continue;
    const bool is_due = now - *playlist.complete_since >= playlist.follower.target_duration() * 3 / 2;
    if (!is_due && !settled) continue;
    if (found == nullptr || *playlist.complete_since < *found->second.complete_since) found = &entry;
  }
  if (found != nullptr) use(structure_of_single_playlist(found->first));
}

void PushSession::use(StreamStructure structure) {
  if (structure_ && structure_->same_tracks(structure)) return;  // bandwidths stay as first declared (S15)
  structure_ = std::move(structure);
  ++revision_;
}

std::optional<OrderedSegment> PushSession::next(std::size_t playlist, Monotonic now) {
  Playlist* const entry = find(structure_->playlists[playlist]);
  return entry == nullptr ? std::nullopt : entry->follower.next(shelf_, now);
}

std::optional<OrderedSegment> PushSession::next_late(std::size_t playlist) {
  Playlist* const entry = find(structure_->playlists[playlist]);
  return entry == nullptr ? std::nullopt : entry->follower.next_late(shelf_);
}

bool PushSession::ended(std::size_t playlist) const {
  const Playlist* const entry = find(structure_->playlists[playlist]);
  return entry != nullptr && entry->follower.ended();
}

Microseconds PushSession::target_duration() const {
  Microseconds longest{};
  for (const auto& [path, playlist] : playlists_) {
    if (!structure_ || is_media(path)) longest = std::max(longest, playlist.follower.target_duration());
  }
  return longest;
}

std::uint64_t PushSession::never_came() const {
  std::uint64_t sum = 0;
  for (const auto& [path, playlist] : playlists_) sum += playlist.follower.never_came();
  return sum;
}

std::uint64_t PushSession::restarts() const {
  std::uint64_t most = 0;
  for (const auto& [path, playlist] : playlists_) most = std::max(most, playlist.follower.restarts());
  return most;
}

// In use, and not for subtitles, whose files may be of any length.
bool PushSession::is_media(std::string_view path) const {
  for (std::size_t i = 0; i < structure_->playlists.size(); ++i) {
    if (structure_->playlists[i].matches(path) && structure_->text_rendition(i) == nullptr) return true;
  }
  return false;
}

bool PushSession::is_in_use(std::string_view path) const {
  return structure_ && std::any_of(structure_->playlists.begin(), structure_->playlists.end(),
                                   [&](const ObjectName& name) { return name.matches(path); });
}

PushSession::Playlist* PushSession::find(const ObjectName& name) {
  return const_cast<Playlist*>(std::as_const(*this).find(name));
}

const PushSession::Playlist* PushSession::find(const ObjectName& name) const {
  for (const std::string& path : name.paths()) {
    const auto at = playlists_.find(path);
    if (at != playlists_.end()) return &at->second;
  }
  return nullptr;
}

}  // namespace tarn::ingest
