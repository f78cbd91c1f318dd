// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/core/timeline/decision_checker.h"

// Two encoders that do anything at any time, told by the input's bytes, against what the merger's
// decisions must always be. Programme content is numbered, so that most of what the encoders
// send fits together, and the rest of the bytes breaks it.
namespace {

using namespace tarn;
using namespace tarn::timeline;

class Tape {
 public:
  Tape(const std::uint8_t* data, std::size_t size) : data_{data}, size_{size} {}
  [[nodiscard]] bool empty() const { return at_ >= size_; }
  std::uint8_t next() { return empty() ? std::uint8_t{0} : data_[at_++]; }
  std::int64_t wide() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | next();
    return static_cast<std::int64_t>(value);
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

constexpr std::array<const char*, 4> keys{"v0", "v1", "a0", "a1"};
constexpr std::int64_t gop = 90'000;   // 1 s
constexpr std::int64_t frame = 4'800;  // 0.1 s

TrackDescription description(std::size_t key, std::uint8_t variety) {
  TrackDescription track;
  track.key = keys[key];
  const bool is_video = key < 2;
  track.info.codec = is_video ? codecs::Codec::h264 : codecs::Codec::aac;
  track.info.timescale = is_video ? 90'000 : 48'000;
  if (variety % 8 == 7) track.info.timescale = static_cast<std::uint32_t>(variety) * 1000;
  track.info.width = variety % 4 == 3 ? 640 : 1280;
  track.info.frame_rate_numerator = variety % 2 == 1 ? 25 : 0;
  track.variants.push_back({static_cast<std::uint32_t>(key % 2), variety, 0});
  return track;
}

struct Encoder {
  std::array<std::int64_t, 4> sent{};  // units of each track
  std::int64_t offset = 0;             // ticks of 90 kHz
};

class Stage {
 public:
  explicit Stage(Tape& bytes) : bytes_{bytes}, merger_{make(bytes)} {}

  void play() {
    for (int op = 0; op < 4000 && !bytes_.empty(); ++op) {
      act();
      check();
    }
    for (int i = 0; i < 50; ++i) {
      const auto deadline = merger_.deadline();
      if (!deadline) break;
      now_ = *deadline;
      merger_.advance(now_, utc());
      check();
    }
  }

 private:
  static Merger make(Tape& bytes) {
    MergerSettings settings;
    settings.target_duration = Microseconds{(1 + bytes.next() % 8) * 1'000'000};
    Resume resume;
    if (bytes.next() % 4 == 0) {
      Stretch stretch;
      stretch.id = 1;
      stretch.first_slot = 1;
      stretch.start_time = 90'000;
      stretch.reference = 1;
      stretch.tracks.push_back({1, description(0, 1), 1});
      stretch.tracks.push_back({2, description(2, 1), 1});
      resume.next_slot = 4;
      resume.next_stretch = 2;
      resume.last_stretch = stretch;
      resume.edges = {{1, 90'000 + 3 * gop}, {2, 48'000 + 30 * frame}};
      resume.slot_end = 90'000 + 3 * gop;
    }
    return Merger{settings, resume};
  }

  [[nodiscard]] Utc utc() const { return Utc{now_.time_since_epoch()}; }

  void send(InputId input, std::size_t key, bool strange) {
    Encoder& encoder = encoders_[input];
    const bool is_video = key < 2;
    Unit unit;
    const std::int64_t number = encoder.sent[key]++;
    const std::int64_t offset = rescale(encoder.offset + 90'000, 90'000, is_video ? 90'000 : 48'000);
    unit.duration = is_video ? gop : frame;
    unit.start = offset + number * unit.duration;
    unit.payload = std::make_shared<int>(0);
    if (strange) {
      const std::uint8_t how = bytes_.next();
      if (how % 8 == 0) unit.start = bytes_.wide();
      if (how % 8 == 1) unit.duration = bytes_.wide();
      if (how % 8 == 2) unit.sync = false;
      if (how % 8 == 3) unit.start += bytes_.next() * 50;
      if (how % 8 == 4) unit.duration = 1 + bytes_.next() * 500;
      if (how % 8 == 5) unit.start -= bytes_.next() * 5000;
    }
    merger_.add(input, keys[key], std::move(unit), now_, utc());
  }

  void segment(InputId input) {
    const std::uint8_t gops = 1 + bytes_.next() % 4;
    for (std::uint8_t i = 0; i < gops; ++i) send(input, 0, false);
    for (std::uint8_t i = 0; i < gops * 10; ++i) send(input, 2, false);
    merger_.segment_end(input, {"v0", "a0"}, now_, utc());
  }

  void announce(InputId input) {
    std::vector<TrackDescription> tracks;
    const std::uint8_t which = bytes_.next();
    const std::uint8_t variety = bytes_.next();
    for (std::size_t key = 0; key < keys.size(); ++key) {
      if ((which >> key & 1) != 0) tracks.push_back(description(key, variety));
    }
    merger_.set_tracks(input, tracks);
  }

  void act() {
    const std::uint8_t op = bytes_.next();
    const InputId input = op & 1;
    Encoder& encoder = encoders_[input];
    switch (op >> 1 & 15) {
      case 0:
        announce(input);
        break;
      case 1:
        merger_.set_tracks(input, {description(0, 1), description(2, 1)});
        break;
      case 2:
      case 3:
      case 4:
        segment(input);
        break;
      case 5:
        send(input, op >> 5 & 3, false);
        break;
      case 6:
        send(input, op >> 5 & 3, true);
        break;
      case 7:
        encoder.sent[op >> 5 & 3] += bytes_.next() % 8;
        break;  // lost
      case 8:
        encoder.sent[op >> 5 & 3] -= bytes_.next() % 8;
        break;  // again
      case 9:
        merger_.discontinuity(input, now_);
        break;
      case 10:
        encoder.offset += static_cast<std::int64_t>(static_cast<std::int8_t>(bytes_.next())) * 900;
        break;
      case 11:
        merger_.end_of_stream(input, now_, utc());
        break;
      case 12:
        merger_.set_program_date_time(input, keys[op >> 5 & 3], bytes_.wide(),
                                      Utc{Microseconds{bytes_.next()}});
        break;
      case 13:
        encoder.sent = encoders_[1 - input].sent;
        encoder.offset = encoders_[1 - input].offset;
        break;
      default:
        pass(Microseconds{bytes_.next() * 100'000});
        break;
    }
  }

  // Time passes with every deadline kept.
  void pass(Microseconds time) {
    const Monotonic until = now_ + time;
    for (int i = 0; i < 1000; ++i) {
      const auto deadline = merger_.deadline();
      if (!deadline || *deadline > until) break;
      now_ = *deadline;
      merger_.advance(now_, utc());
      check();
    }
    now_ = until;
    merger_.advance(now_, utc());
  }

  void check() {
    for (const Decision& decision : merger_.take()) {
      const std::string complaint = checker_.read(decision);
      if (!complaint.empty()) fail(complaint.c_str());
    }
    const auto deadline = merger_.deadline();
    if (deadline && *deadline <= now_) fail("a deadline that has passed");
    for (InputId input = 0; input < 2; ++input) {
      const InputStatus status = merger_.status(input);
      if (status.used + status.duplicates + status.late + status.discarded > status.units)
        fail("counted twice");
    }
  }

  [[noreturn]] static void fail(const char* complaint) {
    std::fprintf(stderr, "%s\n", complaint);
    std::abort();
  }

  Tape& bytes_;
  Merger merger_;
  DecisionChecker checker_;
  std::array<Encoder, 2> encoders_;
  Monotonic now_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape bytes{data, size};
  Stage{bytes}.play();
  return 0;
}
