// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/archive/archive.h"
#include "core/base/time.h"
#include "server/model/model.h"
#include "server/runtime/archive_quota.h"
#include "server/runtime/channel_meters.h"
#include "server/runtime/event_log.h"
#include "server/runtime/ingest_line.h"
#include "server/runtime/input_history.h"
#include "server/runtime/input_state.h"
#include "server/runtime/metrics.h"
#include "server/runtime/origin.h"
#include "server/runtime/retention.h"
#include "server/runtime/worker_pool.h"

namespace tarn::server {

// The clocks of the running system: wall clock and monotonic.
struct Clocks {
  std::function<Utc()> utc;
  std::function<Monotonic()> monotonic;
};

// A channel while it runs: its archive and its ingest pipeline, which is built at the first object and
// anew after a failure. Thread-safe; must be held by a shared_ptr.
class ChannelRuntime : public std::enable_shared_from_this<ChannelRuntime> {
 public:
  struct Parts {  // all outlive it
    WorkerPool& workers;
    WorkerPool& writers;  // for what waits for disks: playback never waits for it
    Metrics& metrics;
    EventLog& log;
    Clocks clocks;
  };
  struct Switch {
    Utc at;
    std::string from;
    std::string to;
    std::string reason;
  };
  struct Condition {
    Utc since;
    std::string reason;  // for people; empty: the code says it all
  };
  struct State {
    std::array<InputHistory, 2> inputs;
    std::array<std::vector<std::pair<std::string, std::string>>, 2> input_statistics;
    std::string active_input;  // empty: nothing came yet
    std::deque<Switch> switches;
    std::uint64_t switch_count = 0;
    std::deque<InputHistory::Event> errors;  // newest last
    std::string storage_error;               // why nothing is stored; empty: all is well
    // What is wrong with how an input sends, by code.
    std::array<std::map<std::string, Condition>, 2> conditions;
    std::array<InputState, 2> input_states;  // at the last look, at most a second ago
    std::optional<Utc> sacrificed_before;    // content that went for the quota since the server started
  };

  // What the metrics show of it; had without asking the pipeline, which may be waiting for a disk.
  struct Gauges {
    struct Input {
      bool is_connected = false;
      std::uint64_t bitrate = 0;
      std::vector<std::string> conditions;
      InputState state;
    };
    std::array<Input, 2> inputs;
    std::string active_input;  // after the latest object
  };

  ChannelRuntime(Parts parts, Channel channel, std::shared_ptr<archive::Archive> archive,
                 IngestFactory make_line);

  [[nodiscard]] const std::shared_ptr<archive::Archive>& archive() const { return archive_; }
  void set_channel(const Channel& channel);

  // Puts what an earlier run acknowledged and did not list where it belongs, if there is any.
  void recover();
  void upload(UploadedObject object, std::function<void(UploadAnswer)> done);
  // Tells when inputs come, fail and are well again (event input-state).
  // Lets the journal go of what a deadline has listed, after which there was no upload. Closes the output's
  // tail when both inputs have been silent for three target durations, the channel's or their own, whichever
  // is longer (S19).
  void tick(Monotonic now);
  // Deletes what need not be kept any more (semantics S30).
  void trim(const Keep& keep, std::optional<Utc> held = std::nullopt);
  // What may be deleted: all but what is to be kept, and what is `held`.
  [[nodiscard]] std::optional<ArchiveUse> use(const Keep& keep, std::optional<Utc> held) const;
  // The same of what is asked for but went to make room: counted, and in the status.
  void sacrifice_before(Utc limit);
  // Takes nothing from now on; `then` runs when the last object has been answered and the pipeline is gone.
  void close(std::function<void()> then);

  [[nodiscard]] State state() const;
  [[nodiscard]] std::string label() const;  // "group/channel"
  // "ingest1" or "ingest2"; empty: nothing came yet.
  [[nodiscard]] std::string active_input() const;
  [[nodiscard]] Gauges gauges(Monotonic now) const;

 private:
  UploadAnswer put(const UploadedObject& object);  // on the strand, as all that follow
  UploadAnswer take(const UploadedObject& object);
  UploadAnswer give_up_line();
  Status ensure_line();
  void settle();
  void check_storage(const UploadAnswer& answer);
  void settle_when_quiet();          // any thread
  void watch_inputs(Monotonic now);  // likewise
  void tell_changes(Monotonic now);
  void on_event(const IngestEvent& event);  // any thread
  void note(const IngestEvent& event);      // REQUIRES: mutex_ is held
  [[nodiscard]] std::chrono::seconds longest_target_duration() const;
  void record(const UploadedObject& object, const UploadAnswer& answer);
  void judge_encryption(const UploadedObject& object, const UploadAnswer& answer);
  void log_refusal(const UploadedObject& object, const UploadAnswer& answer);
  // Deletes what ends before `limit`; `then`, on the strand, is told what the timeline was before.
  void trim_before(Utc limit, std::function<void(const timeline::Timeline&)> then = {});
  [[nodiscard]] std::string id() const;
  [[nodiscard]] std::shared_ptr<IngestLine> line() const;

  Parts parts_;
  std::shared_ptr<archive::Archive> archive_;
  IngestFactory make_line_;
  const std::string strand_;

  mutable std::mutex line_mutex_;  // the pointer; the strand alone replaces it
  std::shared_ptr<IngestLine> line_;

  std::atomic<bool> is_settled_{true};   // the journal has nothing that waits
  std::atomic<bool> is_busy_{false};     // something was put since the last tick
  std::atomic<bool> is_watched_{false};  // tell_changes() waits for its turn
  std::array<InputWatch, 2> watches_;    // on the strand

  mutable std::mutex mutex_;
  Channel channel_;
  ChannelMeters meters_;
  mutable ContentClock content_clock_;
  State state_;
  Monotonic last_media_;
  bool tail_closed_ = false;
  bool closing_ = false;
  bool failure_logged_ = false;
  bool is_full_ = false;
};

}  // namespace tarn::server
