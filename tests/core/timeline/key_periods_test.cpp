// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/key_periods.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "core/timeline/cutter.h"
#include "support/seed.h"

namespace tarn::timeline {
namespace {

using testing::ElementsAre;

constexpr std::uint32_t ts = 90'000;
constexpr std::uint32_t length = 60;

Utc at(std::int64_t seconds) { return Utc{std::chrono::seconds{seconds}}; }
std::shared_ptr<const int> value(int v) { return std::make_shared<const int>(v); }

TEST(KeyPeriods, AreCountedFrom1970) {
  EXPECT_EQ(key_period_at(length, at(0)), 0U);
  EXPECT_EQ(key_period_at(length, at(119)), 1U);
  EXPECT_EQ(key_period_at(length, at(120) - Microseconds{1}), 1U);
  EXPECT_EQ(key_period_at(length, at(120)), 2U);
  EXPECT_EQ(start_of_key_period(length, 2), at(120));
  EXPECT_EQ(key_period_at(0, at(1'700'000'000)), 0U) << "one that never ends";
  EXPECT_EQ(key_period_at(length, Utc::min()), 0U);
}

TEST(KeyPeriods, HoldUntilTheNextAndTheFirstForAllBefore) {
  const KeyPeriods<int> keys{length, {{10, value(1)}, {11, value(2)}, {14, value(3)}}};
  EXPECT_EQ(*keys.at(at(0)), 1);
  EXPECT_EQ(*keys.at(at(600)), 1);
  EXPECT_EQ(*keys.at(at(660)), 2);
  EXPECT_EQ(*keys.at(at(839)), 2) << "two periods without keys of their own";
  EXPECT_EQ(*keys.at(at(840)), 3);
  EXPECT_EQ(*keys.at(at(1'000'000)), 3);
}

TEST(KeyPeriods, OneValueHoldsForEver) {
  const KeyPeriods<int> keys = value(7);
  EXPECT_EQ(*keys.at(Utc{}), 7);
  EXPECT_EQ(*keys.at(at(1'700'000'000)), 7);
  EXPECT_TRUE(static_cast<bool>(keys));
  EXPECT_FALSE(static_cast<bool>(KeyPeriods<int>{nullptr}));
  EXPECT_FALSE(static_cast<bool>(KeyPeriods<int>{std::shared_ptr<const int>{}}));
}

// GOPs of a programme whose media time has nothing to do with its dates.
Slot slot_of(std::uint64_t number, std::int64_t start_ms, std::int64_t length_ms) {
  Slot slot;
  slot.number = number;
  slot.stretch = 1;
  slot.start = 777 + start_ms * 90;
  slot.end = slot.start + length_ms * 90;
  slot.utc = at(1'700'000'000) + std::chrono::milliseconds{start_ms};
  return slot;
}

struct Cutting {
  std::vector<Cut> cuts;
  std::map<std::uint32_t, Generation> generations;

  void add(Cutter& cutter, const Slot& slot) {
    for (const Cut& cut : cutter.add(slot, ts, slot.utc)) cuts.push_back(cut);
    if (cutter.ended_generation())
      generations[cutter.ended_generation()->number] = *cutter.ended_generation();
    generations[cutter.generation().number] = cutter.generation();
  }
};

TEST(KeyBounds, LieAtTheFirstSegmentThatStartsInThePeriod) {
  // 1,700,000,000 is 20 s into its minute; segments of 6 s start at 0, 6, … 36, 42.
  Cutter cutter{Generation{1, 1, 6, 0, {}, length}, 6, {1, 1}};
  Cutting seen;
  for (std::uint64_t i = 0; i < 54; ++i) {
    seen.add(cutter, slot_of(i + 1, static_cast<std::int64_t>(i) * 2000, 2000));
  }
  ASSERT_EQ(seen.cuts.size(), 18U);
  for (const Cut& cut : seen.cuts) {
    EXPECT_EQ(cut.slot_count, 3U) << "no segment is cut short for a key";
    EXPECT_FALSE(cut.discontinuity);
    EXPECT_EQ(cut.generation, cut.number <= 7 ? 1U : cut.number <= 17 ? 2U : 3U) << cut.number;
  }
  EXPECT_EQ(seen.generations[1].start, at(1'700'000'000));
  EXPECT_EQ(seen.generations[2].start, at(1'700'000'042)) << "the bound is at 40 s, inside of a segment";
  EXPECT_EQ(seen.generations[3].start, at(1'700'000'102));
  EXPECT_EQ(seen.generations[2].from_slot, 22U);
  EXPECT_EQ(seen.generations[2].target_duration, 6U);
  EXPECT_EQ(seen.generations[2].key_period, length);
}

TEST(KeyBounds, WithoutAPeriodThereAreNone) {
  Cutter cutter{Generation{1, 1, 6, 0}, 6, {1, 1}};
  Cutting seen;
  for (std::uint64_t i = 0; i < 200; ++i) {
    seen.add(cutter, slot_of(i + 1, static_cast<std::int64_t>(i) * 2000, 2000));
  }
  EXPECT_EQ(seen.generations.size(), 1U);
}

// The segment before is closed by the very slot that begins the period: its target and start are not lost.
TEST(KeyBounds, TheGenerationThatEndsIsTold) {
  Cutter cutter{Generation{1, 1, 6, 0, {}, length}, 6, {1, 1}};
  Cutting seen;
  seen.add(cutter, slot_of(1, 0, 4000));
  Slot other = slot_of(2, 120'000, 6000);
  other.stretch = 2;
  seen.add(cutter, other);
  ASSERT_EQ(seen.cuts.size(), 2U);
  EXPECT_EQ(seen.generations[1].start, at(1'700'000'000));
  EXPECT_EQ(seen.generations[1].target_duration, 6U);
  EXPECT_EQ(seen.cuts[1].generation, 2U);
  EXPECT_TRUE(seen.cuts[1].discontinuity) << "for the stretch";
  EXPECT_FALSE(cutter.close(Utc{}).has_value());
  EXPECT_FALSE(cutter.ended_generation().has_value());
}

// Of any GOPs: each segment's generation starts in its own key period, bounds come as early as they can, and
// a cutter that begins anew from what is stored goes on in the same way.
TEST(KeyBounds, AreTheSameAfterARestartAnywhere) {
  const unsigned seed = test::seed_of_run();
  SCOPED_TRACE(seed);
  std::mt19937 random{seed};
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution{low, high}(random); };
  for (int round = 0; round < 100; ++round) {
    std::vector<Slot> slots;
    std::int64_t time = pick(0, 100'000);
    for (std::uint64_t number = 1; number <= 150; ++number) {
      const int gop = pick(300, pick(0, 20) == 0 ? 30'000 : 4000);
      slots.push_back(slot_of(number, time, gop));
      time += gop;
    }
    const Generation first{1, 1, static_cast<std::uint32_t>(pick(1, 10)), 0, {}, 60};
    Cutter whole{first, 2, {1, 1}};
    Cutting once;
    for (const Slot& slot : slots) once.add(whole, slot);

    Cutting again;
    std::optional<Cutter> cutter{std::in_place, first, 2U, Cutter::Anchor{1, 1}};
    for (std::size_t i = 0; i < slots.size(); ++i) {
      again.add(*cutter, slots[i]);
      if (pick(0, 9) != 0) continue;
      // As the catalogue has it: the last cut and the last generation.
      Cutter::Anchor anchor = cutter->anchor();
      anchor.first_slot = std::max(anchor.first_slot, cutter->generation().from_slot);
      cutter.emplace(cutter->generation(), 2U, anchor);
      for (const Slot& slot : slots) {
        if (slot.number >= anchor.first_slot && slot.number <= slots[i].number) again.add(*cutter, slot);
      }
    }
    // What was the longest GOP is forgotten with a restart, so that lengths may differ; bounds may not.
    for (const Cutting* seen : {&once, &again}) {
      std::uint32_t before = 0;
      for (const Cut& cut : seen->cuts) {
        const Utc start = slots[cut.first_slot - 1].utc;
        const Utc generation_start = seen->generations.at(cut.generation).start;
        ASSERT_EQ(key_period_at(60, generation_start), key_period_at(60, start)) << cut.number;
        if (cut.generation != before) {
          ASSERT_EQ(generation_start, start);
        }
        before = cut.generation;
      }
    }
  }
}

}  // namespace
}  // namespace tarn::timeline
