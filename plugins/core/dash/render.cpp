// SPDX-License-Identifier: Apache-2.0
#include "core/dash/render.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "core/codecs/ac3.h"
#include "core/codecs/event_message.h"
#include "core/codecs/manifest_terms.h"
#include "core/dash/adaptation_sets.h"
#include "core/dash/periods.h"
#include "core/dash/segment_timeline.h"
#include "core/dash/xml.h"
#include "core/timeline/output_span.h"

namespace tarn::dash {
namespace {

using timeline::OutputSettings;
using timeline::Presentation;
using timeline::Timeline;
using timeline::Track;
using timeline::Window;

constexpr std::string_view xmlns = "urn:mpeg:dash:schema:mpd:2011";
constexpr std::string_view live_profile = "urn:mpeg:dash:profile:isoff-live:2011";
constexpr std::string_view role_scheme = "urn:mpeg:dash:role:2011";
constexpr std::string_view channels_scheme = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";
constexpr std::string_view dolby_channels_scheme = "tag:dolby.com,2014:dash:audio_channel_configuration:2011";
constexpr std::string_view joc_scheme = "tag:dolby.com,2018:dash:EC3_ExtensionType:2018";
constexpr std::string_view joc_complexity_scheme =
    "tag:dolby.com,2018:dash:EC3_ExtensionComplexityIndex:2018";
constexpr std::string_view continuity_scheme = "urn:mpeg:dash:period-continuity:2015";
constexpr std::string_view clock_scheme = "urn:mpeg:dash:utc:http-iso:2014";

std::string seconds(std::uint32_t count) { return format_duration(std::chrono::seconds{count}); }

// Times are printed in milliseconds; durations that count from such a time must do so exactly.
Utc as_printed(Utc time) { return std::chrono::floor<std::chrono::milliseconds>(time); }

std::string ratio(std::uint64_t a, std::uint64_t b, char separator) {
  const std::uint64_t divisor = std::max<std::uint64_t>(1, std::gcd(a, b));
  return std::to_string(a / divisor) + separator + std::to_string(b / divisor);
}

std::string frame_rate(const codecs::StreamInfo& info) {
  const std::string text = ratio(info.frame_rate_numerator, info.frame_rate_denominator, '/');
  const bool is_whole = text.size() > 2 && text.compare(text.size() - 2, 2, "/1") == 0;
  return is_whole ? text.substr(0, text.size() - 2) : text;
}

// 16 bits as four hexadecimal digits: "F801"
std::string hex_map(std::uint16_t map) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const unsigned shift : {12U, 8U, 4U, 0U}) text += digits[map >> shift & 0x0FU];
  return text;
}

class MpdRenderer {
 public:
  MpdRenderer(const Timeline& timeline, const OutputSettings& settings, const Presentation& presentation,
              std::string_view time_url, const Window& window)
      : timeline_(timeline),
        settings_(settings),
        presentation_(presentation),
        time_url_(time_url),
        window_(window),
        is_static_(window.query.empty() ? timeline.ended.has_value() : window.complete),
        epoch_(as_printed(timeline.availability_start)) {}

  Result<std::string> render() {
    auto periods = listed_periods(timeline_, presentation_, settings_, window_);
    if (periods.empty()) return not_found("no segment yet");
    std::erase_if(periods, [&](const Period& period) { return sets_of(period).empty(); });
    if (periods.empty()) return not_found("no variant is within the bitrate bounds");
    if (window_.kind == Window::Kind::vod) epoch_ = periods.front().start;
    open_mpd(periods);
    const Period* before = nullptr;
    for (const Period& next : periods) {
      write_period(next, before);
      before = &next;
    }
    if (!is_static_ && !time_url_.empty()) {
      xml_.open("UTCTiming").attribute("schemeIdUri", clock_scheme).attribute("value", time_url_).close();
    }
    xml_.close();
    return xml_.document();
  }

 private:
  // A day of short segments takes long to go through: once is enough.
  const std::vector<Run>& runs_of(const Period& period, timeline::TrackId track) {
    const auto [entry, is_new] = runs_.try_emplace({period.cuts.front().number, track});
    if (is_new) entry->second = segment_timeline(timeline_, period, track, window_.content());
    return entry->second;
  }

  // Without tracks that have nothing in the period: a SegmentTimeline is never empty.
  [[nodiscard]] std::vector<AdaptationSet> sets_of(const Period& period) {
    auto sets = adaptation_sets(timeline_, *period.stretch, settings_);
    for (auto& set : sets) {
      std::erase_if(set.tracks, [&](const Track* track) { return runs_of(period, track->id).empty(); });
    }
    std::erase_if(sets, [](const AdaptationSet& set) { return set.tracks.empty(); });
    return sets;
  }

  void open_mpd(const std::vector<Period>& periods) {
    const timeline::Cut newest = periods.back().cuts.back();
    // The stored time of the last change, never the time of the request (semantics S5).
    const Utc published = std::max(newest.recorded, timeline_.ended.value_or(newest.recorded));
    xml_.open("MPD")
        .attribute("xmlns", xmlns)
        .attribute("profiles", live_profile)
        .attribute("type", is_static_ ? "static" : "dynamic");
    if (window_.kind != Window::Kind::vod) {
      xml_.attribute("availabilityStartTime", format_utc(epoch_ + window_.behind));
    }
    xml_.attribute("publishTime", format_utc(published))
        .attribute("minBufferTime", seconds(settings_.min_buffer_time));
    if (is_static_) {
      // Starts of Periods stay what they were, for players that are in the middle of it.
      const Utc end = timeline::end_of(timeline_, *periods.back().stretch, newest);
      xml_.attribute("mediaPresentationDuration", format_duration(end - epoch_));
      return;
    }
    xml_.attribute("minimumUpdatePeriod", seconds(settings_.min_update_period));
    if (window_.kind == Window::Kind::event) {
      const std::string length = format_duration(length_of(periods));
      xml_.attribute("timeShiftBufferDepth", length).attribute("suggestedPresentationDelay", length);
      return;
    }
    xml_.attribute("timeShiftBufferDepth", format_duration(window_of(presentation_, settings_)))
        .attribute("suggestedPresentationDelay", seconds(settings_.suggested_presentation_delay));
  }

  // What reaches back to the first segment from any moment before the one after the newest is there.
  [[nodiscard]] Microseconds length_of(const std::vector<Period>& periods) const {
    const timeline::Cut newest = periods.back().cuts.back();
    const Utc end = timeline::end_of(timeline_, *periods.back().stretch, newest);
    const timeline::Generation* generation = presentation_.find_generation(newest.generation);
    const std::uint32_t segment =
        generation == nullptr ? settings_.segment_duration : generation->target_duration;
    return end - timeline::start_of(timeline_, periods.front().cuts.front()) +
           std::chrono::seconds{2 * segment};
  }

  void write_period(const Period& period, const Period* before) {
    const Microseconds start = std::max(Microseconds{0}, Microseconds{period.start - epoch_});
    xml_.open("Period").attribute("id", period.id()).attribute("start", format_duration(start));
    const auto sets = sets_of(period);
    const bool has_video = std::any_of(
        sets.begin(), sets.end(), [](const AdaptationSet& set) { return set.kind == codecs::Kind::video; });
    // Only the clock was set between them (semantics S13): decoders go on.
    const bool goes_on = before != nullptr && period.anchor != nullptr && before->stretch == period.stretch &&
                         before->generation == period.generation;
    for (const auto& set : sets) {
      write_set(period, set, carries_events(set, has_video), goes_on ? before->id() : "");
    }
    xml_.close();
  }

  // `continues`: id of the Period that this one continues, if any.
  void write_set(const Period& period, const AdaptationSet& set, bool has_events,
                 const std::string& continues) {
    const Track& first = *set.tracks.front();
    const auto lowest = std::min_element(set.tracks.begin(), set.tracks.end(),
                                         [](const Track* a, const Track* b) { return a->id < b->id; });
    const bool is_video = set.kind == codecs::Kind::video;
    const bool is_text = set.kind == codecs::Kind::text;
    xml_.open("AdaptationSet")
        .attribute("id", (*lowest)->id)
        .attribute("contentType", is_video  ? "video"
                                  : is_text ? "text"
                                            : "audio")
        .attribute("mimeType", is_video  ? "video/mp4"
                               : is_text ? "application/mp4"
                                         : "audio/mp4");
    if (!set.language.empty()) xml_.attribute("lang", set.language);
    xml_.attribute("segmentAlignment", "true");
    if (begins_with_sync(period, set)) xml_.attribute("startWithSAP", "1");
    if (is_video) write_largest(set);
    if (settings_.protection && set.kind != codecs::Kind::text) {
      const auto& protection = *settings_.protection.at(presentation_.keyed_at(period.generation));
      write_protection(is_video ? protection.video : protection.audio);
    }
    if (is_video) write_colour(first.description.info);
    if (!continues.empty()) write_property("SupplementalProperty", continuity_scheme, continues);
    if (has_events) {
      for (const auto scheme : {codecs::splice_scheme, codecs::id3_scheme}) {
        xml_.open("InbandEventStream").attribute("schemeIdUri", scheme).close();
      }
    }
    if (!is_video && !first.description.name.empty()) xml_.open("Label").text(first.description.name).close();
    write_accessibility(set);
    write_property("Role", role_scheme, role_of(period, set));
    for (const Track* track : set.tracks) write_representation(period, *track);
    xml_.close();
  }

  // Timed metadata is with the video, and with the audio where there is none (core/mpegts/metadata_reader.h);
  // whether any will come nobody knows, and a client does not look for what is not announced.
  static bool carries_events(const AdaptationSet& set, bool has_video) {
    return set.kind == (has_video ? codecs::Kind::video : codecs::Kind::audio);
  }

  // ISO/IEC 23009-1 5.8.5.5. Of several audio sets the encoder's default is the main one, else the first.
  [[nodiscard]] std::string_view role_of(const Period& period, const AdaptationSet& set) {
    if (describes_video(set)) return "description";
    if (set.kind == codecs::Kind::text) {
      return set.tracks.front()->description.is_forced ? "forced-subtitle" : "subtitle";
    }
    if (set.kind != codecs::Kind::audio) return "main";
    const AdaptationSet* main = nullptr;
    const auto sets = adaptation_sets(timeline_, *period.stretch, settings_);
    for (const AdaptationSet& other : sets) {
      if (other.kind != codecs::Kind::audio || describes_video(other)) continue;
      const bool is_default = other.tracks.front()->description.is_default;
      if (main == nullptr || (is_default && !main->tracks.front()->description.is_default)) main = &other;
    }
    const bool is_main = main == nullptr || (main->language == set.language && main->name == set.name &&
                                             main->characteristics == set.characteristics);
    return is_main ? "main" : "alternate";
  }
  static bool describes_video(const AdaptationSet& set) {
    return set.characteristics.find("public.accessibility.describes-video") != std::string::npos;
  }

  // SCTE 214-1 7.1 for captions; audio for the visually impaired as DVB and DASH-IF have it.
  void write_accessibility(const AdaptationSet& set) {
    if (describes_video(set)) write_property("Accessibility", "urn:tva:metadata:cs:AudioPurposeCS:2007", "1");
    std::string cea608;
    std::string cea708;
    for (const auto& captions : set.tracks.front()->description.captions) {
      const bool is_608 = captions.instream_id.starts_with("CC");
      std::string& value = is_608 ? cea608 : cea708;
      const std::string language = captions.language.empty() ? "und" : captions.language;
      if (!value.empty()) value += ";";
      value += is_608 ? captions.instream_id + "=" + language
                      : captions.instream_id.substr(std::string_view{"SERVICE"}.size()) + "=lang:" + language;
    }
    if (!cea608.empty()) write_property("Accessibility", "urn:scte:dash:cc:cea-608:2015", cea608);
    if (!cea708.empty()) write_property("Accessibility", "urn:scte:dash:cc:cea-708:2015", cea708);
  }

  // ISO/IEC 23009-1 5.8.4.1 and 23001-7 11.2. Comes first in the set, as the schema has it.
  void write_protection(const timeline::TrackSignalling& track) {
    xml_.open("ContentProtection")
        .attribute("schemeIdUri", "urn:mpeg:dash:mp4protection:2011")
        .attribute("value", track.scheme)
        .attribute("xmlns:cenc", "urn:mpeg:cenc:2013")
        .attribute("cenc:default_KID", track.default_kid)
        .close();
    for (const auto& system : track.systems) {
      if (system.dash_scheme.empty()) continue;
      xml_.open("ContentProtection")
          .attribute("schemeIdUri", system.dash_scheme)
          .attribute("value", system.dash_name)
          .raw(system.dash_content)
          .close();
    }
  }

  [[nodiscard]] bool begins_with_sync(const Period& period, const AdaptationSet& set) const {
    return std::all_of(period.cuts.begin(), period.cuts.end(), [&](const timeline::Cut& cut) {
      const auto slot = timeline_.find(cut.first_slot);
      return std::all_of(set.tracks.begin(), set.tracks.end(), [&](const Track* track) {
        const auto chunk = slot->find(track->id);
        return chunk == nullptr || chunk->independent;
      });
    });
  }

  void write_largest(const AdaptationSet& set) {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    for (const Track* track : set.tracks) {
      width = std::max(width, track->description.info.width);
      height = std::max(height, track->description.info.height);
    }
    if (width == 0 || height == 0) return;
    const auto& info = set.tracks.front()->description.info;
    xml_.attribute("maxWidth", width)
        .attribute("maxHeight", height)
        .attribute("par", ratio(std::uint64_t{info.width} * info.sar_width,
                                std::uint64_t{info.height} * info.sar_height, ':'));
  }

  void write_representation(const Period& period, const Track& track) {
    const auto& info = track.description.info;
    const std::string name = timeline::rendition_name(*period.stretch, {track.id});
    xml_.open("Representation")
        .attribute("id", name)
        .attribute("bandwidth", bandwidth_of(timeline_, presentation_, *period.stretch, settings_, track));
    const std::string codec = codecs::isobmff_codec_string(info);
    if (!codec.empty()) xml_.attribute("codecs", codec);
    if (codecs::kind_of(info.codec) == codecs::Kind::video) {
      if (info.width != 0 && info.height != 0) {
        xml_.attribute("width", info.width).attribute("height", info.height);
        xml_.attribute("sar", ratio(info.sar_width, info.sar_height, ':'));
      }
      if (info.frame_rate_numerator != 0) xml_.attribute("frameRate", frame_rate(info));
    } else if (codecs::kind_of(info.codec) == codecs::Kind::audio) {
      if (info.sample_rate != 0) xml_.attribute("audioSamplingRate", info.sample_rate);
      write_channels(info);
    }
    write_template(period, track);
    xml_.close();
  }

  void write_property(std::string_view element, std::string_view scheme, std::string_view value) {
    xml_.open(element).attribute("schemeIdUri", scheme).attribute("value", value).close();
  }

  void write_channels(const codecs::StreamInfo& info) {
    const bool is_ac3 = info.codec == codecs::Codec::ac3 || info.codec == codecs::Codec::eac3;
    if (const std::uint16_t map = is_ac3 ? codecs::ac3::channel_map(info) : std::uint16_t{0}; map != 0) {
      write_property("AudioChannelConfiguration", dolby_channels_scheme, hex_map(map));
    } else if (const auto configuration = codecs::channel_configuration(info); configuration != 0) {
      write_property("AudioChannelConfiguration", channels_scheme, std::to_string(configuration));
    }
    if (info.joc_complexity == 0) return;
    write_property("SupplementalProperty", joc_scheme, "JOC");
    write_property("SupplementalProperty", joc_complexity_scheme, std::to_string(info.joc_complexity));
  }

  // A player that does not know the transfer of HDR must leave the set alone; SDR looks right anyway.
  void write_colour(const codecs::StreamInfo& info) {
    const std::string_view element =
        codecs::is_high_dynamic_range(info) ? "EssentialProperty" : "SupplementalProperty";
    const auto write = [&](std::string_view name, std::uint32_t code) {
      constexpr std::uint32_t unspecified = 2;
      if (code == unspecified) return;
      write_property(element, "urn:mpeg:mpegB:cicp:" + std::string{name}, std::to_string(code));
    };
    write("ColourPrimaries", info.colour_primaries);
    write("TransferCharacteristics", info.transfer_characteristics);
    write("MatrixCoefficients", info.matrix_coefficients);
  }

  void write_template(const Period& period, const Track& track) {
    const std::string id = "$RepresentationID$";
    const std::string prefix = timeline::name_prefix(settings_.edition, period.generation) + "-" + id;
    xml_.open("SegmentTemplate")
        .attribute("timescale", track.description.info.timescale)
        .attribute("presentationTimeOffset", period.start_in(track.id))
        .attribute("initialization",
                   timeline::init_name(settings_.edition, period.generation, id, track.config))
        .attribute("media", prefix + "-s" + std::to_string(period.stretch->id) + "-t$Time$.m4s");
    xml_.open("SegmentTimeline");
    for (const Run& run : runs_of(period, track.id)) {
      xml_.open("S");
      if (!run.joins) xml_.attribute("t", run.time);
      xml_.attribute("d", run.duration);
      if (run.repeat != 0) xml_.attribute("r", run.repeat);
      xml_.close();
    }
    xml_.close();
    xml_.close();
  }

  const Timeline& timeline_;
  const OutputSettings& settings_;
  const Presentation& presentation_;
  std::string_view time_url_;
  const Window& window_;
  bool is_static_;
  Utc epoch_;  // where the starts of Periods count from
  std::map<std::pair<std::uint64_t, timeline::TrackId>, std::vector<Run>> runs_;  // by Period's first cut
  XmlWriter xml_;
};

}  // namespace

Result<std::string> render_mpd(const Timeline& timeline, const OutputSettings& settings,
                               std::string_view time_url, const Window& window) {
  const Presentation* presentation = timeline.presentation(settings.endpoint);
  if (presentation == nullptr || presentation->cuts.empty()) return not_found("no segment yet");
  if (settings.protocol != timeline::Protocol::dash) return not_found("not a DASH endpoint");
  if (settings.is_encrypted && !settings.protection) return not_found("no key yet");
  return MpdRenderer{timeline, settings, *presentation, time_url, window}.render();
}

}  // namespace tarn::dash
