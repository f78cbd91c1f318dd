// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manifest/manifest_builder.h"

namespace tarn::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Utc start{std::chrono::seconds{1'700'000'000}};

class Builder : public ::testing::Test {
 protected:
  void begin(BuilderSettings settings) {
    settings.segment_duration = 4;
    builder_.emplace(std::move(settings));
    timeline::TrackDescription video;
    video.info.codec_string = "avc1.64001F";
    video.info.width = 1280;
    video.info.height = 720;
    timeline::TrackDescription audio;
    audio.info.codec = codecs::Codec::aac;
    audio.info.codec_string = "mp4a.40.2";
    audio.info.timescale = 48'000;
    audio.info.sample_rate = 48'000;
    audio.info.channels = 2;
    audio_ = *builder_->add_track(audio, Blob::copy_of(as_bytes("audio header")));
    video_ = *builder_->add_track(video, Blob::copy_of(as_bytes("video header")));
  }
  // A GOP of two seconds, and the audio of it.
  Status video(int number, bool independent = true) {
    return builder_->add_chunk(video_, number * 180'000, 180'000, independent,
                               bytes("v" + std::to_string(number)), start);
  }
  Status audio(int number) {
    return builder_->add_chunk(audio_, number * 96'000, 96'000, true, bytes("a" + std::to_string(number)),
                               start);
  }
  static std::vector<Blob> bytes(const std::string& text) { return {Blob::copy_of(as_bytes(text))}; }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    last_.clear();
    for (const FileAction& action : builder_->take()) {
      names.push_back((action.is_deletion ? "-" : "") + action.name);
      std::string text;
      for (const Blob& part : action.parts) text += as_text(part.bytes());
      last_[action.name] = text;
    }
    return names;
  }

  std::optional<ManifestBuilder> builder_;
  timeline::TrackId video_ = 0;
  timeline::TrackId audio_ = 0;
  std::map<std::string, std::string> last_;
};

TEST_F(Builder, NamesNothingBeforeItIsThere) {
  begin({});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(video(i).ok());
  EXPECT_THAT(names(), IsEmpty()) << "its audio has not come";
  ASSERT_TRUE(audio(0).ok());
  EXPECT_THAT(names(), IsEmpty());
  ASSERT_TRUE(audio(1).ok());
  EXPECT_THAT(names(), ElementsAre("g1-a1-i1.mp4", "g1-a1-1.m4s", "g1-v2-i1.mp4", "g1-v2-1.m4s",
                                   "manifest-a1.m3u8", "manifest-v2.m3u8", "manifest.m3u8"));
  EXPECT_THAT(last_["g1-v2-1.m4s"], HasSubstr("v0v1"));
  EXPECT_EQ(last_["g1-a1-i1.mp4"], "audio header");
  EXPECT_THAT(last_["manifest-v2.m3u8"], Not(HasSubstr("ENDLIST")));
}

TEST_F(Builder, ASegmentEndsOnlyBeforeAKeyFrame) {
  begin({});
  ASSERT_TRUE(builder_->end_track(audio_, start).ok());
  ASSERT_TRUE(video(0).ok());
  ASSERT_TRUE(builder_->add_chunk(video_, 180'000, 90'000, false, bytes("x"), start).ok());
  ASSERT_TRUE(builder_->add_chunk(video_, 270'000, 180'000, false, bytes("y"), start).ok());
  EXPECT_THAT(names(), ElementsAre("g1-v2-i1.mp4", "g1-v2-1.m4s", "manifest-a1.m3u8", "manifest-v2.m3u8",
                                   "manifest.m3u8"));
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXTINF:5.00000,"));
  EXPECT_THAT(last_["manifest-a1.m3u8"], HasSubstr("#EXT-X-GAP")) << "it has nothing of it";
}

TEST_F(Builder, TheEndHasWhatIsLeft) {
  BuilderSettings settings;
  settings.kind = timeline::Window::Kind::vod;
  begin(settings);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  ASSERT_TRUE(audio(3).ok());
  (void)names();
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("PLAYLIST-TYPE:EVENT"));
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_THAT(last_["g1-a1-2.m4s"], HasSubstr("a2a3"));
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("PLAYLIST-TYPE:VOD"));
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXTINF:2.00000,\ng1-v2-2.m4s\n#EXT-X-ENDLIST"));
  EXPECT_FALSE(video(4).ok());
}

TEST_F(Builder, WhatIsShorterThanASegmentIsOne) {
  begin({});
  ASSERT_TRUE(video(0).ok() && audio(0).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  EXPECT_THAT(names(), testing::Contains("g1-v2-1.m4s"));
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXTINF:2.00000,\ng1-v2-1.m4s\n#EXT-X-ENDLIST"));
}

// Sound that goes on behind the last picture: it fills the last segment up, more makes its own.
TEST_F(Builder, SoundBehindTheLastPictureHasSegmentsOfItsOwn) {
  BuilderSettings settings;
  settings.kind = timeline::Window::Kind::vod;
  begin(settings);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  (void)names();
  ASSERT_TRUE(builder_->end_track(video_, start).ok());
  for (int i = 2; i < 5; ++i) ASSERT_TRUE(audio(i).ok());
  EXPECT_THAT(names(), testing::Contains("g1-a1-2.m4s")) << "the third one may still get more";
  ASSERT_TRUE(builder_->finish(start).ok());
  EXPECT_THAT(names(), testing::Contains("g1-a1-3.m4s"));
  EXPECT_THAT(last_["g1-a1-3.m4s"], HasSubstr("a4"));
  EXPECT_THAT(last_["manifest-a1.m3u8"], HasSubstr("#EXTINF:4.00000,\ng1-a1-2.m4s\n#EXTINF:2.00000,\n"
                                                   "g1-a1-3.m4s\n#EXT-X-ENDLIST"));
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXT-X-GAP"));
  EXPECT_FALSE(audio(5).ok());
}

// A chunk that is months later is no reason for months of empty segments.
TEST_F(Builder, SoundFarBehindTheLastPictureIsADiscontinuity) {
  begin({});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  ASSERT_TRUE(builder_->end_track(video_, start).ok());
  ASSERT_TRUE(audio(15'000).ok());
  ASSERT_TRUE(audio(15'001).ok());
  ASSERT_TRUE(audio(15'004).ok()) << "a short hole is a segment without anything";
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_THAT(last_["manifest-a1.m3u8"],
              HasSubstr("g1-a1-1.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"g1-a1-i1.mp4\"\n"
                        "#EXTINF:4.00000,\ng1-a1-2.m4s\n#EXT-X-GAP\n#EXTINF:4.00000,\ng1-a1-3.m4s\n"
                        "#EXTINF:2.00000,\ng1-a1-4.m4s\n"));
}

// ---- live: what is due is not waited for

constexpr std::int64_t second = 1'000'000'000;

TEST_F(Builder, ALiveTrackThatStopsIsNotWaitedFor) {
  begin({});
  ASSERT_TRUE(audio(0).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(video(i).ok());
  EXPECT_THAT(names(), IsEmpty());
  builder_->set_due(3 * second);
  ASSERT_TRUE(video(3).ok());
  EXPECT_THAT(names(), IsEmpty()) << "what is not due is";
  builder_->set_due(4 * second);
  ASSERT_TRUE(video(4).ok());
  EXPECT_THAT(names(), testing::Contains("g1-v2-1.m4s"));
  EXPECT_TRUE(builder_->is_missing(audio_));
  EXPECT_FALSE(builder_->is_missing(video_));
  builder_->set_due(8 * second);
  ASSERT_TRUE(video(5).ok());
  EXPECT_THAT(names(), testing::Contains("g1-v2-2.m4s"));
  EXPECT_THAT(last_["manifest-a1.m3u8"], HasSubstr("g1-a1-1.m4s\n#EXT-X-GAP\n#EXTINF:4.00000,"));
  // It is there again: what belongs to a segment that is closed is dropped.
  for (int i = 1; i < 6; ++i) ASSERT_TRUE(audio(i).ok());
  EXPECT_EQ(builder_->dropped(audio_), 3U);
  EXPECT_FALSE(builder_->is_missing(audio_));
  EXPECT_THAT(names(), testing::Contains("g1-a1-3.m4s"));
  EXPECT_THAT(last_["g1-a1-3.m4s"], HasSubstr("a4a5"));
}

TEST_F(Builder, SoundHasSegmentsOfItsOwnWhileALiveVideoIsAway) {
  begin({});
  for (int i = 0; i < 10; ++i) {
    builder_->set_due((2 * i - 1) * second);
    const bool has_video = i < 3 || i >= 8;
    ASSERT_TRUE((!has_video || video(i).ok()) && audio(i).ok());
  }
  (void)names();
  EXPECT_THAT(last_["manifest-a1.m3u8"], HasSubstr("#EXTINF:4.00000,\ng1-a1-1.m4s\n"    // 0 to 4 s
                                                   "#EXTINF:2.00000,\ng1-a1-2.m4s\n"    // what there is
                                                   "#EXTINF:4.00000,\ng1-a1-3.m4s\n"    // 6 s
                                                   "#EXTINF:4.00000,\ng1-a1-4.m4s\n"    // 10 s
                                                   "#EXTINF:2.00000,\ng1-a1-5.m4s\n"    // 14 s
                                                   "#EXTINF:4.00000,\ng1-a1-6.m4s\n"))  // 16 s
      << "and so on";
  EXPECT_THAT(last_["manifest-v2.m3u8"],
              HasSubstr("#EXTINF:2.00000,\ng1-v2-2.m4s\n#EXT-X-GAP\n#EXTINF:4.00000,\ng1-v2-3.m4s\n"));
  EXPECT_THAT(last_["g1-v2-6.m4s"], HasSubstr("v8v9"));
}

TEST_F(Builder, AHoleOfTheVideoIsSegmentsWithoutIt) {
  begin({});
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(audio(i).ok());
  for (const int i : {0, 1, 2, 8, 9, 10}) ASSERT_TRUE(video(i).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXTINF:2.00000,\ng1-v2-2.m4s\n"  // to 6 s
                                                   "#EXT-X-GAP\n#EXTINF:4.00000,\ng1-v2-3.m4s\n"
                                                   "#EXT-X-GAP\n#EXTINF:4.00000,\ng1-v2-4.m4s\n"
                                                   "#EXT-X-GAP\n#EXTINF:2.00000,\ng1-v2-5.m4s\n"
                                                   "#EXTINF:4.00000,\ng1-v2-6.m4s\n"));
}

TEST_F(Builder, OldFilesGoSomeTimeAfterTheyLeftTheWindow) {
  BuilderSettings settings;
  settings.window = 1;
  settings.deletes = true;
  begin(settings);
  ASSERT_TRUE(builder_->end_track(audio_, start).ok());
  std::vector<std::string> gone;
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(video(i).ok());
    for (const std::string& name : names()) {
      if (name.starts_with("-")) gone.push_back(name);
    }
  }
  EXPECT_THAT(gone, ElementsAre("-g1-v2-1.m4s", "-g1-v2-2.m4s"));
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXT-X-MEDIA-SEQUENCE:6"));
}

TEST_F(Builder, DashIsDynamicUntilTheEnd) {
  BuilderSettings settings;
  settings.protocol = timeline::Protocol::dash;
  settings.time_url = "https://time.example/";
  begin(settings);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  EXPECT_THAT(names(), ElementsAre("g1-a1-i1.mp4", "g1-a1-s1-t0.m4s", "g1-v2-i1.mp4", "g1-v2-s1-t0.m4s",
                                   "manifest.mpd"));
  EXPECT_THAT(last_["manifest.mpd"], HasSubstr("type=\"dynamic\""));
  EXPECT_THAT(last_["manifest.mpd"], HasSubstr("https://time.example/"));
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_THAT(last_["manifest.mpd"], HasSubstr("type=\"static\""));
}

TEST_F(Builder, WhatCannotBeIsRefused) {
  begin({});
  ASSERT_TRUE(video(1).ok());
  EXPECT_FALSE(video(-1).ok());
  EXPECT_FALSE(builder_->add_chunk(9, 0, 1, true, {}, start).ok());
  EXPECT_FALSE(builder_->add_chunk(video_, 360'000, 0, true, {}, start).ok());
  EXPECT_TRUE(builder_->add_track({}, {}).ok()) << "nothing has begun yet";
}

// ---- stretches

TEST_F(Builder, AnEncoderThatBeginsAnewBeginsAStretch) {
  begin({});
  for (int i = 10; i < 13; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(video(i).ok());
  ASSERT_TRUE(audio(13).ok()) << "what is left of the time before";
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(audio(i).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_THAT(last_["manifest-v2.m3u8"],
              HasSubstr("#EXTINF:4.00000,\ng1-v2-1.m4s\n#EXTINF:2.00000,\ng1-v2-2.m4s\n"
                        "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"g1-v2-i1.mp4\"\n"
                        "#EXTINF:4.00000,\ng1-v2-3.m4s\n"));
  EXPECT_THAT(last_["g1-a1-2.m4s"], HasSubstr("a12a13"));
  EXPECT_THAT(last_["g1-v2-3.m4s"], HasSubstr("v0v1"));
  EXPECT_THAT(last_["g1-a1-3.m4s"], HasSubstr("a0a1"));
}

TEST_F(Builder, OneTrackAloneThatBeginsAnewIsAnErrorInTheEnd) {
  begin({});
  for (int i = 40; i < 42; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  int taken = 0;
  while (taken < 100 && video(taken).ok()) ++taken;
  EXPECT_GT(taken, 30);
  EXPECT_LT(taken, 40) << "what is held is bounded";
}

// Its encoder alone: the others go on, and it is there again when they begin anew, too.
TEST_F(Builder, ALiveTrackAloneThatBeginsAnewIsMissing) {
  begin({});
  for (int i = 10; i < 20; ++i) {
    ASSERT_TRUE(video(i).ok() && audio(i).ok());
    builder_->set_due((i - 1) * std::int64_t{2'000'000'000});
  }
  for (int i = 0; i < 100; ++i) {
    builder_->set_due((i + 19) * std::int64_t{2'000'000'000});
    ASSERT_TRUE(video(i + 20).ok() && audio(i).ok()) << i;
  }
  EXPECT_TRUE(builder_->is_missing(audio_));
  EXPECT_GT(builder_->dropped(audio_), 50U);
  EXPECT_THAT(names(), testing::Contains("g1-v2-50.m4s"));
  ASSERT_TRUE(video(100).ok());
  for (int i = 100; i < 110; ++i) ASSERT_TRUE(video(i + 1).ok() && audio(i).ok());
  EXPECT_FALSE(builder_->is_missing(audio_));
}

TEST_F(Builder, OtherParametersBeginAStretchWithAHeaderOfTheirOwn) {
  begin({});
  codecs::StreamInfo other;
  other.codec_string = "avc1.64001F";
  other.width = 640;
  other.height = 360;
  ASSERT_TRUE(video(0).ok() && audio(0).ok());
  ASSERT_TRUE(builder_->change_input(video_, {other}, Blob::copy_of(as_bytes("other header"))).ok());
  for (int i = 1; i < 4; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_EQ(last_["g1-v2-i1.mp4"], "video header");
  EXPECT_EQ(last_["g1-v2-i2.mp4"], "other header");
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXTINF:2.00000,\ng1-v2-1.m4s\n"
                                                   "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"g1-v2-i2.mp4\"\n"
                                                   "#EXTINF:4.00000,\ng1-v2-2.m4s\n"));
  EXPECT_THAT(last_["manifest-a1.m3u8"],
              HasSubstr("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"g1-a1-i1.mp4\"\n"));
  codecs::StreamInfo hevc = other;
  hevc.codec = codecs::Codec::hevc;
  EXPECT_EQ(builder_->change_input(video_, {hevc}, {}).error().code, ErrorCode::unsupported);
}

TEST_F(Builder, DashHasAPeriodForEachStretch) {
  BuilderSettings settings;
  settings.protocol = timeline::Protocol::dash;
  begin(settings);
  for (int i = 10; i < 12; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  const std::string& mpd = last_["manifest.mpd"];
  EXPECT_THAT(mpd, HasSubstr("<Period id=\"p1g1\" start=\"PT0S\""));
  EXPECT_THAT(mpd, HasSubstr("<Period id=\"p2g1\" start=\"PT4S\""));
}

// Changed sound waits for the next segment, and nothing of it is lost.
TEST_F(Builder, OtherParametersOfTheSoundBeginAStretchWithTheNextSegment) {
  begin({});
  codecs::StreamInfo mono;
  mono.codec = codecs::Codec::aac;
  mono.codec_string = "mp4a.40.2";
  mono.timescale = 48'000;
  ASSERT_TRUE(video(0).ok() && audio(0).ok());
  ASSERT_TRUE(builder_->change_input(audio_, {mono}, Blob::copy_of(as_bytes("mono header"))).ok());
  for (int i = 1; i < 4; ++i) ASSERT_TRUE(audio(i).ok() && video(i).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_THAT(last_["g1-a1-1.m4s"], testing::AllOf(HasSubstr("a0"), Not(HasSubstr("a1"))));
  EXPECT_THAT(last_["g1-a1-2.m4s"], HasSubstr("a1a2a3"));
  EXPECT_EQ(last_["g1-a1-i2.mp4"], "mono header");
  mono.timescale = 44'100;
  EXPECT_EQ(builder_->change_input(audio_, {mono}, {}).error().code, ErrorCode::unsupported);
}

// Sound hardly ever begins at the tick of the picture.
TEST_F(Builder, TracksNeedNotBeginAtTheSameTickBehindAHole) {
  for (const std::int64_t early : {-1'000, 1'000}) {
    begin({});
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
    const std::int64_t far = 1'700'000'000;  // seconds since 1970
    for (std::int64_t i = 0; i < 3; ++i) {
      ASSERT_TRUE(
          builder_->add_chunk(audio_, (far + 2 * i) * 48'000 + early, 96'000, true, bytes("s"), start).ok());
      ASSERT_TRUE(builder_->add_chunk(video_, (far + 2 * i) * 90'000, 180'000, true, bytes("p"), start).ok());
    }
    ASSERT_TRUE(builder_->finish(start).ok());
    EXPECT_LT(names().size(), 40U);
    EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXT-X-DISCONTINUITY"));
    EXPECT_THAT(last_["manifest-v2.m3u8"], Not(HasSubstr("#EXT-X-GAP")));
  }
}

// Many changes while the sound is away: all of them leave at once.
TEST_F(Builder, EachStretchHasItsHeaderThoughTheyLeaveTogether) {
  begin({});
  ASSERT_TRUE(video(0).ok() && audio(0).ok());
  for (int i = 1; i < 6; ++i) {
    codecs::StreamInfo other;
    other.codec_string = "avc1.64001F";
    other.width = static_cast<std::uint32_t>(320 * i);
    ASSERT_TRUE(
        builder_->change_input(video_, {other}, Blob::copy_of(as_bytes("h" + std::to_string(i)))).ok());
    for (int j = 0; j < 2; ++j) ASSERT_TRUE(video(2 * i + j).ok());
  }
  ASSERT_TRUE(builder_->end_track(audio_, start).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  for (int i = 1; i < 6; ++i)
    EXPECT_EQ(last_["g1-v2-i" + std::to_string(i + 1) + ".mp4"], "h" + std::to_string(i));
}

TEST_F(Builder, ATrackThatComesToARestartFirstWaitsForTheOthers) {
  begin({});
  for (int i = 10; i < 12; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(audio(i).ok());
  EXPECT_EQ(builder_->waits_for(audio_), video_);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(video(i).ok());
  EXPECT_EQ(builder_->waits_for(audio_), std::nullopt);
}

TEST_F(Builder, AStepBackThatIsSmallIsNoRestart) {
  begin({});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  ASSERT_TRUE(video(2).ok());
  for (const std::int64_t time : {540'000, 535'500, 549'000})
    ASSERT_TRUE(builder_->add_chunk(video_, time, 9'000, true, bytes("short"), start).ok());
  EXPECT_EQ(builder_->dropped(video_), 1U);
  for (int i = 2; i < 4; ++i) ASSERT_TRUE(audio(i).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_THAT(last_["manifest-v2.m3u8"], Not(HasSubstr("DISCONTINUITY")));
}

TEST_F(Builder, WhereBothAreAwayAndTheSoundComesBackItGoesOn) {
  begin({});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  (void)names();
  for (int i = 8; i < 14; ++i) {
    builder_->set_due((2 * i - 2) * second, 2 * second);
    ASSERT_TRUE(audio(i).ok());
  }
  EXPECT_THAT(names(), testing::Contains("g1-a1-6.m4s"));
  EXPECT_EQ(builder_->waits_for(audio_), std::nullopt);
}

TEST_F(Builder, AHoleInWhichNobodyHasAnythingIsADiscontinuity) {
  begin({});
  for (const int i : {0, 1, 2, 10'000, 10'001}) ASSERT_TRUE(video(i).ok() && audio(i).ok());
  ASSERT_TRUE(builder_->finish(start).ok());
  (void)names();
  EXPECT_THAT(last_["manifest-v2.m3u8"], HasSubstr("#EXTINF:2.00000,\ng1-v2-2.m4s\n#EXT-X-DISCONTINUITY\n"
                                                   "#EXT-X-MAP:URI=\"g1-v2-i1.mp4\"\n#EXTINF:4.00000,\n"
                                                   "g1-v2-3.m4s\n#EXT-X-ENDLIST"));
}

// ---- transport streams

class TransportBuilder : public Builder {
 protected:
  static timeline::TrackDescription video_track() {
    timeline::TrackDescription video;
    video.info.codec_string = "avc1.64001F";
    return video;
  }
  static timeline::TrackDescription audio_track() {
    timeline::TrackDescription audio;
    audio.info.codec = codecs::Codec::aac;
    audio.info.codec_string = "mp4a.40.2";
    audio.info.timescale = 48'000;
    return audio;
  }
};

TEST_F(TransportBuilder, AMultiplexIsOneFileAndSegmentsThatAreTooShortAreJoined) {
  BuilderSettings settings;
  settings.segment_duration = 4;
  builder_.emplace(std::move(settings));
  const auto id = builder_->add_multiplex({video_track(), audio_track()});
  ASSERT_TRUE(id.ok());
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(builder_
                    ->add_multiplexed(*id, {{i * 180'000, 180'000, 90}, {i * 96'000, 96'000, 9}}, true,
                                      bytes(std::to_string(i)), start)
                    .ok());
  }
  EXPECT_THAT(names(), ElementsAre("g1-v1a2-1.ts", "manifest-v1a2.m3u8", "manifest.m3u8", "g1-v1a2-2.ts",
                                   "manifest-v1a2.m3u8", "manifest.m3u8"));
  EXPECT_EQ(last_["g1-v1a2-1.ts"], "01");
  EXPECT_EQ(last_["g1-v1a2-2.ts"], "23");
  EXPECT_THAT(last_["manifest.m3u8"], HasSubstr("avc1.64001F,mp4a.40.2"));
  EXPECT_THAT(last_["manifest.m3u8"], Not(HasSubstr("EXT-X-MEDIA:")));
}

TEST_F(TransportBuilder, CmafDashAndAThirdTrackAreRefused) {
  begin({});
  EXPECT_FALSE(builder_->add_multiplex({video_track()}).ok()) << "there is CMAF already";
  builder_.emplace(BuilderSettings{});
  EXPECT_FALSE(builder_->add_multiplex({video_track(), audio_track(), audio_track()}).ok());
  ASSERT_TRUE(builder_->add_multiplex({video_track(), audio_track()}).ok());
  EXPECT_FALSE(builder_->add_multiplex({audio_track()}).ok()) << "the video has audio";
  EXPECT_FALSE(builder_->add_track(video_track(), Blob::copy_of(as_bytes("header"))).ok());
  BuilderSettings dash;
  dash.protocol = timeline::Protocol::dash;
  builder_.emplace(std::move(dash));
  EXPECT_FALSE(builder_->add_multiplex({video_track()}).ok());
}

}  // namespace
}  // namespace tarn::manifest
