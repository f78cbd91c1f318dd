// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/cutter.h"

#include <gmock/gmock.h>

#include <random>

#include "support/seed.h"

namespace tarn::timeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t ts = 90'000;

MATCHER_P3(IsCut, number, first_slot, slot_count, "") {
  return arg.number == static_cast<std::uint64_t>(number) &&
         arg.first_slot == static_cast<std::uint64_t>(first_slot) &&
         arg.slot_count == static_cast<std::uint32_t>(slot_count);
}

// Feeds slots one after another, all of one stretch until told otherwise.
class Feeder {
 public:
  explicit Feeder(std::uint32_t segment_duration, std::uint32_t channel = 1, Cutter::Anchor anchor = {1, 1})
      : cutter{Generation{1, anchor.first_slot, segment_duration, 0}, channel, anchor},
        next_{anchor.first_slot} {}

  std::vector<Cut> gop_ms(std::int64_t milliseconds) { return gop(milliseconds * 90); }
  std::vector<Cut> gop(std::int64_t ticks) {
    Slot slot;
    slot.number = next_++;
    slot.stretch = stretch;
    slot.start = at_;
    slot.end = at_ += ticks;
    slot.utc = utc_of(slot.start);
    std::vector<Cut> cuts = cutter.add(slot, timescale, Utc{Microseconds{at_}}, tolerance);
    all.insert(all.end(), cuts.begin(), cuts.end());
    return cuts;
  }

  static Utc utc_of(std::int64_t ticks) { return Utc{to_microseconds(ticks, ts)}; }

  Cutter cutter;
  std::uint32_t stretch = 1;
  std::uint32_t timescale = ts;
  std::int64_t tolerance = 0;
  std::vector<Cut> all;

 private:
  std::uint64_t next_;
  std::int64_t at_ = 1'000'000;
};

TEST(Cutter, CutsAtTheFirstGopThatStartsAfterTheDuration) {
  Feeder feed{6};
  EXPECT_THAT(feed.gop_ms(4000), IsEmpty());
  EXPECT_THAT(feed.gop_ms(4000), ElementsAre(IsCut(1, 1, 2)));
  EXPECT_EQ(feed.cutter.generation().target_duration, 8U);
  EXPECT_THAT(feed.gop_ms(4000), IsEmpty());
  EXPECT_THAT(feed.gop_ms(4000), ElementsAre(IsCut(2, 3, 2)));
}

TEST(Cutter, CutsAsSoonAsTheSlotThatCompletesTheDurationIsListed) {
  Feeder feed{6};
  feed.gop_ms(2000);
  feed.gop_ms(2000);
  EXPECT_THAT(feed.gop_ms(2000), ElementsAre(IsCut(1, 1, 3)));
  EXPECT_EQ(feed.cutter.generation().target_duration, 6U);
  EXPECT_EQ(feed.all.back().generation, 1U);
  EXPECT_EQ(feed.all.back().stretch, 1U);
}

TEST(Cutter, IsExactToTheTick) {
  Feeder feed{6};
  EXPECT_THAT(feed.gop(6 * ts - 1), IsEmpty());
  EXPECT_THAT(feed.gop(1), ElementsAre(IsCut(1, 1, 2)));
}

TEST(Cutter, TheTargetIsRoundedUpToWholeSeconds) {
  Feeder feed{6};
  for (int i = 0; i < 3; ++i) feed.gop(180'180);  // 2.002 s
  EXPECT_THAT(feed.all, ElementsAre(IsCut(1, 1, 3)));
  EXPECT_EQ(feed.cutter.generation().target_duration, 7U);
}

TEST(Cutter, TheTargetIsAtLeastTheChannelsSegmentDuration) {
  Feeder feed{2, 6};
  EXPECT_THAT(feed.gop_ms(2000), ElementsAre(IsCut(1, 1, 1)));
  EXPECT_EQ(feed.cutter.generation().target_duration, 6U);
}

TEST(Cutter, AGopThatWouldExceedTheTargetIsLeftForTheNextSegment) {
  Feeder feed{6};
  for (int i = 0; i < 3; ++i) feed.gop_ms(2000);
  feed.gop_ms(2000);
  feed.gop_ms(1900);
  EXPECT_THAT(feed.gop_ms(5000), ElementsAre(IsCut(2, 4, 2)));
  EXPECT_THAT(feed.gop_ms(1000), ElementsAre(IsCut(3, 6, 2)));
  EXPECT_EQ(feed.cutter.generation().target_duration, 6U);
}

TEST(Cutter, TheFirstSegmentObeysTheTargetThatItFixes) {
  Feeder feed{6};
  feed.gop_ms(3000);
  feed.gop_ms(2900);
  EXPECT_THAT(feed.gop_ms(2900), ElementsAre(IsCut(1, 1, 2)));  // 8.8 s would not fit into 6 s
  EXPECT_EQ(feed.cutter.generation().target_duration, 6U);
}

TEST(Cutter, ASingleGopALittleLongerThanTheTargetIsASegmentByItself) {
  Feeder feed{6};
  for (int i = 0; i < 3; ++i) feed.gop_ms(2000);
  feed.gop_ms(2000);
  EXPECT_THAT(feed.gop_ms(6400), ElementsAre(IsCut(2, 4, 1), IsCut(3, 5, 1)));
  EXPECT_EQ(feed.cutter.generation().number, 1U);
}

TEST(Cutter, ASingleGopMuchLongerThanTheTargetBeginsAGeneration) {
  Feeder feed{6};
  for (int i = 0; i < 3; ++i) feed.gop_ms(2000);
  feed.gop_ms(2000);
  const std::vector<Cut> cuts = feed.gop_ms(6500);
  EXPECT_THAT(cuts, ElementsAre(IsCut(2, 4, 1), IsCut(3, 5, 1)));
  EXPECT_EQ(cuts.at(0).generation, 1U);
  EXPECT_EQ(cuts.at(1).generation, 2U);
  EXPECT_EQ(feed.cutter.generation().number, 2U);
  EXPECT_EQ(feed.cutter.generation().from_slot, 5U);
  EXPECT_EQ(feed.cutter.generation().target_duration, 7U);
}

TEST(Cutter, ANewStretchEndsTheOpenSegmentShort) {
  Feeder feed{6};
  feed.gop_ms(2000);
  feed.stretch = 2;
  EXPECT_THAT(feed.gop_ms(6000), ElementsAre(IsCut(1, 1, 1), IsCut(2, 2, 1)));
  EXPECT_EQ(feed.all.at(0).stretch, 1U);
  EXPECT_EQ(feed.all.at(1).stretch, 2U);
}

TEST(Cutter, DiscontinuitiesAreCountedWhateverTheIdsOfTheStretches) {
  Feeder feed{4};
  feed.stretch = 3;  // the endpoint is younger than the channel
  feed.gop_ms(4000);
  feed.gop_ms(4000);
  feed.stretch = 7;
  feed.gop_ms(2000);
  feed.stretch = 9;
  feed.gop_ms(4000);
  feed.gop_ms(4000);
  std::vector<std::pair<bool, std::uint32_t>> seen;
  for (const Cut& cut : feed.all) seen.emplace_back(cut.discontinuity, cut.discontinuity_sequence);
  EXPECT_THAT(seen, ElementsAre(std::pair{false, 0U}, std::pair{false, 0U}, std::pair{true, 1U},
                                std::pair{true, 2U}, std::pair{false, 2U}));
}

TEST(Cutter, AGenerationAfterATooLongGopBeginsWithADiscontinuity) {
  Feeder feed{6};
  feed.gop_ms(6000);
  feed.gop_ms(9000);
  feed.gop_ms(9000);
  ASSERT_EQ(feed.all.size(), 3U);
  EXPECT_FALSE(feed.all[0].discontinuity);
  EXPECT_TRUE(feed.all[1].discontinuity);
  EXPECT_EQ(feed.all[1].discontinuity_sequence, 1U);
  EXPECT_FALSE(feed.all[2].discontinuity) << "it fits into the generation's larger target";
  EXPECT_EQ(feed.all[2].discontinuity_sequence, 1U);
}

TEST(Cutter, TheStartOfAGenerationIsThatOfItsFirstCut) {
  Feeder feed{6};
  EXPECT_EQ(feed.cutter.generation().start, Utc{});
  feed.gop_ms(4000);
  EXPECT_EQ(feed.cutter.generation().start, Utc{});
  feed.gop_ms(4000);
  const Utc start = feed.utc_of(1'000'000);
  EXPECT_EQ(feed.cutter.generation().start, start);
  feed.gop_ms(8000);
  EXPECT_EQ(feed.cutter.generation().start, start);
  feed.gop_ms(12'000);
  EXPECT_EQ(feed.cutter.generation().start, start + std::chrono::seconds{16}) << "a generation of its own";
}

TEST(Cutter, CloseEndsTheOpenSegmentAndFixesTheTarget) {
  Feeder feed{6};
  EXPECT_FALSE(feed.cutter.close(Utc{}).has_value());
  feed.gop_ms(4000);
  const std::optional<Cut> cut = feed.cutter.close(Utc{Microseconds{7}});
  ASSERT_TRUE(cut.has_value());
  EXPECT_THAT(*cut, IsCut(1, 1, 1));
  EXPECT_EQ(cut->recorded, Utc{Microseconds{7}});
  EXPECT_EQ(feed.cutter.generation().target_duration, 8U);
  EXPECT_FALSE(feed.cutter.close(Utc{}).has_value());
  EXPECT_EQ(feed.cutter.anchor().next_number, 2U);
  EXPECT_EQ(feed.cutter.anchor().first_slot, 2U);
}

TEST(Cutter, SlotsBeforeTheAnchorArePassedOver) {
  Cutter cutter{Generation{3, 1, 2, 2}, 2, {9, 20}};
  Slot slot;
  slot.number = 19;
  slot.end = 2 * ts;
  EXPECT_THAT(cutter.add(slot, ts, Utc{}), IsEmpty());
  slot.number = 20;
  EXPECT_THAT(cutter.add(slot, ts, Utc{}), ElementsAre(IsCut(9, 20, 1)));
  EXPECT_THAT(cutter.add(slot, ts, Utc{}), IsEmpty());
}

TEST(Cutter, AudioSlotsThatAlternateAroundTheDurationMakeOneSegmentEach) {
  Stretch stretch;
  Track track;
  track.id = stretch.reference = 1;
  track.description.info.codec = codecs::Codec::aac;
  track.description.info.timescale = 48'000;
  track.description.info.samples_per_frame = 1024;
  stretch.tracks.push_back(track);
  EXPECT_EQ(cut_tolerance(stretch), 1024);
  stretch.tracks[0].description.info.codec = codecs::Codec::h264;
  EXPECT_EQ(cut_tolerance(stretch), 0);
  stretch.reference = 2;
  EXPECT_EQ(cut_tolerance(stretch), 0);

  for (const int first : {281, 282}) {
    Feeder feed{6};
    feed.timescale = 48'000;
    feed.tolerance = 1024;
    for (int i = 0; i < 20; ++i) feed.gop((i % 2 == 0 ? first : 563 - first) * 1024);
    EXPECT_EQ(feed.all.size(), 20U);
    EXPECT_EQ(feed.cutter.generation().target_duration, 6U);
  }
}

// A segment as RFC 8216bis 4.4.3.1 sees it.
std::int64_t rounded_seconds(std::int64_t ticks) { return (ticks + ts / 2) / ts; }

TEST(Cutter, AnyGopsGiveContiguousTruthfulCutsThatARestartRepeats) {
  const unsigned seed = test::seed_of_run();
  SCOPED_TRACE(seed);
  std::mt19937 random{seed};
  for (int round = 0; round < 300; ++round) {
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution{low, high}(random); };
    const std::uint32_t duration = static_cast<std::uint32_t>(pick(1, 30));
    const std::uint32_t channel = static_cast<std::uint32_t>(pick(1, 10));
    const int longest = pick(1, 40) * 9000;
    std::vector<Slot> slots;
    std::int64_t at = pick(-1'000'000, 1'000'000);
    for (std::uint64_t number = 1; number <= 120; ++number) {
      Slot slot;
      slot.number = number;
      slot.stretch = slots.empty() ? 1 : slots.back().stretch + (pick(0, 40) == 0 ? 1U : 0U);
      slot.start = at;
      at += pick(3000, pick(0, 30) == 0 ? 40 * 90'000 : longest + 3000);
      slot.end = at;
      slots.push_back(slot);
    }
    Cutter cutter{Generation{1, 1, duration, 0}, channel, {1, 1}};
    std::vector<Cut> cuts;
    std::vector<Generation> generations;
    for (const Slot& slot : slots) {
      for (const Cut& cut : cutter.add(slot, ts, Utc{Microseconds{slot.end}})) cuts.push_back(cut);
      if (generations.empty() || generations.back().number != cutter.generation().number)
        generations.push_back(cutter.generation());
      generations.back() = cutter.generation();
    }
    std::uint64_t next_slot = 1;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const Cut& cut = cuts[i];
      ASSERT_EQ(cut.number, i + 1);
      ASSERT_EQ(cut.first_slot, next_slot);
      ASSERT_GE(cut.slot_count, 1U);
      next_slot += cut.slot_count;
      const Generation& generation = generations.at(cut.generation - 1);
      ASSERT_EQ(generation.number, cut.generation);
      ASSERT_GE(generation.target_duration, std::max(channel, duration));
      const Slot& first = slots[cut.first_slot - 1];
      const Slot& last = slots[next_slot - 2];
      ASSERT_EQ(first.stretch, last.stretch);
      ASSERT_LE(rounded_seconds(last.end - first.start), generation.target_duration);
    }
    if (cuts.empty()) continue;
    // From any recorded cut on, the same slots give the same cuts.
    const std::size_t from = static_cast<std::size_t>(pick(0, static_cast<int>(cuts.size()) - 1));
    Cutter again{generations.at(cuts[from].generation - 1),
                 channel,
                 {cuts[from].number + 1, cuts[from].first_slot + cuts[from].slot_count}};
    std::size_t compared = from + 1;
    for (const Slot& slot : slots) {
      for (const Cut& cut : again.add(slot, ts, Utc{})) {
        ASSERT_LT(compared, cuts.size());
        ASSERT_THAT(cut, IsCut(cuts[compared].number, cuts[compared].first_slot, cuts[compared].slot_count));
        ASSERT_EQ(cut.generation, cuts[compared].generation);
        ++compared;
      }
    }
    ASSERT_EQ(compared, cuts.size());
  }
}

}  // namespace
}  // namespace tarn::timeline
