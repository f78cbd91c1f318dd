// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <set>

#include "core/hls/playlist.h"
#include "core/hls/render.h"
#include "server/runtime/collection_plan.h"
#include "tests/server/runtime_fixture.h"

namespace tarn::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using timeline::Protocol;

Utc at(int seconds) { return Utc{std::chrono::seconds{1'700'000'000 + seconds}}; }

class CollectionPlanTest : public RuntimeTest {
 protected:
  void fill(Protocol protocol, int slots) {
    output_.endpoint = "e";
    output_.protocol = protocol;
    output_.segment_duration = 2;
    ASSERT_TRUE(archive_->set_presentation("e", 2, 2, Utc{}).ok());
    add_slots(*archive_, slots);
  }
  Result<CollectionPlan> plan(int start, int end, bool finish = false) {
    return look(start, end, {finish, {}});
  }
  Result<CollectionPlan> look(int start, int end, const CollectionLook& look) {
    return plan_collection(*archive_->timeline(), output_, at(start), at(end), look);
  }
  // The programme's `index`th slot, dated so many seconds later than those before.
  void add_slot_at(std::int64_t index, int later) {
    const auto slot = static_cast<std::uint64_t>(index + 1);
    const std::vector<Blob> bytes{Blob::copy_of(as_bytes("chunk"))};
    ASSERT_TRUE(archive_->append({1, slot, index * 180'000, 180'000, true, bytes}).ok());
    ASSERT_TRUE(archive_->append({2, slot, index * 96'000, 96'000, true, bytes}).ok());
    const Utc utc = at(static_cast<int>(2 * index) + later);
    ASSERT_TRUE(
        archive_->list_slot({slot, 1, index * 180'000, index * 180'000 + 180'000, utc, {}}, utc).ok());
  }
  // The programme's `index`th slot, published without some of its tracks.
  void add_slot_without(std::int64_t index, const std::vector<timeline::TrackId>& tracks) {
    const auto slot = static_cast<std::uint64_t>(index + 1);
    const std::vector<Blob> bytes{Blob::copy_of(as_bytes("chunk"))};
    const auto has = [&](timeline::TrackId id) {
      return std::find(tracks.begin(), tracks.end(), id) == tracks.end();
    };
    if (has(1)) {
      ASSERT_TRUE(archive_->append({1, slot, index * 180'000, 180'000, true, bytes}).ok());
    }
    if (has(2)) {
      ASSERT_TRUE(archive_->append({2, slot, index * 96'000, 96'000, true, bytes}).ok());
    }
    const Utc utc = at(static_cast<int>(2 * index));
    ASSERT_TRUE(
        archive_->list_slot({slot, 1, index * 180'000, index * 180'000 + 180'000, utc, tracks}, utc).ok());
  }
  std::shared_ptr<archive::Archive> archive_ = archive::Archive::in_memory();
  timeline::OutputSettings output_;
};

TEST_F(CollectionPlanTest, HlsHasTheSegmentsOfTheRangeAndItsPlaylistsWithoutQuery) {
  fill(Protocol::hls, 10);
  const auto made = plan(5, 8);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_THAT(made->media, ElementsAre("g1-v1a2-3.ts", "g1-v1a2-4.ts"));
  ASSERT_EQ(made->manifests.size(), 2U);
  EXPECT_EQ(made->manifests[0].name, "manifest-v1a2.m3u8");
  EXPECT_EQ(made->manifests[1].name, "manifest.m3u8");
  EXPECT_NE(made->manifests[0].text.find("#EXT-X-ENDLIST"), std::string::npos);
  EXPECT_NE(made->manifests[0].text.find("#EXT-X-PLAYLIST-TYPE:VOD"), std::string::npos);
  for (const auto& manifest : made->manifests) EXPECT_EQ(manifest.text.find('?'), std::string::npos);
}

TEST_F(CollectionPlanTest, BandwidthsAreThoseOfTheLiveManifests) {
  fill(Protocol::hls_cmaf, 10);
  const auto made = plan(4, 6);
  ASSERT_TRUE(made.ok()) << made.error().message;
  const auto live = hls::render_multivariant(*archive_->timeline(), output_);
  ASSERT_TRUE(live.ok());
  const auto variant = [](const std::string& text) { return hls::parse_multivariant(text)->variants.at(0); };
  const auto& collected = made->manifests.back().text;
  EXPECT_GT(variant(collected).bandwidth, 0U);
  EXPECT_EQ(variant(collected).bandwidth, variant(*live).bandwidth);
  EXPECT_EQ(variant(collected).average_bandwidth, variant(*live).average_bandwidth);
}

TEST_F(CollectionPlanTest, CmafHasItsHeadersFirst) {
  fill(Protocol::hls_cmaf, 10);
  const auto made = plan(4, 6);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_THAT(made->media, ElementsAre("g1-a2-i1.mp4", "g1-a2-3.m4s", "g1-v1-i1.mp4", "g1-v1-3.m4s"));
  EXPECT_EQ(made->manifests.size(), 3U);
}

TEST_F(CollectionPlanTest, DashListsWhatItsTemplatesStandFor) {
  fill(Protocol::dash, 10);
  const auto made = plan(4, 8);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_THAT(made->media, ElementsAre("g1-v1-i1.mp4", "g1-v1-s1-t360000.m4s", "g1-v1-s1-t540000.m4s",
                                       "g1-a2-i1.mp4", "g1-a2-s1-t192000.m4s", "g1-a2-s1-t288000.m4s"));
  ASSERT_EQ(made->manifests.size(), 1U);
  EXPECT_EQ(made->manifests[0].name, "manifest.mpd");
  EXPECT_NE(made->manifests[0].text.find("type=\"static\""), std::string::npos);
  EXPECT_NE(made->manifests[0].text.find("mediaPresentationDuration=\"PT4S\""), std::string::npos);
}

TEST_F(CollectionPlanTest, ARangeThatIsNotOverHasNoManifestsYet) {
  fill(Protocol::hls, 4);  // until 8
  auto made = plan(4, 20);
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(made->media, ElementsAre("g1-v1a2-3.ts", "g1-v1a2-4.ts"));
  EXPECT_THAT(made->manifests, IsEmpty());
  made = plan(10, 20);
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(made->media, IsEmpty());
  EXPECT_THAT(made->manifests, IsEmpty());
  made = plan(4, 20, true);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->manifests.size(), 2U);
  EXPECT_FALSE(plan(10, 20, true).ok());
}

// A range of days that is not over is looked at every two seconds.
TEST_F(CollectionPlanTest, WhatIsKnownOfARangeThatIsNotOverIsNotPlannedAgain) {
  for (const Protocol protocol : {Protocol::hls, Protocol::hls_cmaf, Protocol::dash}) {
    archive_ = archive::Archive::in_memory();
    next_slot_ = 1;
    fill(protocol, 4);  // until 8
    const auto first = look(1, 40, {});
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(first->edge, at(8));
    const auto none = look(1, 40, {false, first->edge});
    ASSERT_TRUE(none.ok());
    EXPECT_THAT(none->media, IsEmpty());
    EXPECT_EQ(none->edge, at(8));
    add_slots(*archive_, 3);  // until 14
    const auto next = look(1, 40, {false, first->edge});
    ASSERT_TRUE(next.ok());
    EXPECT_EQ(next->edge, at(14));
    const auto whole = look(1, 40, {});
    ASSERT_TRUE(whole.ok());
    std::set<std::string> both{first->media.begin(), first->media.end()};
    both.insert(next->media.begin(), next->media.end());
    EXPECT_THAT(both, testing::UnorderedElementsAreArray(whole->media));
    EXPECT_LT(next->media.size(), whole->media.size());
    // What players get lists everything.
    const auto over = look(1, 14, {false, first->edge});
    ASSERT_TRUE(over.ok());
    EXPECT_EQ(over->media, whole->media);
    EXPECT_FALSE(over->manifests.empty());
    const auto ended = look(1, 40, {true, at(14)});
    ASSERT_TRUE(ended.ok());
    EXPECT_EQ(ended->media, whole->media);
  }
}

TEST_F(CollectionPlanTest, AStreamThatHasEndedMayStillGoOnWithinTheRange) {
  fill(Protocol::dash, 4);
  ASSERT_TRUE(archive_->close_tail(true, at(8)).ok());
  const auto made = plan(4, 20);
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(made->manifests, IsEmpty());
}

TEST_F(CollectionPlanTest, SaysWhatThereIsOfARangeAndWhatIsNot) {
  using std::chrono::seconds;
  for (const Protocol protocol : {Protocol::hls, Protocol::dash}) {
    archive_ = archive::Archive::in_memory();
    next_slot_ = 1;
    fill(protocol, 10);  // 0 to 20
    EXPECT_FALSE(plan(4, 30)->covered.has_value()) << "it is not over";
    const auto covered = [&](int start, int end) {
      const auto made = plan(start, end, true);
      return made.ok() && made->covered ? *made->covered : CollectedRange{};
    };
    EXPECT_EQ(covered(5, 11).start, at(4));
    EXPECT_EQ(covered(5, 11).end, at(12));
    EXPECT_EQ(covered(5, 11).missing, seconds{0});
    EXPECT_EQ(covered(0, 20).missing, seconds{0});
    EXPECT_EQ(covered(4, 27).end, at(20));
    EXPECT_EQ(covered(4, 27).missing, seconds{7}) << "the tail";
    EXPECT_EQ(covered(-3, 9).start, at(0));
    EXPECT_EQ(covered(-3, 9).missing, seconds{3}) << "the head";
    EXPECT_EQ(covered(-3, 27).missing, seconds{10});
    for (int i = 10; i < 14; ++i) add_slot_at(i, 8);  // 28 to 36, and nothing for 8 s before
    EXPECT_EQ(covered(4, 36).missing, seconds{8}) << "in between";
    EXPECT_EQ(covered(4, 36).end, at(36));
    EXPECT_EQ(covered(4, 22).missing, seconds{2}) << "the range ends before it goes on";
  }
}

// Semantics S4: such a slot has its number, and a segment that is listed as a gap.
TEST_F(CollectionPlanTest, HolesInsideOfAStretchAreMissing) {
  using std::chrono::seconds;
  for (const Protocol protocol : {Protocol::hls, Protocol::hls_cmaf, Protocol::dash}) {
    archive_ = archive::Archive::in_memory();
    next_slot_ = 1;
    fill(protocol, 4);  // 0 to 8
    add_slot_without(4, {1, 2});
    add_slot_without(5, {1, 2});
    add_slot_without(6, {});
    add_slot_without(7, {2});  // sound alone is missing
    add_slot_without(8, {});   // until 18
    const auto missing = [&](int start, int end) { return plan(start, end, true)->covered->missing; };
    EXPECT_EQ(missing(1, 8), seconds{0});
    EXPECT_EQ(missing(12, 14), seconds{0});
    EXPECT_EQ(missing(1, 14), seconds{4}) << "8 to 12";
    EXPECT_EQ(missing(1, 18), seconds{6}) << "and 14 to 16";
    EXPECT_EQ(missing(9, 13), seconds{3}) << "of the range";
    EXPECT_EQ(missing(1, 20), seconds{8}) << "and the tail";
    EXPECT_EQ(plan(1, 14, true)->covered->end, at(14));
  }
}

TEST_F(CollectionPlanTest, NothingInAPastRangeIsAnError) {
  fill(Protocol::hls, 4);
  EXPECT_FALSE(plan(-20, -10).ok());
  output_.endpoint = "other";
  EXPECT_FALSE(plan(0, 4, true).ok());
}

}  // namespace
}  // namespace tarn::server
