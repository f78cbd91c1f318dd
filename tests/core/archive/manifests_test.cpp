// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "core/archive/archive.h"
#include "core/dash/render.h"
#include "core/hls/playlist.h"
#include "core/hls/render.h"
#include "core/timeline/output_bitrate.h"
#include "programme.h"

// What is recorded with the cuts keeps manifests true while the archive is trimmed, and over restarts.
namespace tarn::archive {
namespace {

timeline::OutputSettings output(timeline::Protocol protocol) {
  timeline::OutputSettings settings;
  settings.endpoint = "e";
  settings.protocol = protocol;
  settings.segments = 3;
  settings.segment_duration = 4;
  settings.manifest_window = 3600;
  return settings;
}

hls::MediaPlaylist playlist_of(Archive& archive) {
  const auto timeline = archive.timeline();
  const auto text = hls::render_media(*timeline, output(timeline::Protocol::hls_cmaf), "v1");
  EXPECT_TRUE(text.ok()) << text.error().message;
  auto playlist = hls::parse_media(text.ok() ? *text : "");
  EXPECT_TRUE(playlist.ok());
  return playlist.ok() ? *playlist : hls::MediaPlaylist{};
}

// By Period id: its start tag, and the presentationTimeOffset of each of its Representations.
std::map<std::string, std::string> periods_of(Archive& archive) {
  const auto mpd = dash::render_mpd(*archive.timeline(), output(timeline::Protocol::dash), "http://t/time");
  EXPECT_TRUE(mpd.ok());
  std::map<std::string, std::string> periods;
  if (!mpd.ok()) return periods;
  std::string id;
  const std::regex wanted{"<Period id=\"([^\"]*)\"[^>]*>|presentationTimeOffset=\"[0-9]*\""};
  for (std::sregex_iterator at{mpd->begin(), mpd->end(), wanted}, end; at != end; ++at) {
    if ((*at)[1].matched) id = (*at)[1];
    periods[id] += at->str() + "\n";
  }
  return periods;
}

timeline::Bitrate bitrate_of(Archive& archive, timeline::TrackId track) {
  const auto timeline = archive.timeline();
  return timeline::measure_bitrate(*timeline, *timeline->presentation("e"), *timeline->stretch(1),
                                   output(timeline::Protocol::hls_cmaf), {{track}, {}});
}

std::shared_ptr<Archive> reopened(std::shared_ptr<Archive> archive, const std::string& path) {
  archive.reset();
  return open_or_fail(path);
}

// Where the discontinuities of all numbers are, by what playlists say; never two answers.
class Account {
 public:
  void add(const hls::MediaPlaylist& playlist) {
    ASSERT_GE(playlist.discontinuity_sequence, last_);
    last_ = playlist.discontinuity_sequence;
    std::uint64_t number = playlist.media_sequence;
    std::uint64_t sequence = playlist.discontinuity_sequence;
    for (const auto& segment : playlist.segments) {
      if (segment.discontinuity) ++sequence;
      const auto [at, is_new] = sequence_of_.emplace(number++, sequence);
      EXPECT_EQ(at->second, sequence) << "segment " << at->first;
    }
  }
  [[nodiscard]] std::uint64_t of(std::uint64_t number) const { return sequence_of_.at(number); }

 private:
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::uint64_t> sequence_of_;
};

TEST(Manifests, TheDiscontinuitySequenceHoldsThroughHolesTrimsAndRestarts) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path("a");
  auto archive = open_or_fail(path);
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start).ok());
  Account account;
  std::uint64_t slot = 1;
  std::uint32_t stretch = 0;
  for (int round = 0; round < 6; ++round) {
    ++stretch;
    // Of some stretches no slot is ever listed.
    if (round % 2 == 1) begin(*archive, stretch++, slot);
    begin(*archive, stretch, slot);
    for (int i = 0; i < 5; ++i, ++slot) {
      write_slots(*archive, slot, slot, stretch);
      if (slot < 2) continue;
      account.add(playlist_of(*archive));
      if (slot % 3 == 0 && slot > 8) {
        ASSERT_TRUE(archive->trim(utc_of_slot(slot - 7)).ok());
      }
      account.add(playlist_of(*archive));
      if (slot % 4 == 0) {
        archive = reopened(std::move(archive), path);
        (void)archive->resume();
      }
      account.add(playlist_of(*archive));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  const auto last = archive->timeline()->presentation("e")->cuts.back().number;
  EXPECT_EQ(account.of(last), 5U) << "six stretches were published";
}

TEST(Manifests, TheDiscontinuitySequenceGoesOnWhenNothingWasLeft) {
  const ScratchDirectory scratch;
  auto archive = open_or_fail(scratch.path("a"));
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start).ok());
  begin(*archive, 2, 1);
  write_slots(*archive, 1, 2, 2);
  begin(*archive, 5, 3);
  write_slots(*archive, 3, 4, 5);
  ASSERT_TRUE(archive->trim(utc_of_slot(100)).ok());
  archive = reopened(std::move(archive), scratch.path("a"));
  write_slots(*archive, 5, 6, 5);
  EXPECT_EQ(playlist_of(*archive).discontinuity_sequence, 1U);
  begin(*archive, 6, 7);
  write_slots(*archive, 7, 8, 6);
  const auto playlist = playlist_of(*archive);
  ASSERT_EQ(playlist.segments.size(), 2U);
  EXPECT_EQ(playlist.discontinuity_sequence, 1U);
  EXPECT_TRUE(playlist.segments[1].discontinuity);
  // An endpoint of the same name begins anew with other content, and does not count back.
  ASSERT_TRUE(archive->remove_presentation("e").ok());
  archive = reopened(std::move(archive), scratch.path("a"));
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, listing_time(8)).ok());
  const auto& cuts = archive->timeline()->presentation("e")->cuts;
  EXPECT_TRUE(cuts.front().discontinuity);
  EXPECT_EQ(cuts.front().discontinuity_sequence, 3U);
}

TEST(Manifests, PeriodsKeepTheirAttributesWhileTheirSegmentsAreTrimmed) {
  const ScratchDirectory scratch;
  auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start).ok());
  write_slots(*archive, 1, 7);
  ASSERT_TRUE(archive->set_presentation("e", 2, 4, listing_time(7)).ok());
  write_slots(*archive, 8, 14);
  const auto before = periods_of(*archive);
  ASSERT_EQ(before.size(), 2U);
  const std::string second = before.at("p1g2");
  EXPECT_THAT(second, ::testing::HasSubstr("start=\"PT14S\""));
  for (std::uint64_t slot = 3; slot <= 13; ++slot) {
    ASSERT_TRUE(archive->trim(utc_of_slot(slot)).ok());
    if (slot % 3 == 0) archive = reopened(std::move(archive), scratch.path("a"));
    const auto periods = periods_of(*archive);
    EXPECT_EQ(periods.at("p1g2"), second) << slot;
    if (const auto first = periods.find("p1g1"); first != periods.end()) {
      EXPECT_EQ(first->second, before.at("p1g1")) << slot;
    }
  }
  EXPECT_EQ(periods_of(*archive).size(), 1U);
}

// Semantics S13: what follows is dated anew, and stays dated so.
// The programme starts 20 s into a minute: new keys from 40 s on, and each minute after that.
TEST(Manifests, PeriodsOfKeysKeepTheirAttributesThroughTrimsAndRestarts) {
  const ScratchDirectory scratch;
  auto archive = open_or_fail(scratch.path("a"));
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start, 60).ok());
  begin(*archive);
  std::map<std::string, std::string> known;
  std::map<std::uint64_t, std::uint32_t> generation_of;
  for (std::uint64_t slot = 1; slot <= 120; ++slot) {
    write_slots(*archive, slot, slot);
    if (slot % 7 == 0) {
      archive = reopened(std::move(archive), scratch.path("a"));
      (void)archive->resume();
      ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start, 60).ok());
    }
    if (slot > 30 && slot % 5 == 0) {
      ASSERT_TRUE(archive->trim(utc_of_slot(slot - 20)).ok());
    }
    const auto timeline = archive->timeline();
    const timeline::Presentation& presentation = *timeline->presentation("e");
    for (const timeline::Cut& cut : presentation.cuts) {
      const auto [at, is_new] = generation_of.try_emplace(cut.number, cut.generation);
      ASSERT_EQ(at->second, cut.generation) << cut.number;
    }
    if (presentation.cuts.empty()) continue;
    for (const auto& [id, attributes] : periods_of(*archive)) {
      const auto [at, is_new] = known.try_emplace(id, attributes);
      ASSERT_EQ(at->second, attributes);
    }
  }
  EXPECT_EQ(known.size(), 5U) << "240 s touch five minutes";
  const timeline::Generation newest = archive->timeline()->presentation("e")->generations.back();
  EXPECT_EQ(newest.start, programme_start + std::chrono::seconds{220});
  EXPECT_EQ(newest.target_duration, 4U);
}

TEST(Manifests, AnEndpointThatComesLaterHasOneKeyForWhatIsThere) {
  const ScratchDirectory scratch;
  auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  write_slots(*archive, 1, 100);
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, listing_time(100), 60).ok());
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, listing_time(100), 60).ok());
  EXPECT_EQ(archive->timeline()->presentation("e")->generations.size(), 2U);
  write_slots(*archive, 101, 140);
  const auto timeline = archive->timeline();
  const auto& presentation = *timeline->presentation("e");
  ASSERT_EQ(presentation.generations.size(), 3U);
  EXPECT_EQ(presentation.generations[0].key_period, 0U);
  EXPECT_EQ(presentation.generations[1].from_slot, 101U);
  EXPECT_EQ(presentation.generations[2].start, programme_start + std::chrono::seconds{220});
  EXPECT_EQ(presentation.cuts[49].generation, 1U);
  EXPECT_EQ(presentation.cuts[50].generation, 2U);
  // Off again: the next slot begins the last generation.
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, listing_time(140)).ok());
  write_slots(*archive, 141, 220);
  EXPECT_EQ(archive->timeline()->presentation("e")->generations.size(), 4U);
}

TEST(Manifests, AClockThatWasSetKeepsItsDatesWhileTheirSegmentsAreTrimmed) {
  constexpr Microseconds set_by = std::chrono::seconds{20};
  const ScratchDirectory scratch;
  auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start).ok());
  write_slots(*archive, 1, 5);
  for (std::uint64_t slot = 6; slot <= 13; ++slot) ASSERT_TRUE(write_slot(*archive, slot, 1, set_by).ok());
  // The segment that was open ends there.
  const auto& cuts = archive->timeline()->presentation("e")->cuts;
  ASSERT_EQ(cuts.size(), 7U);
  EXPECT_EQ(cuts[2].slot_count, 1U);
  EXPECT_EQ(cuts[3].first_slot, 6U);

  auto settings = output(timeline::Protocol::hls_cmaf);
  settings.segments = 10;
  settings.program_date_time_interval = 3600;
  const auto text = hls::render_media(*archive->timeline(), settings, "v1");
  ASSERT_TRUE(text.ok());
  const auto playlist = hls::parse_media(*text);
  ASSERT_TRUE(playlist.ok());
  ASSERT_EQ(playlist->segments.size(), 7U);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_FALSE(playlist->segments[i].discontinuity);
    EXPECT_EQ(playlist->segments[i].program_date_time.has_value(), i == 0 || i == 3) << i;
  }
  EXPECT_EQ(playlist->segments[3].program_date_time, utc_of_slot(6) + set_by);

  const auto before = periods_of(*archive);
  ASSERT_EQ(before.size(), 2U);
  const std::string second = before.at("p1g1a6");
  EXPECT_THAT(second, ::testing::HasSubstr("start=\"PT30S\""));
  EXPECT_THAT(second, ::testing::HasSubstr("presentationTimeOffset=\"1080000\""));
  for (std::uint64_t slot = 3; slot <= 12; ++slot) {
    ASSERT_TRUE(archive->trim(utc_of_slot(slot) + (slot > 5 ? set_by : Microseconds{})).ok());
    if (slot % 3 == 0) archive = reopened(std::move(archive), scratch.path("a"));
    EXPECT_EQ(periods_of(*archive).at("p1g1a6"), second) << slot;
  }
  EXPECT_EQ(periods_of(*archive).size(), 1U);
  // What comes after a restart is dated as what was before it.
  EXPECT_EQ(archive->resume().slot_end_utc, utc_of_slot(14) + set_by);
  begin(*archive, 2, 14, "two");
  ASSERT_TRUE(write_slot(*archive, 14, 2, set_by * 2).ok());
  ASSERT_TRUE(archive->trim(utc_of_slot(14) + set_by * 2).ok());
  EXPECT_TRUE(archive->timeline()->find(14) != nullptr && archive->timeline()->find(13) == nullptr);
  EXPECT_EQ(archive->timeline()->anchor_of(*archive->timeline()->stretch(2), 14), nullptr)
      << "a stretch has a start of its own";
}

TEST(Manifests, ContentAfterTheEndAndARestartIsAStretchOfItsOwn) {
  const ScratchDirectory scratch;
  auto archive = open_or_fail(scratch.path("a"));
  begin(*archive);
  write_slots(*archive, 1, 3);
  EXPECT_FALSE(archive->resume().ended);
  ASSERT_TRUE(archive->close_tail(true, listing_time(3)).ok());
  archive = reopened(std::move(archive), scratch.path("a"));
  EXPECT_TRUE(archive->resume().ended);
}

// Semantics S4: "." a segment, "-" a gap.
std::string listed(const timeline::Timeline& timeline, timeline::Window::Kind kind) {
  timeline::Window window;
  if (kind != timeline::Window::Kind::live) window.first = 0;
  window.kind = kind;
  auto settings = output(timeline::Protocol::hls_cmaf);
  settings.segments = 10;
  const auto text = hls::render_media(timeline, settings, "v1", window);
  const auto playlist = hls::parse_media(text.ok() ? *text : "");
  std::string marks;
  if (!playlist.ok()) return "no playlist";
  for (const auto& segment : playlist->segments) marks += segment.gap ? '-' : '.';
  return marks;
}

std::size_t runs(const timeline::Timeline& timeline, timeline::Window::Kind kind) {
  timeline::Window window;
  if (kind != timeline::Window::Kind::live) window.first = 0;
  window.kind = kind;
  const auto mpd =
      dash::render_mpd(timeline, output(timeline::Protocol::dash), "http://t/time", window).value();
  std::size_t count = 0;
  for (auto at = mpd.find("<S t="); at != std::string::npos; at = mpd.find("<S t=", at + 1)) ++count;
  return count;
}

TEST(Manifests, OnlyThoseThatAreCompleteFromTheBeginningListWhatCameLate) {
  using Kind = timeline::Window::Kind;
  const auto archive = Archive::in_memory();
  begin(*archive);
  ASSERT_TRUE(archive->set_presentation("e", 2, 2, programme_start).ok());
  write_slots(*archive, 1, 2);
  ASSERT_TRUE(write_slot_of(*archive, 3, {}).ok());
  write_slots(*archive, 4, 5);
  const auto live = [&] {
    return hls::render_media(*archive->timeline(), output(timeline::Protocol::hls_cmaf), "v1").value();
  };
  const std::string before = live();
  EXPECT_EQ(listed(*archive->timeline(), Kind::vod), "..-..");
  const std::size_t runs_before = runs(*archive->timeline(), Kind::live);
  for (const timeline::TrackId track : {1U, 2U}) ASSERT_TRUE(archive->repair(make_chunk(track, 3)).ok());
  EXPECT_EQ(live(), before);
  for (const Kind kind : {Kind::live, Kind::event}) {
    EXPECT_EQ(listed(*archive->timeline(), kind), "..-..");
    EXPECT_EQ(runs(*archive->timeline(), kind), runs_before);
  }
  EXPECT_EQ(listed(*archive->timeline(), Kind::vod), ".....");
  EXPECT_LT(runs(*archive->timeline(), Kind::vod), runs_before) << "no hole";
}

// Semantics S15: what a stretch has published is what its manifests say, though the segment is long gone.
TEST(Manifests, BandwidthOutlivesTheSegmentItIsOfAndARestart) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path("a");
  auto archive = open_or_fail(path);
  begin(*archive);
  ASSERT_TRUE(archive->set_presentation("e", 2, 2, listing_time(1)).ok());
  write_slots(*archive, 1, 2);
  NewChunk loud = make_chunk(1, 3);
  loud.parts = {Blob::of(ByteVector(100'000))};
  ASSERT_TRUE(archive->append(loud).ok() && write_slot_of(*archive, 3, {2}).ok());
  write_slots(*archive, 4, 130);
  const auto video = bitrate_of(*archive, 1);
  const auto audio = bitrate_of(*archive, 2);
  EXPECT_GE(video.peak, 400'000U);
  EXPECT_GE(video.average, 400'000U / 130);
  EXPECT_LT(audio.peak, 1'000U);
  const auto is_as_before = [&] {
    EXPECT_EQ(bitrate_of(*archive, 1).peak, video.peak);
    EXPECT_EQ(bitrate_of(*archive, 1).average, video.average);
    EXPECT_EQ(bitrate_of(*archive, 2).peak, audio.peak);
  };
  archive = reopened(std::move(archive), path);
  is_as_before();
  ASSERT_TRUE(archive->trim(utc_of_slot(125)).ok());
  is_as_before();
  archive = reopened(std::move(archive), path);
  is_as_before();
}

}  // namespace
}  // namespace tarn::archive
