// SPDX-License-Identifier: Apache-2.0
#include "manifest/manifest_builder.h"

#include <algorithm>
#include <limits>

#include "core/dash/render.h"
#include "core/hls/render.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/event_message.h"
#include "core/timeline/output_span.h"
#include "core/timeline/output_variants.h"

namespace tarn::manifest {
namespace {

using timeline::Cut;
using timeline::Protocol;
using timeline::TrackId;

constexpr char endpoint_name[] = "files";
constexpr char hls_type[] = "application/vnd.apple.mpegurl";
constexpr char dash_type[] = "application/dash+xml";
// Segments that have left the manifest and are still there for players that have an older one.
constexpr std::size_t kept_behind = 3;
// A hole of so many segments, in which nobody has anything, is not made of segments.
constexpr std::int64_t longest_hole = 10;

Error conflict(std::string message) { return {ErrorCode::conflict, std::move(message)}; }

bool is_video(const timeline::Track& track) {
  return codecs::kind_of(track.description.info.codec) == codecs::Kind::video;
}

const char* media_type(const timeline::Track& track) {
  const codecs::Kind kind = codecs::kind_of(track.description.info.codec);
  return kind == codecs::Kind::video   ? "video/mp4"
         : kind == codecs::Kind::audio ? "audio/mp4"
                                       : "application/mp4";
}
constexpr char ts_type[] = "video/mp2t";

char letter(codecs::Kind kind) {
  return kind == codecs::Kind::video ? 'v' : kind == codecs::Kind::audio ? 'a' : 't';
}

}  // namespace

std::size_t ManifestBuilder::track_count() const {
  std::size_t count = 0;
  for (const auto& [id, input] : inputs_) count += input.tracks.size();
  return count;
}

bool ManifestBuilder::has_muxed() const {
  return std::any_of(inputs_.begin(), inputs_.end(),
                     [](const auto& entry) { return entry.second.tracks.size() > 1; });
}

timeline::Track ManifestBuilder::make_track(timeline::TrackDescription description) const {
  timeline::Track track;
  const codecs::Kind kind = codecs::kind_of(description.info.codec);
  if (description.key.empty()) {
    std::size_t same = 0;
    for (const auto& [id, input] : inputs_) {
      same += static_cast<std::size_t>(
          std::count_if(input.tracks.begin(), input.tracks.end(), [kind](const timeline::Track& other) {
            return codecs::kind_of(other.description.info.codec) == kind;
          }));
    }
    description.key = letter(kind) + std::to_string(same);
  }
  track.config = 1;
  track.description = std::move(description);
  return track;
}

TrackId ManifestBuilder::add_input(Input input) {
  auto id = static_cast<TrackId>(track_count() + 1);
  const TrackId first = id;
  for (timeline::Track& track : input.tracks) track.id = id++;
  const bool makes_segments = reference_ == 0 || (is_video(input.track()) && !is_video(reference().track()));
  inputs_.emplace(first, std::move(input));
  if (makes_segments) reference_ = first;
  return first;
}

Result<TrackId> ManifestBuilder::add_track(timeline::TrackDescription description, Blob header) {
  if (begun_) return conflict("a track was added after the first segment");
  if (settings_.protocol == Protocol::hls) return conflict("transport streams and CMAF do not go together");
  Input input;
  input.tracks.push_back(make_track(std::move(description)));
  input.configs[1] = {{input.track().description.info}, std::move(header)};
  return add_input(std::move(input));
}

Result<TrackId> ManifestBuilder::add_multiplex(std::vector<timeline::TrackDescription> descriptions) {
  if (begun_) return conflict("a track was added after the first segment");
  const bool has_cmaf =
      std::any_of(inputs_.begin(), inputs_.end(), [](const auto& entry) { return !entry.second.is_ts(); });
  if (has_cmaf) return conflict("transport streams and CMAF do not go together");
  if (settings_.protocol == Protocol::dash) return unsupported("DASH with transport streams");
  Input input;
  Config& config = input.configs[1];
  for (timeline::TrackDescription& description : descriptions) {
    config.infos.push_back(description.info);
    input.tracks.push_back(make_track(std::move(description)));
  }
  const auto& tracks = input.tracks;
  const bool is_carried =
      tracks.size() == 1 || (tracks.size() == 2 && is_video(tracks[0]) && !is_video(tracks[1]));
  if (!is_carried) {
    return unsupported(
        "a transport stream has one track, or one of video and one of audio; "
        "more audio is for pads of their own");
  }
  const auto is_audio_alone = [](const Input& other) { return !is_video(other.track()); };
  const bool has_audio_alone =
      is_audio_alone(input) || std::any_of(inputs_.begin(), inputs_.end(),
                                           [&](const auto& entry) { return is_audio_alone(entry.second); });
  if (has_audio_alone && (tracks.size() == 2 || has_muxed()))
    return unsupported("audio goes with the video or is for itself, not both");
  settings_.protocol = Protocol::hls;
  return add_input(std::move(input));
}

// Each video is a variant. The audio that comes with it is its own; other audio goes with all of them.
void ManifestBuilder::assign_variants() {
  std::uint32_t count = 0;
  for (auto& [id, input] : inputs_) {
    const bool makes_variant = is_video(input.track());
    for (timeline::Track& track : input.tracks) {
      track.description.variants.clear();
      if (makes_variant) track.description.variants.push_back({count, 0, 0});
    }
    if (makes_variant) ++count;
  }
  for (auto& [id, input] : inputs_) {
    if (is_video(input.track())) continue;
    for (std::uint32_t i = 0; i < count; ++i) input.tracks.front().description.variants.push_back({i, 0, 0});
  }
}

void ManifestBuilder::begin(Utc now) {
  assign_variants();
  begin_stretch(std::chrono::floor<std::chrono::milliseconds>(now), next_start());
  begun_ = true;
  timeline_.availability_start = stretch().start;
  endpoint_.emplace(archive::EndpointDraft::begin(endpoint_name, {}, 1, settings_.segment_duration,
                                                  settings_.segment_duration, 0));
}

// Its tracks are what their next chunks are. `start_time`: reference ticks.
void ManifestBuilder::begin_stretch(Utc start, std::int64_t start_time) {
  timeline::Stretch stretch;
  stretch.id = ++stretch_;
  stretch.first_slot = next_slot_;
  stretch.start = start;
  stretch.start_time = start_time;
  stretch.reference = reference_;
  for (auto& [id, input] : inputs_) {
    const std::uint32_t config = input.chunks.empty() ? input.track().config : input.chunks.front().config;
    for (std::size_t i = 0; i < input.tracks.size(); ++i) {
      input.tracks[i].config = config;
      input.tracks[i].description.info = input.configs.at(config).infos[i];
    }
    stretch.tracks.insert(stretch.tracks.end(), input.tracks.begin(), input.tracks.end());
  }
  timeline_.stretches.emplace(stretch_, std::make_shared<const timeline::Stretch>(std::move(stretch)));
}

// Reference ticks of the newest stretch.
Utc ManifestBuilder::date_of(std::int64_t time) const {
  return stretch().start + to_microseconds(time - stretch().start_time, timescale(reference()));
}

// An input's chunk of the next segment has other parameters than the stretch.
bool ManifestBuilder::has_change(const Next& next) const {
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
    const Input& input = entry.second;
    if (input.chunks.empty() || input.chunks.front().config == input.track().config) return false;
    return entry.first == reference_ ? next.count > 0 : input.chunks.front().start < ticks(next.end, input);
  });
}

// All have come to where times begin anew: what waited for that is next.
bool ManifestBuilder::begin_next_epoch(Utc now) {
  std::optional<std::uint32_t> epoch;
  for (const auto& [id, input] : inputs_) {
    if (!input.is_over() && !is_silent(input)) return false;
    if (!input.next.empty())
      epoch = std::min(epoch.value_or(input.next.front().epoch), input.next.front().epoch);
  }
  if (!epoch) return false;
  const Utc continued = begun_ ? date_of(next_start()) : now;
  for (auto& [id, input] : inputs_) {
    input.chunks.clear();
    input.end.reset();
    while (!input.next.empty() && input.next.front().epoch == *epoch) {
      const Pending& chunk = input.next.front();
      input.end = chunk.start + chunk.duration;
      input.chunks.push_back(std::move(input.next.front()));
      input.next.pop_front();
    }
  }
  epoch_ = *epoch;
  due_.reset();
  was_without_ = false;
  if (!begun_) return true;
  const auto date = std::max(continued, Utc{std::chrono::floor<std::chrono::milliseconds>(now)});
  const auto& chunks = reference().chunks;
  begin_stretch(date, chunks.empty() ? first_of_others().value_or(0) : chunks.front().start);
  return true;
}

Status ManifestBuilder::change_input(TrackId first, const std::vector<codecs::StreamInfo>& infos,
                                     Blob header) {
  const auto at = inputs_.find(first);
  if (at == inputs_.end() || infos.size() != at->second.tracks.size())
    return conflict("parameters of tracks that are not known");
  Input& input = at->second;
  const auto& [number, last] = *input.configs.rbegin();
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].codec != last.infos[i].codec) return unsupported("a track's codec changes");
    if (infos[i].timescale != last.infos[i].timescale) return unsupported("a track's timescale changes");
  }
  input.configs[number + 1] = {infos, std::move(header)};
  return {};
}

void ManifestBuilder::begin_anew(TrackId first) {
  const auto at = inputs_.find(first);
  if (at != inputs_.end() && at->second.end) at->second.epoch = std::max(at->second.epoch, epoch_) + 1;
}

Status ManifestBuilder::add_chunk(TrackId track, std::int64_t start, std::int64_t duration, bool independent,
                                  std::vector<Blob> parts, Utc now) {
  const auto at = inputs_.find(track);
  if (at == inputs_.end()) return conflict("a chunk of a track that is not known");
  std::size_t size = 0;
  for (const Blob& part : parts) size += part.size();
  return add(at->second, {start, duration, independent, std::move(parts), {{start, duration, size}}}, now);
}

Status ManifestBuilder::add_multiplexed(TrackId first, std::vector<Share> shares, bool independent,
                                        std::vector<Blob> parts, Utc now) {
  const auto at = inputs_.find(first);
  if (at == inputs_.end() || shares.size() != at->second.tracks.size())
    return conflict("a segment of tracks that are not known");
  const Share segment = shares.front();
  return add(at->second, {segment.start, segment.duration, independent, std::move(parts), std::move(shares)},
             now);
}

Status ManifestBuilder::add(Input& input, Pending chunk, Utc now) {
  const std::string& key = input.track().description.key;
  if (input.ended) return conflict("a chunk of a track that has ended");
  if (chunk.start < 0 || chunk.duration <= 0) return conflict(key + ": a chunk's time is below zero");
  const bool waits = !input.next.empty();
  const auto& queue = waits ? input.next : input.chunks;
  const auto end = waits ? std::optional{input.next.back().start + input.next.back().duration} : input.end;
  // A step back that is small is no encoder's restart: what has come already is not taken again.
  const bool goes_back =
      end && chunk.start < *end - std::max<std::int64_t>(chunk.duration / 2, timescale(input));
  if (goes_back && input.epoch == (waits ? input.next.back().epoch : epoch_)) ++input.epoch;
  const bool is_same_epoch = input.epoch == (waits ? input.next.back().epoch : epoch_);
  if (is_same_epoch && !queue.empty() && chunk.start < queue.back().start) {
    ++input.dropped;
    return {};
  }
  chunk.config = input.configs.rbegin()->first;
  chunk.epoch = input.epoch;
  if (chunk.epoch > epoch_) {
    if (!input.next.empty() && chunk.start - input.next.front().start > most_held(timescale(input))) {
      if (!due_) return conflict(key + ": times began anew, and those of the other tracks did not");
      forget_oldest(input);
    }
    input.next.push_back(std::move(chunk));
    return advance(now);
  }
  input.end = std::max(input.end.value_or(0), chunk.start + chunk.duration);
  if (due_ && begun_ && *input.end <= ticks(next_start(), input)) {
    ++input.dropped;
    return {};
  }
  input.missing = false;
  input.chunks.push_back(std::move(chunk));
  return advance(now);
}

// Of what waits for a restart of the others, who go on without it; a segment's length, so that it begins with
// a key frame.
void ManifestBuilder::forget_oldest(Input& input) {
  const std::int64_t until = input.next.front().start + wanted(input);
  while (!input.next.empty() && (input.next.front().start < until || !input.next.front().independent)) {
    input.next.pop_front();
    ++input.dropped;
  }
  input.missing = true;
}

// Chunks are rounded up to whole frames, segments to whole GOPs: a quarter more is no mistake.
bool ManifestBuilder::is_too_long(TrackId track, std::int64_t duration) const {
  const auto at = inputs_.find(track);
  if (at == inputs_.end() || track == reference_) return false;
  return duration * 4 > std::int64_t{settings_.segment_duration} * timescale(at->second) * 5;
}

std::optional<TrackId> ManifestBuilder::waits_for(TrackId track) const {
  const auto at = inputs_.find(track);
  if (at == inputs_.end()) return std::nullopt;
  const Input& mine = at->second;
  // It has come to where times begin anew before the others.
  if (!due_ && !mine.next.empty() && mine.next.back().start - mine.next.front().start > wanted(mine)) {
    const auto other = std::find_if(inputs_.begin(), inputs_.end(),
                                    [](const auto& entry) { return !entry.second.is_over(); });
    if (other != inputs_.end()) return other->first;
  }
  if (mine.chunks.empty()) return std::nullopt;
  if (*mine.end - mine.chunks.front().start <= most_held(timescale(mine))) return std::nullopt;
  for (const auto& [id, other] : inputs_) {
    if (&other != &mine && is_awaited(other, rescale(*mine.end, timescale(mine), timescale(other))))
      return id;
  }
  return std::nullopt;
}

std::optional<std::int64_t> ManifestBuilder::foremost() const {
  std::optional<std::int64_t> time;
  for (const auto& [id, input] : inputs_) {
    if (!input.end) continue;
    const std::int64_t end = rescale(*input.end, timescale(input), 1'000'000'000);
    time = std::max(time.value_or(end), end);
  }
  return time;
}

bool ManifestBuilder::is_missing(TrackId track) const {
  const auto at = inputs_.find(track);
  return at != inputs_.end() && at->second.missing;
}

bool ManifestBuilder::has_begun_anew(TrackId track) const {
  const auto at = inputs_.find(track);
  return at != inputs_.end() && !at->second.next.empty();
}

std::uint64_t ManifestBuilder::dropped(TrackId track) const {
  const auto at = inputs_.find(track);
  return at == inputs_.end() ? 0 : at->second.dropped;
}

Status ManifestBuilder::advance_track(TrackId track, std::int64_t time, Utc now) {
  const auto at = inputs_.find(track);
  if (at == inputs_.end()) return {};
  at->second.end = std::max(at->second.end.value_or(time), time);
  at->second.missing = false;
  return advance(now);
}

Status ManifestBuilder::end_track(TrackId track, Utc now) {
  const auto at = inputs_.find(track);
  if (at != inputs_.end()) at->second.ended = true;
  return advance(now);
}

// How many of the reference's chunks make the next segment; 0: not known yet.
std::size_t ManifestBuilder::whole_segment() const {
  const Input& input = reference();
  // Times were rounded on their way: what lacks 5 ms is long enough.
  const std::int64_t long_enough = wanted(input) - timescale(input) / 200;
  std::int64_t length = 0;
  for (std::size_t i = 0; i < input.chunks.size(); ++i) {
    const Pending& chunk = input.chunks[i];
    length += chunk.duration;
    const bool is_last = i + 1 == input.chunks.size();
    const bool may_end = is_last || input.chunks[i + 1].independent;
    const bool is_other = !is_last && input.chunks[i + 1].config != chunk.config;
    const bool is_hole =
        !is_last && input.chunks[i + 1].start - (chunk.start + chunk.duration) > wanted(input);
    if (is_other || (may_end && (length >= long_enough || is_hole))) return i + 1;
  }
  return input.is_over() || is_silent(input) ? input.chunks.size() : 0;
}

// A segment's length of it is due and has not come.
bool ManifestBuilder::is_silent(const Input& input) const {
  if (!due_ || input.is_over() || (!begun_ && !first_of_others() && !input.end)) return false;
  const std::int64_t from = input.end.value_or(ticks(next_start(), input));
  return from + wanted(input) <= rescale(*due_, 1'000'000'000, timescale(input));
}

// Something of it that begins before `until`, ticks of the input, may still come.
bool ManifestBuilder::is_awaited(const Input& input, std::int64_t until) const {
  if (input.is_over() || (input.end && *input.end >= until)) return false;
  return !due_ || until > rescale(*due_, 1'000'000'000, timescale(input));
}

bool ManifestBuilder::is_waited_for(const Next& next) const {
  const std::int64_t end = next.is_last ? std::max(next.end, longest_end()) : next.end;
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
    return entry.first != reference_ && is_awaited(entry.second, ticks(end, entry.second));
  });
}

void ManifestBuilder::note_missing(const Next& next) {
  for (auto& [id, input] : inputs_) {
    const bool has_brought = input.is_over() || (input.end && *input.end >= ticks(next.end, input));
    if (id == reference_ ? is_silent(input) : !has_brought) input.missing = true;
  }
}

// Reference ticks.
std::optional<std::int64_t> ManifestBuilder::first_of_others() const {
  std::optional<std::int64_t> first;
  for (const auto& [id, input] : inputs_) {
    if (id == reference_ || input.chunks.empty()) continue;
    const std::int64_t start = rescale(input.chunks.front().start, timescale(input), timescale(reference()));
    first = std::min(first.value_or(start), start);
  }
  return first;
}

// Where the next of all begins, if that is so far away that the hole is not made of segments. Reference
// ticks.
std::optional<std::int64_t> ManifestBuilder::jump() const {
  auto first = first_of_others();
  const auto& chunks = reference().chunks;
  if (!chunks.empty()) first = std::min(first.value_or(chunks.front().start), chunks.front().start);
  const bool is_far = begun_ && first && *first - next_start() > longest_hole * wanted(reference());
  return is_far ? first : std::nullopt;
}

// Where the reference has nothing: behind its end, in a hole, or while it is silent.
std::optional<ManifestBuilder::Next> ManifestBuilder::next_without() const {
  const Input& input = reference();
  const bool has_chunks = !input.chunks.empty();
  if (!begun_ && (has_chunks || !first_of_others())) return std::nullopt;
  const auto far = jump();
  const std::int64_t end = far.value_or(tail_end());
  if (has_chunks) {
    // What is left of a hole is for itself, too.
    const std::int64_t most = was_without_ ? timescale(input) / 200 : wanted(input);
    const std::int64_t start = input.chunks.front().start;
    if (start <= next_start() + most) return std::nullopt;
    return Next{0, std::min(end, start), false, far.has_value()};
  }
  if (!first_of_others()) return std::nullopt;
  if (input.is_over()) return Next{0, end, !far, far.has_value()};
  if (!is_silent(input) || is_awaited(input, end)) return std::nullopt;
  return Next{0, end, false, far.has_value()};
}

std::optional<ManifestBuilder::Next> ManifestBuilder::next_segment() const {
  if (auto next = next_without()) return next;
  const Input& input = reference();
  const std::size_t count = input.chunks.empty() ? 0 : whole_segment();
  if (count == 0) return std::nullopt;
  const Pending& last = input.chunks[count - 1];
  return Next{count, last.start + last.duration, input.is_over() && input.chunks.size() == count};
}

Status ManifestBuilder::advance(Utc now) {
  bool has_new = false;
  while (reference_ != 0) {
    const auto next = next_segment();
    if (!next && begin_next_epoch(now)) continue;
    if (!next || is_waited_for(*next)) break;
    note_missing(*next);
    if (!begun_) begin(now);
    if (next->is_jump || has_change(*next)) {
      const std::int64_t from = next->is_jump ? next->end : next_start();
      // What is said to be later than now is a clock that was set.
      const Utc latest =
          std::max(date_of(next_start()), Utc{std::chrono::floor<std::chrono::milliseconds>(now)});
      begin_stretch(std::min(date_of(from), latest), from);
      if (next->is_jump) continue;
    }
    close_segment(*next, now);
    has_new = true;
  }
  if (!has_new) return {};
  TRY(write_manifests());
  forget_configs();
  return {};
}

// Those that no segment needs that is still to be written.
void ManifestBuilder::forget_configs() {
  const auto slot =
      bytes_.empty() ? timeline::Found<timeline::SlotView>{} : timeline_.find(bytes_.begin()->first);
  const timeline::Stretch& oldest = slot == nullptr ? stretch() : *timeline_.stretch(slot->stretch);
  for (auto& [id, input] : inputs_)
    input.configs.erase(input.configs.begin(), input.configs.find(oldest.find(id)->config));
}

std::int64_t ManifestBuilder::next_start() const {
  if (begun_) {
    const bool has_slots = stretch().first_slot < next_slot_;
    return has_slots ? timeline_.find(timeline_.end_slot() - 1)->end : stretch().start_time;
  }
  return reference().chunks.empty() ? first_of_others().value_or(0) : reference().chunks.front().start;
}

// What the other tracks have behind the end of the one that makes the segments goes with its last segment as
// long as that does not become longer than its target by it (RFC 8216bis 4.4.3.1: rounded); more makes
// segments of its own. Reference ticks.
std::int64_t ManifestBuilder::longest_end() const {
  const std::int64_t second = timescale(reference());
  return next_start() + std::int64_t{settings_.segment_duration} * second + second * 2 / 5;
}

// Where the next of the segments ends that the other tracks make behind the reference's end.
std::int64_t ManifestBuilder::tail_end() const {
  return next_start() + std::int64_t{settings_.segment_duration} * timescale(reference());
}

// The end of what came of any track, reference ticks.
std::int64_t ManifestBuilder::newest_end() const {
  std::int64_t newest = 0;
  for (const auto& [id, input] : inputs_) {
    if (input.end) newest = std::max(newest, rescale(*input.end, timescale(input), timescale(reference())));
  }
  return newest;
}

// The first `count` chunks; 0: those that begin before `end`, ticks of the track.
std::vector<ManifestBuilder::Pending> ManifestBuilder::take_part(Input& input, std::size_t count,
                                                                 std::int64_t end) {
  std::vector<Pending> taken;
  while (!input.chunks.empty() && (count > 0 ? taken.size() < count : input.chunks.front().start < end)) {
    if (input.chunks.front().config != input.track().config) break;  // of the next stretch
    taken.push_back(std::move(input.chunks.front()));
    input.chunks.pop_front();
  }
  return taken;
}

// What a track has in all of these; nothing where it has no bytes.
std::optional<timeline::Chunk> ManifestBuilder::chunk_of(const std::vector<Pending>& part,
                                                         std::size_t track) {
  std::optional<timeline::Chunk> chunk;
  for (const Pending& pending : part) {
    const Share& share = pending.shares[track];
    if (share.size == 0) continue;
    if (!chunk) {
      chunk.emplace();
      chunk->start = share.start;
      chunk->independent = pending.independent;
    }
    chunk->duration = share.start + share.duration - chunk->start;
    chunk->location.size += static_cast<std::uint32_t>(share.size);
  }
  return chunk;
}

// Of the others what begins before its end.
void ManifestBuilder::close_segment(const Next& next, Utc now) {
  timeline::Slot slot;
  slot.start = next_start();
  slot.utc = date_of(slot.start);
  slot.stretch = stretch_;
  const bool takes_all = next.is_last && newest_end() <= std::max(next.end, longest_end());
  slot.number = next_slot_++;  // from here on next_start() wants it in the timeline
  slot.end = next.count == 0 && next.is_last ? std::min(next.end, newest_end()) : next.end;
  was_without_ = next.count == 0;
  for (auto& [id, input] : inputs_) {
    const std::int64_t before = takes_all ? std::numeric_limits<std::int64_t>::max() : ticks(next.end, input);
    if (id == reference_ && next.count == 0) continue;
    auto part = take_part(input, id == reference_ ? next.count : 0, before);
    if (part.empty()) continue;
    for (std::size_t i = 0; i < input.tracks.size(); ++i) {
      const auto chunk = chunk_of(part, i);
      if (!chunk) continue;
      slot.chunks.push_back(*chunk);
      slot.chunks.back().track = input.tracks[i].id;
      slot.chunks.back().serial = next_serial_++;
    }
    auto& bytes = bytes_[slot.number][id];
    for (Pending& pending : part) {
      bytes.insert(bytes.end(), std::make_move_iterator(pending.parts.begin()),
                   std::make_move_iterator(pending.parts.end()));
    }
  }
  timeline_.append(slot);
  endpoint_->add(timeline_, slot, now);
}

std::string ManifestBuilder::segment_file(const Cut& cut, const Input& input) const {
  const timeline::Stretch& stretch = *timeline_.stretch(cut.stretch);
  timeline::SegmentName name;
  name.generation = cut.generation;
  name.tracks = input.ids();
  name.transport_stream = settings_.protocol == Protocol::hls;
  if (settings_.protocol == Protocol::dash) {
    name.stretch = cut.stretch;
    name.time = timeline::span_of(timeline_, stretch, cut, input.track().id).start;
  } else {
    name.number = cut.number;
  }
  return timeline::segment_name(name, timeline::rendition_name(stretch, name.tracks));
}

void ManifestBuilder::write_header(const Cut& cut, const Input& input) {
  if (input.is_ts()) return;
  const timeline::Stretch& stretch = *timeline_.stretch(cut.stretch);
  const timeline::Track& track = *stretch.find(input.track().id);
  const std::string rendition = timeline::rendition_name(stretch, {track.id});
  std::string name = timeline::init_name(1, cut.generation, rendition, track.config);
  if (!headers_.insert(name).second) return;
  actions_.push_back({std::move(name), media_type(track), {input.configs.at(track.config).header}, false});
}

void ManifestBuilder::write_segment(const Cut& cut) {
  for (auto& [id, input] : inputs_) {
    std::vector<std::vector<Blob>> chunks;
    for (std::uint64_t i = 0; i < cut.slot_count; ++i) {
      auto& slot = bytes_[cut.first_slot + i];
      const auto at = slot.find(id);
      if (at != slot.end()) chunks.push_back(at->second);
    }
    if (chunks.empty()) continue;
    const bool is_ts = settings_.protocol == Protocol::hls;
    std::vector<Blob> parts;
    if (!is_ts) {
      isobmff::gather_events(chunks);
      parts.emplace_back(nullptr, isobmff::segment_type());
    }
    for (auto& chunk : chunks) parts.insert(parts.end(), chunk.begin(), chunk.end());
    write_header(cut, input);
    actions_.push_back(
        {segment_file(cut, input), is_ts ? ts_type : media_type(input.track()), std::move(parts), false});
  }
  bytes_.erase(bytes_.begin(), bytes_.upper_bound(cut.first_slot + cut.slot_count - 1));
}

timeline::OutputSettings ManifestBuilder::output() const {
  constexpr std::uint32_t ten_years = 10 * 366 * 86'400;
  timeline::OutputSettings output;
  output.endpoint = endpoint_name;
  output.protocol = settings_.protocol;
  output.manifest_name = settings_.manifest_name;
  output.audio_separation = !has_muxed();
  output.segment_duration = settings_.segment_duration;
  output.segments = settings_.window == 0 ? std::numeric_limits<std::uint32_t>::max() : settings_.window;
  output.program_date_time_interval = settings_.program_date_time_interval;
  output.min_buffer_time = std::min(30U, 2 * settings_.segment_duration);
  output.min_update_period = settings_.segment_duration;
  output.suggested_presentation_delay = std::min(60U, 3 * settings_.segment_duration);
  output.manifest_window = settings_.window == 0 ? ten_years : settings_.window * settings_.segment_duration;
  return output;
}

timeline::Window ManifestBuilder::window() const {
  timeline::Window window;
  const bool is_over = timeline_.ended.has_value();
  window.kind = settings_.kind;
  // VOD is said when it is true.
  if (window.kind == timeline::Window::Kind::vod && !is_over) window.kind = timeline::Window::Kind::event;
  if (window.kind != timeline::Window::Kind::live) window.first = 0;
  window.complete = is_over;
  return window;
}

Status ManifestBuilder::write_manifests() {
  const auto presentation = endpoint_->state().published;
  timeline_.presentations.insert_or_assign(endpoint_name, presentation);
  for (; cuts_written_ < presentation->cuts.size(); ++cuts_written_)
    write_segment(presentation->cuts[cuts_written_]);
  if (presentation->cuts.empty()) return {};
  const timeline::OutputSettings out = output();
  if (settings_.protocol == Protocol::dash) {
    const std::string text = TRY(dash::render_mpd(timeline_, out, settings_.time_url, window()));
    actions_.push_back({timeline::manifest_file(out), dash_type, {Blob::copy_of(as_bytes(text))}, false});
    delete_old();
    return {};
  }
  for (const auto& [id, input] : inputs_) {
    const std::string rendition = timeline::rendition_name(stretch(), input.ids());
    const std::string text = TRY(hls::render_media(timeline_, out, rendition, window()));
    actions_.push_back(
        {timeline::media_playlist_file(out, rendition), hls_type, {Blob::copy_of(as_bytes(text))}, false});
  }
  const std::string text = TRY(hls::render_multivariant(timeline_, out, window()));
  actions_.push_back({timeline::manifest_file(out), hls_type, {Blob::copy_of(as_bytes(text))}, false});
  delete_old();
  return {};
}

void ManifestBuilder::delete_old() {
  if (!settings_.deletes || settings_.window == 0) return;
  const auto presentation = timeline_.presentation(endpoint_name);
  const std::size_t kept = std::size_t{settings_.window} + kept_behind;
  for (; cuts_deleted_ + kept < presentation->cuts.size(); ++cuts_deleted_) {
    const Cut cut = presentation->cuts[cuts_deleted_];
    for (const auto& [id, input] : inputs_) {
      const auto has_none = [&](const timeline::Track& track) {
        return timeline::span_of(timeline_, *timeline_.stretch(cut.stretch), cut, track.id).first == nullptr;
      };
      if (std::all_of(input.tracks.begin(), input.tracks.end(), has_none)) continue;
      actions_.push_back({segment_file(cut, input), {}, {}, true});
    }
  }
}

Status ManifestBuilder::finish(Utc now) {
  for (auto& [id, input] : inputs_) input.ended = true;
  TRY(advance(now));
  if (!begun_) return {};
  endpoint_->close(now);
  timeline_.ended = now;
  return write_manifests();
}

}  // namespace tarn::manifest
