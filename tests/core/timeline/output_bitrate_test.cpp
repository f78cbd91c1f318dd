// SPDX-License-Identifier: Apache-2.0
// The bitrates that manifests publish, against segments as they are really written.
#include "core/timeline/output_bitrate.h"

#include <gtest/gtest.h>

#include "core/isobmff/cmaf.h"
#include "core/mpegts/segment_writer.h"
#include "support/timeline_builder.h"

namespace tarn::timeline {
namespace {

using std::chrono::microseconds;
using test::TimelineBuilder;

const ByteVector avc_config{0x01, 0x64, 0x00, 0x1F, 0xFF, 0xE1, 0x00, 0x08, 0x67, 0x64, 0x00, 0x1F,
                            0xAC, 0xD9, 0x40, 0x50, 0x01, 0x00, 0x04, 0x68, 0xEB, 0xE3, 0xCB};
const ByteVector aac_config{0x11, 0x90};

// A length-prefixed NAL unit (video) or a raw frame (audio) of `size` bytes.
ByteVector payload(bool video, bool sync, std::size_t size) {
  ByteVector bytes(size, 0x55);
  if (!video) return bytes;
  const auto length = static_cast<std::uint32_t>(size - 4);
  for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
  bytes[4] = sync ? 0x65 : 0x41;
  return bytes;
}

struct Made {
  mpegts::Stream stream;
  std::vector<ByteVector> held;
  std::uint64_t chunk_bytes = 0;
};

// One chunk's worth of a track, as it is archived and as it is packaged.
Made make(const codecs::StreamInfo& info, int frames, std::int64_t frame_ticks, std::size_t size) {
  Made made;
  made.stream.info = info;
  isobmff::ChunkHeader header;
  const bool video = codecs::kind_of(info.codec) == codecs::Kind::video;
  for (int i = 0; i < frames; ++i) {
    const std::size_t bytes = video && i == 0 ? size * 8 : size + static_cast<std::size_t>(i * 37 % 90);
    made.held.push_back(payload(video, i == 0, bytes));
    mpegts::Sample sample;
    sample.dts = rescale(i * frame_ticks, info.timescale, 90'000);
    sample.pts = video ? sample.dts + 7'200 : sample.dts;
    sample.sync = !video || i == 0;
    made.stream.samples.push_back(sample);
    header.samples.push_back({static_cast<std::uint32_t>(bytes), static_cast<std::uint32_t>(frame_ticks),
                              video ? 7'200 : 0, sample.sync});
    made.chunk_bytes += bytes;
  }
  for (std::size_t i = 0; i < made.held.size(); ++i) made.stream.samples[i].data = made.held[i];
  made.chunk_bytes += isobmff::write_chunk_header(header).size();
  return made;
}

struct Case {
  std::uint32_t rate_numerator;
  std::uint32_t rate_denominator;
  int frames;  // one GOP, one segment
  std::size_t picture_bytes;
  bool muxed;
};

class TransportStreamBandwidth : public testing::TestWithParam<Case> {};

TEST_P(TransportStreamBandwidth, IsAboveTheRealOneAndNotByMuch) {
  const Case& c = GetParam();
  auto video = TimelineBuilder::video({}, 1280, 720, c.rate_numerator, c.rate_denominator);
  auto audio = TimelineBuilder::audio({});
  video.description.info.config = avc_config;
  audio.description.info.config = aac_config;
  const std::int64_t video_ticks = rescale(c.rate_denominator, c.rate_numerator, 90'000);
  const Made pictures = make(video.description.info, c.frames, video_ticks, c.picture_bytes);
  const auto audio_frames = static_cast<int>(rescale(c.frames * video_ticks, 90'000, 48'000) / 1024);
  const Made sounds = make(audio.description.info, audio_frames, 1024, 300);

  Timeline timeline;
  auto stretch = std::make_shared<Stretch>();
  stretch->id = 1;
  stretch->first_slot = 1;
  stretch->reference = 1;
  stretch->tracks = {{1, video.description, 1}, {2, audio.description, 1}};
  timeline.stretches[1] = stretch;
  Slot slot;
  slot.number = 1;
  slot.stretch = 1;
  slot.end = c.frames * video_ticks;
  slot.chunks = {
      {1, true, 0, slot.end, 1, {0, static_cast<std::uint32_t>(pictures.chunk_bytes), 0}},
      {2, true, 0, audio_frames * 1024, 2, {0, static_cast<std::uint32_t>(sounds.chunk_bytes), 0}}};
  timeline.append(slot);
  Presentation presentation;
  presentation.generations.push_back({1, 1, 4, 4});
  presentation.cuts.push_back({1, 1, 1, 1, 1, Utc{}});

  OutputSettings settings;
  settings.segment_duration = 4;
  std::vector<mpegts::Stream> streams{pictures.stream};
  if (c.muxed) streams.push_back(sounds.stream);
  const auto segment = mpegts::write_segment(streams);
  ASSERT_TRUE(segment.ok()) << segment.error().message;
  const Download download{c.muxed ? std::vector<TrackId>{1, 2} : std::vector<TrackId>{1}, {}};
  const auto rate = measure_bitrate(timeline, presentation, *stretch, settings, download);
  const auto duration = static_cast<std::uint64_t>(to_microseconds(slot.end, 90'000).count());
  const std::uint64_t real = segment->size() * 8'000'000 / duration;
  EXPECT_GE(rate.peak, real);
  EXPECT_LE(rate.peak, real + real / 5) << "published " << rate.peak << ", real " << real;
}

INSTANTIATE_TEST_SUITE_P(Ladder, TransportStreamBandwidth,
                         testing::Values(Case{25, 1, 100, 12'000, true}, Case{25, 1, 50, 2'000, true},
                                         Case{25, 1, 250, 1'000, false},
                                         Case{30'000, 1'001, 120, 4'000, true}, Case{24, 1, 96, 3'000, true},
                                         Case{10, 1, 40, 3'000, true}, Case{60, 1, 240, 6'000, false},
                                         Case{50, 1, 500, 1'500, true}));

TEST(AudioBandwidth, IsAboveTheRealOneWhenAudioCarriesTheClock) {
  auto audio = TimelineBuilder::audio({});
  audio.description.info.config = aac_config;
  const Made sounds = make(audio.description.info, 188, 1024, 330);
  Timeline timeline;
  auto stretch = std::make_shared<Stretch>();
  stretch->id = 1;
  stretch->first_slot = 1;
  stretch->reference = 1;
  stretch->tracks = {{1, audio.description, 1}};
  timeline.stretches[1] = stretch;
  Slot slot;
  slot.number = 1;
  slot.stretch = 1;
  slot.end = 188 * 1024;
  slot.chunks = {{1, true, 0, slot.end, 1, {0, static_cast<std::uint32_t>(sounds.chunk_bytes), 0}}};
  timeline.append(slot);
  Presentation presentation;
  presentation.generations.push_back({1, 1, 4, 4});
  presentation.cuts.push_back({1, 1, 1, 1, 1, Utc{}});
  const auto segment = mpegts::write_segment({sounds.stream});
  ASSERT_TRUE(segment.ok()) << segment.error().message;
  const auto rate = measure_bitrate(timeline, presentation, *stretch, {}, {{1}, {}});
  const std::uint64_t real =
      segment->size() * 8'000'000 / static_cast<std::uint64_t>(to_microseconds(slot.end, 48'000).count());
  EXPECT_GE(rate.peak, real);
  EXPECT_LE(rate.peak, real + real / 4) << "published " << rate.peak << ", real " << real;
}

// ---- over a whole stretch

// Segments of two seconds, `sizes` bytes of video each.
struct Programme {
  Timeline timeline;
  Presentation presentation;
  std::shared_ptr<Stretch> stretch = std::make_shared<Stretch>();

  Programme() {
    stretch->id = 1;
    stretch->first_slot = 1;
    stretch->reference = 1;
    stretch->tracks = {{1, TimelineBuilder::video({}, 1280, 720, 25, 1).description, 1}};
    timeline.stretches[1] = stretch;
    presentation.generations.push_back({1, 1, 2, 2});
  }
  void add(std::uint32_t size) {
    Slot slot;
    slot.number = presentation.cuts.size() + 1;
    slot.stretch = 1;
    slot.start = static_cast<std::int64_t>(slot.number) * 180'000;
    slot.end = slot.start + 180'000;
    slot.chunks = {{1, true, slot.start, 180'000, slot.number, {0, size, 0}}};
    timeline.append(slot);
    presentation.cuts.push_back({slot.number, slot.number, 1, 1, 1, Utc{}});
  }
  [[nodiscard]] Bitrate rate(Protocol protocol) const {
    OutputSettings settings;
    settings.protocol = protocol;
    settings.segment_duration = 2;
    return measure_bitrate(timeline, presentation, *stretch, settings, {{1}, {}});
  }
};

TEST(Bandwidth, OnlyRisesAndIsThatOfAllThatWasPublished) {
  for (const Protocol protocol : {Protocol::hls, Protocol::hls_cmaf, Protocol::dash}) {
    Programme programme;
    std::uint64_t before = 0;
    for (int i = 0; i < 400; ++i) {
      programme.add(i == 30 ? 5'000'000 : 1'000'000 + static_cast<std::uint32_t>(i * 37 % 90));
      EXPECT_EQ(note_rates(programme.timeline, programme.presentation), std::vector<std::uint32_t>{1});
      const Bitrate rate = programme.rate(protocol);
      EXPECT_GE(rate.peak, before) << "after " << i;
      before = rate.peak;
    }
    EXPECT_GE(before, 5'000'000U * 8 / 2);
    EXPECT_LE(before, 5'000'000U * 8 / 2 * 11 / 10);
    const std::uint64_t average = programme.rate(protocol).average;
    EXPECT_GE(average, (399U * 1'000'000 + 5'000'000) / 400 * 8 / 2);
    EXPECT_LE(average, (399U * 1'000'090 + 5'000'000) / 400 * 8 / 2 * 11 / 10);
    EXPECT_TRUE(note_rates(programme.timeline, programme.presentation).empty()) << "each cut counts once";
  }
}

TEST(Bandwidth, IsTheSameWhetherCutsAreTakenInOneByOneOrAllAtOnce) {
  Programme one;
  Programme all;
  for (int i = 0; i < 250; ++i) {
    const auto size = static_cast<std::uint32_t>(100'000 + i * 7'919 % 60'000);
    one.add(size);
    note_rates(one.timeline, one.presentation);
    all.add(size);
  }
  note_rates(all.timeline, all.presentation);
  EXPECT_EQ(*one.presentation.rates.at(1), *all.presentation.rates.at(1));
}

}  // namespace
}  // namespace tarn::timeline
