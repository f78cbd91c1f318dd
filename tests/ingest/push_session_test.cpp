// SPDX-License-Identifier: Apache-2.0
#include "ingest/push_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace tarn::ingest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Outcome = ObjectAnswer::Outcome;

// A session with a clock, whose segments are told apart by a digest. What comes out is written as text:
// "3", "4 discontinuity", "5 gap".
class Session {
 public:
  explicit Session(ObjectShelf::Limits limits = {}) : push_(limits) {}

  ObjectAnswer playlist(const std::string& path, const std::string& text) {
    return push_.put_playlist(path, text, now_);
  }
  ObjectAnswer segment(const std::string& path, std::uint64_t content = 1) {
    return push_.put_segment({.path = path,
                              .digest = content,
                              .size = 1000,
                              .media = std::make_shared<codecs::MediaSegment>(),
                              .arrival = now_},
                             now_);
  }
  // A media playlist of segments `path_prefix`<n>.ts, 2 s each.
  ObjectAnswer media(const std::string& path, int first, int count, const std::string& prefix = "s",
                     const std::string& end = "") {
    std::string text =
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:" + std::to_string(first) + "\n";
    for (int i = first; i < first + count; ++i)
      text += "#EXTINF:2.0,\n" + prefix + std::to_string(i) + ".ts\n";
    return playlist(path, text + end);
  }
  void pass(int milliseconds) {
    now_ += std::chrono::milliseconds{milliseconds};
    push_.advance(now_);
  }
  void make_single() { push_.settle(now_); }

  std::vector<std::string> out(std::size_t playlist = 0) {
    std::vector<std::string> lines;
    if (!push_.structure()) return lines;
    while (const auto segment = push_.next(playlist, now_)) {
      std::string line = std::to_string(segment->media_sequence);
      if (segment->discontinuity) line += " discontinuity";
      if (segment->gap) line += " gap";
      if (segment->object.digest > 1) line += " #" + std::to_string(segment->object.digest);
      lines.push_back(line);
    }
    return lines;
  }

  PushSession push_;
  Monotonic now_{std::chrono::hours{1}};
};

const std::string multivariant =
    "#EXTM3U\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=290400,RESOLUTION=320x180,CODECS=\"avc1.42c00d,mp4a.40.2\"\n"
    "hd.m3u8\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=190400\n"
    "low/sd.m3u8\n";
const std::string one_variant = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=290400\nm.m3u8\n";

// A session in which "m.m3u8" is in use, with nothing in it yet.
Session with_one_variant() {
  Session session;
  session.playlist("master.m3u8", one_variant);
  return session;
}

TEST(PushSession, FfmpegOrderSegmentPlaylistMaster) {
  Session session;
  EXPECT_EQ(session.segment("hd0.ts").outcome, Outcome::held);
  EXPECT_EQ(session.media("hd.m3u8", 0, 1, "hd").outcome, Outcome::created);
  EXPECT_EQ(session.segment("low/sd0.ts").outcome, Outcome::held);
  session.media("low/sd.m3u8", 0, 1, "sd");
  EXPECT_FALSE(session.push_.structure());
  EXPECT_EQ(session.playlist("manifest.m3u8", multivariant).outcome, Outcome::created);
  ASSERT_TRUE(session.push_.structure());
  EXPECT_EQ(session.push_.structure()->playlists.size(), 2U);
  EXPECT_EQ(session.push_.structure()->variants[1].bandwidth, 190'400U);
  EXPECT_THAT(session.out(0), ElementsAre("0"));
  EXPECT_THAT(session.out(1), ElementsAre("0"));
  session.segment("hd1.ts");
  EXPECT_THAT(session.out(0), IsEmpty()) << "not listed yet";
  EXPECT_EQ(session.media("hd.m3u8", 0, 2, "hd").outcome, Outcome::replaced);
  EXPECT_THAT(session.out(0), ElementsAre("1"));
}

TEST(PushSession, PlaylistBeforeItsSegment) {
  Session session = with_one_variant();
  session.media("m.m3u8", 7, 1);
  EXPECT_THAT(session.out(), IsEmpty());
  EXPECT_EQ(session.segment("s7.ts").outcome, Outcome::created);
  EXPECT_THAT(session.out(), ElementsAre("7"));
}

TEST(PushSession, EveryOrderOfArrivalGivesThePlaylistsOrder) {
  std::array<int, 4> order{0, 1, 2, 3};
  do {
    Session session = with_one_variant();
    session.media("m.m3u8", 0, 4);
    std::vector<std::string> all;
    for (const int i : order) {
      session.segment("s" + std::to_string(i) + ".ts");
      for (const auto& line : session.out()) all.push_back(line);
    }
    // A segment that two later ones overtake is given up; nothing ever comes out of order.
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    EXPECT_EQ(all.back().substr(0, 1), "3");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(PushSession, OneLaterSegmentWaitsForTheMissingOne) {
  Session session = with_one_variant();
  session.media("m.m3u8", 0, 1);
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 3);
  session.segment("s2.ts");
  EXPECT_THAT(session.out(), ElementsAre("0"));
  session.segment("s1.ts");
  EXPECT_THAT(session.out(), ElementsAre("1", "2"));
}

TEST(PushSession, TwoLaterSegmentsMakeAGap) {
  Session session = with_one_variant();
  session.media("m.m3u8", 0, 1);
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 4);
  session.segment("s2.ts");
  session.segment("s3.ts");
  EXPECT_THAT(session.out(), ElementsAre("0", "1 gap", "2", "3"));
  EXPECT_EQ(session.push_.never_came(), 1U);
  EXPECT_EQ(session.segment("s1.ts").outcome, Outcome::replaced) << "too late";
  EXPECT_THAT(session.out(), IsEmpty());
  const auto late = session.push_.next_late(0);
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->media_sequence, 1U);
  EXPECT_EQ(late->object.path, "s1.ts");
  EXPECT_FALSE(session.push_.next_late(0).has_value());
}

TEST(PushSession, WhatWasGivenUpBeforeARestartIsNotLateAfterIt) {
  Session session = with_one_variant();
  session.media("m.m3u8", 0, 1);
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 4);
  session.segment("s2.ts");
  session.segment("s3.ts");
  EXPECT_THAT(session.out(), ElementsAre("0", "1 gap", "2", "3"));
  session.playlist("m.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nt0.ts\n");
  session.segment("s1.ts");
  EXPECT_FALSE(session.push_.next_late(0).has_value());
}

TEST(PushSession, WhatFallsOutOfThePlaylistIsAGap) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 2);
  session.media("m.m3u8", 2, 1);
  EXPECT_THAT(session.out(), ElementsAre("0", "1 gap"));
}

TEST(PushSession, WhatDoesNotComeForThreeTargetDurationsIsAGap) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 2);
  EXPECT_THAT(session.out(), ElementsAre("0"));
  session.pass(6000);
  EXPECT_THAT(session.out(), IsEmpty());
  session.pass(1);
  EXPECT_THAT(session.out(), ElementsAre("1 gap"));
}

TEST(PushSession, DeclaredGapsAreGapsAtOnce) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.playlist("m.m3u8",
                   "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ns0.ts\n#EXT-X-GAP\n#EXTINF:2,\ns1.ts\n");
  EXPECT_THAT(session.out(), ElementsAre("0", "1 gap"));
}

TEST(PushSession, JoinsAnEncoderThatIsRunning) {
  Session session;
  session.segment("s104.ts");
  session.media("m.m3u8", 100, 5);
  session.playlist("master.m3u8", one_variant);
  EXPECT_THAT(session.out(), ElementsAre("104")) << "what came before is nobody's gap";
  session.segment("s105.ts");
  session.media("m.m3u8", 101, 5);
  EXPECT_THAT(session.out(), ElementsAre("105"));
}

TEST(PushSession, DiscontinuityIsPassedOnOnce) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.segment("s1.ts");
  const std::string text =
      "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ns0.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\ns1.ts\n";
  session.playlist("m.m3u8", text);
  session.playlist("m.m3u8", text);
  EXPECT_THAT(session.out(), ElementsAre("0", "1 discontinuity"));
}

TEST(PushSession, RepeatedContentIsIdempotent) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  EXPECT_EQ(session.segment("s0.ts").outcome, Outcome::replaced);
  session.media("m.m3u8", 0, 1);
  EXPECT_THAT(session.out(), ElementsAre("0"));
  EXPECT_EQ(session.segment("s0.ts").outcome, Outcome::replaced);
  session.media("m.m3u8", 0, 1);
  EXPECT_THAT(session.out(), IsEmpty());
}

TEST(PushSession, OtherContentUnderAUsedNameChangesNothing) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.segment("s1.ts");
  session.media("m.m3u8", 0, 2);
  EXPECT_THAT(session.out(), ElementsAre("0", "1"));
  EXPECT_EQ(session.segment("s0.ts", 7).outcome, Outcome::replaced);
  session.segment("s2.ts");
  session.media("m.m3u8", 0, 3);
  EXPECT_THAT(session.out(), ElementsAre("2"));
  EXPECT_EQ(session.push_.restarts(), 0U);
}

TEST(PushSession, EncoderRestartUnderTheSameNamesIsADiscontinuity) {
  for (const bool playlist_first : {false, true}) {
    Session session = with_one_variant();
    for (int i = 0; i < 5; ++i) {
      session.segment("s" + std::to_string(i) + ".ts");
      session.media("m.m3u8", std::max(0, i - 2), std::min(3, i + 1));
    }
    EXPECT_THAT(session.out(), ElementsAre("0", "1", "2", "3", "4"));
    if (!playlist_first) session.segment("s0.ts", 70);
    session.media("m.m3u8", 0, 1);
    if (playlist_first) session.segment("s0.ts", 70);
    EXPECT_THAT(session.out(), ElementsAre("0 discontinuity #70")) << playlist_first;
    session.segment("s1.ts", 71);
    session.media("m.m3u8", 0, 2);
    EXPECT_THAT(session.out(), ElementsAre("1 #71"));
    EXPECT_EQ(session.push_.restarts(), 1U);
  }
}

// As an encoder does that plays a file, and is started again: names, numbers and bytes are the same.
TEST(PushSession, EncoderRestartWithTheSameContentIsADiscontinuity) {
  for (const bool playlist_first : {false, true}) {
    Session session = with_one_variant();
    for (int i = 0; i < 5; ++i) {
      session.segment("s" + std::to_string(i) + ".ts", 10 + static_cast<std::uint64_t>(i));
      session.media("m.m3u8", std::max(0, i - 2), std::min(3, i + 1));
    }
    EXPECT_THAT(session.out(), ElementsAre("0 #10", "1 #11", "2 #12", "3 #13", "4 #14"));
    for (int i = 0; i < 7; ++i) {
      const auto content = 10 + static_cast<std::uint64_t>(i);
      if (!playlist_first) session.segment("s" + std::to_string(i) + ".ts", content);
      session.media("m.m3u8", std::max(0, i - 2), std::min(3, i + 1));
      if (playlist_first) session.segment("s" + std::to_string(i) + ".ts", content);
      const std::string line =
          std::to_string(i) + (i == 0 ? " discontinuity" : "") + " #" + std::to_string(content);
      EXPECT_THAT(session.out(), ElementsAre(line)) << i << playlist_first;
    }
    EXPECT_EQ(session.push_.restarts(), 1U);
  }
}

TEST(PushSession, RetryThatAnOlderPlaylistFollowsIsNoRestart) {
  Session session = with_one_variant();
  for (int i = 0; i < 4; ++i) session.segment("s" + std::to_string(i) + ".ts");
  session.media("m.m3u8", 0, 4);
  EXPECT_THAT(session.out(), ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(session.segment("s2.ts").outcome, Outcome::replaced);
  session.media("m.m3u8", 0, 4);
  session.media("m.m3u8", 0, 3);
  EXPECT_THAT(session.out(), IsEmpty());
  EXPECT_EQ(session.push_.restarts(), 0U);
}

TEST(PushSession, SequenceNumberFromNowhereDoesNotOverflow) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 1);
  EXPECT_THAT(session.out(), ElementsAre("0"));
  session.segment("x.ts");
  session.playlist(
      "m.m3u8",
      "#EXTM3U\n#EXT-X-TARGETDURATION:86400\n#EXT-X-MEDIA-SEQUENCE:18446744073709551000\n#EXTINF:2,\nx.ts\n");
  const auto segment = session.push_.next(0, session.now_);
  ASSERT_TRUE(segment);
  EXPECT_GT(segment->skipped, std::chrono::hours{24});
}

TEST(PushSession, RestartForgetsTheTargetDurationOfTheOneBefore) {
  Session session = with_one_variant();
  session.segment("s7.ts");
  session.playlist("m.m3u8",
                   "#EXTM3U\n#EXT-X-TARGETDURATION:3600\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\ns7.ts\n");
  EXPECT_EQ(session.push_.target_duration(), std::chrono::hours{1});
  session.segment("t0.ts");
  session.media("m.m3u8", 0, 1, "t");
  EXPECT_EQ(session.push_.target_duration(), std::chrono::seconds{2});
}

TEST(PushSession, RestartWithOtherNamesIsADiscontinuity) {
  Session session = with_one_variant();
  session.segment("s10.ts");
  session.media("m.m3u8", 10, 1);
  EXPECT_THAT(session.out(), ElementsAre("10"));
  session.segment("t0.ts");
  session.media("m.m3u8", 0, 1, "t");
  EXPECT_THAT(session.out(), ElementsAre("0 discontinuity"));
  session.media("m.m3u8", 0, 2, "u");
  session.segment("u0.ts");
  EXPECT_THAT(session.out(), ElementsAre("0 discontinuity")) << "the same numbers, other names";
}

TEST(PushSession, AnOlderPlaylistThatArrivesLateChangesNothing) {
  Session session = with_one_variant();
  for (int i = 0; i < 4; ++i) session.segment("s" + std::to_string(i) + ".ts");
  session.media("m.m3u8", 0, 4);
  EXPECT_THAT(session.out(), ElementsAre("0", "1", "2", "3"));
  session.media("m.m3u8", 0, 3);
  session.segment("s4.ts");
  session.media("m.m3u8", 1, 4);
  EXPECT_THAT(session.out(), ElementsAre("4"));
  EXPECT_EQ(session.push_.restarts(), 0U);
}

TEST(PushSession, SequenceThatJumpsAheadIsNoRestart) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 1);
  EXPECT_THAT(session.out(), ElementsAre("0"));
  session.segment("s5.ts");
  session.media("m.m3u8", 5, 1);
  const auto segment = session.push_.next(0, session.now_);
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->media_sequence, 5U);
  EXPECT_FALSE(segment->discontinuity);
  EXPECT_EQ(segment->skipped, std::chrono::seconds{8}) << "1, 2, 3 and 4";
}

TEST(PushSession, BarePlaylistBecomesTheStreamAfterOneAndAHalfTargetDurations) {
  Session session;
  session.media("m.m3u8", 0, 0);
  session.pass(10'000);
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 1);
  session.pass(2999);
  EXPECT_FALSE(session.push_.structure());
  session.pass(1);
  ASSERT_TRUE(session.push_.structure());
  EXPECT_THAT(session.out(), ElementsAre("0"));
}

TEST(PushSession, PlaylistThatIsKnownToBeAllIsNotWaitedFor) {
  // As many segments as a long recording has, read faster than the clock runs: none may have to wait.
  Session session{{.segments = 2, .bytes = 2000, .remembered = 100}};
  session.push_.use_single_playlist("m.m3u8");
  session.media("m.m3u8", 0, 50);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(session.segment("s" + std::to_string(i) + ".ts", 10 + static_cast<std::uint64_t>(i)).outcome,
              Outcome::created);
    EXPECT_EQ(session.out().size(), 1U) << i;
  }
  EXPECT_EQ(session.push_.shelf().dropped(), 0U);
}

TEST(PushSession, MasterAfterABarePlaylistTakesOver) {
  Session session;
  session.segment("hd0.ts");
  session.media("hd.m3u8", 0, 1, "hd");
  session.pass(3000);
  EXPECT_THAT(session.out(), ElementsAre("0"));
  const auto revision = session.push_.revision();
  session.playlist("manifest.m3u8", multivariant);
  EXPECT_NE(session.push_.revision(), revision);
  session.segment("hd1.ts");
  session.media("hd.m3u8", 0, 2, "hd");
  EXPECT_THAT(session.out(0), ElementsAre("1")) << "it goes on where it was";
}

TEST(PushSession, BandwidthsThatChangeAreNoNewStructure) {
  Session session = with_one_variant();
  const auto revision = session.push_.revision();
  EXPECT_EQ(session.playlist("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=7\nm.m3u8\n").outcome,
            Outcome::replaced);
  EXPECT_EQ(session.push_.revision(), revision);
  EXPECT_EQ(session.push_.structure()->variants[0].bandwidth, 290'400U);
}

TEST(PushSession, EncryptedPlaylistIsRefused) {
  Session session = with_one_variant();
  const auto answer = session.playlist(
      "m.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:2,\ns0.ts\n");
  EXPECT_EQ(answer.outcome, Outcome::refused);
  EXPECT_EQ(answer.code, ErrorCode::encrypted);
  session.segment("s0.ts");
  EXPECT_THAT(session.out(), IsEmpty());
}

TEST(PushSession, BrokenPlaylistIsRefusedWithItsLine) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 1);
  const auto answer = session.playlist("m.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:abc,\ns1.ts\n");
  EXPECT_EQ(answer.outcome, Outcome::refused);
  EXPECT_EQ(answer.code, ErrorCode::malformed);
  EXPECT_THAT(answer.message, HasSubstr("line 3"));
  EXPECT_EQ(session.playlist("x.m3u8", "<html>").code, ErrorCode::malformed);
  EXPECT_EQ(session.media("m.m3u8", 0, 2, "../s").code, ErrorCode::invalid);
  EXPECT_THAT(session.out(), ElementsAre("0")) << "nothing was disturbed";
}

TEST(PushSession, AudioRenditionsOfUnusedGroupsAreNotWaitedFor) {
  Session session;
  session.playlist(
      "master.m3u8",
      "#EXTM3U\n"
      "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,URI=\"en.m3u8\"\n"
      "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"unused\",NAME=\"de\",URI=\"de.m3u8\"\n"
      "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"fr\",URI=\"fr.m3u8\"\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\",SUBTITLES=\"s\"\nv.m3u8\n");
  ASSERT_TRUE(session.push_.structure());
  EXPECT_EQ(session.push_.structure()->playlists.size(), 3U);
  ASSERT_EQ(session.push_.structure()->audio.size(), 1U);
  EXPECT_EQ(session.push_.structure()->audio[0].language, "en");
  ASSERT_EQ(session.push_.structure()->text.size(), 1U);
  EXPECT_EQ(session.push_.structure()->text[0].name, "fr");
  EXPECT_NE(session.push_.structure()->text_rendition(2), nullptr);
}

TEST(PushSession, EndOfListIsTheEndWhenAllHadTheirTurn) {
  Session session = with_one_variant();
  session.segment("s0.ts");
  session.media("m.m3u8", 0, 2, "s", "#EXT-X-ENDLIST\n");
  EXPECT_THAT(session.out(), ElementsAre("0"));
  EXPECT_FALSE(session.push_.ended(0));
  session.segment("s1.ts");
  EXPECT_THAT(session.out(), ElementsAre("1"));
  EXPECT_TRUE(session.push_.ended(0));
  session.segment("s2.ts");
  session.media("m.m3u8", 0, 3);
  EXPECT_THAT(session.out(), ElementsAre("2 discontinuity"));
  EXPECT_FALSE(session.push_.ended(0));
}

TEST(PushSession, HeldSegmentsAreBounded) {
  Session session{{.segments = 4, .bytes = 1'000'000, .remembered = 10}};
  for (int i = 0; i < 10; ++i) session.segment("s" + std::to_string(i) + ".ts");
  EXPECT_EQ(session.push_.shelf().held(), 4U);
  session.pass(60'001);
  EXPECT_EQ(session.push_.shelf().held(), 0U) << "nobody asked for them";
}

// What an earlier run had is put again: segments first, then the playlists that may name them.
TEST(PushSession, AReplayBeginsWithTheFirstSegmentThatCameAgain) {
  Session session;
  session.push_.set_replaying(true);
  session.segment("s7.ts");
  session.media("m.m3u8", 3, 5);
  session.push_.set_replaying(false);
  session.make_single();
  EXPECT_THAT(session.out(), ElementsAre("7"));
}

TEST(PushSession, AReplayedPlaylistWhoseSegmentsHadTheirTurnIsNotWaitedFor) {
  Session session;
  session.push_.set_replaying(true);
  EXPECT_EQ(session.media("m.m3u8", 3, 5).outcome, Outcome::held);
  session.push_.set_replaying(false);
  session.segment("s8.ts");
  session.media("m.m3u8", 4, 5);
  session.make_single();
  EXPECT_THAT(session.out(), ElementsAre("8"));
}

}  // namespace
}  // namespace tarn::ingest
