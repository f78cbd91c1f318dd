// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/runtime/input_state.h"

namespace tarn::server {
namespace {

using namespace std::chrono_literals;

class InputWatchTest : public ::testing::Test {
 protected:
  // The input is in this state for so long; what was told, as "second state+untold", joined.
  std::string is(const std::string& state, std::chrono::seconds duration, bool other_is_well = true) {
    std::string told;
    for (const auto end = second_ + duration; second_ < end; ++second_) {
      const auto change = watch_.observe({state, "why " + state}, other_is_well, Monotonic{} + second_);
      if (!change) continue;
      EXPECT_EQ(change->reason, "why " + change->state);
      if (!told.empty()) told += ", ";
      told += std::to_string(second_.count()) + " " + change->state;
      if (change->untold > 0) told += "+" + std::to_string(change->untold);
    }
    return told;
  }

  InputWatch watch_;
  std::chrono::seconds second_ = 0s;
};

TEST_F(InputWatchTest, AnInputComesFailsAndIsWellAgain) {
  EXPECT_EQ(is("never-seen", 5s), "");
  EXPECT_EQ(is("live", 60s), "5 live");
  EXPECT_EQ(is("stalled", 60s), "65 stalled") << "at once";
  EXPECT_EQ(is("live", 60s), "135 live") << "when it has been well for ten seconds";
  EXPECT_EQ(is("ended", 300s), "215 ended") << "it lasts";
}

TEST_F(InputWatchTest, BeingLateIsNothingToTell) {
  EXPECT_EQ(is("live", 5s), "0 live");
  EXPECT_EQ(is("late", 2s), "");
  EXPECT_EQ(is("live", 2s), "");
  EXPECT_EQ(is("late", 1s), "");
  EXPECT_EQ(is("stalled", 1s), "10 stalled");
}

TEST_F(InputWatchTest, A6AnInputThatComesAndGoesIsToldOnceInFiveMinutesAndCounted) {
  EXPECT_EQ(is("live", 60s), "0 live");
  std::string told;
  for (int i = 0; i < 60; ++i) {
    told += is("stalled", 1s);
    told += is("live", 1s);
  }
  EXPECT_EQ(told, "60 stalled");
  EXPECT_EQ(is("live", 60s), "189 live+59");
  // Often enough to be well in between.
  told.clear();
  for (int i = 0; i < 12; ++i) {
    told += is("stalled", 5s);
    told += is("live", 20s);
  }
  EXPECT_EQ(told, "365 stalled+5380 live") << told;
}

TEST_F(InputWatchTest, AFailureThatLastsIsToldWhenItsTurnComes) {
  EXPECT_EQ(is("live", 10s), "0 live");
  EXPECT_EQ(is("failing", 10s), "10 failing");
  EXPECT_EQ(is("live", 20s), "30 live");
  EXPECT_EQ(is("stalled", 600s), "70 stalled") << "after half a minute";
  EXPECT_EQ(is("failing", 600s), "") << "it is told that the input has failed";
}

TEST(InputState, OnlyAnInputThatSendsCanStandIn) {
  for (const std::string state : {"live", "late"}) EXPECT_TRUE(is_well(InputState{state, {}})) << state;
  for (const std::string state : {"", "never-seen", "stalled", "failing", "ended"})
    EXPECT_FALSE(is_well(InputState{state, {}})) << state;
}

TEST_F(InputWatchTest, AFailureThatNobodyHidesIsToldAtOnce) {
  EXPECT_EQ(is("live", 10s), "0 live");
  EXPECT_EQ(is("stalled", 5s), "10 stalled");
  EXPECT_EQ(is("live", 20s), "25 live");
  EXPECT_EQ(is("stalled", 5s), "");
  EXPECT_EQ(is("stalled", 5s, false), "40 stalled") << "the other one has failed too";
}

TEST(InputState, SaysWhy) {
  EXPECT_EQ(input_state({}, std::nullopt).state, "");
  EXPECT_EQ(input_state({{"state", "live"}}, std::nullopt).reason, std::nullopt);
  const InputState stalled = input_state({{"state", "stalled"}, {"age", "3250000"}}, std::nullopt);
  EXPECT_EQ(stalled.reason, "no media has come for 3.3 s");
  const InputState failing = input_state({{"state", "stalled"}, {"age", "3250000"}}, "not a segment");
  EXPECT_EQ(failing.state + ": " + failing.reason.value_or(""), "failing: not a segment");
}

}  // namespace
}  // namespace tarn::server
