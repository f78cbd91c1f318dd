// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/event_message.h"
#include "core/codecs/stream_info.h"

namespace tarn::package {

// An access unit on its way into a TS segment; times are 90 kHz.
struct TsUnit {
  std::int64_t dts = 0;
  std::int64_t pts = 0;
  std::int64_t duration = 0;  // 0: not known
  bool sync = true;
  Blob data;
  std::shared_ptr<const codecs::StreamInfo> info;  // the same object as long as it is the same
  std::vector<codecs::EventMessage> events;        // ticks of `info`

  [[nodiscard]] std::int64_t end() const { return dts + std::max<std::int64_t>(duration, 1); }
};

// A whole segment, not written yet. Tracks are in the order of the inputs; those that have nothing in it are
// there all the same, so that every segment lists the same PIDs.
struct TsSegment {
  struct Track {
    std::string language;
    std::shared_ptr<const codecs::StreamInfo> info;  // that of the first unit, else the last one known
    std::vector<TsUnit> units;
  };
  std::int64_t begin = 0;  // decode time of the first unit of the input that makes the segments
  std::int64_t end = 0;
  std::int64_t shown = 0;  // presentation time of that unit
  bool independent = true;
  std::vector<Track> tracks;
};

// Cuts elementary streams, one an input, into segments. The first video input makes them, without video the
// first input: a segment ends in front of the first sync sample that makes it long enough, or where the
// stream's parameters change, and holds of the other inputs what is decoded before that.
//
// Of live streams it is known what is due: what has not come by then is not waited for, and is refused when
// it comes after all. While the input that makes the segments has nothing for longer than a segment, the
// others make segments without it. Pure; one thread at a time.
class TsCutter {
 public:
  using InputId = std::uint32_t;

  explicit TsCutter(std::int64_t segment_ticks) : wanted_(segment_ticks) {}

  // From now on it is waited for, until it ends or is closed.
  void open(InputId id) { inputs_.try_emplace(id); }
  void close(InputId id) { inputs_.erase(id); }
  void set_kind(InputId id, codecs::Kind kind) { inputs_[id].kind = kind; }
  void set_language(InputId id, std::string language) { inputs_[id].language = std::move(language); }
  enum class Added { yes, goes_back, too_late };
  // Anything but yes: it is not taken. Too late: the segment that it belongs into has left.
  Added add(InputId id, TsUnit unit);
  // Nothing comes before `time`: a gap.
  void advance(InputId id, std::int64_t time);
  void end(InputId id) { inputs_[id].ended = true; }
  // Live: what is decoded before `time` should have come by now. Does not go back.
  // `allowance`: by how much an input may be behind the foremost before that.
  void set_due(std::int64_t time, std::int64_t allowance) {
    due_ = std::max(due_.value_or(time), time);
    allowance_ = allowance;
  }
  // How far the foremost input has come.
  [[nodiscard]] std::optional<std::int64_t> foremost() const;
  // What has come is forgotten, and it goes on from anywhere: a flush.
  void forget(InputId id);

  // The next segment, as soon as it is whole.
  std::optional<TsSegment> take();
  // The other input that this one is so far ahead of that it should wait.
  [[nodiscard]] std::optional<InputId> waits_for(InputId id) const;
  // A segment has left without waiting for what this input may have in it, and nothing has come since.
  [[nodiscard]] bool is_missing(InputId id) const;
  [[nodiscard]] bool all_ended() const;
  // The input that makes the segments, once it is known.
  [[nodiscard]] std::optional<InputId> reference() const { return reference_; }

 private:
  struct Input {
    std::optional<codecs::Kind> kind;  // with the caps
    std::string language;
    std::shared_ptr<const codecs::StreamInfo> info;
    std::deque<TsUnit> units;
    std::optional<std::int64_t> position;  // nothing comes before it
    bool ended = false;
    bool missing = false;
  };
  // Where the segment ends; a stream that is over ends it without a unit that begins the next one.
  struct End {
    std::int64_t begin = 0;
    std::int64_t time = 0;
    std::size_t count = 0;  // units of the reference; 0: it has nothing there
    bool is_last = false;
  };

  Input* find_reference();
  [[nodiscard]] std::optional<std::int64_t> begin() const;
  [[nodiscard]] bool is_silent(const Input& reference) const;
  [[nodiscard]] std::optional<std::int64_t> first_of_others(const Input& reference) const;
  [[nodiscard]] std::optional<End> find_end(const Input& reference) const;
  [[nodiscard]] std::optional<End> end_of_units(const Input& reference) const;
  [[nodiscard]] std::optional<End> end_without(const Input& reference, std::int64_t limit) const;
  [[nodiscard]] bool is_awaited(const Input& input, std::int64_t until) const;
  [[nodiscard]] std::int64_t awaited_until(const End& end) const {
    return end.is_last ? end.time + wanted_ : end.time;
  }
  [[nodiscard]] bool is_waited_for(const Input& reference, const End& end) const;
  [[nodiscard]] bool takes_rest(const Input& reference, const End& end) const;
  void note_missing(const Input& reference, const End& end);
  static TsSegment::Track take_track(Input& input, std::size_t count);

  std::int64_t wanted_;
  std::map<InputId, Input> inputs_;
  std::optional<InputId> reference_;
  std::optional<std::int64_t> cursor_;  // the end of the segments that have left
  bool was_without_ = false;            // the last of them, the reference
  std::optional<std::int64_t> due_;
  std::int64_t allowance_ = 0;
};

// Its bytes: begins its continuity counters at 0 and ends them at 15.
Result<ByteVector> write(const TsSegment& segment);

}  // namespace tarn::package
