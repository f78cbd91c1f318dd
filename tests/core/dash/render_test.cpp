// SPDX-License-Identifier: Apache-2.0
#include "core/dash/render.h"

#include <gtest/gtest.h>

#include <regex>

#include "core/base/text.h"
#include "core/dash/xml.h"
#include "core/timeline/output_span.h"
#include "mpd_reader.h"
#include "support/timeline_builder.h"

namespace tarn::dash {
namespace {

using std::chrono::seconds;
using test::TimelineBuilder;
using timeline::OutputSettings;
using timeline::Timeline;
using timeline::VariantUse;

const Utc noon = *parse_utc("2026-11-22T12:00:00Z");
constexpr char time_url[] = "http://127.0.0.1:8080/time?a=1&b=2";

std::vector<TimelineBuilder::Source> ladder() {
  const VariantUse high{0, 3'000'000, 2'500'000};
  const VariantUse low{1, 900'000, 800'000};
  return {TimelineBuilder::video({high}, 1280, 720), TimelineBuilder::video({low}, 640, 360),
          TimelineBuilder::audio({high, low}, "en")};
}

OutputSettings output(std::uint32_t window = 60) {
  OutputSettings settings;
  settings.endpoint = "e";
  settings.protocol = timeline::Protocol::dash;
  settings.segment_duration = 4;
  settings.min_buffer_time = 8;
  settings.min_update_period = 4;
  settings.suggested_presentation_delay = 12;
  settings.manifest_window = window;
  return settings;
}

Timeline plain(int slots = 10) {
  return TimelineBuilder{}.stretch(noon, 126'000, ladder()).slots(slots, 50).generation(4, 4).cuts(2).build();
}

std::string text(const Timeline& timeline, const OutputSettings& settings) {
  const auto rendered = render_mpd(timeline, settings, time_url);
  return rendered.ok() ? rendered.value() : "error: " + rendered.error().message;
}

// Every URL is understood, leads to a cut with content, and says when it really is.
void expect_resolvable(const Timeline& timeline, const Read& read) {
  const auto& presentation = *timeline.presentation("e");
  for (const auto& listed : read.segments) {
    const auto name = timeline::parse_segment_name(listed.url);
    ASSERT_TRUE(name.has_value()) << listed.url;
    const auto cut = timeline::find_cut(timeline, presentation, *name);
    ASSERT_NE(cut, nullptr) << listed.url;
    const auto& stretch = *timeline.stretch(cut->stretch);
    EXPECT_EQ(timeline::rendition_name(stretch, name->tracks), listed.representation);
    const Utc start = timeline.availability_start + Microseconds{listed.start};
    const Microseconds off = start - timeline::start_of(timeline, *cut);
    EXPECT_LT(off < Microseconds{0} ? -off : off, Microseconds{100'000}) << listed.url << ": three frames";
  }
  for (const auto& listed : read.inits) {
    const auto name = timeline::parse_init_name(listed.url);
    ASSERT_TRUE(name.has_value()) << listed.url;
    EXPECT_NE(presentation.find_generation(name->generation), nullptr);
  }
}

TEST(RenderMpd, LiveWithTwoQualitiesAndAudio) {
  const std::string mpd = text(plain(), output());
  EXPECT_EQ(mpd, R"(<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" availabilityStartTime="2026-11-22T12:00:00.000Z" publishTime="2026-11-22T12:00:20.000Z" minBufferTime="PT8S" minimumUpdatePeriod="PT4S" timeShiftBufferDepth="PT60S" suggestedPresentationDelay="PT12S">
  <Period id="p1g1" start="PT0S">
    <AdaptationSet id="1" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1" maxWidth="1280" maxHeight="720" par="16:9">
      <InbandEventStream schemeIdUri="urn:scte:scte35:2013:bin"/>
      <InbandEventStream schemeIdUri="https://aomedia.org/emsg/ID3"/>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <Representation id="v1" bandwidth="3000000" codecs="avc1.64001F" width="1280" height="720" sar="1:1" frameRate="25">
        <SegmentTemplate timescale="90000" presentationTimeOffset="126000" initialization="g1-$RepresentationID$-i1.mp4" media="g1-$RepresentationID$-s1-t$Time$.m4s">
          <SegmentTimeline>
            <S t="126000" d="360000" r="4"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
      <Representation id="v2" bandwidth="900000" codecs="avc1.4D401E" width="640" height="360" sar="1:1" frameRate="25">
        <SegmentTemplate timescale="90000" presentationTimeOffset="126000" initialization="g1-$RepresentationID$-i1.mp4" media="g1-$RepresentationID$-s1-t$Time$.m4s">
          <SegmentTimeline>
            <S t="126000" d="360000" r="4"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="3" contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" startWithSAP="1">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <Representation id="a3" bandwidth="130000" codecs="mp4a.40.2" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
        <SegmentTemplate timescale="48000" presentationTimeOffset="67200" initialization="g1-$RepresentationID$-i1.mp4" media="g1-$RepresentationID$-s1-t$Time$.m4s">
          <SegmentTimeline>
            <S t="67200" d="189440"/>
            <S d="191488"/>
            <S d="192512"/>
            <S d="191488"/>
            <S d="192512"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="http://127.0.0.1:8080/time?a=1&amp;b=2"/>
</MPD>
)");
  expect_valid(mpd);
}

TEST(RenderMpd, EveryListedUrlLeadsToItsSegment) {
  const Timeline timeline = plain(40);
  const Read listed = read(text(timeline, output()));
  expect_resolvable(timeline, listed);
  EXPECT_EQ(listed.of("v1").size(), 15U) << "60 s of 4 s each";
  EXPECT_EQ(listed.of("a3").size(), 15U);
  EXPECT_EQ(listed.inits.size(), 3U);
  EXPECT_EQ(listed.of("v1").back().end, 80'000'000);
}

TEST(RenderMpd, TheWindowHoldsAtLeastTheDelayAndTwoSegments) {
  const Read small = read(text(plain(40), output(1)));
  EXPECT_EQ(small.mpd.at("timeShiftBufferDepth"), "PT20S");
  EXPECT_EQ(small.of("v1").size(), 5U);
  const Read wide = read(text(plain(40), output(3600)));
  EXPECT_EQ(wide.of("v1").size(), 20U);
  EXPECT_EQ(wide.mpd.at("timeShiftBufferDepth"), "PT3600S");
}

TEST(RenderMpd, AnOutageBeginsAPeriod) {
  const Timeline timeline = TimelineBuilder{}
                                .stretch(noon, 126'000, ladder())
                                .slots(6, 50)
                                .stretch(noon + Microseconds{30'123'456}, 9'000'000, ladder())
                                .slots(6, 50)
                                .generation(4, 4)
                                .cuts(2)
                                .build();
  const std::string mpd = text(timeline, output());
  expect_valid(mpd);
  const Read listed = read(mpd);
  expect_resolvable(timeline, listed);
  ASSERT_EQ(listed.periods.size(), 2U);
  EXPECT_EQ(listed.periods[0], (std::pair<std::string, std::int64_t>{"p1g1", 0}));
  EXPECT_EQ(listed.periods[1], (std::pair<std::string, std::int64_t>{"p2g1", 30'123'456}));
  EXPECT_EQ(listed.of("v1")[3].start, 30'123'456) << "to the microsecond";
  EXPECT_EQ(listed.of("v1")[3].url, "g1-v1-s2-t9000000.m4s");
}

TEST(RenderMpd, AGenerationBeginsAPeriodWhoseStartIsKept) {
  auto builder = TimelineBuilder{};
  builder.stretch(noon, 126'000, ladder()).slots(6, 50).generation(4, 4).cuts(2);
  // The next generation's first slot must be there before it begins.
  builder.slots(9, 50).generation(6, 6).cuts(3);
  const Timeline timeline = builder.build();
  const std::string mpd = text(timeline, output());
  expect_valid(mpd);
  const Read listed = read(mpd);
  expect_resolvable(timeline, listed);
  ASSERT_EQ(listed.periods.size(), 2U);
  EXPECT_EQ(listed.periods[1], (std::pair<std::string, std::int64_t>{"p1g2", 12'000'000}));
  const auto video = listed.of("v1");
  ASSERT_EQ(video.size(), 6U);
  EXPECT_EQ(video[3].url, "g2-v1-s1-t1206000.m4s");
  for (std::size_t i = 1; i < video.size(); ++i) EXPECT_EQ(video[i].start, video[i - 1].end);
  const auto audio = listed.of("a3");
  for (std::size_t i = 1; i < audio.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(audio[i].start), static_cast<double>(audio[i - 1].end), 30.0);
  }
  // Later, when nothing is left of its first cut.
  Timeline later = timeline;
  auto presentation = *later.presentation("e");
  presentation.cuts.drop_front(4);
  later.trim_before(10);
  later.presentations["e"] = std::make_shared<const timeline::Presentation>(presentation);
  const Read rest = read(text(later, output()));
  ASSERT_EQ(rest.periods.size(), 1U);
  EXPECT_EQ(rest.periods[0], listed.periods[1]);
  EXPECT_EQ(rest.of("v1")[0].start, video[4].start);
}

TEST(RenderMpd, AClockThatWasSetBeginsAPeriodThatDecodersGoOnThrough) {
  auto builder = TimelineBuilder{};
  builder.stretch(noon, 126'000, ladder()).slots(6, 50).generation(4, 4).cuts(2);
  builder.set_clock(seconds{10}).slots(6, 50).cuts(2).slots(4, 50).generation(6, 6).cuts(2);
  const Timeline timeline = builder.build();
  const std::string mpd = text(timeline, output(120));
  expect_valid(mpd);
  const Read listed = read(mpd);
  expect_resolvable(timeline, listed);
  using Periods = std::vector<std::pair<std::string, std::int64_t>>;
  EXPECT_EQ(listed.periods, (Periods{{"p1g1", 0}, {"p1g1a7", 22'000'000}, {"p1g2a7", 34'000'000}}));
  const std::string continuity =
      R"(<SupplementalProperty schemeIdUri="urn:mpeg:dash:period-continuity:2015" value="p1g1"/>)";
  const auto second = mpd.find("p1g1a7");
  const auto third = mpd.find("p1g2a7");
  ASSERT_NE(mpd.find(continuity), std::string::npos);
  EXPECT_GT(mpd.find(continuity), second);
  EXPECT_LT(mpd.rfind(continuity), third) << "new segment names are another matter";
  const auto video = listed.of("v1");
  ASSERT_EQ(video.size(), 8U);
  EXPECT_EQ(video[3].start, video[2].end + 10'000'000);
  for (const std::size_t i : {1U, 2U, 4U, 5U, 6U, 7U}) EXPECT_EQ(video[i].start, video[i - 1].end) << i;
  // Later, when the slots that began it are gone.
  Timeline later = timeline;
  auto presentation = *later.presentation("e");
  presentation.cuts.drop_front(4);
  later.trim_before(9);
  later.presentations["e"] = std::make_shared<const timeline::Presentation>(presentation);
  const Read rest = read(text(later, output(120)));
  EXPECT_EQ(rest.periods, (Periods{{"p1g1a7", 22'000'000}, {"p1g2a7", 34'000'000}}));
  EXPECT_EQ(rest.of("v1")[0].start, video[4].start);
}

TEST(RenderMpd, AMissingChunkIsAHole) {
  const Timeline timeline = TimelineBuilder{}
                                .stretch(noon, 126'000, ladder())
                                .slots(4, 50)
                                .slots(2, 50, {1})
                                .slots(1, 50, {2})
                                .slots(3, 50)
                                .generation(4, 4)
                                .cuts(2)
                                .build();
  const std::string mpd = text(timeline, output());
  EXPECT_NE(
      mpd.find("<S t=\"126000\" d=\"360000\" r=\"1\"/>\n            <S t=\"1206000\" d=\"360000\" r=\"1\"/>"),
      std::string::npos)
      << mpd;
  EXPECT_NE(mpd.find("<S t=\"126000\" d=\"360000\" r=\"2\"/>\n            <S t=\"1386000\" d=\"180000\"/>\n"
                     "            <S d=\"360000\"/>"),
            std::string::npos)
      << mpd;
  expect_valid(mpd);
  const Read listed = read(mpd);
  EXPECT_EQ(listed.of("v1").size(), 4U);
  EXPECT_EQ(listed.of("v2").size(), 5U);
  const auto& presentation = *timeline.presentation("e");
  for (const auto& segment : listed.segments) {
    EXPECT_NE(timeline::find_cut(timeline, presentation, *timeline::parse_segment_name(segment.url)), nullptr)
        << segment.url;
  }
}

TEST(RenderMpd, ATrackWithNothingIsNotOffered) {
  const Timeline timeline =
      TimelineBuilder{}.stretch(noon, 0, ladder()).slots(4, 50, {3}).generation(4, 4).cuts(2).build();
  const std::string mpd = text(timeline, output());
  expect_valid(mpd);
  EXPECT_EQ(mpd.find("contentType=\"audio\""), std::string::npos);
}

TEST(RenderMpd, LanguagesAndCodecsAreSetsOfTheirOwn) {
  const VariantUse use{0, 2'000'000, 0};
  auto english = TimelineBuilder::audio({use}, "en");
  auto german = TimelineBuilder::audio({use}, "de");
  german.description.name = "Deutsch <&>";
  auto surround = TimelineBuilder::audio({use}, "en");
  surround.description.info.codec = codecs::Codec::ac3;
  surround.description.info.codec_string = "ac-3";
  surround.description.info.samples_per_frame = 1536;
  surround.description.info.channels = 6;
  auto odd = TimelineBuilder::audio({use}, "e\"n", 44'100);
  odd.description.info.channels = 8;
  auto video = TimelineBuilder::video({use}, 720, 576, 30'000, 1'001);
  video.description.info.sar_width = 16;
  video.description.info.sar_height = 11;
  const Timeline timeline = TimelineBuilder{}
                                .stretch(noon, 0, {video, english, german, surround, odd})
                                .slots(8, 60)
                                .generation(4, 5)
                                .cuts(2)
                                .build();
  const std::string mpd = text(timeline, output());
  expect_valid(mpd);
  expect_resolvable(timeline, read(mpd));
  for (const auto* part : {"par=\"20:11\"", "sar=\"16:11\" frameRate=\"30000/1001\"", "lang=\"de\"",
                           "<Label>Deutsch &lt;&amp;&gt;</Label>", "codecs=\"ac-3\"", "value=\"6\"",
                           "value=\"7\"", "audioSamplingRate=\"44100\"", "<AdaptationSet id=\"5\" "}) {
    EXPECT_NE(mpd.find(part), std::string::npos) << part << mpd;
  }
  EXPECT_EQ(mpd.find("lang=\"e"), mpd.find("lang=\"en\"")) << "no language is better than an invalid one";
}

TEST(RenderMpd, OrderAndBoundsHoldForRepresentations) {
  auto settings = output();
  settings.stream_order = timeline::StreamOrder::bitrate_ascending;
  const std::string mpd = text(plain(), settings);
  EXPECT_LT(mpd.find("Representation id=\"v2\""), mpd.find("Representation id=\"v1\""));
  settings.max_video_bitrate = 1'000'000;
  EXPECT_EQ(text(plain(), settings).find("Representation id=\"v1\""), std::string::npos);
  settings.max_video_bitrate = 1;
  const auto none = render_mpd(plain(), settings, time_url);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
}

TEST(RenderMpd, EndsAsAStaticPresentation) {
  Timeline timeline = plain();
  timeline.ended = noon + seconds{25};
  const std::string mpd = text(timeline, output());
  expect_valid(mpd);
  const Read listed = read(mpd);
  expect_resolvable(timeline, listed);
  EXPECT_EQ(listed.mpd.at("type"), "static");
  EXPECT_EQ(listed.mpd.at("mediaPresentationDuration"), "PT20S");
  EXPECT_EQ(listed.mpd.at("publishTime"), "2026-11-22T12:00:25.000Z");
  EXPECT_EQ(listed.mpd.count("minimumUpdatePeriod"), 0U);
}

TEST(RenderMpd, StartsCountFromTheStartAsItIsPrinted) {
  Timeline timeline = plain(4);
  timeline.availability_start = noon - Microseconds{1'400};
  const Read listed = read(text(timeline, output()));
  EXPECT_EQ(listed.mpd.at("availabilityStartTime"), "2026-11-22T11:59:59.998Z");
  EXPECT_EQ(listed.periods[0].second, 2'000);
}

TEST(RenderMpd, UpdatesOnlyAddAndRemove) {
  const Read before = read(text(plain(40), output()));
  const Read after = read(text(plain(42), output()));
  EXPECT_EQ(after.mpd.at("availabilityStartTime"), before.mpd.at("availabilityStartTime"));
  EXPECT_EQ(after.periods, before.periods);
  const auto old_audio = before.of("a3");
  const auto new_audio = after.of("a3");
  for (std::size_t i = 1; i < old_audio.size(); ++i) {
    EXPECT_EQ(old_audio[i].url, new_audio[i - 1].url);
    EXPECT_EQ(old_audio[i].start, new_audio[i - 1].start);
  }
}

TEST(RenderMpd, NothingToListIsNotFound) {
  EXPECT_EQ(render_mpd(Timeline{}, output(), time_url).error().code, ErrorCode::not_found);
  auto other = output();
  other.endpoint = "another";
  EXPECT_EQ(render_mpd(plain(), other, time_url).error().code, ErrorCode::not_found);
  other = output();
  other.protocol = timeline::Protocol::hls_cmaf;
  EXPECT_EQ(render_mpd(plain(), other, time_url).error().code, ErrorCode::not_found);
}

TEST(RenderMpd, TheSameStateGivesTheSameText) { EXPECT_EQ(text(plain(), output()), text(plain(), output())); }

TEST(XmlWriter, EscapesWhatWouldEndAValue) {
  XmlWriter xml;
  xml.open("a").attribute("b", "<\"&'>\n\x01").open("c").text("1 < 2").close().open("d").close().close();
  EXPECT_EQ(xml.document(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b=\"&lt;&quot;&amp;'&gt; \">\n  <c>1 &lt; 2</c>\n"
            "  <d/>\n</a>\n");
}

TEST(RenderProtection, IsInEveryAdaptationSetWithItsOwnKeyId) {
  OutputSettings settings = output();
  settings.is_encrypted = true;
  EXPECT_EQ(render_mpd(plain(), settings, time_url).error().code, ErrorCode::not_found) << "no key, no MPD";
  timeline::Protection protection;
  protection.video = {
      "cbcs",
      "00000000-0000-0000-0000-000000000001",
      {{.dash_scheme = "urn:uuid:x", .dash_name = "X", .dash_content = "<a xmlns=\"b\"/>"}, {}}};
  protection.audio = {"cbcs", "00000000-0000-0000-0000-000000000002", {}};
  settings.protection = std::make_shared<const timeline::Protection>(protection);
  const std::string mpd = text(plain(), settings);
  const auto set = mpd.find("contentType=\"video\"");
  const auto video = mpd.find(
      "value=\"cbcs\" xmlns:cenc=\"urn:mpeg:cenc:2013\" "
      "cenc:default_KID=\"00000000-0000-0000-0000-000000000001\"/>");
  const auto system = mpd.find(
      "<ContentProtection schemeIdUri=\"urn:uuid:x\" value=\"X\"><a xmlns=\"b\"/></ContentProtection>");
  const auto audio = mpd.find("cenc:default_KID=\"00000000-0000-0000-0000-000000000002\"");
  EXPECT_LT(set, video) << mpd;
  EXPECT_LT(video, system);
  EXPECT_LT(system, audio);
  EXPECT_NE(audio, std::string::npos);
}

TEST(RenderProtection, OfKeysThatChangeIsThatOfThePeriod) {
  TimelineBuilder builder;
  builder.stretch(noon, 126'000, {TimelineBuilder::video({{0, 0, 0}}, 640, 360)});
  for (int i = 0; i < 3; ++i) builder.slots(4, 100).generation(8, 8).cuts(2);  // 16 s each
  const Timeline timeline = builder.build();
  OutputSettings settings = output();
  settings.is_encrypted = true;
  const auto keys = [](const std::string& kid) {
    timeline::Protection protection;
    protection.video = {"cenc", kid, {}};
    return std::make_shared<const timeline::Protection>(protection);
  };
  const std::uint64_t first = timeline::key_period_at(16, noon);
  settings.protection = {16,
                         {{first, keys("00000000-0000-0000-0000-000000000001")},
                          {first + 1, keys("00000000-0000-0000-0000-000000000002")}}};
  const std::string mpd = text(timeline, settings);
  expect_valid(mpd);
  std::vector<std::string> seen;
  const std::regex wanted{"<Period id=\"[^\"]*\" start=\"[^\"]*\"|default_KID=\"[^\"]*\""};
  for (std::sregex_iterator at{mpd.begin(), mpd.end(), wanted}, end; at != end; ++at)
    seen.push_back(at->str());
  EXPECT_EQ(
      seen,
      (std::vector<std::string>{
          "<Period id=\"p1g1\" start=\"PT0S\"", "default_KID=\"00000000-0000-0000-0000-000000000001\"",
          "<Period id=\"p1g2\" start=\"PT16S\"", "default_KID=\"00000000-0000-0000-0000-000000000002\"",
          "<Period id=\"p1g3\" start=\"PT32S\"", "default_KID=\"00000000-0000-0000-0000-000000000002\""}))
      << "the third period's keys did not come";
}

// ---- codecs

std::string mpd_of(std::vector<TimelineBuilder::Source> sources) {
  const Timeline timeline =
      TimelineBuilder{}.stretch(noon, 126'000, sources).slots(10, 50).generation(4, 4).cuts(2).build();
  const std::string mpd = text(timeline, output());
  expect_valid(mpd);
  return mpd;
}

TimelineBuilder::Source audio_of(codecs::Codec codec, const char* record) {
  auto source = TimelineBuilder::audio({{0, 0, 0}}, "en");
  source.description.info = codecs::stream_info_from_config(codec, *parse_hex(record)).value();
  source.description.key = "a " + source.description.info.codec_string;
  return source;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(RenderMpdCodecs, Ac3SaysWhereItsChannelsAre) {
  const std::string mpd =
      mpd_of({TimelineBuilder::video({{0, 3'000'000, 0}}, 1280, 720), audio_of(codecs::Codec::ac3, "103de0"),
              audio_of(codecs::Codec::eac3, "1800200f02020110")});
  EXPECT_EQ(count_of(mpd, "<AdaptationSet "), 3U);
  const std::string scheme =
      "schemeIdUri=\"tag:dolby.com,2014:dash:audio_channel_configuration:2011\" value=";
  EXPECT_NE(mpd.find(scheme + "\"F801\""), std::string::npos) << mpd;
  EXPECT_NE(mpd.find(scheme + "\"FA01\""), std::string::npos) << mpd;
  EXPECT_EQ(count_of(mpd, "EC3_ExtensionType:2018\" value=\"JOC\""), 1U);
  EXPECT_EQ(count_of(mpd, "EC3_ExtensionComplexityIndex:2018\" value=\"16\""), 1U);
}

TEST(RenderMpdCodecs, AacSaysItsChannelConfiguration) {
  const auto value = [](const char* record) {
    const std::string mpd = mpd_of(
        {TimelineBuilder::video({{0, 3'000'000, 0}}, 1280, 720), audio_of(codecs::Codec::aac, record)});
    const std::string scheme = "23003:3:audio_channel_configuration:2011\" value=\"";
    const std::size_t at = mpd.find(scheme) + scheme.size();
    return mpd.substr(at, mpd.find('"', at) - at);
  };
  EXPECT_EQ(value("1190"), "2");
  EXPECT_EQ(value("11e0"), "12");           // 7.1 with back channels
  EXPECT_EQ(value("130856e59d4880"), "2");  // one channel, and PS
}

TEST(RenderMpdCodecs, ColourIsSaidAndKeepsSetsApart) {
  auto sdr = TimelineBuilder::video({{0, 3'000'000, 0}}, 1280, 720);
  auto hdr = TimelineBuilder::video({{1, 5'000'000, 0}}, 1280, 720);
  sdr.description.info.colour_primaries = sdr.description.info.transfer_characteristics = 1;
  hdr.description.info.colour_primaries = 9;
  hdr.description.info.transfer_characteristics = 16;
  hdr.description.info.matrix_coefficients = 9;
  const std::string mpd = mpd_of({sdr, hdr});
  EXPECT_EQ(count_of(mpd, "<AdaptationSet "), 2U);
  EXPECT_EQ(count_of(mpd, "<SupplementalProperty schemeIdUri=\"urn:mpeg:mpegB:cicp:"), 2U);
  EXPECT_NE(
      mpd.find(
          "<EssentialProperty schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCharacteristics\" value=\"16\"/>"),
      std::string::npos)
      << mpd;
}

TEST(RenderMpd, SaysCaptionsAndWhichAudioIsWhich) {
  auto video = TimelineBuilder::video({{0, 3'000'000, 0}}, 1280, 720);
  video.description.captions = {
      {"CC1", "en", "", false, false}, {"CC3", "", "", false, false}, {"SERVICE2", "es", "", false, false}};
  auto first = TimelineBuilder::audio({{0, 3'000'000, 0}}, "en");
  auto described = TimelineBuilder::audio({{0, 3'000'000, 0}}, "en");
  described.description.key = "a1";
  described.description.characteristics = "public.accessibility.describes-video";
  auto other = TimelineBuilder::audio({{0, 3'000'000, 0}}, "de");
  other.description.key = "a2";
  other.description.is_default = true;
  const std::string mpd = mpd_of({video, first, described, other});
  EXPECT_EQ(count_of(mpd, "<AdaptationSet "), 4U) << mpd;
  EXPECT_EQ(count_of(mpd, "urn:scte:dash:cc:cea-608:2015\" value=\"CC1=en;CC3=und\""), 1U) << mpd;
  EXPECT_EQ(count_of(mpd, "urn:scte:dash:cc:cea-708:2015\" value=\"2=lang:es\""), 1U) << mpd;
  EXPECT_EQ(count_of(mpd, "AudioPurposeCS:2007\" value=\"1\""), 1U);
  EXPECT_EQ(count_of(mpd, "role:2011\" value=\"main\""), 2U) << "the video and the default";
  EXPECT_EQ(count_of(mpd, "role:2011\" value=\"alternate\""), 1U);
  EXPECT_EQ(count_of(mpd, "role:2011\" value=\"description\""), 1U);
}

TEST(RenderMpd, AudioOfAnotherNameIsNoOtherQuality) {
  std::vector<TimelineBuilder::Source> sources{TimelineBuilder::video({{0, 3'000'000, 0}}, 1280, 720)};
  for (const char* name : {"Original", "High Pitch", "Original"}) {
    auto& audio = sources.emplace_back(TimelineBuilder::audio({{0, 3'000'000, 0}}));
    audio.description.key = "a" + std::to_string(sources.size());
    audio.description.name = name;
  }
  const std::string mpd = mpd_of(sources);
  EXPECT_EQ(count_of(mpd, "contentType=\"audio\""), 2U) << mpd;
  EXPECT_EQ(count_of(mpd, "<Label>High Pitch</Label>"), 1U);
  EXPECT_EQ(count_of(mpd, "role:2011\" value=\"alternate\""), 1U);
}

TEST(RenderMpdCodecs, Mp3IsNamedByItsObjectType) {
  const std::string mpd = mpd_of({audio_of(codecs::Codec::mp3, "fffb9000")});
  EXPECT_NE(mpd.find("codecs=\"mp4a.6B\""), std::string::npos) << mpd;
}

}  // namespace
}  // namespace tarn::dash
