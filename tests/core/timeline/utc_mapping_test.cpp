// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <iostream>
#include <optional>

#include "core/timeline/utc_watch.h"
#include "merger_scene.h"

// Semantics S13 in virtual time: what encoders' clocks do to the dates of a channel.
namespace tarn::timeline {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::int64_t segment_ticks = 540'000;  // 6 s
constexpr Microseconds segment{6'000'000};
constexpr std::int64_t segments_per_day = 14'400;
const Utc epoch{Microseconds{1'767'225'600'000'000}};

// Encoders that send one GOP a segment and live by clocks of their own.
class Channel {
 public:
  // By how much UTC goes while an encoder counts a second of media.
  double pace = 1.0;
  // What the playlist's clock is off at a moment of UTC since the epoch; none: it has no dates.
  std::function<std::optional<Microseconds>(Microseconds)> clock = [](Microseconds) { return std::nullopt; };
  // For how long a segment is on its way.
  std::function<Microseconds(std::int64_t)> latency = [](std::int64_t number) {
    return Microseconds{200'000 + number * 7919 % 600'000};
  };

  struct Step {
    std::uint64_t slot = 0;
    Microseconds by{};
  };
  std::vector<Step> steps;
  Microseconds most_behind = Microseconds::min();
  Microseconds most_ahead = Microseconds::min();
  std::uint64_t slots = 0;
  Utc end;  // of the last slot, as the timeline has it
  std::int64_t end_ticks = 0;

  explicit Channel(Resume resume = {}) : merger_{{segment}, std::move(resume)} {
    for (const InputId input : {0U, 1U}) merger_.set_tracks(input, {video_description("v0", 0)});
  }

  [[nodiscard]] Microseconds real(std::int64_t ticks) const {
    return Microseconds{std::llround(static_cast<double>(ticks) * pace * 1e6 / 9e4)};
  }

  void send(InputId input, std::int64_t number) {
    const std::int64_t start = number * segment_ticks;
    const Microseconds from = real(start);
    const Microseconds arrival = last_arrival_ =
        std::max(last_arrival_, real(start + segment_ticks) + latency(number));
    const Monotonic now{hours{1} + arrival};
    if (const auto off = clock(from)) {
      merger_.set_program_date_time(input, "v0", start, epoch + from + *off);
    }
    merger_.add(input, "v0", {start, segment_ticks, true, nullptr}, now, epoch + arrival);
    merger_.segment_end(input, {"v0"}, now, epoch + arrival);
    merger_.advance(now, epoch + arrival);
    read();
  }
  void send_days(std::int64_t days) {
    for (std::int64_t i = 0; i < days * segments_per_day; ++i) send(0, i);
  }
  [[nodiscard]] InputStatus status() const { return merger_.status(0); }
  [[nodiscard]] std::size_t stretches() const { return stretches_; }

 private:
  void read() {
    for (const Decision& decision : merger_.take()) {
      if (std::holds_alternative<StretchStarted>(decision)) ++stretches_;
      const auto* slot = std::get_if<SlotListed>(&decision);
      if (slot == nullptr) continue;
      if (slots > 0) {
        ASSERT_GE(slot->utc, end - Microseconds{1}) << "dates go back in slot " << slot->number;
        if (slot->utc - end > Microseconds{1}) steps.push_back({slot->number, slot->utc - end});
      }
      const Microseconds behind = epoch + real(slot->start) - slot->utc;
      most_behind = std::max(most_behind, behind);
      most_ahead = std::max(most_ahead, -behind);
      end = slot->utc + to_microseconds(slot->end - slot->start, 90'000);
      end_ticks = slot->end;
      ++slots;
    }
  }

  Merger merger_;
  Microseconds last_arrival_{};
  std::size_t stretches_ = 0;
};

TEST(UtcMapping, AnEncoderThatCountsTooSlowlyIsFollowedForAMonth) {
  Channel channel;
  channel.pace = 1.0001;  // 8.64 s a day
  channel.send_days(30);
  EXPECT_EQ(channel.slots, 30U * segments_per_day);
  EXPECT_EQ(channel.stretches(), 1U) << "a clock is no discontinuity";
  std::cout << channel.steps.size() << " steps, at most " << channel.most_behind.count() / 1e6
            << " s behind, " << channel.most_ahead.count() / 1e6 << " s ahead\n";
  // 259 s in steps of a segment and a bit.
  EXPECT_GE(channel.steps.size(), 36U);
  EXPECT_LE(channel.steps.size(), 43U);
  for (const auto& step : channel.steps) {
    EXPECT_GT(step.by, segment);
    EXPECT_LT(step.by, segment + seconds{1});
  }
  EXPECT_LT(channel.most_behind, segment + seconds{1});
  // Without dates in the playlist the way from the encoder counts as part of it.
  EXPECT_LT(channel.most_ahead, seconds{1});
}

TEST(UtcMapping, OneThatCountsTooFastIsNeverSetBack) {
  Channel channel;
  channel.pace = 0.9999;
  channel.send_days(30);
  EXPECT_TRUE(channel.steps.empty());
  EXPECT_EQ(channel.stretches(), 1U);
  EXPECT_LT(channel.most_ahead, seconds{260});
}

TEST(UtcMapping, DatesOfThePlaylistAreFollowedTenSegmentsAfterTheClockWasSet) {
  Channel channel;
  channel.clock = [](Microseconds now) -> std::optional<Microseconds> {
    if (now < hours{72}) return seconds{0};
    if (now < hours{240}) return seconds{20};
    return seconds{5};
  };
  channel.send_days(30);
  ASSERT_EQ(channel.steps.size(), 1U);
  EXPECT_EQ(channel.steps.front().by, seconds{20});
  // Ten segments had the new date before the one that is dated anew.
  EXPECT_EQ(channel.steps.front().slot, 1U + 3 * segments_per_day + UtcWatch::segments);
  EXPECT_FALSE(channel.status().pdt_rejected);
}

TEST(UtcMapping, DatesThatAreNotCredibleAreNotFollowed) {
  Channel channel;
  channel.clock = [](Microseconds now) -> std::optional<Microseconds> {
    return now < hours{2} ? seconds{0} : seconds{3600};
  };
  channel.send_days(1);
  EXPECT_TRUE(channel.steps.empty());
  EXPECT_TRUE(channel.status().pdt_rejected);
  EXPECT_LT(channel.most_behind, seconds{1});
}

TEST(UtcMapping, AClockThatIsSetToAndFroIsNotFollowed) {
  Channel channel;
  channel.clock = [](Microseconds now) -> std::optional<Microseconds> {
    return now / segment % 10 == 0 ? seconds{0} : seconds{20};
  };
  channel.send_days(1);
  EXPECT_TRUE(channel.steps.empty()) << "nine segments are not ten";
}

TEST(UtcMapping, LateSegmentsAreNoClock) {
  Channel channel;
  channel.latency = [](std::int64_t number) {
    return number % 50 > 40 && number % 50 < 48 ? Microseconds{12'000'000} : Microseconds{300'000};
  };
  channel.send_days(1);
  EXPECT_TRUE(channel.steps.empty());
}

TEST(UtcMapping, AQueueThatDrainsIsNoClock) {
  Channel channel;
  channel.latency = [](std::int64_t number) {
    const std::int64_t left = 119 - number % 1000;  // until the way is free again
    return left >= 0 && left < 20 ? segment * left + Microseconds{300'000} : Microseconds{300'000};
  };
  channel.send_days(1);
  EXPECT_TRUE(channel.steps.empty());
  EXPECT_EQ(channel.slots, static_cast<std::uint64_t>(segments_per_day));
}

TEST(UtcMapping, TheOtherInputHasTenSegmentsToSayIt) {
  Channel channel;
  channel.clock = [](Microseconds now) -> std::optional<Microseconds> {
    return now < segment * 100 ? seconds{0} : seconds{15};
  };
  for (std::int64_t i = 0; i < 105; ++i) channel.send(0, i);
  for (std::int64_t i = 105; i < 130; ++i) channel.send(1, i);
  ASSERT_EQ(channel.steps.size(), 1U);
  EXPECT_GE(channel.steps.front().slot, 1U + 105 + UtcWatch::segments);
  EXPECT_EQ(channel.steps.front().by, seconds{15});
}

TEST(UtcMapping, ARestartGoesOnWithTheDatesOfTheArchive) {
  Channel before;
  before.clock = [](Microseconds now) -> std::optional<Microseconds> {
    return now < segment * 50 ? seconds{0} : seconds{20};
  };
  for (std::int64_t i = 0; i < 100; ++i) before.send(0, i);
  ASSERT_EQ(before.steps.size(), 1U);

  Resume resume;
  resume.next_slot = 101;
  resume.next_stretch = 2;
  Stretch stretch;
  stretch.id = 1;
  stretch.first_slot = 1;
  stretch.start = epoch;
  stretch.reference = 1;
  stretch.tracks = {{1, video_description("v0", 0), 1}};
  resume.last_stretch = stretch;
  resume.edges = {{1, before.end_ticks}};
  resume.slot_end = before.end_ticks;
  resume.slot_end_utc = before.end;
  Channel after{resume};
  after.clock = before.clock;
  for (std::int64_t i = 100; i < 200; ++i) after.send(0, i);
  EXPECT_EQ(after.stretches(), 0U);
  EXPECT_EQ(after.slots, 100U);
  EXPECT_TRUE(after.steps.empty());
  EXPECT_EQ(after.end, before.end + segment * 100);
}

// C13: an encoder's dates go on as they did, and the server's clock is set by an hour, forth and back.
TEST(UtcMapping, AServerClockThatIsSetMovesNoDate) {
  Scene scene{{}, MergerSettings{std::chrono::seconds{2}}};
  scene.announce_video();
  for (std::int64_t number = 0; number < 90; ++number) {
    scene.at(Scene::ms_of_gop(number + 1) + 100, [=, &scene](Merger& m) {
      const Microseconds off{std::chrono::hours{number >= 20 && number < 60 ? 1 : 0}};
      const Unit unit = Scene::gop(number, 0);
      m.set_program_date_time(0, "v0", unit.start, Scene::utc_at(Scene::ms_of_gop(number)));
      m.add(0, "v0", unit, scene.now(), scene.now_utc() + off);
      m.segment_end(0, {"v0"}, scene.now(), scene.now_utc() + off);
    });
  }
  scene.run(Scene::ms_of_gop(91));
  const auto slots = scene.all<SlotListed>();
  ASSERT_GE(slots.size(), 89U);
  for (std::size_t i = 0; i < slots.size(); ++i)
    EXPECT_EQ(slots[i].utc, Scene::utc_at(Scene::ms_of_gop(static_cast<std::int64_t>(i)))) << i;
}

}  // namespace
}  // namespace tarn::timeline
