// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/timeline/merger.h"

// A stage for the merger: two encoders that send the same numbered programme, a clock of plain
// numbers, and a record of all that was decided.
namespace tarn::timeline {

constexpr std::int64_t gop_ticks = 180'000;  // 2 s
constexpr std::int64_t frame_ticks = 1024;
constexpr std::uint32_t audio_rate = 48'000;
constexpr std::int64_t first_video = 900'000;  // media time of GOP 0: 10 s
constexpr std::int64_t first_audio = 480'000;
// In ffmpeg's TS the last three audio frames of a segment come with the next one.
constexpr std::int64_t frames_left_over = 3;

// What a payload was: GOP or frame `number` of the programme.
struct Sample {
  std::string key;
  std::int64_t number = 0;
  InputId input = 0;
};

TrackDescription video_description(const std::string& key, std::uint32_t variant, std::uint32_t width = 1280);
TrackDescription audio_description(const std::string& key);
// v0 and a0 of one variant.
std::vector<TrackDescription> one_variant();

// How an encoder's copy differs from the programme.
struct Sending {
  std::int64_t gops = 3;            // in a segment
  std::int64_t delay_ms = 300;      // from the segment's end to its arrival
  std::int64_t offset = 0;          // ticks of 90 kHz that are added to every time
  std::int64_t cut_at_gop = 1'000;  // only so many GOPs of a segment are complete
  bool has_video = true;
  bool has_audio = true;
  bool audio_first = false;
  std::vector<std::string> video = {"v0"};
  std::vector<std::string> audio = {"a0"};
};

Sending delayed(std::int64_t ms);

struct Timed {
  std::int64_t at_ms = 0;
  Decision decision;
};

class Scene {
 public:
  explicit Scene(Resume resume = {}, MergerSettings settings = {});
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  // Wall clock at which the programme's GOP `number` begins: GOP 0 begins at 0 ms, 2026-01-01T00:00:00Z.
  static std::int64_t ms_of_gop(std::int64_t number) { return number * 2000; }
  static Utc utc_at(std::int64_t ms);
  static Unit gop(std::int64_t number, InputId input, const std::string& key = "v0", std::int64_t offset = 0);
  static Unit frame(std::int64_t number, InputId input, const std::string& key = "a0",
                    std::int64_t offset = 0);
  // The first audio frame that belongs to the segment that begins with GOP `number`.
  static std::int64_t first_frame_of(std::int64_t gop_number);

  // Something that happens at a moment. Moments that are equal happen in the order they were told.
  void at(std::int64_t ms, std::function<void(Merger&)> what);
  // The input sends segments [from, to) (of `how.gops` GOPs), each when it is over.
  void send(InputId input, std::int64_t from, std::int64_t to, const Sending& how = {});
  void send_segment(InputId input, std::int64_t segment, const Sending& how, std::int64_t at_ms);
  // Both inputs announce one variant; its video alone.
  void announce();
  void announce_video();
  // The input sends GOP `number` of v0 alone, with a digest, `late_ms` after its end.
  void send_one(InputId input, std::int64_t number, std::uint64_t digest, std::int64_t late_ms);
  // Lets everything happen up to `ms`, with every deadline of the merger kept to the microsecond.
  void run(std::int64_t ms);

  [[nodiscard]] Monotonic now() const { return now_; }
  [[nodiscard]] Utc now_utc() const { return utc_at(0) + now_.time_since_epoch(); }

  Merger merger;
  std::vector<Timed> decided;
  std::function<void(const Decision&)> on_decided;  // in their order, at now()

  template <class D>
  [[nodiscard]] std::vector<D> all() const {
    std::vector<D> found;
    for (const Timed& timed : decided) {
      if (const D* d = std::get_if<D>(&timed.decision)) found.push_back(*d);
    }
    return found;
  }
  [[nodiscard]] std::vector<Decision> decisions() const;
  // Numbers of the samples published of a track, in order.
  [[nodiscard]] std::vector<std::int64_t> published(const std::string& key) const;
  // The longest time between two listed slots, and to `until_ms`.
  [[nodiscard]] std::int64_t longest_silence_ms(std::int64_t until_ms) const;
  [[nodiscard]] std::size_t missing() const;
  // What holds whatever happens: order of decisions, numbers, contiguous slots and parts, monotone UTC.
  void expect_sane() const;
  // All GOPs up to `last_gop` once, in order, one stretch, nothing missing, and never later than 1.5 T of 6
  // s.
  void expect_seamless(std::int64_t last_gop, std::int64_t until_ms) const;

 private:
  void collect();
  std::multimap<std::int64_t, std::function<void(Merger&)>> plan_;
  Monotonic now_;
};

// first, first + 1 … last
std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t last);

MATCHER_P2(IsSlot, number, start, "") {
  const auto* slot = std::get_if<SlotListed>(&arg);
  return slot != nullptr && slot->number == static_cast<std::uint64_t>(number) && slot->start == start &&
         slot->missing.empty();
}
MATCHER_P3(IsSlotWithout, number, start, missing, "") {
  const auto* slot = std::get_if<SlotListed>(&arg);
  return slot != nullptr && slot->number == static_cast<std::uint64_t>(number) && slot->start == start &&
         slot->missing == std::vector<TrackId>(missing);
}
MATCHER_P3(IsPart, slot, track, input, "") {
  const auto* part = std::get_if<PartDecided>(&arg);
  return part != nullptr && part->slot == static_cast<std::uint64_t>(slot) &&
         part->track == static_cast<TrackId>(track) && part->input == static_cast<InputId>(input);
}
MATCHER_P2(IsStretch, id, reason, "") {
  const auto* started = std::get_if<StretchStarted>(&arg);
  return started != nullptr && started->stretch.id == static_cast<std::uint32_t>(id) &&
         started->reason == reason;
}
MATCHER_P3(IsSwitch, from, to, reason, "") {
  const auto* switched = std::get_if<InputSwitched>(&arg);
  return switched != nullptr && switched->from == static_cast<InputId>(from) &&
         switched->to == static_cast<InputId>(to) && switched->reason == reason;
}
MATCHER(IsEnd, "") { return std::holds_alternative<StreamEnded>(arg); }

void PrintTo(const Decision& decision, std::ostream* out);

}  // namespace tarn::timeline
