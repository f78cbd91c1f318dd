// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/playback_file.h"

#include <algorithm>

#include "core/timeline/output_span.h"
#include "server/runtime/retention.h"

namespace tarn::server {
namespace {

using timeline::Protocol;

// How far beyond the live edge a number may be to count as one that will come.
constexpr std::uint64_t near_future = 100;

Fetched absent(Fetched::Absence absence, std::string reason) { return {nullptr, absence, std::move(reason)}; }
Fetched no_such_file() { return absent(Fetched::Absence::not_found, "no such file at this endpoint"); }

std::string content_type(const timeline::Stretch& stretch, timeline::TrackId track) {
  const timeline::Track* found = stretch.find(track);
  if (found == nullptr) return "video/mp4";
  switch (codecs::kind_of(found->description.info.codec)) {
    case codecs::Kind::video:
      break;
    case codecs::Kind::audio:
      return "audio/mp4";
    case codecs::Kind::text:
      return "application/mp4";
  }
  return "video/mp4";
}

bool fits(Protocol protocol, const timeline::SegmentName& name) {
  if (name.web_vtt) return protocol != Protocol::dash;
  switch (protocol) {
    case Protocol::hls:
      return name.transport_stream && name.number.has_value() && !name.tracks.empty() &&
             name.tracks.size() <= 2;
    case Protocol::hls_cmaf:
      return !name.transport_stream && name.number.has_value() && name.tracks.size() == 1;
    case Protocol::dash:
      return !name.transport_stream && name.time.has_value() && name.tracks.size() == 1;
  }
  return false;
}

// A time at or after the end of what the newest segment has of the track.
bool is_soon(const timeline::Timeline& timeline, const timeline::Presentation& presentation,
             const timeline::SegmentName& name) {
  const timeline::Cut last = presentation.cuts.back();
  const timeline::Stretch* stretch = timeline.stretch(last.stretch);
  if (!name.time || name.stretch != last.stretch || stretch == nullptr) return false;
  const timeline::TrackId track = name.tracks.front();
  if (stretch->find(track) == nullptr) return false;
  const std::int64_t edge = timeline::span_of(timeline, *stretch, last, track).end;
  const std::int64_t segment =
      std::int64_t{presentation.generations.back().target_duration} * timeline::timescale_of(*stretch, track);
  return *name.time >= edge && *name.time - edge <= segment * std::int64_t{near_future};
}

// A segment that is not there may be one that will be.
Fetched missing_segment(const timeline::Timeline& timeline, const timeline::Presentation& presentation,
                        const timeline::SegmentName& name) {
  Fetched not_yet = absent(Fetched::Absence::not_yet, "this segment is not there yet");
  Fetched not_found = absent(Fetched::Absence::not_found, "no such segment, or no longer");
  const bool current =
      !presentation.generations.empty() && presentation.generations.back().number == name.generation;
  if (!current) return not_found;
  if (presentation.cuts.empty()) return not_yet;
  const timeline::Cut last = presentation.cuts.back();
  if (name.number) {
    const bool near = *name.number > last.number && *name.number - last.number <= near_future;
    return near ? not_yet : not_found;
  }
  return is_soon(timeline, presentation, name) ? not_yet : not_found;
}

// As the playlists say: a segment is a gap when nothing of the leading track came in it. What came late
// answers once it is whole (semantics S4).
bool has_media(const timeline::Timeline& timeline, const timeline::Stretch& stretch, const timeline::Cut& cut,
               const std::vector<timeline::TrackId>& tracks) {
  return timeline::span_of(timeline, stretch, cut, tracks.front(), tracks, timeline::Content::archived)
             .first != nullptr;
}

bool is_expired(const timeline::Timeline& timeline, const timeline::Presentation& presentation,
                const timeline::OutputSettings& settings, Microseconds shift, Utc now,
                const timeline::Cut& cut) {
  const auto end = [&](const timeline::Cut& c) {
    const timeline::Stretch* stretch = timeline.stretch(c.stretch);
    return stretch == nullptr ? Utc{} : timeline::end_of(timeline, *stretch, c);
  };
  const Keep keep{live_retention(settings, &presentation), shift};
  return end(cut) < keep_from(keep, end(presentation.cuts.back()), now);
}

// Of the time that the reference has in the cut, whether the subtitles have anything in it or not.
MediaFile text_file(const timeline::Timeline& timeline, const timeline::Stretch& stretch,
                    const timeline::Cut& cut, timeline::TrackId track) {
  const timeline::TrackSpan span = timeline::span_of(timeline, stretch, cut, stretch.reference);
  const std::uint32_t timescale = timeline::timescale_of(stretch, stretch.reference);
  MediaFile media;
  media.text = TextRequest{track, cut.first_slot, cut.slot_count, rescale(span.start, timescale, 90'000),
                           rescale(span.end, timescale, 90'000)};
  media.content_type = "text/vtt; charset=utf-8";
  return media;
}

std::variant<MediaFile, Fetched> find_segment(const timeline::Timeline& timeline,
                                              const timeline::OutputSettings& settings, Microseconds shift,
                                              Utc now, const timeline::SegmentName& name,
                                              const std::string& file) {
  if (!fits(settings.protocol, name) || name.edition != settings.edition) return no_such_file();
  const timeline::Presentation* presentation = timeline.presentation(settings.endpoint);
  if (presentation == nullptr) return no_such_file();
  const auto cut = timeline::find_cut(timeline, *presentation, name);
  if (cut == nullptr) return missing_segment(timeline, *presentation, name);
  if (is_expired(timeline, *presentation, settings, shift, now, *cut)) {
    return absent(Fetched::Absence::not_found, "this segment is not kept any more");
  }
  const timeline::Stretch* stretch = timeline.stretch(cut->stretch);
  const auto known = [&](timeline::TrackId id) { return stretch != nullptr && stretch->find(id) != nullptr; };
  if (!std::all_of(name.tracks.begin(), name.tracks.end(), known)) return no_such_file();
  if (timeline::segment_name(name, timeline::rendition_name(*stretch, name.tracks)) != file) {
    return no_such_file();
  }
  const bool is_text =
      codecs::kind_of(stretch->find(name.tracks.front())->description.info.codec) == codecs::Kind::text;
  if (is_text != (name.web_vtt || settings.protocol == Protocol::dash) && (is_text || name.web_vtt)) {
    return no_such_file();
  }
  if (name.web_vtt) return text_file(timeline, *stretch, *cut, name.tracks.front());
  if (!has_media(timeline, *stretch, *cut, name.tracks)) {
    return absent(Fetched::Absence::not_found, "nothing of this track came in this segment");
  }
  MediaFile media;
  media.request.tracks = name.tracks;
  media.request.first_slot = cut->first_slot;
  media.request.slot_count = cut->slot_count;
  media.request.segment_type = !name.transport_stream;
  media.transport_stream = name.transport_stream;
  media.keyed_at = presentation->keyed_at(cut->generation);
  media.content_type = name.transport_stream ? "video/mp2t" : content_type(*stretch, name.tracks.front());
  return media;
}

std::variant<MediaFile, Fetched> find_header(const timeline::Timeline& timeline,
                                             const timeline::OutputSettings& settings,
                                             const timeline::InitName& name, const std::string& file) {
  const timeline::Presentation* presentation = timeline.presentation(settings.endpoint);
  if (settings.protocol == Protocol::hls || name.edition != settings.edition || presentation == nullptr ||
      presentation->find_generation(name.generation) == nullptr) {
    return no_such_file();
  }
  const Utc keyed_at = presentation->keyed_at(name.generation);
  if (settings.protection.length() != 0 && keyed_at == Utc{}) {
    return absent(Fetched::Absence::not_yet, "nothing of this header is there yet");
  }
  for (const auto& [id, stretch] : timeline.stretches) {
    const timeline::Track* track = stretch->find(name.track);
    if (track == nullptr || track->config != name.config) continue;
    const std::string rendition = timeline::rendition_name(*stretch, {name.track});
    if (timeline::init_name(name.edition, name.generation, rendition, name.config) != file) break;
    MediaFile media;
    media.request.header = PackageRequest::Header{name.track, name.config};
    media.keyed_at = keyed_at;
    media.content_type = content_type(*stretch, name.track);
    return media;
  }
  return no_such_file();
}

}  // namespace

std::variant<MediaFile, Fetched> find_media(const timeline::Timeline& timeline,
                                            const timeline::OutputSettings& settings, Microseconds shift,
                                            Utc now, const std::string& file) {
  if (const auto segment = timeline::parse_segment_name(file)) {
    return find_segment(timeline, settings, shift, now, *segment, file);
  }
  if (const auto header = timeline::parse_init_name(file)) {
    return find_header(timeline, settings, *header, file);
  }
  return no_such_file();
}

}  // namespace tarn::server
