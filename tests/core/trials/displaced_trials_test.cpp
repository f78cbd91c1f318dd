// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <memory>
#include <random>

#include "tests/support/seed.h"
#include "viewers.h"

// Two encoders of one programme that do not agree about its time, from the beginning or from a moment on, and
// two that are away at once. TARN_SEED repeats a run, TARN_TRIALS and TARN_LONG make it longer.
namespace tarn::trials {
namespace {

using timeline::Merger;
using timeline::Scene;
using timeline::Sending;
using timeline::Unit;

constexpr std::int64_t programme_gops = 60;
constexpr std::int64_t calm_gops = 14;
constexpr std::int64_t frame = 3'600;  // ticks of 90 kHz

enum class Trouble {
  standby_jumps,
  active_jumps,
  standby_jumps_and_is_needed,
  active_jumps_and_is_needed,
  offset,
  both_away,
  both_away_and_anew,  // their times begin elsewhere
  count
};

struct Expected {
  std::int64_t most_lost = 0;  // GOPs
  std::int64_t least_lost = 0;
  std::int64_t most_repeated = 0;
  std::int64_t most_discontinuities = 0;
  double oldest = 1.5;  // target durations
};

class Trial {
 public:
  explicit Trial(std::uint32_t seed) : random_{seed} {
    gops_ = pick(1, 3);
    target_ms_ = gops_ * 2000;
    trouble_ = static_cast<Trouble>(pick(0, static_cast<std::int64_t>(Trouble::count) - 1));
    from_gop_ = (calm_gops + pick(0, 11)) / gops_ * gops_;
    // Encoders of one kind give the same bytes, others do not, and some times nobody looks.
    content_ = pick(0, 2);
    const std::int64_t sign = pick(0, 1) == 0 ? -1 : 1;
    if (trouble_ == Trouble::offset) {
      offset_ = sign * std::array{frame, 2 * frame, 10 * frame, 67'000L,
                                  270'000L}[static_cast<std::size_t>(pick(0, 4))];
    } else {
      offset_ =
          sign *
          std::array{
              frame, 10 * frame, 90'000L, 270'000L, 900'000L, sign * 90'000'000L}[static_cast<std::size_t>(
              pick(0, 5))];
    }
    away_gops_ = pick(2, 20);
    channel_ = std::make_unique<VirtualChannel>(static_cast<std::uint32_t>(gops_ * 2));
    scene_ = std::make_unique<Scene>(
        timeline::Resume{}, timeline::MergerSettings{.target_duration = Microseconds{target_ms_ * 1000}});
    for (const auto& [protocol, rendition] :
         {std::pair{Protocol::hls, "v1a2"}, {Protocol::hls_cmaf, "v1"}, {Protocol::dash, "v1"}})
      viewers_.emplace_back(*channel_, endpoint(protocol, static_cast<std::uint32_t>(gops_ * 2)), rendition,
                            "v0");
  }

  void run() {
    scene_->on_decided = [this](const timeline::Decision& decision) {
      channel_->carry_out(decision, scene_->now_utc());
      if (std::holds_alternative<timeline::SlotListed>(decision)) {
        for (Viewer& viewer : viewers_)
          viewer.look(static_cast<double>(scene_->now().time_since_epoch().count()) / 1000);
      }
    };
    scene_->announce();
    for (const InputId input : {0U, 1U}) send(input);
    scene_->run(Scene::ms_of_gop(programme_gops + 1));
    scene_->expect_sane();
    judge();
  }

  [[nodiscard]] std::string text() const {
    constexpr std::array names{
        "standby jumps", "active jumps", "standby jumps and is needed", "active jumps and is needed",
        "offset",        "both away",    "both away and anew"};
    constexpr std::array contents{"unknown", "the same", "different"};
    return std::string{names[static_cast<std::size_t>(trouble_)]} + " by " + std::to_string(offset_) +
           " ticks at GOP " + std::to_string(from_gop_) + ", " + std::to_string(away_gops_) +
           " GOPs away, segments of " + std::to_string(gops_) + " GOPs, content " +
           contents[static_cast<std::size_t>(content_)];
  }

 private:
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution{low, high}(random_);
  }

  // Input 0 is the active one: it is always first.
  void send(InputId input) {
    bool is_new = false;
    const std::int64_t base = input == 0 ? 100 : pick(200, 400);
    for (std::int64_t segment = 0; (segment + 1) * gops_ <= programme_gops; ++segment) {
      const std::int64_t begin = segment * gops_;
      const bool is_after = begin >= from_gop_;
      Sending how{.gops = gops_, .content = content_ == 0 ? 0 : content_ == 1 ? 1U : input + 1U};
      const bool jumps = trouble_ == Trouble::standby_jumps || trouble_ == Trouble::active_jumps ||
                         trouble_ == Trouble::standby_jumps_and_is_needed ||
                         trouble_ == Trouble::active_jumps_and_is_needed;
      const bool of_standby =
          trouble_ == Trouble::standby_jumps || trouble_ == Trouble::standby_jumps_and_is_needed;
      const bool is_needed =
          trouble_ == Trouble::standby_jumps_and_is_needed || trouble_ == Trouble::active_jumps_and_is_needed;
      const InputId victim = of_standby ? 1 : 0;
      if (jumps && is_after && input == victim) how.offset = offset_;
      if (is_needed && input != victim && begin >= from_gop_ + 12) return;
      switch (trouble_) {
        case Trouble::standby_jumps:
        case Trouble::active_jumps:
        case Trouble::standby_jumps_and_is_needed:
        case Trouble::active_jumps_and_is_needed:
          break;
        case Trouble::offset:
          if (input == 1) how.offset = offset_;
          if (input == 0 && is_after) return;
          break;
        case Trouble::both_away:
        case Trouble::both_away_and_anew:
          if (trouble_ == Trouble::both_away_and_anew && begin >= from_gop_ + away_gops_) {
            how.offset = offset_;
            if (!std::exchange(is_new, true)) {
              scene_->at(Scene::ms_of_gop(begin + gops_) + 20,
                         [this, input](Merger& m) { m.discontinuity(input, scene_->now()); });
            }
          }
          if (is_after && begin < from_gop_ + away_gops_) continue;
          break;
        case Trouble::count:
          break;
      }
      scene_->send_segment(input, segment, how, Scene::ms_of_gop(begin + gops_) + base + pick(0, 50));
    }
  }

  [[nodiscard]] Expected expected() const {
    // What is sent between two inputs' times cannot be told from what was shown but by its bytes.
    const std::int64_t gops = (std::abs(offset_) + timeline::gop_ticks - 1) / timeline::gop_ticks;
    Expected displaced{.most_lost = content_ == 1 ? 0 : gops,
                       .most_repeated = content_ == 1 ? 0 : gops,
                       .most_discontinuities = 1};
    const std::int64_t whole = (away_gops_ + gops_ - 1) / gops_ * gops_;
    switch (trouble_) {
      case Trouble::standby_jumps:
        return {};
      case Trouble::active_jumps:
        // What it gives from then on begins a frame earlier: that slot is too short for a segment, and waits
        // for the next one (S3).
        return {.oldest = offset_ == -frame ? 2.5 : 1.5};
      case Trouble::standby_jumps_and_is_needed:
      case Trouble::active_jumps_and_is_needed:
      case Trouble::offset:
        if (offset_ == -frame && trouble_ != Trouble::offset) displaced.oldest = 2.5;  // as above
        // Whoever is behind by its times may be late, and is waited for.
        if (content_ != 1 && offset_ < 0 && trouble_ != Trouble::offset)
          displaced.oldest =
              1.5 + std::ceil(static_cast<double>(-offset_) / 90 / static_cast<double>(target_ms_));
        return displaced;

      case Trouble::both_away:
      case Trouble::both_away_and_anew:
      case Trouble::count:
        break;
    }
    return {.most_lost = whole, .least_lost = whole, .most_discontinuities = 1, .oldest = 1'000};
  }

  void judge() {
    const Expected wanted = expected();
    for (Viewer& viewer : viewers_) {
      viewer.look_back();
      const Seen& seen = viewer.seen();
      EXPECT_EQ(seen.broken, std::vector<std::string>{}) << viewer.name();
      EXPECT_LE(seen.lost(), wanted.most_lost) << viewer.name();
      EXPECT_GE(seen.lost(), wanted.least_lost) << viewer.name();
      EXPECT_LE(seen.repeated(), wanted.most_repeated) << viewer.name();
      EXPECT_LE(seen.discontinuities, wanted.most_discontinuities) << viewer.name();
      if (wanted.oldest < 10) {
        EXPECT_EQ(seen.gaps, 0) << viewer.name();
      }
      EXPECT_LE(seen.oldest_ms / static_cast<double>(target_ms_), wanted.oldest) << viewer.name();
      EXPECT_GE(seen.samples.back(), programme_gops - 2 * gops_) << viewer.name();
    }
  }

  std::mt19937 random_;
  std::int64_t gops_ = 1;
  std::int64_t target_ms_ = 0;
  Trouble trouble_ = Trouble::offset;
  std::int64_t from_gop_ = 0;
  std::int64_t content_ = 0;
  std::int64_t offset_ = 0;
  std::int64_t away_gops_ = 0;
  std::unique_ptr<VirtualChannel> channel_;
  std::unique_ptr<Scene> scene_;
  std::vector<Viewer> viewers_;
};

TEST(DisplacedTrials, A7_A8_WhatViewersSeeIsBounded) {
  const char* wanted = std::getenv("TARN_TRIALS");
  const bool is_long = std::getenv("TARN_LONG") != nullptr;
  const int trials = wanted != nullptr && *wanted != 0 ? std::atoi(wanted) : is_long ? 400 : 36;
  const std::uint32_t first = test::seed_of_run();
  int failed = 0;
  for (int i = 0; i < trials && failed == 0; ++i) {
    Trial trial{first + static_cast<std::uint32_t>(i)};
    trial.run();
    if (HasFailure()) ++failed;
    EXPECT_FALSE(HasFailure()) << "TARN_SEED=" << first + static_cast<std::uint32_t>(i)
                               << " TARN_TRIALS=1: " << trial.text();
  }
}

}  // namespace
}  // namespace tarn::trials
