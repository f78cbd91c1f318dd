// SPDX-License-Identifier: Apache-2.0
// Sessions fed with what ffmpeg encoded, in many orders, by a clock of their own.
#include "ingest/ingest_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "ingest/encoder.h"

namespace tarn::ingest {
namespace {

using test::EncodedStream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Outcome = ObjectAnswer::Outcome;

const EncodedStream& single() {
  static const EncodedStream stream = test::encode_single(8);
  return stream;
}
const EncodedStream& ladder() {
  static const EncodedStream stream = test::encode_ladder(6);
  return stream;
}
const EncodedStream& renditions() {
  static const EncodedStream stream = test::encode_renditions(6);
  return stream;
}

// The first `count` segments of a playlist, as it was while the stream was live.
std::string live(const std::string& playlist, int count) {
  std::string text;
  int segments = 0;
  std::size_t at = 0;
  while (at < playlist.size()) {
    const std::size_t end = playlist.find('\n', at) + 1;
    const std::string line = playlist.substr(at, end - at);
    at = end;
    if (line.rfind("#EXT-X-ENDLIST", 0) == 0) continue;
    text += line;
    if (line.front() != '#' && ++segments == count) break;
  }
  return text;
}

// An input with everything it said, written down in words.
class Input {
 public:
  ObjectAnswer put(const std::string& path, const std::string& content) {
    const auto answer = session_.put(path, Blob::copy_of(as_bytes(content)), now_);
    drain();
    return answer;
  }
  ObjectAnswer put(const EncodedStream& stream, const std::string& path) {
    return put(path, stream.at(path));
  }
  void pass(int milliseconds) {
    now_ += std::chrono::milliseconds{milliseconds};
    session_.advance(now_);
    drain();
  }
  void settle() {
    session_.settle(now_);
    drain();
  }
  void drain() {
    while (const auto output = session_.next()) {
      std::visit([this](const auto& what) { take(what); }, *output);
    }
  }

  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const auto& track : tracks_) keys.push_back(track.key);
    return keys;
  }
  // Number of units, all of which follow each other without hole or overlap.
  [[nodiscard]] std::size_t continuous(const std::string& key) const {
    const auto& units = units_.at(key);
    for (std::size_t i = 1; i < units.size(); ++i) {
      EXPECT_EQ(units[i].start, units[i - 1].start + units[i - 1].duration) << key << ' ' << i;
    }
    return units.size();
  }

  IngestSession session_;
  Monotonic now_{std::chrono::hours{1}};
  std::vector<timeline::TrackDescription> tracks_;
  std::vector<std::string> log_;  // "tracks v0 a0", "v0 ×25", "end v0 a0", "session 1", "pdt v0", "list over"
  std::map<std::string, std::vector<TimedUnit>> units_;
  std::map<std::string, std::vector<std::size_t>> runs_;  // their sizes
  std::map<std::string, std::string> bytes_;
  std::vector<std::pair<std::int64_t, Utc>> program_times_;
  std::vector<std::int64_t> starts_;  // one per session

 private:
  static std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += ' ' + word;
    return text;
  }
  void take(const SessionBegan& began) { log_.push_back("session " + std::to_string(began.session)); }
  void take(const TracksKnown& known) {
    tracks_ = known.tracks;
    log_.push_back("tracks" + join(keys()));
  }
  void take(const TimelineBegan& began) { starts_.push_back(began.start); }
  void take(const ProgramTimeKnown& known) {
    program_times_.emplace_back(known.time, known.utc);
    log_.push_back("pdt " + known.key);
  }
  void take(const UnitRun& run) {
    ASSERT_FALSE(run.units.empty());
    log_.push_back(run.key + " ×" + std::to_string(run.units.size()));
    runs_[run.key].push_back(run.units.size());
    for (const TimedUnit& unit : run.units) {
      units_[run.key].push_back(unit);
      bytes_[run.key] += as_text(run.data.bytes().subspan(unit.offset, unit.size));
    }
    for (std::size_t i = 1; i < run.units.size(); ++i) {
      EXPECT_EQ(run.units[i].offset, run.units[i - 1].offset + run.units[i - 1].size) << "back to back";
    }
  }
  void take(const SegmentOver& over) { log_.push_back("end" + join(over.keys)); }
  void take(const ListOver& /*over*/) { log_.push_back("list over"); }
};

class IngestSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::has_command("ffmpeg")) GTEST_SKIP() << "no ffmpeg";
    ASSERT_FALSE(single().files.empty());
    ASSERT_FALSE(ladder().files.empty());
    ASSERT_FALSE(renditions().files.empty());
  }
};

// Uploads a two-variant ladder as ffmpeg does.
void upload_ladder(Input& input, int segments) {
  for (int i = 0; i < segments; ++i) {
    for (const std::string variant : {"v0", "v1"}) {
      input.put(ladder(), variant + "_" + std::to_string(i) + ".ts");
      input.put(variant + ".m3u8", live(ladder().at(variant + ".m3u8"), i + 1));
    }
    if (i == 0) input.put(ladder(), "master.m3u8");
    input.pass(2000);
  }
}

TEST_F(IngestSessionTest, LadderAsFfmpegUploadsIt) {
  Input input;
  upload_ladder(input, 3);
  EXPECT_THAT(input.keys(), ElementsAre("v0", "v1", "a0"));
  EXPECT_THAT(std::vector<std::string>(input.log_.begin(), input.log_.begin() + 8),
              ElementsAre("tracks v0 v1 a0", "v0 ×25", "v0 ×25", HasSubstr("a0 ×"), "end v0 a0", "v1 ×25",
                          "v1 ×25", "end v1"))
      << "all tracks first; the second copy of the audio is not used";
  EXPECT_EQ(input.continuous("v0"), 150U);
  EXPECT_EQ(input.continuous("v1"), 150U);
  EXPECT_GE(input.continuous("a0"), 280U);
  EXPECT_GE(input.units_["v0"].front().start, default_timeline_edge / 2);
  EXPECT_EQ(input.tracks_[0].info.width, 320U);
  EXPECT_EQ(input.tracks_[0].info.frame_rate_numerator / input.tracks_[0].info.frame_rate_denominator, 25U);
  EXPECT_THAT(input.tracks_[2].variants, testing::SizeIs(2));
  EXPECT_GT(input.tracks_[0].variants[0].bandwidth, input.tracks_[1].variants[0].bandwidth);
  EXPECT_EQ(input.session_.statistics().segments, 6U);
  EXPECT_GT(input.session_.statistics().bitrate, 100'000U);
  EXPECT_EQ(input.session_.statistics().continuity_errors, 0U);
}

TEST_F(IngestSessionTest, AnMpdBesideThePlaylistsIsNoError) {
  Input input;
  EXPECT_EQ(input.put("manifest.mpd", "<?xml version=\"1.0\"?>\n<MPD/>\n").outcome, Outcome::created);
  EXPECT_EQ(input.put("manifest.mpd", "<?xml version=\"1.0\"?>\n<html/>\n").outcome, Outcome::refused);
  EXPECT_THAT(input.keys(), IsEmpty());
}

TEST_F(IngestSessionTest, EveryGopBeginsWithASyncSample) {
  Input input;
  upload_ladder(input, 3);
  EXPECT_THAT(input.runs_["v0"], ElementsAre(25, 25, 25, 25, 25, 25));
  for (std::size_t i = 0; i < input.units_["v0"].size(); ++i) {
    EXPECT_EQ(input.units_["v0"][i].sync, i % 25 == 0);
    EXPECT_GE(input.units_["v0"][i].pts, input.units_["v0"][i].start);
  }
}

TEST_F(IngestSessionTest, AudioAndVideoBeginTogether) {
  Input input;
  upload_ladder(input, 1);
  const std::int64_t video = input.units_["v0"].front().pts;
  const std::int64_t audio = rescale(input.units_["a0"].front().start, 48'000, 90'000);
  EXPECT_LT(std::abs(video - audio), 90'000 / 20);
  ASSERT_EQ(input.starts_.size(), 1U);
  EXPECT_EQ(input.starts_[0], std::min(audio, input.units_["v0"].front().start));
}

TEST_F(IngestSessionTest, AudioRenditionsAreTracksOfTheirOwn) {
  Input input;
  input.put(renditions(), "master.m3u8");
  for (const auto& [path, content] : renditions().files) {
    if (path != "master.m3u8") input.put(path, content);
  }
  ASSERT_THAT(input.keys(), ElementsAre("v0", "a0", "a1"));
  EXPECT_EQ(input.tracks_[1].language, "en");
  EXPECT_TRUE(input.tracks_[1].is_default);
  EXPECT_EQ(input.tracks_[2].language, "de");
  EXPECT_EQ(input.continuous("v0"), 150U);
  EXPECT_GE(input.continuous("a0"), 280U);
  EXPECT_NE(input.bytes_["a0"], input.bytes_["a1"]);
  EXPECT_EQ(input.log_.back(), "list over");
}

// ---- subtitles

constexpr char with_subtitles[] =
    "#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"x\",URI=\"t.m3u8\"\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=1,SUBTITLES=\"s\"\nm.m3u8\n";

std::string text_playlist(int first, int count) {
  std::string text =
      "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:" + std::to_string(first) + "\n";
  for (int i = first; i < first + count; ++i) text += "#EXTINF:2,\nt" + std::to_string(i) + ".vtt\n";
  return text;
}

std::string text_file(int number) {
  const std::string start = "00:0" + std::to_string(2 * number) + ".500";
  return "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00.000\n\n" + start + " --> 00:0" +
         std::to_string(2 * number + 1) + ".000\ncue " + std::to_string(number) + "\n";
}

// When each cue is shown first, from the start of the video, in ticks of 90 kHz.
std::vector<std::int64_t> shown_at(Input& input) {
  std::vector<std::int64_t> times;
  std::string before;
  std::size_t at = 0;
  for (const TimedUnit& unit : input.units_["t0"]) {
    const std::string sample = input.bytes_["t0"].substr(at, unit.size);
    at += unit.size;
    const bool is_new = sample != before && sample.find("vttc") != std::string::npos;
    if (is_new) times.push_back(unit.start - input.units_["v0"].front().pts);
    before = sample;
  }
  return times;
}

TEST_F(IngestSessionTest, SubtitlesLieWhereTheSegmentsOfTheirNumberAre) {
  Input input;
  input.put("master.m3u8", with_subtitles);
  input.put("t.m3u8", text_playlist(0, 4));
  input.put("m.m3u8", live(single().at("m.m3u8"), 4));
  for (int i = 0; i < 4; ++i) {
    // before the segment, and after it
    if (i % 2 == 0) input.put("t" + std::to_string(i) + ".vtt", text_file(i));
    input.put(single(), "m" + std::to_string(i) + ".ts");
    if (i % 2 != 0) input.put("t" + std::to_string(i) + ".vtt", text_file(i));
  }
  EXPECT_THAT(input.keys(), ElementsAre("v0", "a0", "t0"));
  EXPECT_GE(input.continuous("t0"), 16U);
  EXPECT_EQ(input.units_["t0"].front().start, input.units_["v0"].front().start);
  const std::int64_t end = input.units_["v0"].back().start + input.units_["v0"].back().duration;
  EXPECT_EQ(input.units_["t0"].back().start + input.units_["t0"].back().duration, end);
  // The file's 0 is 1.4 s of the stream; its video begins a little later.
  const auto times = shown_at(input);
  ASSERT_EQ(times.size(), 4U);
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(static_cast<double>(times[static_cast<std::size_t>(i)]), 180'000 * i + 45'000, 9000) << i;
  }
  EXPECT_EQ(times[3] - times[0], 540'000);
}

TEST_F(IngestSessionTest, OtherNumbersOfSubtitlesFollowEachOther) {
  Input input;
  input.put("master.m3u8", with_subtitles);
  input.put("t.m3u8", text_playlist(100, 3));
  input.put("m.m3u8", live(single().at("m.m3u8"), 3));
  for (int i = 0; i < 3; ++i) {
    input.put(single(), "m" + std::to_string(i) + ".ts");
    input.put("t" + std::to_string(100 + i) + ".vtt", text_file(i));
  }
  EXPECT_GE(input.continuous("t0"), 12U);
}

// The encoder begins anew with segment 2, and its subtitles say so one file too early.
TEST_F(IngestSessionTest, SubtitlesThatBeginAnewTooEarlyAreShownInTheNewSession) {
  Input input;
  input.put("master.m3u8", with_subtitles);
  const auto list = [&](const std::string& end, int broken) {
    std::string text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";
    for (int i = 0; i < 4; ++i) {
      if (i == broken) text += "#EXT-X-DISCONTINUITY\n";
      text += "#EXTINF:2,\n" + std::string{end == ".ts" ? "m" : "t"} + std::to_string(i) + end + "\n";
    }
    return text;
  };
  input.put("t.m3u8", list(".vtt", 1));
  input.put("m.m3u8", list(".ts", 2));
  for (int i = 0; i < 4; ++i) {
    const int second = i % 2;
    input.put("m" + std::to_string(i) + ".ts", single().at("m" + std::to_string(second) + ".ts"));
    input.put("t" + std::to_string(i) + ".vtt", text_file(second));
  }
  input.pass(20'000);
  // Times begin anew with the session: cue 0 of the first, then 0 and 1 of the second.
  const auto times = shown_at(input);
  ASSERT_EQ(times.size(), 3U);
  EXPECT_EQ(times[1], times[0]);
  EXPECT_EQ(times[2] - times[1], 180'000);
}

TEST_F(IngestSessionTest, NothingWaitsForSubtitles) {
  Input input;
  input.put("master.m3u8", with_subtitles);
  input.put("m.m3u8", live(single().at("m.m3u8"), 4));
  for (int i = 0; i < 4; ++i) input.put(single(), "m" + std::to_string(i) + ".ts");
  EXPECT_EQ(input.continuous("v0"), 200U);
  EXPECT_THAT(input.keys(), ElementsAre("v0", "a0", "t0"));
  EXPECT_EQ(input.put("t.vtt", "WEBVTT\n\n\xff").outcome, Outcome::refused);
}

TEST_F(IngestSessionTest, ASubtitlePlaylistAloneIsNoStream) {
  Input input;
  input.put("t.m3u8", text_playlist(0, 2));
  input.put("t0.vtt", text_file(0));
  input.put("t1.vtt", text_file(1));
  input.pass(20'000);
  EXPECT_THAT(input.log_, IsEmpty());
}

TEST_F(IngestSessionTest, AnyOrderOfUploadsGivesEqualTracksAndUnits) {
  for (const EncodedStream* const stream : {&ladder(), &renditions()}) {
    Input first;
    for (const auto& [path, content] : stream->files) first.put(path, content);
    first.settle();
    std::vector<std::string> paths;
    for (const auto& [path, content] : stream->files) paths.push_back(path);
    for (unsigned seed = 1; seed <= 12; ++seed) {
      std::shuffle(paths.begin(), paths.end(), std::mt19937{seed});
      // Segments before playlists: what playlists list is never too late then.
      std::stable_partition(paths.begin(), paths.end(),
                            [](const std::string& p) { return p.ends_with(".ts"); });
      Input other;
      for (const std::string& path : paths) other.put(*stream, path);
      other.settle();
      EXPECT_EQ(other.tracks_, first.tracks_) << "seed " << seed;
      EXPECT_EQ(other.bytes_, first.bytes_) << "seed " << seed;
    }
  }
}

// What each connection of an encoder uploads stays in its order; between connections there is none.
TEST_F(IngestSessionTest, AnyInterleavingOfConnectionsGivesEqualTracksAndUnits) {
  Input first;
  upload_ladder(first, 3);
  first.settle();
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random{seed};
    using Object = std::pair<std::string, std::string>;
    std::vector<std::deque<Object>> connections{{{"master.m3u8", ladder().at("master.m3u8")}}};
    for (const std::string variant : {"v0", "v1"}) {
      auto& connection = connections.emplace_back();
      for (int i = 0; i < 3; ++i) {
        const std::string segment = variant + "_" + std::to_string(i) + ".ts";
        connection.emplace_back(segment, ladder().at(segment));
        connection.emplace_back(variant + ".m3u8", live(ladder().at(variant + ".m3u8"), i + 1));
        if (random() % 2 == 0) std::swap(connection.back(), *std::prev(connection.end(), 2));
      }
    }
    Input other;
    while (!connections.empty()) {
      auto& connection = connections[random() % connections.size()];
      other.put(connection.front().first, connection.front().second);
      connection.pop_front();
      std::erase_if(connections, [](const auto& c) { return c.empty(); });
    }
    other.settle();
    EXPECT_EQ(other.tracks_, first.tracks_) << "seed " << seed;
    EXPECT_EQ(other.bytes_, first.bytes_) << "seed " << seed;
    EXPECT_EQ(std::count(other.log_.begin(), other.log_.end(), "tracks v0 v1 a0"), 1) << "seed " << seed;
  }
}

TEST_F(IngestSessionTest, BarePlaylistIsTheOnlyVariant) {
  Input input;
  for (int i = 0; i < 4; ++i) {
    input.put(single(), "m" + std::to_string(i) + ".ts");
    input.put("m.m3u8", live(single().at("m.m3u8"), i + 1));
    EXPECT_EQ(input.log_.empty(), i < 2) << i << ": 1.5 target durations after its first segment";
    input.pass(2000);
  }
  EXPECT_THAT(input.keys(), ElementsAre("v0", "a0"));
  EXPECT_EQ(input.continuous("v0"), 200U);
  EXPECT_EQ(input.program_times_.size(), 4U);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(input.program_times_[i].first - input.program_times_[i - 1].first, 180'000);
    EXPECT_NEAR(
        static_cast<double>((input.program_times_[i].second - input.program_times_[i - 1].second).count()),
        2e6, 2e3);
  }
}

TEST_F(IngestSessionTest, MasterAfterABarePlaylistDoesNotDisturbIt) {
  Input input;
  for (int i = 0; i < 4; ++i) {
    input.put(single(), "m" + std::to_string(i) + ".ts");
    input.put("m.m3u8", live(single().at("m.m3u8"), i + 1));
    input.pass(2000);
    if (i == 2) input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  }
  EXPECT_EQ(std::count(input.log_.begin(), input.log_.end(), "tracks v0 a0"), 1);
  EXPECT_EQ(input.continuous("v0"), 200U);
}

TEST_F(IngestSessionTest, PlaylistThatIsLateIsAnnouncedWhenItComes) {
  Input input;
  input.put(ladder(), "master.m3u8");
  input.put(ladder(), "v0_0.ts");
  input.put("v0.m3u8", live(ladder().at("v0.m3u8"), 1));
  EXPECT_THAT(input.log_, IsEmpty());
  input.pass(2999);
  EXPECT_THAT(input.log_, IsEmpty());
  input.pass(1);
  EXPECT_THAT(input.keys(), ElementsAre("v0", "a0"));
  EXPECT_EQ(input.continuous("v0"), 50U);
  input.put(ladder(), "v1_0.ts");
  input.put("v1.m3u8", live(ladder().at("v1.m3u8"), 1));
  EXPECT_THAT(input.keys(), ElementsAre("v0", "v1", "a0"));
  EXPECT_EQ(input.continuous("v1"), 50U);
}

TEST_F(IngestSessionTest, MissingSegmentIsAHoleWithoutDiscontinuity) {
  Input input;
  input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  for (const int i : {0, 2, 3}) {
    input.put(single(), "m" + std::to_string(i) + ".ts");
    input.put("m.m3u8", live(single().at("m.m3u8"), i + 1));
  }
  const auto& units = input.units_["v0"];
  ASSERT_EQ(units.size(), 150U);
  EXPECT_EQ(units[50].start - units[49].start, 3600 + 180'000);
  EXPECT_EQ(input.session_.statistics().gaps, 1U);
  EXPECT_EQ(input.session_.statistics().discontinuities, 0U);
}

// Semantics S4. What follows is timed as if nothing had come in between.
TEST_F(IngestSessionTest, ALateSegmentIsPassedOnAtItsOwnTimesWhereItIsWanted) {
  for (const bool repairing : {true, false}) {
    Input input;
    input.session_.set_repairing(repairing);
    input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
    const auto put = [&](int i, int listed) {
      input.put(single(), "m" + std::to_string(i) + ".ts");
      if (listed > 0) input.put("m.m3u8", live(single().at("m.m3u8"), listed));
    };
    put(0, 1);
    put(2, 3);
    put(3, 4);
    put(1, 0);
    const auto units = input.units_["v0"];
    EXPECT_EQ(input.session_.statistics().late, repairing ? 1U : 0U);
    if (!repairing) {
      EXPECT_EQ(units.size(), 150U);
      continue;
    }
    ASSERT_EQ(units.size(), 200U);
    EXPECT_EQ(units[150].start, units[49].start + 3600) << "m1 begins where m0 ended";
    EXPECT_EQ(units[199].start + 3600, units[50].start) << "and ends where m2 begins";
    EXPECT_EQ(input.session_.statistics().discontinuities, 0U);
  }
}

// The same names, sequence 0, times from the beginning; other bytes, and the very same bytes of a file that
// is played once more.
TEST_F(IngestSessionTest, EncoderRestartIsANewSession) {
  for (const EncodedStream& again : {test::encode_single(4, "-vf negate"), single()}) {
    Input input;
    input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
    for (int i = 0; i < 4; ++i) {
      input.put(single(), "m" + std::to_string(i) + ".ts");
      input.put("m.m3u8", live(single().at("m.m3u8"), i + 1));
    }
    const std::int64_t edge = input.units_["v0"].back().start;
    for (int i = 0; i < 2; ++i) {
      input.put(again, "m" + std::to_string(i) + ".ts");
      input.put("m.m3u8", live(again.at("m.m3u8"), i + 1));
    }
    EXPECT_EQ(std::count(input.log_.begin(), input.log_.end(), "session 1"), 1);
    EXPECT_EQ(input.session_.statistics().discontinuities, 1U);
    ASSERT_EQ(input.units_["v0"].size(), 300U);
    EXPECT_LT(input.units_["v0"][200].start, edge);
  }
}

TEST_F(IngestSessionTest, RestartInFragmentsIsANewSession) {
  const std::string fragments = "-hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4 ";
  const EncodedStream first = test::encode_single(8, fragments);
  for (const EncodedStream& again : {test::encode_single(4, fragments + "-vf negate"), first}) {
    Input input;
    input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
    input.put(first, "init.mp4");
    for (int i = 0; i < 4; ++i) {
      input.put(first, "m" + std::to_string(i) + ".m4s");
      input.put("m.m3u8", live(first.at("m.m3u8"), i + 1));
    }
    input.put(again, "init.mp4");
    for (int i = 0; i < 2; ++i) {
      input.put(again, "m" + std::to_string(i) + ".m4s");
      input.put("m.m3u8", live(again.at("m.m3u8"), i + 1));
    }
    EXPECT_EQ(std::count(input.log_.begin(), input.log_.end(), "session 1"), 1);
    EXPECT_EQ(input.session_.statistics().discontinuities, 1U);
    EXPECT_EQ(input.units_["v0"].size(), 300U);
  }
}

TEST_F(IngestSessionTest, RestartOfALadderIsOneSession) {
  Input input;
  upload_ladder(input, 3);
  const EncodedStream again = test::encode_ladder(4);
  for (int i = 0; i < 2; ++i) {
    for (const std::string variant : {"v0", "v1"}) {
      // One byte differs, as it does between any two runs of an encoder.
      std::string segment = again.at(variant + "_" + std::to_string(i) + ".ts");
      segment.back() = static_cast<char>(segment.back() + 1);
      input.put(variant + "_" + std::to_string(i) + ".ts", segment);
      input.put(variant + ".m3u8", live(again.at(variant + ".m3u8"), i + 1));
    }
    input.pass(2000);
  }
  EXPECT_EQ(input.session_.statistics().discontinuities, 1U);
  EXPECT_EQ(std::count(input.log_.begin(), input.log_.end(), "tracks v0 v1 a0"), 1)
      << "the same tracks as before";
  EXPECT_EQ(input.units_["v0"].size(), 250U);
  EXPECT_EQ(input.units_["v1"].size(), 250U);
}

TEST_F(IngestSessionTest, TimesGoOnOverTheWrap) {
  // 2^33 ticks are 95443.7 s; the wrap is 4.3 s into the stream.
  const EncodedStream stream = test::encode_single(8, "-output_ts_offset 95438");
  Input input;
  input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  for (const auto& [path, content] : stream.files) input.put(path, content);
  EXPECT_EQ(input.continuous("v0"), 200U);
  EXPECT_GE(input.continuous("a0"), 370U);
  EXPECT_EQ(input.session_.statistics().discontinuities, 0U);
  EXPECT_LT(input.units_["v0"].front().start, default_timeline_edge);
  EXPECT_GT(input.units_["v0"].back().start, default_timeline_edge);
}

TEST_F(IngestSessionTest, TimestampsThatJumpAreANewSession) {
  for (const char* const offset : {"3600", "95430"}) {  // ahead; back over the wrap
    const EncodedStream later = test::encode_single(4, std::string{"-output_ts_offset "} + offset);
    Input input;
    input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
    input.put(single(), "m0.ts");
    input.put("m.m3u8", live(single().at("m.m3u8"), 1));
    input.put("m1.ts", later.at("m0.ts"));
    input.put("m.m3u8", live(single().at("m.m3u8"), 2));
    EXPECT_EQ(std::count(input.log_.begin(), input.log_.end(), "session 1"), 1) << offset;
  }
}

TEST_F(IngestSessionTest, TimelineEdgeSaysWhereTimestampsBelong) {
  const std::int64_t edge = 20 * default_timeline_edge + 1'000'000;
  Input input;
  input.session_.put("master.m3u8",
                     Blob::copy_of(as_bytes("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nm.m3u8\n")), input.now_);
  input.session_.put("m0.ts", Blob::copy_of(as_bytes(single().at("m0.ts"))), input.now_);
  input.session_.put("m.m3u8", Blob::copy_of(as_bytes(live(single().at("m.m3u8"), 1))), input.now_);
  const auto tracks = input.session_.next();
  ASSERT_TRUE(tracks && std::holds_alternative<TracksKnown>(*tracks));
  input.session_.set_timeline_edge(edge);
  input.drain();
  EXPECT_LT(std::abs(input.units_["v0"].front().start - edge), default_timeline_edge / 2);
}

TEST_F(IngestSessionTest, AnswersSayWhatIsWrong) {
  Input input;
  input.session_.set_container(Container::transport_stream);
  EXPECT_EQ(input.put("../m.ts", "x").code, ErrorCode::invalid);
  EXPECT_EQ(input.put("m.ts", "<html>").code, ErrorCode::unsupported);
  EXPECT_EQ(input.put("m.ts", "").code, ErrorCode::unsupported);
  EXPECT_EQ(input
                .put("init.mp4", std::string("\0\0\0\x18"
                                             "ftyp",
                                             8))
                .code,
            ErrorCode::unsupported);
  EXPECT_THAT(input
                  .put("init.mp4", std::string("\0\0\0\x18"
                                               "ftyp",
                                               8))
                  .message,
              HasSubstr("fragmented MP4"));
  EXPECT_THAT(input.put("m.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:x\n").message, HasSubstr("line 2"));
  EXPECT_EQ(input.put(single(), "m0.ts").outcome, Outcome::held);
  EXPECT_EQ(input.put(single(), "m0.ts").outcome, Outcome::replaced);
  EXPECT_EQ(IngestSession::remove("m0.ts").outcome, Outcome::created);
  EXPECT_EQ(IngestSession::remove("../m0.ts").outcome, Outcome::refused);
  EXPECT_EQ(input.session_.statistics().refused, 6U);
  EXPECT_THAT(input.session_.statistics().last_error, HasSubstr("m.m3u8: line 2"));
}

TEST_F(IngestSessionTest, CutSegmentKeepsItsWholeGopsAndIsRefused) {
  Input input;
  input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  const std::string& segment = single().at("m0.ts");
  const auto answer = input.put("m0.ts", segment.substr(0, segment.size() - 1000));
  EXPECT_EQ(answer.code, ErrorCode::truncated);
  input.put(single(), "m1.ts");
  input.put("m.m3u8", live(single().at("m.m3u8"), 2));
  EXPECT_THAT(input.runs_["v0"], ElementsAre(25, 25, 25)) << "the last of four may have lost its end";
}

TEST_F(IngestSessionTest, RefusedSegmentIsAGapAtOnce) {
  Input input;
  input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  input.put(single(), "m0.ts");
  EXPECT_EQ(input.put("m1.ts", "not a segment").outcome, Outcome::refused);
  input.put(single(), "m2.ts");
  input.put("m.m3u8", live(single().at("m.m3u8"), 3));
  EXPECT_EQ(input.units_["v0"].size(), 100U);
  EXPECT_EQ(input.session_.statistics().gaps, 1U);
}

TEST_F(IngestSessionTest, OtherParametersAreAnnounced) {
  const EncodedStream larger = test::encode_single(4, "-s 640x360");
  Input input;
  input.put("master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nm.m3u8\n");
  input.put(single(), "m0.ts");
  input.put("m1.ts", larger.at("m1.ts"));
  input.put("m.m3u8", live(single().at("m.m3u8"), 2));
  EXPECT_EQ(std::count(input.log_.begin(), input.log_.end(), "tracks v0 a0"), 2);
  EXPECT_EQ(input.tracks_[0].info.width, 640U);
  EXPECT_EQ(input.session_.statistics().discontinuities, 0U);
}

TEST_F(IngestSessionTest, AudioWithoutVideoIsAStream) {
  const EncodedStream stream = test::encode("-t 6 -map 1:a -c:a aac -b:a 64k" + test::segmenting + "m.m3u8");
  Input input;
  for (const auto& [path, content] : stream.files) input.put(path, content);
  input.settle();
  EXPECT_THAT(input.keys(), ElementsAre("a0"));
  EXPECT_GE(input.continuous("a0"), 280U);
}

}  // namespace
}  // namespace tarn::ingest
