// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/codecs/manifest_terms.h"
#include "core/hls/listing.h"
#include "core/hls/playlist.h"
#include "core/hls/render.h"
#include "core/timeline/output_bitrate.h"
#include "core/timeline/output_span.h"
#include "core/timeline/output_variants.h"

namespace tarn::hls {
namespace {

using timeline::OutputSettings;
using timeline::Protocol;
using timeline::Stretch;
using timeline::Timeline;
using timeline::Track;
using timeline::TrackId;
using timeline::Variant;

constexpr std::uint32_t transport_stream_version = 3;
constexpr std::uint32_t groups_version = 4;  // EXT-X-MEDIA
constexpr std::uint32_t cmaf_version = 7;
// Players that begin at the one end have no need of the other's keys.
constexpr std::size_t most_session_keys = 16;  // changes of keys

// "avc1.64001F,mp4a.40.2"; empty when one is unknown, for an incomplete CODECS is worse than none.
std::string codecs_of(const Stretch& stretch, Protocol protocol, const std::vector<TrackId>& tracks) {
  std::string codecs;
  std::vector<std::string> seen;
  for (const TrackId id : tracks) {
    const codecs::StreamInfo& info = stretch.find(id)->description.info;
    const std::string codec =
        protocol == Protocol::hls ? info.codec_string : codecs::isobmff_codec_string(info);
    if (codec.empty()) return {};
    if (std::find(seen.begin(), seen.end(), codec) != seen.end()) continue;
    seen.push_back(codec);
    codecs += (codecs.empty() ? "" : ",") + codec;
  }
  return codecs;
}

std::uint32_t frame_rate_millis(const codecs::StreamInfo& info) {
  if (info.frame_rate_denominator == 0) return 0;
  return static_cast<std::uint32_t>(
      rescale(std::int64_t{info.frame_rate_numerator} * 1000, info.frame_rate_denominator, 1));
}

class MultivariantRenderer {
 public:
  MultivariantRenderer(const Timeline& timeline, const OutputSettings& settings,
                       const timeline::Presentation& presentation, const Stretch& stretch,
                       const timeline::Window& window)
      : timeline_(timeline),
        settings_(settings),
        presentation_(presentation),
        stretch_(stretch),
        query_(window.query.empty() ? "" : "?" + window.query),
        is_live_(window.kind == timeline::Window::Kind::live),
        is_muxed_(timeline::is_muxed(stretch, settings)) {}

  Result<std::string> render(const std::vector<Listed>& listed) {
    const auto variants = timeline::variants_of(timeline_, stretch_, settings_);
    if (variants.empty()) return not_found("no variant that can be carried is within the bitrate bounds");
    if (settings_.is_encrypted && !settings_.protection) return not_found("no key yet");
    playlist_.independent_segments = is_independent(listed);
    for (const auto* protection : protections(listed)) set_keys(*protection);
    const bool has_i_frames = settings_.i_frames && listed.size() <= most_i_frames;
    for (const auto& variant : variants) {
      if (has_group(variant)) add_group(variant.audio);
      if (variant.video != 0) add_subtitles(variant.text);
      if (variant.video != 0) add_captions(stretch_.find(variant.video)->description.captions);
      playlist_.variants.push_back(stream_inf(variant));
      if (has_i_frames && variant.video != 0) {
        add_i_frames(variant.video, own_tracks(variant), playlist_.variants.back());
      }
    }
    complete_video_ranges();
    const std::uint32_t ts_version =
        playlist_.media.empty() && playlist_.i_frames.empty() ? transport_stream_version : groups_version;
    playlist_.version = settings_.protocol == Protocol::hls ? ts_version : cmaf_version;
    return write(playlist_);
  }

 private:
  // Those of what is listed, where players begin: the newest live, the oldest else.
  [[nodiscard]] std::vector<const timeline::Protection*> protections(
      const std::vector<Listed>& listed) const {
    std::vector<const timeline::Protection*> all;
    if (!settings_.protection) return all;
    for (const Listed& next : listed) {
      const auto* protection = settings_.protection.at(presentation_.keyed_at(next.cut().generation)).get();
      if (all.empty() || all.back() != protection) all.push_back(protection);
    }
    if (all.size() <= most_session_keys) return all;
    const auto begin = is_live_ ? all.end() - most_session_keys : all.begin();
    return {begin, begin + most_session_keys};
  }

  void set_keys(const timeline::Protection& protection) {
    auto& lines = playlist_.session_keys;
    for (const auto* track : {&protection.video, &protection.audio}) {
      for (const auto& system : track->systems) {
        const bool is_new = std::find(lines.begin(), lines.end(), system.hls_session) == lines.end();
        if (is_new && !system.hls_session.empty()) {
          lines.push_back(system.hls_session);
        }
      }
    }
  }

  // Each segment's first picture: what BANDWIDTH says is that of the video, which bounds it.
  void add_i_frames(TrackId video, const std::vector<TrackId>& own, const StreamInf& whole) {
    StreamInf inf;
    inf.uri = timeline::i_frame_playlist_file(settings_, timeline::rendition_name(stretch_, own)) + query_;
    const auto has_uri = [&](const StreamInf& other) { return other.uri == inf.uri; };
    if (std::any_of(playlist_.i_frames.begin(), playlist_.i_frames.end(), has_uri)) return;
    const auto measured =
        timeline::measure_bitrate(timeline_, presentation_, stretch_, settings_, {{video}, {}});
    inf.bandwidth = measured.peak;
    inf.average_bandwidth = measured.average;
    inf.codecs = codecs_of(stretch_, settings_.protocol, {video});
    inf.resolution = whole.resolution;
    inf.video_range = whole.video_range;
    playlist_.i_frames.push_back(std::move(inf));
  }

  // Where one variant says its range, one that does not is taken for SDR, and players want to read it
  // (RFC 8216bis 4.4.6.2).
  void complete_video_ranges() {
    const auto says = [](const StreamInf& inf) { return !inf.video_range.empty(); };
    if (std::none_of(playlist_.variants.begin(), playlist_.variants.end(), says)) return;
    for (auto* list : {&playlist_.variants, &playlist_.i_frames}) {
      for (StreamInf& inf : *list) {
        if (inf.video_range.empty() && inf.resolution) inf.video_range = "SDR";
      }
    }
  }

  // Audio-only variants need a group only when there is a choice.
  [[nodiscard]] bool has_group(const Variant& variant) const {
    if (variant.video == 0) return variant.audio.size() > 1;
    return !is_muxed_ && !variant.audio.empty();
  }

  [[nodiscard]] bool is_independent(const std::vector<Listed>& listed) const {
    return std::all_of(listed.begin(), listed.end(), [&](const Listed& l) {
      const auto slot = timeline_.find(l.cut().first_slot);
      return std::all_of(slot->chunks.begin(), slot->chunks.end(),
                         [](const timeline::Chunk& chunk) { return chunk.independent; });
    });
  }

  [[nodiscard]] std::string uri_of(const std::vector<TrackId>& tracks) const {
    return timeline::media_playlist_file(settings_, timeline::rendition_name(stretch_, tracks)) + query_;
  }

  [[nodiscard]] std::string group_id(const std::vector<TrackId>& audio) const {
    return timeline::rendition_name(stretch_, audio);
  }

  [[nodiscard]] TrackId default_of(const std::vector<TrackId>& audio) const {
    const auto found = std::find_if(audio.begin(), audio.end(),
                                    [&](TrackId id) { return stretch_.find(id)->description.is_default; });
    return found == audio.end() ? audio.front() : *found;
  }

  void add_group(const std::vector<TrackId>& audio) {
    const std::string id = group_id(audio);
    const auto has_id = [&](const Media& media) { return media.group_id == id; };
    if (std::any_of(playlist_.media.begin(), playlist_.media.end(), has_id)) return;
    std::vector<std::string> names;
    for (const TrackId track : audio) {
      const auto& description = stretch_.find(track)->description;
      Media media;
      media.type = "AUDIO";
      media.group_id = id;
      media.name = unique_name(description, names, "audio");
      if (description.language != "und") media.language = description.language;
      media.uri = uri_of({track});
      media.is_default = track == default_of(audio);
      // A track that no EXT-X-MEDIA described (it has no name) may be chosen by its language.
      media.is_autoselect = media.is_default || description.is_autoselect || description.name.empty();
      media.characteristics = description.characteristics;
      media.channels = codecs::hls_channels(description.info);
      playlist_.media.push_back(std::move(media));
    }
  }

  void add_subtitles(const std::vector<TrackId>& text) {
    if (text.empty()) return;
    const std::string id = group_id(text);
    const auto has_id = [&](const Media& media) { return media.group_id == id; };
    if (std::any_of(playlist_.media.begin(), playlist_.media.end(), has_id)) return;
    std::vector<std::string> names;
    for (const TrackId track : text) {
      const auto& description = stretch_.find(track)->description;
      Media media;
      media.type = "SUBTITLES";
      media.group_id = id;
      media.name = unique_name(description, names, "subtitles");
      if (description.language != "und") media.language = description.language;
      media.uri = uri_of({track});
      media.is_default = description.is_default;
      media.is_autoselect = description.is_default || description.is_autoselect;
      media.is_forced = description.is_forced;
      media.characteristics = description.characteristics;
      playlist_.media.push_back(std::move(media));
    }
  }

  // One group for each set of captions; the sets differ rarely. RFC 8216bis 4.4.6.1: they have no URI.
  static std::string captions_group(const std::vector<timeline::Captions>& captions) {
    std::string id = "cc";
    for (const auto& each : captions) id += "-" + each.instream_id;
    return id;
  }

  void add_captions(const std::vector<timeline::Captions>& captions) {
    if (captions.empty()) return;
    const std::string id = captions_group(captions);
    const auto has_id = [&](const Media& media) { return media.group_id == id; };
    if (std::any_of(playlist_.media.begin(), playlist_.media.end(), has_id)) return;
    const bool has_default =
        std::any_of(captions.begin(), captions.end(), [](const auto& each) { return each.is_default; });
    for (const auto& each : captions) {
      Media media;
      media.type = "CLOSED-CAPTIONS";
      media.group_id = id;
      media.name = each.name.empty() ? each.instream_id : each.name;
      media.language = each.language;
      media.is_default = each.is_default || (!has_default && &each == &captions.front());
      media.is_autoselect = media.is_default || each.is_autoselect || each.name.empty();
      media.instream_id = each.instream_id;
      playlist_.media.push_back(std::move(media));
    }
  }

  // Names are unique within a group (RFC 8216bis 4.4.6.1.1).
  static std::string unique_name(const timeline::TrackDescription& description,
                                 std::vector<std::string>& names, const char* otherwise) {
    std::string name = description.name;
    if (name.empty()) name = description.language;
    if (name.empty() || name == "und") name = otherwise;
    const std::string stem = name;
    for (int i = 2; std::find(names.begin(), names.end(), name) != names.end(); ++i) {
      name = stem + " " + std::to_string(i);
    }
    names.push_back(name);
    return name;
  }

  // The tracks of the variant's own media playlist.
  [[nodiscard]] std::vector<TrackId> own_tracks(const Variant& variant) const {
    if (variant.video == 0) return {default_of(variant.audio)};
    if (is_muxed_ && !variant.audio.empty()) return {variant.video, variant.audio.front()};
    return {variant.video};
  }

  [[nodiscard]] StreamInf stream_inf(const Variant& variant) const {
    const std::vector<TrackId> own = own_tracks(variant);
    const bool adds_audio = has_group(variant) && variant.video != 0;
    const auto measured =
        timeline::measure_bitrate(timeline_, presentation_, stretch_, settings_,
                                  {own, adds_audio ? variant.audio : std::vector<TrackId>{}});
    StreamInf inf;
    inf.bandwidth = std::max(variant.bandwidth, measured.peak);
    inf.average_bandwidth = std::min(inf.bandwidth, measured.average);
    std::vector<TrackId> all = own;
    if (has_group(variant)) all.insert(all.end(), variant.audio.begin(), variant.audio.end());
    inf.codecs = codecs_of(stretch_, settings_.protocol, all);
    if (const Track* video = stretch_.find(variant.video)) {
      const auto& info = video->description.info;
      if (info.width != 0 && info.height != 0) {
        inf.resolution = Resolution{codecs::display_width(info), info.height};
      }
      inf.video_range = codecs::video_range(info);
      inf.frame_rate_millis = frame_rate_millis(info);
      const auto& captions = video->description.captions;
      if (!captions.empty()) inf.closed_captions = captions_group(captions);
    }
    if (has_group(variant)) inf.audio = group_id(variant.audio);
    if (variant.video != 0 && !variant.text.empty()) inf.subtitles = group_id(variant.text);
    inf.uri = uri_of(own);
    return inf;
  }

  const Timeline& timeline_;
  const OutputSettings& settings_;
  const timeline::Presentation& presentation_;
  const Stretch& stretch_;
  std::string query_;
  bool is_live_;
  bool is_muxed_;
  MultivariantPlaylist playlist_;
};

}  // namespace

Result<std::string> render_multivariant(const Timeline& timeline, const OutputSettings& settings,
                                        const timeline::Window& window) {
  const auto listed = listed_cuts(timeline, settings, window);
  if (listed.empty()) return not_found("no segment yet");
  if (settings.protocol == Protocol::dash) return not_found("a DASH endpoint has no playlists");
  const timeline::Presentation* presentation = timeline.presentation(settings.endpoint);
  return MultivariantRenderer{timeline, settings, *presentation, *listed.back().stretch, window}.render(
      listed);
}

}  // namespace tarn::hls
