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

TEST_F(CollectionPlanTest, NothingInAPastRangeIsAnError) {
  fill(Protocol::hls, 4);
  EXPECT_FALSE(plan(-20, -10).ok());
  output_.endpoint = "other";
  EXPECT_FALSE(plan(0, 4, true).ok());
}

}  // namespace
}  // namespace tarn::server
