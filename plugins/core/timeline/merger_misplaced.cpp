// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "core/base/text.h"
#include "core/timeline/merger_impl.h"

// An input whose content lies elsewhere in time than the timeline's: how that is seen, what it is called,
// and when it is over.
namespace tarn::timeline {
namespace {

// A second says that sound is the timeline's again; of pictures it takes more, since times that jitter around
// what is tolerated would come and go.
int enough_to_return(codecs::Kind kind) { return kind == codecs::Kind::video ? 8 : 48; }

std::string seconds(std::int64_t ticks, std::uint32_t timescale) {
  return format_seconds(std::abs(ticks), timescale, 3) + " s";
}

}  // namespace

void Merger::Impl::remember_copy(Input& input, const Arrived& copy, std::int64_t position) const {
  input.copies.push_back({position, copy.unit.digest});
  const bool video = running_->ref().kind == codecs::Kind::video;
  if (input.copies.size() > (video ? remembered_gops : remembered_frames)) input.copies.pop_front();
}

// The slot that begins nearest to `position`. REQUIRES: a slot is remembered
Merger::Impl::Beside Merger::Impl::beside(std::int64_t position) const {
  Beside nearest{position - running_->slot_edge, running_->nominal, nullptr};
  std::int64_t end = running_->slot_edge;
  for (auto slot = running_->recent.rbegin(); slot != running_->recent.rend(); ++slot) {
    if (std::abs(position - slot->start) < std::abs(nearest.shift))
      nearest = {position - slot->start, end - slot->start, &*slot};
    end = slot->start;
  }
  return nearest;
}

// GOPs that are as long as the timeline's lie beside them, again and again by as much: the input's times have
// moved while it sent. `tolerated`: 0: this one does not lie beside any.
void Merger::Impl::note_shift(Input& input, const Arrived& copy, std::int64_t position,
                              std::int64_t tolerated) {
  Session* session = joined_session(input.id);
  if (session == nullptr || running_->ref().kind != codecs::Kind::video || active_ == input.id) return;
  if (running_->recent.empty() || position < running_->recent.front().start) return;
  if (tolerated == 0 || input.status.open_segments) {
    session->shifted_copies = 0;
    return;
  }
  if (count_shift(*session, beside(position), copy.unit.duration, tolerated))
    leave(input, *session, session->content_shift);
}

// True: enough GOPs in a row lie beside the timeline's by as much.
bool Merger::Impl::count_shift(Session& session, const Beside& nearest, std::int64_t duration,
                               std::int64_t tolerated) {
  if (std::abs(nearest.length - duration) > tolerated) {
    session.shifted_copies = 0;
    return false;
  }
  const bool again =
      session.shifted_copies > 0 && std::abs(nearest.shift - session.content_shift) <= tolerated;
  session.shifted_copies = again ? session.shifted_copies + 1 : 1;
  session.content_shift = nearest.shift;
  return session.shifted_copies >= enough_copies(codecs::Kind::video);
}

// It comes back when its units are the timeline's again, or with a stretch of its own.
void Merger::Impl::leave(Input& input, Session& session, std::int64_t offset) {
  session.misplaced = true;
  session.misplaced_by = offset;
  session.looked_at.reset();
  session.fitting_copies = session.shifted_copies = 0;
  session.stretch = 0;
  input.other_gops = 0;
  input.status.different_gops = false;
}

// The other input may have sent this content before, for another time.
void Merger::Impl::look_for_copies(InputId used_of, std::int64_t start, std::uint64_t digest) {
  if (digest == 0) return;
  for (Input& input : inputs_) {
    if (input.id == used_of) continue;
    const auto same = std::find_if(input.copies.rbegin(), input.copies.rend(),
                                   [&](const Input::Copy& copy) { return copy.digest == digest; });
    if (same != input.copies.rend()) note_offset(input, same->position - start);
  }
}

// The same content at another time, again and again by as much: the input is not aligned, even where its GOPs
// begin with the timeline's.
void Merger::Impl::note_offset(Input& input, std::int64_t offset) {
  Session* session = joined_session(input.id);
  if (session == nullptr) return;
  const TrackState& ref = running_->ref();
  const std::int64_t jitter = ref.kind == codecs::Kind::video ? 0 : ref.timescale / 1'000;
  const bool again = std::abs(offset - session->content_offset) <= jitter;
  session->offset_copies = offset == 0 ? 0 : again ? session->offset_copies + 1 : 1;
  session->content_offset = offset;
  if (session->offset_copies < enough_copies(ref.kind) || active_ == input.id) return;
  leave(input, *session, offset);
}

// What a session that left has sent since, once the timeline has gone past it: it follows where its content
// lies, and lets it come back when enough of it lies where the timeline's does.
void Merger::Impl::look_again(Input& input, Session& session) {
  if (!session.misplaced || running_->closed || active_ == input.id) return;
  const TrackState& ref = running_->ref();
  TrackFeed* feed = session.find(ref.key);
  if (feed == nullptr || running_->recent.empty()) return;
  auto at = feed->units.begin();
  if (session.looked_at) {
    at = std::upper_bound(at, feed->units.end(), *session.looked_at,
                          [](std::int64_t start, const Arrived& one) { return start < one.unit.start; });
  }
  for (; at != feed->units.end() && session.fitting_copies < enough_to_return(ref.kind); ++at) {
    const std::int64_t position = at->unit.start + feed->shift;
    const std::int64_t tolerated = tolerance(ref, at->unit, false);
    if (position + at->unit.duration > running_->slot_edge + tolerated) break;
    session.looked_at = at->unit.start;
    const bool fits = ref.kind == codecs::Kind::video ? gop_fits(session, *at, position, tolerated)
                                                      : frame_fits(*at, position, tolerated);
    session.fitting_copies = fits ? session.fitting_copies + 1 : 0;
  }
  if (session.fitting_copies < enough_to_return(ref.kind)) return;
  session.misplaced = session.is_askew = false;
  session.misplaced_by = session.content_offset = session.content_shift = 0;
  session.offset_copies = session.shifted_copies = 0;
  input.copies.clear();
}

bool Merger::Impl::gop_fits(Session& session, const Arrived& copy, std::int64_t position,
                            std::int64_t tolerated) {
  const Beside nearest = beside(position);
  if (count_shift(session, nearest, copy.unit.duration, tolerated) && nearest.length > 0) {
    // Nobody sees by how many whole GOPs: by as many as before.
    const std::int64_t moved = nearest.shift - session.misplaced_by;
    const std::int64_t half = nearest.length / 2;
    const std::int64_t gops = (moved >= 0 ? moved + half : moved - half) / nearest.length;
    session.misplaced_by += moved - gops * nearest.length;
  }
  if (nearest.slot == nullptr || nearest.slot->hole || std::abs(nearest.shift) > tolerated / 2) return false;
  if (std::abs(nearest.length - copy.unit.duration) > tolerated) return false;
  if (std::abs(session.misplaced_by) <= tolerated / 2) return true;
  const std::uint64_t digest = copy.unit.digest;
  return digest != 0 && digest == nearest.slot->digest &&
         std::count_if(running_->recent.begin(), running_->recent.end(),
                       [&](const RecentSlot& slot) { return slot.digest == digest; }) == 1;
}

bool Merger::Impl::frame_fits(const Arrived& copy, std::int64_t position, std::int64_t tolerated) const {
  const auto& frames = running_->ref().used;
  const UsedCopy* used = used_at(running_->ref(), position, tolerated);
  if (used == nullptr || copy.unit.digest == 0 || used->digest != copy.unit.digest) return false;
  return std::count_if(frames.begin(), frames.end(),
                       [&](const UsedCopy& one) { return one.digest == used->digest; }) == 1;
}

// What is wrong with a session that is not aligned, for people.
std::string Merger::Impl::misalignment(const Session& session) const {
  for (const Track& track : running_->stretch.tracks) {
    const std::string& key = track.description.key;
    const auto its = std::find_if(session.tracks.begin(), session.tracks.end(),
                                  [&](const TrackFeed& feed) { return feed.description.key == key; });
    if (its == session.tracks.end()) return "it has no track " + key;
    if (!same_media(its->description, track.description)) return "its parameters of " + key + " differ";
  }
  for (const TrackFeed& feed : session.tracks) {
    const auto& tracks = running_->stretch.tracks;
    if (std::none_of(tracks.begin(), tracks.end(),
                     [&](const Track& track) { return track.description.key == feed.description.key; }))
      return "the timeline has no track " + feed.description.key;
  }
  const TrackState& ref = running_->ref();
  if (session.misplaced) {
    return "its content lies " + seconds(session.misplaced_by, ref.timescale) +
           (session.misplaced_by < 0 ? " earlier" : " later");
  }
  const TrackFeed& feed = *session.find(ref.key);
  if (feed.seen_end) {
    const std::int64_t behind = running_->slot_edge - *feed.seen_end;
    if (to_microseconds(std::abs(behind), ref.timescale) > pace() * 3)
      return "its times are " + seconds(behind, ref.timescale) + (behind > 0 ? " behind" : " ahead");
  }
  if (session.breaks) return "it began anew, the timeline did not";
  return "its GOPs begin at other times";
}

}  // namespace tarn::timeline
