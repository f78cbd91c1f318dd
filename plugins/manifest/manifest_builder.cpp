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
  input.header = std::move(header);
  return add_input(std::move(input));
}

Result<TrackId> ManifestBuilder::add_multiplex(std::vector<timeline::TrackDescription> descriptions) {
  if (begun_) return conflict("a track was added after the first segment");
  const bool has_cmaf = std::any_of(inputs_.begin(), inputs_.end(),
                                    [](const auto& entry) { return !entry.second.header.empty(); });
  if (has_cmaf) return conflict("transport streams and CMAF do not go together");
  if (settings_.protocol == Protocol::dash) return unsupported("DASH with transport streams");
  Input input;
  for (timeline::TrackDescription& description : descriptions)
    input.tracks.push_back(make_track(std::move(description)));
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
  begun_ = true;
  timeline::Stretch stretch;
  stretch.id = 1;
  stretch.first_slot = 1;
  stretch.start = std::chrono::floor<std::chrono::milliseconds>(now);
  stretch.start_time = reference().chunks.front().start;
  stretch.reference = reference_;
  assign_variants();
  for (const auto& [id, input] : inputs_)
    stretch.tracks.insert(stretch.tracks.end(), input.tracks.begin(), input.tracks.end());
  timeline_.availability_start = stretch.start;
  timeline_.stretches.emplace(1, std::make_shared<const timeline::Stretch>(std::move(stretch)));
  endpoint_.emplace(archive::EndpointDraft::begin(endpoint_name, {}, 1, settings_.segment_duration,
                                                  settings_.segment_duration, 0));
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
  if (chunk.start < 0 || chunk.duration <= 0 || (input.end && chunk.start < *input.end - chunk.duration / 2))
    return conflict(key +
                    ": a chunk's time goes back; one presentation has one timeline, so what an archive "
                    "has of an encoder that began anew is for a presentation of its own");
  input.end = chunk.start + chunk.duration;
  input.chunks.push_back(std::move(chunk));
  return advance(now);
}

// Chunks are rounded up to whole frames, segments to whole GOPs: a quarter more is no mistake.
bool ManifestBuilder::is_too_long(TrackId track, std::int64_t duration) const {
  const auto at = inputs_.find(track);
  if (at == inputs_.end() || track == reference_) return false;
  return duration * 4 > std::int64_t{settings_.segment_duration} * timescale(at->second) * 5;
}

bool ManifestBuilder::is_ahead(TrackId track) const {
  const auto at = inputs_.find(track);
  if (at == inputs_.end() || at->second.chunks.empty()) return false;
  const Input& mine = at->second;
  if (*mine.end - mine.chunks.front().start <= most_held(timescale(mine))) return false;
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
    const Input& other = entry.second;
    if (&other == &mine || other.ended) return false;
    return !other.end || rescale(*other.end, timescale(other), timescale(mine)) < *mine.end;
  });
}

Status ManifestBuilder::advance_track(TrackId track, std::int64_t time, Utc now) {
  const auto at = inputs_.find(track);
  if (at == inputs_.end()) return {};
  at->second.end = std::max(at->second.end.value_or(time), time);
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
  const std::int64_t wanted =
      std::int64_t{settings_.segment_duration} * timescale(input) - timescale(input) / 200;
  std::int64_t length = 0;
  for (std::size_t i = 0; i < input.chunks.size(); ++i) {
    length += input.chunks[i].duration;
    const bool may_end = i + 1 == input.chunks.size() || input.chunks[i + 1].independent;
    if (length >= wanted && may_end) return i + 1;
  }
  return input.ended ? input.chunks.size() : 0;
}

// Something of another track that begins before `end`, reference ticks, may still come.
bool ManifestBuilder::is_waited_for(std::int64_t end) const {
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
    const Input& input = entry.second;
    if (entry.first == reference_ || input.ended) return false;
    const std::int64_t until = rescale(end, timescale(reference()), timescale(input));
    return !input.end || *input.end < until;
  });
}

Status ManifestBuilder::advance(Utc now) {
  bool has_new = false;
  while (reference_ != 0) {
    const Input& input = reference();
    const std::size_t count = input.chunks.empty() ? 0 : whole_segment();
    if (count == 0 && !(input.ended && input.chunks.empty() && begun_ && has_tail())) break;
    const bool is_last = input.ended && input.chunks.size() == count;
    const std::int64_t end =
        count > 0 ? input.chunks[count - 1].start + input.chunks[count - 1].duration : tail_end();
    if (is_waited_for(is_last ? std::max(end, longest_end()) : end)) break;
    if (!begun_) begin(now);
    close_segment(count, end, now);
    has_new = true;
  }
  return has_new ? write_manifests() : Status{};
}

std::int64_t ManifestBuilder::next_start() const {
  return timeline_.empty() ? reference().chunks.front().start : timeline_.find(timeline_.end_slot() - 1)->end;
}

// What the other tracks have behind the end of the one that makes the segments goes with its last segment as
// long as that does not become longer than its target by it (RFC 8216bis 4.4.3.1: rounded); more makes
// segments of its own. Reference ticks.
std::int64_t ManifestBuilder::longest_end() const {
  const std::int64_t second = timescale(reference());
  return next_start() + std::int64_t{settings_.segment_duration} * second + second * 2 / 5;
}

// Something of it begins in the next segment: what comes after a longer hole is not waited for with empty
// ones.
bool ManifestBuilder::has_tail() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [this](const auto& entry) {
    const Input& input = entry.second;
    return !input.chunks.empty() &&
           input.chunks.front().start < rescale(tail_end(), timescale(reference()), timescale(input));
  });
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

// The first `count` chunks of the reference and what of the others begins before `end`, reference ticks.
void ManifestBuilder::close_segment(std::size_t count, std::int64_t end, Utc now) {
  const timeline::Stretch& stretch = *timeline_.stretch(1);
  timeline::Slot slot;
  slot.number = next_slot_++;
  slot.stretch = 1;
  const auto& chunks = reference().chunks;
  slot.start = next_start();
  const bool is_last = reference().ended && chunks.size() == count;
  const bool takes_all = is_last && newest_end() <= std::max(end, longest_end());
  slot.end = count > 0 ? end : std::min(end, newest_end());
  slot.utc = stretch.start + to_microseconds(slot.start - stretch.start_time, timescale(reference()));
  for (auto& [id, input] : inputs_) {
    const std::int64_t before = takes_all ? std::numeric_limits<std::int64_t>::max()
                                          : rescale(end, timescale(reference()), timescale(input));
    auto part = take_part(input, id == reference_ ? count : 0, before);
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

void ManifestBuilder::write_header(const Input& input, std::uint32_t generation) {
  const timeline::Track& track = input.track();
  if (input.header.empty() || !headers_.emplace(track.id, generation).second) return;
  const std::string rendition = timeline::rendition_name(*timeline_.stretch(1), {track.id});
  actions_.push_back({timeline::init_name(1, generation, rendition, track.config),
                      media_type(track),
                      {input.header},
                      false});
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
    write_header(input, cut.generation);
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
  const timeline::Stretch& stretch = *timeline_.stretch(1);
  for (const auto& [id, input] : inputs_) {
    const std::string rendition = timeline::rendition_name(stretch, input.ids());
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
        return timeline::span_of(timeline_, *timeline_.stretch(1), cut, track.id).first == nullptr;
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
