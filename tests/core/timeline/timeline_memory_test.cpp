// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <random>

#include "core/timeline/timeline.h"

namespace tarn::timeline {
namespace {

using Random = std::mt19937_64;

void expect_equal(const Chunk& a, const Chunk& b) {
  EXPECT_EQ(a.track, b.track);
  EXPECT_EQ(a.independent, b.independent);
  EXPECT_EQ(a.start, b.start);
  EXPECT_EQ(a.duration, b.duration);
  EXPECT_EQ(a.serial, b.serial);
  EXPECT_EQ(a.location.volume, b.location.volume);
  EXPECT_EQ(a.location.size, b.location.size);
  EXPECT_EQ(a.location.offset, b.location.offset);
}

void expect_equal(const SlotView& read, const Slot& written) {
  EXPECT_EQ(read.number, written.number);
  EXPECT_EQ(read.stretch, written.stretch);
  EXPECT_EQ(read.start, written.start);
  EXPECT_EQ(read.end, written.end);
  EXPECT_EQ(read.utc, written.utc);
  ASSERT_EQ(read.chunks.size(), written.chunks.size());
  std::size_t index = 0;
  for (const Chunk& chunk : read.chunks) expect_equal(chunk, written.chunks[index++]);
  for (TrackId track = 0; track < 8; ++track) {
    const auto found = read.find(track);
    const auto expected = written.find(track);
    ASSERT_EQ(found == nullptr, expected == nullptr) << track;
    if (found != nullptr) expect_equal(*found, *expected);
  }
}

// Any value that the type has, more often one that is near the ends of its range.
template <class Integer>
Integer any(Random& random) {
  switch (random() % 4) {
    case 0:
      return std::numeric_limits<Integer>::max();
    case 1:
      return std::numeric_limits<Integer>::min();
    case 2:
      return static_cast<Integer>(random() % 100);
    default:
      return static_cast<Integer>(random());
  }
}

// Nothing in it follows from the slot before, and tracks come and go.
Slot wild_slot(std::uint64_t number, Random& random) {
  Slot slot;
  slot.number = number;
  slot.stretch = any<std::uint32_t>(random);
  slot.start = any<std::int64_t>(random);
  slot.end = any<std::int64_t>(random);
  slot.utc = Utc{Microseconds{any<std::int64_t>(random)}};
  for (TrackId track = 1; track < 8; ++track) {
    if (random() % 3 == 0) continue;
    slot.chunks.push_back(
        {track,
         random() % 2 == 0,
         any<std::int64_t>(random),
         any<std::int64_t>(random),
         any<std::uint64_t>(random),
         {any<std::uint32_t>(random), any<std::uint32_t>(random), any<std::uint64_t>(random)}});
  }
  return slot;
}

// Two seconds of video in GOPs of 90 kHz, and audio in whole frames of 48 kHz; sizes vary as sizes do.
Slot tame_slot(std::uint64_t number, Random& random) {
  constexpr std::int64_t gop = 180'000;
  const auto place = static_cast<std::int64_t>(number);
  const auto audio_start = [](std::int64_t at) { return (at * 96'000 + 1023) / 1024 * 1024; };
  Slot slot;
  slot.number = number;
  slot.stretch = static_cast<std::uint32_t>(number / 43'200 + 1);
  slot.start = place * gop;
  slot.end = slot.start + gop;
  slot.utc = Utc{Microseconds{1'700'000'000'000'000 + place * 2'000'000}};
  const auto volume = static_cast<std::uint32_t>(number / 300 * 2);
  const std::uint64_t in_volume = number % 300;
  const auto varies = random() % 100'000;
  slot.chunks = {
      {1,
       true,
       slot.start,
       gop,
       2 * number,
       {volume, static_cast<std::uint32_t>(900'000 + varies), in_volume * 950'000 + 5 * varies}},
      {2,
       true,
       audio_start(place),
       audio_start(place + 1) - audio_start(place),
       2 * number + 1,
       {volume + 1, static_cast<std::uint32_t>(32'000 + varies % 500), in_volume * 32'250 + varies}}};
  return slot;
}

TEST(TimelineMemory, AnySlotComesBackAsItWas) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    Timeline timeline;
    std::vector<Slot> slots;
    for (std::uint64_t number = 1000; number < 1000 + 700; ++number) {
      slots.push_back(wild_slot(number, random));
      timeline.append(slots.back());
    }
    for (const Slot& slot : slots) {
      const auto found = timeline.find(slot.number);
      ASSERT_NE(found, nullptr);
      expect_equal(*found, slot);
      expect_equal(found->copy(), slot);
    }
    EXPECT_EQ(timeline.find(999), nullptr);
    EXPECT_EQ(timeline.find(1700), nullptr);
  }
}

TEST(TimelineMemory, AnyCutComesBackAsItWas) {
  Random random{1};
  CutList cuts;
  std::vector<Cut> expected;
  for (std::uint64_t number = 1; number <= 1500; ++number) {
    expected.push_back({number, any<std::uint64_t>(random), any<std::uint32_t>(random),
                        any<std::uint32_t>(random), any<std::uint32_t>(random),
                        Utc{Microseconds{any<std::int64_t>(random)}}, random() % 2 == 0,
                        any<std::uint32_t>(random)});
    cuts.push_back(expected.back());
  }
  EXPECT_TRUE(std::equal(cuts.begin(), cuts.end(), expected.begin(), expected.end()));
  EXPECT_TRUE(std::equal(cuts.rbegin(), cuts.rend(), expected.rbegin(), expected.rend()));
  EXPECT_EQ(cuts.front(), expected.front());
  EXPECT_EQ(cuts.back(), expected.back());
}

// Two weeks of segments of 2 s, which are 604,800 slots, in two endpoints that cut each of them. Most of it
// are the sizes and places of chunks; 8 bytes are left for the lists themselves.
TEST(TimelineMemory, ASlotTakesFewBytes) {
  constexpr std::uint64_t slots = 60'480;
  Random random{1};
  const auto used = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const std::size_t before = used();
  const auto timeline = std::make_unique<Timeline>();
  const auto presentations = std::make_unique<std::array<CutList, 2>>();
  for (std::uint64_t number = 1; number <= slots; ++number) {
    const Slot slot = tame_slot(number, random);
    timeline->append(slot);
    for (CutList& cuts : *presentations) {
      cuts.push_back({number, number, 1, slot.stretch, 1, slot.utc + Microseconds{random() % 100'000}});
    }
  }
  const std::size_t taken = used() - before;
  if (used() == 0) GTEST_SKIP() << "this allocator does not count";
  EXPECT_LT(taken / slots, 40U);
  EXPECT_GT(taken / slots, 8U) << "it counts something else";
}

}  // namespace
}  // namespace tarn::timeline
