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

const char* media_type(const timeline::Track& track) { return is_video(track) ? "video/mp4" : "audio/mp4"; }

char letter(codecs::Kind kind) {
  return kind == codecs::Kind::video ? 'v' : kind == codecs::Kind::audio ? 'a' : 't';
}

}  // namespace

Result<TrackId> ManifestBuilder::add_track(timeline::TrackDescription description, Blob header) {
  if (begun_) return conflict("a track was added after the first segment");
  Input input;
  const auto id = static_cast<TrackId>(inputs_.size() + 1);
  const codecs::Kind kind = codecs::kind_of(description.info.codec);
  if (description.key.empty()) {
    const auto same = std::count_if(inputs_.begin(), inputs_.end(), [&](const auto& entry) {
      return codecs::kind_of(entry.second.track.description.info.codec) == kind;
    });
    description.key = letter(kind) + std::to_string(same);
  }
  input.track.id = id;
  input.track.config = 1;
  input.track.description = std::move(description);
  input.header = std::move(header);
  const bool makes_segments =
      reference_ == 0 || (kind == codecs::Kind::video && !is_video(reference().track));
  inputs_.emplace(id, std::move(input));
  if (makes_segments) reference_ = id;
  return id;
}

void ManifestBuilder::begin(Utc now) {
  begun_ = true;
  timeline::Stretch stretch;
  stretch.id = 1;
  stretch.first_slot = 1;
  stretch.start = std::chrono::floor<std::chrono::milliseconds>(now);
  stretch.start_time = reference().chunks.front().start;
  stretch.reference = reference_;
  std::uint32_t variant = 0;
  for (auto& [id, input] : inputs_) {
    // Each video is a variant; the other tracks go with all of them.
    if (is_video(input.track)) input.track.description.variants = {{variant++, 0, 0}};
    if (!is_video(input.track)) input.track.description.variants.clear();
  }
  for (auto& [id, input] : inputs_) {
    for (std::uint32_t i = 0; i < variant && !is_video(input.track); ++i)
      input.track.description.variants.push_back({i, 0, 0});
    stretch.tracks.push_back(input.track);
  }
  timeline_.availability_start = stretch.start;
  timeline_.stretches.emplace(1, std::make_shared<const timeline::Stretch>(std::move(stretch)));
  endpoint_.emplace(archive::EndpointDraft::begin(endpoint_name, {}, 1, settings_.segment_duration,
                                                  settings_.segment_duration));
}

Status ManifestBuilder::add_chunk(TrackId track, std::int64_t start, std::int64_t duration, bool independent,
                                  std::vector<Blob> parts, Utc now) {
  const auto at = inputs_.find(track);
  if (at == inputs_.end() || at->second.ended) return conflict("a chunk of a track that has ended");
  Input& input = at->second;
  if (start < 0 || duration <= 0 || (input.end && start < *input.end - duration / 2)) {
    return conflict(input.track.description.key + ": a chunk's time goes back");
  }
  input.end = start + duration;
  input.chunks.push_back({start, duration, independent, std::move(parts)});
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
  const std::int64_t wanted = std::int64_t{settings_.segment_duration} * timescale(input);
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
    if (count == 0) break;
    const auto& last = input.chunks[count - 1];
    if (is_waited_for(last.start + last.duration)) break;
    if (!begun_) begin(now);
    close_segment(count, now);
    has_new = true;
  }
  return has_new ? write_manifests() : Status{};
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

void ManifestBuilder::close_segment(std::size_t count, Utc now) {
  const timeline::Stretch& stretch = *timeline_.stretch(1);
  timeline::Slot slot;
  slot.number = next_slot_++;
  slot.stretch = 1;
  const auto& chunks = reference().chunks;
  slot.start = timeline_.empty() ? chunks.front().start : timeline_.find(timeline_.end_slot() - 1)->end;
  slot.end = chunks[count - 1].start + chunks[count - 1].duration;
  // What the other tracks have behind the very last chunk goes with it.
  const bool is_last = reference().ended && chunks.size() == count;
  slot.utc = stretch.start + to_microseconds(slot.start - stretch.start_time, timescale(reference()));
  for (auto& [id, input] : inputs_) {
    const std::int64_t end = is_last ? std::numeric_limits<std::int64_t>::max()
                                     : rescale(slot.end, timescale(reference()), timescale(input));
    const auto part = take_part(input, id == reference_ ? count : 0, end);
    if (part.empty()) continue;
    timeline::Chunk chunk;
    chunk.track = id;
    chunk.start = part.front().start;
    chunk.duration = part.back().start + part.back().duration - chunk.start;
    chunk.independent = part.front().independent;
    chunk.serial = next_serial_++;
    auto& bytes = bytes_[slot.number][id];
    for (const Pending& pending : part) {
      for (const Blob& blob : pending.parts) {
        chunk.location.size += static_cast<std::uint32_t>(blob.size());
        bytes.push_back(blob);
      }
    }
    slot.chunks.push_back(chunk);
  }
  timeline_.append(slot);
  endpoint_->add(timeline_, slot, now);
}

std::string ManifestBuilder::segment_file(const Cut& cut, const Input& input) const {
  const timeline::Stretch& stretch = *timeline_.stretch(cut.stretch);
  timeline::SegmentName name;
  name.generation = cut.generation;
  name.tracks = {input.track.id};
  if (settings_.protocol == Protocol::dash) {
    name.stretch = cut.stretch;
    name.time = timeline::span_of(timeline_, stretch, cut, input.track.id).start;
  } else {
    name.number = cut.number;
  }
  return timeline::segment_name(name, timeline::rendition_name(stretch, {input.track.id}));
}

void ManifestBuilder::write_header(const Input& input, std::uint32_t generation) {
  if (!headers_.emplace(input.track.id, generation).second) return;
  const std::string rendition = timeline::rendition_name(*timeline_.stretch(1), {input.track.id});
  actions_.push_back({timeline::init_name(1, generation, rendition, input.track.config),
                      media_type(input.track),
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
    isobmff::gather_events(chunks);
    std::vector<Blob> parts{Blob{nullptr, isobmff::segment_type()}};
    for (auto& chunk : chunks) parts.insert(parts.end(), chunk.begin(), chunk.end());
    write_header(input, cut.generation);
    actions_.push_back({segment_file(cut, input), media_type(input.track), std::move(parts), false});
  }
  bytes_.erase(bytes_.begin(), bytes_.upper_bound(cut.first_slot + cut.slot_count - 1));
}

timeline::OutputSettings ManifestBuilder::output() const {
  constexpr std::uint32_t ten_years = 10 * 366 * 86'400;
  timeline::OutputSettings output;
  output.endpoint = endpoint_name;
  output.protocol = settings_.protocol;
  output.manifest_name = settings_.manifest_name;
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
    const std::string rendition = timeline::rendition_name(stretch, {id});
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
    const Cut& cut = presentation->cuts[cuts_deleted_];
    for (const auto& [id, input] : inputs_) {
      if (timeline::span_of(timeline_, *timeline_.stretch(1), cut, id).first == nullptr) continue;
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
