// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <set>

#include "tests/support/seed.h"
#include "viewers.h"

// Two encoders of one programme, and one of them fails at a random moment in a random way, while viewers of
// all three protocols watch. TARN_SEED repeats a run, TARN_TRIALS and TARN_LONG make it longer.
namespace tarn::trials {
namespace {

using timeline::Scene;
using timeline::Sending;

constexpr std::int64_t programme_gops = 60;  // of 2 s
constexpr std::int64_t calm_gops = 12;       // before the fault

enum class Fault {
  dies,
  cut,
  hangs,
  trickles,
  slows,
  drops,
  flaps,
  comes_back,
  restarts,
  repeats,
  swaps,
  delays,
  count
};

const char* name_of(Fault fault) {
  constexpr std::array names{"dies",  "is cut", "hangs",      "trickles", "slows down little by little",
                             "drops", "flaps",  "comes back", "restarts", "repeats",
                             "swaps", "delays"};
  return names[static_cast<std::size_t>(fault)];
}

std::uint32_t from_environment(const char* name, std::uint32_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == 0 ? otherwise
                                       : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::ceil(q * last))];
}

struct Outcome {
  Fault fault = Fault::dies;
  std::int64_t lost = 0;
  std::int64_t repeated = 0;
  double stall = 0;   // target durations, as are those below
  double oldest = 0;  // the longest that a manifest stood still
  double first_other =
      -1;  // from the fault to the first segment with the other input's content; -1: not needed
};

class Trial {
 public:
  explicit Trial(std::uint32_t seed) : random_{seed} {
    gops_ = pick(1, 3);
    target_ms_ = gops_ * 2000;
    fault_ = static_cast<Fault>(pick(0, static_cast<std::int64_t>(Fault::count) - 1));
    victim_ = static_cast<InputId>(pick(0, 1));
    fault_gop_ = calm_gops + pick(0, 11);
    channel_ = std::make_unique<VirtualChannel>(static_cast<std::uint32_t>(gops_ * 2));
    scene_ = std::make_unique<Scene>(
        timeline::Resume{}, timeline::MergerSettings{.target_duration = Microseconds{target_ms_ * 1000}});
    const auto watch = [&](Protocol protocol, const char* rendition, const char* key) {
      viewers_.emplace_back(*channel_, endpoint(protocol, static_cast<std::uint32_t>(gops_ * 2)), rendition,
                            key);
    };
    watch(Protocol::hls, "v1a2", "v0");
    watch(Protocol::hls, "v1a2", "a0");
    watch(Protocol::hls_cmaf, "v1", "v0");
    watch(Protocol::hls_cmaf, "a2", "a0");
    watch(Protocol::dash, "v1", "v0");
    watch(Protocol::dash, "a2", "a0");
  }

  Outcome run() {
    scene_->on_decided = [this](const timeline::Decision& decision) { on_decided(decision); };
    for (InputId input = 0; input < 2; ++input) {
      scene_->at(0, [input](timeline::Merger& m) { m.set_tracks(input, timeline::one_variant()); });
      send(input);
    }
    const std::int64_t end_ms = Scene::ms_of_gop(programme_gops);
    scene_->run(end_ms);
    scene_->expect_sane();
    return judge();
  }

  [[nodiscard]] std::string text() const {
    return "ingest" + std::to_string(victim_ + 1) + " " + name_of(fault_) + " at GOP " +
           std::to_string(fault_gop_) + ", segments of " + std::to_string(target_ms_ / 1000) + " s";
  }

 private:
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution{low, high}(random_);
  }

  void on_decided(const timeline::Decision& decision) {
    channel_->carry_out(decision, scene_->now_utc());
    const auto now_ms = static_cast<double>(scene_->now().time_since_epoch().count()) / 1000;
    if (const auto* part = std::get_if<timeline::PartDecided>(&decision)) {
      if (part->track == 1) gave_[part->slot] = part->input;
    }
    const auto* slot = std::get_if<timeline::SlotListed>(&decision);
    if (slot == nullptr) return;
    const auto gave = gave_.find(slot->number);
    const bool is_other = gave != gave_.end() && gave->second != victim_;
    if (first_other_ms_ < 0 && was_active_ && is_other && now_ms >= fault_ms()) first_other_ms_ = now_ms;
    if (now_ms < fault_ms()) was_active_ = gave != gave_.end() && gave->second == victim_;
    for (Viewer& viewer : viewers_) viewer.look(now_ms);
  }

  [[nodiscard]] double fault_ms() const { return static_cast<double>(Scene::ms_of_gop(fault_gop_)); }

  // Each segment when it is over and a little later; the victim's after the fault as the fault wants it.
  void send(InputId input) {
    const std::int64_t base = pick(50, 300);
    const std::int64_t slowness = pick(5, 25);  // percent
    // Within half a frame: they merge (A8).
    const std::int64_t offset = input == 1 && pick(0, 2) == 0 ? pick(-1700, 1700) : 0;
    const std::int64_t jitter = target_ms_ / 20;
    const std::int64_t back_at = fault_gop_ + pick(4, 20);
    bool is_over = false;
    for (std::int64_t segment = 0; (segment + 1) * gops_ <= programme_gops; ++segment) {
      const std::int64_t begin = segment * gops_;
      const std::int64_t end = begin + gops_;
      std::int64_t at = Scene::ms_of_gop(end) + base + pick(0, jitter);
      Sending how{.gops = gops_, .offset = offset};
      if (input == victim_ && end > fault_gop_) {
        switch (fault_) {
          case Fault::dies:
          case Fault::hangs:
            is_over = true;
            break;
          case Fault::cut:  // its whole GOPs are used
            how.cut_at_gop = std::max<std::int64_t>(fault_gop_ - begin, 0);
            if (!is_over) {
              send_cut(input, segment, how, Scene::ms_of_gop(fault_gop_) + base);
              is_over = true;
            }
            break;
          case Fault::trickles:  // at half the speed and less
            at += (end - fault_gop_) * pick(1000, 4000);
            break;
          case Fault::slows:
            at += (end - fault_gop_) * 2000 * slowness / 100;
            break;
          case Fault::repeats:
            scene_->send_segment(input, segment, how, at + pick(0, 2 * target_ms_));
            break;
          case Fault::swaps:  // after its successor
            if (segment % 3 == 0) at += target_ms_ + target_ms_ / 10;
            break;
          case Fault::delays:
            if (pick(0, 2) == 0) at += pick(0, 3 * target_ms_);
            break;
          case Fault::drops:
            if (pick(0, 1) == 0) continue;
            break;
          case Fault::flaps:
            if ((segment / 2) % 2 == 0) continue;
            break;
          case Fault::comes_back:
          case Fault::restarts:
            if (begin < back_at) continue;
            if (fault_ == Fault::restarts && begin < back_at + gops_) {
              scene_->at(at - 1,
                         [this, input](timeline::Merger& m) { m.discontinuity(input, scene_->now()); });
            }
            break;
          case Fault::count:
            break;
        }
      }
      if (is_over) return;
      scene_->send_segment(input, segment, how, at);
    }
  }

  void send_cut(InputId input, std::int64_t segment, const Sending& how, std::int64_t at) {
    if (how.cut_at_gop > 0) scene_->send_segment(input, segment, how, at);
  }

  Outcome judge() {
    Outcome outcome{.fault = fault_};
    const auto target = static_cast<double>(target_ms_);
    for (Viewer& viewer : viewers_) {
      viewer.look_back();
      const Seen& seen = viewer.seen();
      EXPECT_EQ(seen.broken, std::vector<std::string>{}) << viewer.name();
      EXPECT_EQ(seen.gaps, 0) << viewer.name();
      EXPECT_EQ(seen.discontinuities, 0) << viewer.name();
      EXPECT_GT(seen.samples.size(), static_cast<std::size_t>(programme_gops - 4 * gops_)) << viewer.name();
      outcome.lost = std::max(outcome.lost, seen.lost());
      outcome.repeated = std::max(outcome.repeated, seen.repeated());
      outcome.stall = std::max(outcome.stall, seen.stall_ms / target);
      outcome.oldest = std::max(outcome.oldest, seen.oldest_ms / target);
    }
    EXPECT_EQ(outcome.lost, 0);
    EXPECT_EQ(outcome.repeated, 0);
    EXPECT_EQ(outcome.stall, 0);
    EXPECT_LE(outcome.oldest, 1.5);
    const bool bites_at_once = fault_ == Fault::dies || fault_ == Fault::cut || fault_ == Fault::hangs ||
                               fault_ == Fault::comes_back || fault_ == Fault::restarts;
    if (first_other_ms_ >= 0 && bites_at_once) outcome.first_other = (first_other_ms_ - fault_ms()) / target;
    return outcome;
  }

  std::mt19937 random_;
  std::int64_t gops_ = 1;
  std::int64_t target_ms_ = 0;
  Fault fault_ = Fault::dies;
  InputId victim_ = 0;
  std::int64_t fault_gop_ = 0;
  std::unique_ptr<VirtualChannel> channel_;
  std::unique_ptr<Scene> scene_;
  std::vector<Viewer> viewers_;
  std::map<std::uint64_t, InputId> gave_;  // by slot
  bool was_active_ = false;                // the victim, when it failed
  double first_other_ms_ = -1;
};

TEST(FailoverTrials, A1_A2_A3_A5_A6_NobodyWhoWatchesNotices) {
  const bool is_long = from_environment("TARN_LONG", 0) != 0;
  const std::uint32_t trials = from_environment("TARN_TRIALS", is_long ? 400 : 36);
  const std::uint32_t first = test::seed_of_run();
  std::vector<Outcome> outcomes;
  for (std::uint32_t i = 0; i < trials && !HasFailure(); ++i) {
    Trial trial{first + i};
    outcomes.push_back(trial.run());
    EXPECT_FALSE(HasFailure()) << "TARN_SEED=" << first + i << " TARN_TRIALS=1: " << trial.text();
  }
  std::vector<double> switches;
  std::vector<double> oldest;
  std::vector<double> stalls;
  std::int64_t lost = 0;
  for (const Outcome& outcome : outcomes) {
    if (outcome.first_other >= 0) switches.push_back(outcome.first_other);
    oldest.push_back(outcome.oldest);
    stalls.push_back(outcome.stall);
    lost += outcome.lost;
  }
  std::cout << outcomes.size() << " trials from TARN_SEED=" << first << ": lost " << lost << "; stall p50 "
            << quantile(stalls, 0.5) << ", p99 " << quantile(stalls, 0.99)
            << "; fault to first segment of the other input p50 " << quantile(switches, 0.5) << ", p99 "
            << quantile(switches, 0.99) << " (" << switches.size()
            << " switches); longest without a segment p50 " << quantile(oldest, 0.5) << ", p99 "
            << quantile(oldest, 0.99) << " target durations\n";
}

}  // namespace
}  // namespace tarn::trials
