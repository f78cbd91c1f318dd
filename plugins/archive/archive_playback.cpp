// SPDX-License-Identifier: Apache-2.0
#include "archive/archive_playback.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace tarn {
namespace {

struct Seek {
  gdouble rate = 1;
  GstFormat format = GST_FORMAT_UNDEFINED;
  GstSeekFlags flags{};
  GstSeekType start_type = GST_SEEK_TYPE_NONE;
  GstSeekType stop_type = GST_SEEK_TYPE_NONE;
  gint64 start = 0;
  gint64 stop = 0;
};

Seek parse(GstEvent* event) {
  Seek seek;
  gst_event_parse_seek(event, &seek.rate, &seek.format, &seek.flags, &seek.start_type, &seek.start,
                       &seek.stop_type, &seek.stop);
  return seek;
}

// GST_CLOCK_TIME_NONE: at the end, wherever that is.
GstClockTime stop_of(const Seek& seek, const GstSegment& before) {
  const auto time = static_cast<GstClockTime>(seek.stop);
  if (seek.stop_type == GST_SEEK_TYPE_NONE) return before.stop;
  if (seek.stop_type == GST_SEEK_TYPE_SET) return time;
  return seek.stop < 0 ? before.duration - std::min<GstClockTime>(-time, before.duration) : before.duration;
}

}  // namespace

ArchivePlayback::ArchivePlayback(ArchiveRange range, std::vector<timeline::TrackId> tracks)
    : range_(std::move(range)), tracks_(std::move(tracks)), next_(range_.first()), end_(range_.end()) {
  gst_segment_init(&whole_, GST_FORMAT_TIME);
  whole_.duration = range_.duration();
}

// A track that no stretch of the range has is a mistake of whoever chose it.
Status ArchivePlayback::check_tracks() const {
  if (range_.first() == range_.end()) return {};
  std::set<std::uint32_t> stretches;
  std::set<timeline::TrackId> known;
  const timeline::Timeline& timeline = range_.timeline();
  for (std::uint64_t number = range_.first(); number < range_.end(); ++number) {
    const auto slot = timeline.find(number);
    if (!slot || !stretches.insert(slot->stretch).second) continue;
    const timeline::Stretch* const stretch = timeline.stretch(slot->stretch);
    if (stretch == nullptr) continue;
    for (const timeline::Track& track : stretch->tracks) known.insert(track.id);
  }
  for (const timeline::TrackId id : tracks_) {
    if (known.contains(id)) continue;
    std::string list;
    for (const timeline::TrackId one : known) list += (list.empty() ? "" : ", ") + std::to_string(one);
    return Error{ErrorCode::invalid,
                 "tracks: there is no track " + std::to_string(id) + " in this range; there are " + list};
  }
  return {};
}

bool ArchivePlayback::can_seek(GstEvent* event) {
  const Seek seek = parse(event);
  return seek.rate > 0 && seek.format == GST_FORMAT_TIME && seek.start_type == GST_SEEK_TYPE_SET &&
         seek.start >= 0 && (seek.flags & GST_SEEK_FLAG_INSTANT_RATE_CHANGE) == 0 &&
         (seek.stop_type != GST_SEEK_TYPE_SET || seek.stop < 0 || seek.start <= seek.stop);
}

void ArchivePlayback::seek(GstEvent* event, const Lead& lead) {
  const Seek seek = parse(event);
  GstSegment asked = whole_;
  const auto start = std::min(static_cast<GstClockTime>(seek.start), asked.duration);
  auto stop = stop_of(seek, asked);
  if (start > stop) stop = GST_CLOCK_TIME_NONE;  // one that was there already, or counted from the end
  gst_segment_do_seek(&asked, seek.rate, seek.format, seek.flags, GST_SEEK_TYPE_SET, start, GST_SEEK_TYPE_SET,
                      stop, nullptr);
  const bool is_key_unit = (seek.flags & GST_SEEK_FLAG_KEY_UNIT) != 0;
  if (is_key_unit) asked.start = asked.time = asked.position = snapped(start, seek.flags);
  if (GST_CLOCK_TIME_IS_VALID(asked.stop)) asked.stop = std::max(asked.start, asked.stop);
  next_ = is_key_unit ? range_.slot_at(asked.start) : slot_to_begin_with(asked.start, lead);
  end_ = range_.end();
  // What is decoded later than the stop is shown later than that, too.
  if (GST_CLOCK_TIME_IS_VALID(asked.stop))
    end_ = std::clamp(range_.slot_at(std::max<GstClockTime>(asked.stop, 1) - 1) + 1, next_, range_.end());
  whole_ = asked;
  seqnum_ = gst_event_get_seqnum(event);
}

// A slot is a GOP: it begins with a key frame. Behind the last one there is none, whatever is asked for.
GstClockTime ArchivePlayback::snapped(GstClockTime time, GstSeekFlags flags) const {
  const std::uint64_t slot = range_.slot_at(time);
  if (slot == range_.end()) return time;
  const GstClockTime before = range_.time_of(slot);
  if (before == time || slot + 1 == range_.end()) return before;
  const GstClockTime after = range_.time_of(slot + 1);
  switch (flags & GST_SEEK_FLAG_SNAP_NEAREST) {  // which is both
    case GST_SEEK_FLAG_SNAP_AFTER:
      return after;
    case GST_SEEK_FLAG_SNAP_NEAREST:
      return after - time < time - before ? after : before;
    default:
      return before;
  }
}

// Where pictures are reordered, the last of a slot are shown when the next one has begun.
std::uint64_t ArchivePlayback::slot_to_begin_with(GstClockTime time, const Lead& lead) const {
  const std::uint64_t slot = range_.slot_at(time);
  if (slot == range_.end() || slot == range_.stretch_of(slot).first) return slot;
  return time < range_.time_of(slot) + lead(slot) ? slot - 1 : slot;
}

GstClockTime ArchivePlayback::stop() const {
  return GST_CLOCK_TIME_IS_VALID(whole_.stop) ? whole_.stop : whole_.duration;
}

void ArchivePlayback::advance() { whole_.position = std::min<GstClockTime>(range_.time_of(++next_), stop()); }

// Media time of a stretch has nothing to do with that of the one before: it goes on in running time.
GstSegment ArchivePlayback::segment() const {
  const std::uint64_t slot = std::min(next_, range_.end() - 1);
  const ArchiveRange::Stretch stretch = range_.stretch_of(slot);
  GstSegment segment = whole_;
  if (range_.time_of(stretch.first) > segment.start) {
    segment.start = segment.time = range_.time_of(stretch.first);
    segment.base = gst_segment_to_running_time(&whole_, GST_FORMAT_TIME, segment.start);
  }
  if (segment.stop > range_.time_of(stretch.end)) segment.stop = GST_CLOCK_TIME_NONE;
  const GstClockTimeDiff shift = GST_CLOCK_DIFF(range_.time_of(slot), range_.media_time_of(slot));
  segment.start += shift;
  if (GST_CLOCK_TIME_IS_VALID(segment.stop)) segment.stop += shift;
  segment.position = segment.start;
  return segment;
}

}  // namespace tarn
