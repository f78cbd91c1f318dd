// SPDX-License-Identifier: Apache-2.0
// What a multivariant playlist says of codecs, channels, colour and pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/hls/playlist.h"
#include "core/hls/render.h"
#include "core/timeline/output_variants.h"
#include "support/timeline_builder.h"

namespace tarn::hls {
namespace {

using codecs::Codec;
using test::TimelineBuilder;
using testing::ElementsAre;
using timeline::OutputSettings;
using timeline::Protocol;
using timeline::Timeline;
using timeline::VariantUse;

using Source = TimelineBuilder::Source;

Source audio(Codec codec, const char* record, std::vector<VariantUse> variants = {{0, 0, 0}}) {
  Source source = TimelineBuilder::audio(std::move(variants), "en");
  source.description.key = "a " + std::string{codecs::name_of(codec)};
  source.description.info = codecs::stream_info_from_config(codec, *parse_hex(record)).value();
  return source;
}
Source video(std::uint32_t transfer, std::uint32_t variant = 0) {
  Source source = TimelineBuilder::video({{variant, 3'000'000, 2'500'000}}, 1280, 720);
  source.description.info.transfer_characteristics = transfer;
  return source;
}

MultivariantPlaylist rendered(const std::vector<Source>& sources, Protocol protocol = Protocol::hls_cmaf) {
  const Timeline timeline = TimelineBuilder{}
                                .stretch(*parse_utc("2026-11-22T12:00:00Z"), 126'000, sources)
                                .slots(10, 50)
                                .generation(4, 4)
                                .cuts(2)
                                .build();
  OutputSettings settings;
  settings.endpoint = "e";
  settings.protocol = protocol;
  settings.segment_duration = 4;
  const auto text = render_multivariant(timeline, settings);
  EXPECT_TRUE(text.ok()) << (text.ok() ? "" : text.error().message);
  const auto parsed =
      text.ok() ? parse_multivariant(*text) : Result<MultivariantPlaylist>{MultivariantPlaylist{}};
  EXPECT_TRUE(parsed.ok());
  return parsed.ok() ? *parsed : MultivariantPlaylist{};
}

std::vector<std::string> ranges(const MultivariantPlaylist& playlist) {
  std::vector<std::string> all;
  for (const StreamInf& inf : playlist.variants) all.push_back(inf.video_range);
  return all;
}

constexpr const char* lc = "1190";
constexpr const char* joc = "0800200f000110";

TEST(CodecsInHls, AudioOfDifferentCodecsNeverSharesAGroup) {
  const auto playlist = rendered({video(2), audio(Codec::aac, lc), audio(Codec::eac3, joc)});
  ASSERT_EQ(playlist.media.size(), 2U);
  EXPECT_EQ(playlist.media[0].group_id, "a2");
  EXPECT_EQ(playlist.media[0].channels, "2");
  EXPECT_EQ(playlist.media[1].group_id, "a3");
  EXPECT_EQ(playlist.media[1].channels, "16/JOC");
  ASSERT_EQ(playlist.variants.size(), 2U);
  EXPECT_EQ(playlist.variants[0].audio, "a2");
  EXPECT_EQ(playlist.variants[0].codecs, "avc1.64001F,mp4a.40.2");
  EXPECT_EQ(playlist.variants[1].audio, "a3");
  EXPECT_EQ(playlist.variants[1].codecs, "avc1.64001F,ec-3");
  EXPECT_EQ(playlist.variants[0].uri, playlist.variants[1].uri);
}

TEST(CodecsInHls, AudioOfOneCodecStaysOneGroup) {
  Source other = audio(Codec::aac, lc);
  other.description.key = "other";
  const auto playlist = rendered({video(2), audio(Codec::aac, lc), other});
  EXPECT_EQ(playlist.variants.size(), 1U);
  ASSERT_EQ(playlist.media.size(), 2U);
  EXPECT_EQ(playlist.media[0].group_id, playlist.media[1].group_id);
}

TEST(CodecsInHls, WhatTransportStreamsCannotCarryIsLeftOut) {
  Source av1 = video(2, 1);
  av1.description.info.codec = Codec::av1;
  const std::vector<Source> sources{video(2), av1,
                                    audio(Codec::opus, "000201380000bb80000000", {{0, 0, 0}, {1, 0, 0}}),
                                    audio(Codec::aac, lc, {{0, 0, 0}, {1, 0, 0}})};
  const auto ts = rendered(sources, Protocol::hls);
  ASSERT_EQ(ts.variants.size(), 1U);
  EXPECT_EQ(ts.variants[0].codecs, "avc1.64001F,mp4a.40.2");
  EXPECT_EQ(ts.variants[0].uri, "manifest-v1a4.m3u8");
  EXPECT_EQ(rendered(sources, Protocol::hls_cmaf).variants.size(), 4U);

  const Timeline timeline = TimelineBuilder{}.stretch({}, 0, sources).build();
  OutputSettings settings;
  const auto& stretch = *timeline.stretches.begin()->second;
  EXPECT_FALSE(timeline::has_rendition(stretch, settings, {2}));
  EXPECT_FALSE(timeline::has_rendition(stretch, settings, {1, 3}));
  EXPECT_TRUE(timeline::has_rendition(stretch, settings, {1, 4}));
  settings.protocol = Protocol::hls_cmaf;
  EXPECT_TRUE(timeline::has_rendition(stretch, settings, {2}));
}

TEST(CodecsInHls, RangeComesFromTheTransfer) {
  EXPECT_THAT(ranges(rendered({video(2), audio(Codec::aac, lc)})), ElementsAre(""));
  EXPECT_THAT(ranges(rendered({video(1), audio(Codec::aac, lc)})), ElementsAre("SDR"));
  EXPECT_THAT(ranges(rendered({video(16), video(18, 1), video(2, 2)})), ElementsAre("PQ", "HLG", "SDR"));
  EXPECT_THAT(ranges(rendered({audio(Codec::aac, lc)})), ElementsAre(""));
}

TEST(CodecsInHls, ResolutionIsThatOfTheDisplay) {
  Source anamorphic = video(2);
  anamorphic.description.info.width = 1440;
  anamorphic.description.info.height = 1080;
  anamorphic.description.info.sar_width = 4;
  anamorphic.description.info.sar_height = 3;
  const auto playlist = rendered({anamorphic});
  ASSERT_TRUE(playlist.variants.at(0).resolution);
  EXPECT_EQ(playlist.variants[0].resolution->width, 1920U);
  EXPECT_EQ(playlist.variants[0].resolution->height, 1080U);
}

TEST(CodecsInHls, Mp3IsNamedAsItsContainerDoes) {
  const std::vector<Source> sources{video(2), audio(Codec::mp3, "fffb9000")};
  EXPECT_EQ(rendered(sources, Protocol::hls).variants.at(0).codecs, "avc1.64001F,mp4a.40.34");
  EXPECT_EQ(rendered(sources, Protocol::hls_cmaf).variants.at(0).codecs, "avc1.64001F,mp4a.6B");
}

}  // namespace
}  // namespace tarn::hls
