// SPDX-License-Identifier: Apache-2.0
#include "ingest/playlist_follower.h"

#include <algorithm>
#include <string>

#include "ingest/text_fragments.h"

namespace tarn::ingest {
namespace {

constexpr std::size_t most_expected = 10'000;
constexpr std::size_t most_listed = 1024;
constexpr std::uint64_t most_skipped = 100'000;  // segments; more is a new beginning, whatever its clock says
constexpr std::size_t most_given_up = 64;
constexpr int patience = 3;               // target durations
constexpr std::ptrdiff_t overtakers = 2;  // later segments that prove one lost

}  // namespace

Result<PlaylistFollower::Version> PlaylistFollower::resolve(const std::string& path,
                                                            const hls::MediaPlaylist& playlist,
                                                            Monotonic now) {
  Version version{.first = playlist.media_sequence, .entries = {}};
  version.entries.reserve(playlist.segments.size());
  std::optional<ObjectName> header;
  for (const hls::MediaSegment& listed : playlist.segments) {
    Expected entry;
    entry.name = TRY(ObjectName::resolve(path, listed.uri));
    entry.segment.media_sequence = version.end();
    entry.segment.discontinuity = listed.discontinuity;
    entry.segment.gap = listed.gap;
    entry.segment.duration = listed.duration;
    entry.segment.program_date_time = listed.program_date_time;
    if (listed.map) header = TRY(ObjectName::resolve(path, listed.map->uri));
    entry.segment.header = header;
    entry.listed = now;
    version.entries.push_back(std::move(entry));
  }
  return version;
}

Status PlaylistFollower::update(const std::string& path, const hls::MediaPlaylist& playlist,
                                ObjectShelf& shelf, Monotonic now) {
  Version version = TRY(resolve(path, playlist, now));
  doubtful_.reset();
  const Relation how = relation(version, shelf);
  // Until the encoder begins anew the longest one holds: a few encoders let it grow as they go.
  const Microseconds declared = std::chrono::seconds{playlist.target_duration};
  target_duration_ = how == Relation::restarts ? declared : std::max(target_duration_, declared);
  switch (how) {
    case Relation::begins:
      begin(std::move(version), shelf);
      break;
    case Relation::continues:
      append(std::move(version), shelf);
      break;
    case Relation::restarts:
      restart(std::move(version), shelf);
      break;
    case Relation::stale:
      doubtful_ = std::move(version);
      return {};
  }
  end_list_ = playlist.end_list;
  return {};
}

void PlaylistFollower::arrived(const std::string& path, ObjectShelf& shelf, Monotonic now) {
  if (!doubtful_) return;
  const auto is_it = [&](const Expected& entry) { return entry.name.matches(path); };
  if (std::none_of(doubtful_->entries.begin(), doubtful_->entries.end(), is_it)) return;
  if (!has_new_content(*doubtful_, shelf)) return;
  for (Expected& entry : doubtful_->entries) entry.listed = now;
  restart(std::move(*doubtful_), shelf);
  doubtful_.reset();
  end_list_ = false;
}

PlaylistFollower::Relation PlaylistFollower::relation(const Version& version,
                                                      const ObjectShelf& shelf) const {
  if (!begun_) return version.entries.empty() ? Relation::stale : Relation::begins;
  if (contradicts(version)) return Relation::restarts;
  if (version.end() >= listed_end_) return Relation::continues;
  // It went back. An older version may have overtaken a newer one on another connection.
  const bool known = !version.entries.empty() && listed_.contains(version.first);
  if (version.entries.empty()) return Relation::stale;
  return !known || has_new_content(version, shelf) ? Relation::restarts : Relation::stale;
}

// Another name under a number that was listed before.
bool PlaylistFollower::contradicts(const Version& version) const {
  return std::any_of(version.entries.begin(), version.entries.end(), [this](const Expected& entry) {
    const auto known = listed_.find(entry.segment.media_sequence);
    return known != listed_.end() && known->second != entry.name;
  });
}

// Something waits under a name whose turn is over: the same names are being used again. Where even the
// content is the same, an encoder plays its file once more: it has just uploaded the last segment it lists.
bool PlaylistFollower::has_new_content(const Version& version, const ObjectShelf& shelf) const {
  if (shelf.find_repeat(version.entries.back().name) != nullptr) return true;
  const std::uint64_t next = expected_.empty() ? listed_end_ : expected_.front().segment.media_sequence;
  return std::any_of(version.entries.begin(), version.entries.end(), [&](const Expected& entry) {
    return entry.segment.media_sequence < next && shelf.find_waiting(entry.name) != nullptr;
  });
}

// Encoders send in order: what is listed before the first segment that has come was sent before we
// listened, and will not come.
void PlaylistFollower::begin(Version version, ObjectShelf& shelf) {
  begun_ = true;
  const auto came = std::find_if(version.entries.begin(), version.entries.end(),
                                 [&](const Expected& entry) { return shelf.find(entry.name) != nullptr; });
  const std::uint64_t first = version.first;
  if (came != version.entries.end()) {
    version.first = came->segment.media_sequence;
    version.entries.erase(version.entries.begin(), came);
  }
  listed_end_ = version.first;
  append(std::move(version), shelf);
  window_first_ = first;
}

void PlaylistFollower::restart(Version version, ObjectShelf& shelf) {
  ++restarts_;
  listed_.clear();
  given_up_.clear();
  // What had come of the old session still has its turn, unless its name is used again.
  std::erase_if(expected_, [&](const Expected& old) {
    const auto reuses = [&](const Expected& entry) { return entry.name == old.name; };
    return shelf.find(old.name) == nullptr ||
           std::any_of(version.entries.begin(), version.entries.end(), reuses);
  });
  const std::size_t old = expected_.size();
  begin(std::move(version), shelf);
  if (expected_.size() > old) expected_[old].segment.discontinuity = true;
}

void PlaylistFollower::append(Version version, ObjectShelf& shelf) {
  const bool reopens = end_list_ && version.end() > listed_end_;
  Microseconds skipped{};
  if (version.first > listed_end_) {
    skipped =
        target_duration_ * static_cast<std::int64_t>(std::min(version.first - listed_end_, most_skipped));
  }
  const std::size_t before = expected_.size();
  window_first_ = std::max(window_first_, version.first);
  for (Expected& entry : version.entries) {
    if (entry.segment.media_sequence < listed_end_) {
      // What was repeated and is still listed where it was has been a retry.
      shelf.drop_repeat(entry.name);
      continue;
    }
    listed_[entry.segment.media_sequence] = entry.name;
    expected_.push_back(std::move(entry));
  }
  listed_end_ = std::max(listed_end_, version.end());
  if (expected_.size() > before) {
    expected_[before].segment.skipped = skipped;
    if (reopens) expected_[before].segment.discontinuity = true;
  }
  while (expected_.size() > most_expected) expected_.pop_front();
  while (listed_.size() > most_listed) listed_.erase(listed_.begin());
}

std::optional<OrderedSegment> PlaylistFollower::next(ObjectShelf& shelf, Monotonic now) {
  while (!expected_.empty()) {
    Expected& front = expected_.front();
    if (!front.segment.gap && is_there(front, shelf)) {
      OrderedSegment segment = std::move(front.segment);
      segment.object = shelf.take(front.name);
      segment.gap = !segment.object.usable();
      expected_.pop_front();
      gave_any_ = true;
      return segment;
    }
    if (!front.segment.gap) {
      if (!is_lost(shelf, now)) return std::nullopt;
      shelf.give_up(front.name);
      if (gave_any_) {
        ++never_came_;
        given_up_.push_back(front);
        if (given_up_.size() > most_given_up) given_up_.pop_front();
      }
      front.segment.gap = true;
    }
    OrderedSegment segment = std::move(front.segment);
    expected_.pop_front();
    if (gave_any_) return segment;  // before the first that came there is nothing to leave a gap in
  }
  return std::nullopt;
}

std::optional<OrderedSegment> PlaylistFollower::next_late(ObjectShelf& shelf) {
  const auto came = std::find_if(given_up_.begin(), given_up_.end(),
                                 [&](const Expected& entry) { return is_there(entry, shelf); });
  if (came == given_up_.end()) return std::nullopt;
  OrderedSegment segment = std::move(came->segment);
  segment.object = shelf.take(came->name);
  given_up_.erase(came);
  return segment;
}

bool PlaylistFollower::is_lost(const ObjectShelf& shelf, Monotonic now) const {
  const Expected& front = expected_.front();
  if (settled_ || front.segment.media_sequence < window_first_) return true;
  if (now - front.listed > patience * target_duration_) return true;
  const auto came = [&](const Expected& entry) { return is_there(entry, shelf); };
  return std::count_if(expected_.begin() + 1, expected_.end(), came) >= overtakers;
}

bool PlaylistFollower::names(std::string_view path) const {
  return std::any_of(expected_.begin(), expected_.end(),
                     [&](const Expected& entry) { return entry.name.matches(path); });
}

bool PlaylistFollower::has_complete_segment(const ObjectShelf& shelf) const {
  return std::any_of(expected_.begin(), expected_.end(),
                     [&](const Expected& entry) { return is_there(entry, shelf); });
}

bool PlaylistFollower::is_text(const ObjectShelf& shelf) const {
  const auto at = std::find_if(expected_.begin(), expected_.end(),
                               [&](const Expected& entry) { return shelf.find(entry.name) != nullptr; });
  if (at == expected_.end()) return false;
  const UploadedSegment* segment = shelf.find(at->name);
  if (segment->text != nullptr || !at->segment.header) return segment->text != nullptr;
  const auto header = shelf.headers().find(*at->segment.header, segment->number);
  return header != nullptr && is_text_header(*header);
}

// Without EXT-X-MAP nothing is waited for: such a segment has no use.
bool PlaylistFollower::is_there(const Expected& entry, const ObjectShelf& shelf) {
  const UploadedSegment* segment = shelf.find(entry.name);
  if (segment == nullptr || segment->fragments.empty() || segment->media != nullptr)
    return segment != nullptr;
  const auto& header = entry.segment.header;
  return !header || shelf.headers().find(*header, segment->number) != nullptr;
}

}  // namespace tarn::ingest
