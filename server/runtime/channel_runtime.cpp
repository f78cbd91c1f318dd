// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/channel_runtime.h"

#include <algorithm>
#include <utility>

#include "core/base/out_of_memory.h"
#include "core/base/text.h"
#include "core/timeline/slot_time.h"

namespace tarn::server {
namespace {

// What one pass of retention deletes at most.
constexpr Microseconds longest_trim = std::chrono::hours{1};
// The longest segment that may overlap the beginning of what is held.
constexpr Microseconds segment_before = std::chrono::seconds{60};

constexpr std::size_t kept_events = 20;

std::string field(const IngestEvent& event, std::string_view name) {
  for (const auto& [key, value] : event.fields) {
    if (key == name) return value;
  }
  return {};
}

// S6, for the encoder's operator.
std::string long_gop_text(const IngestEvent& event) {
  const auto nanoseconds = parse_i64(field(event, "duration")).value_or(0);
  return "GOP_TOO_LONG: a GOP of " + format_seconds(nanoseconds / 1000, 1'000'000, 3) +
         " s, segments last up to " + field(event, "targetDuration") + " s";
}

template <class T>
void push_bounded(std::deque<T>& items, T item) {
  items.push_back(std::move(item));
  if (items.size() > kept_events) items.pop_front();
}

// Of the content of all slots before this one.
std::uint64_t bytes_before(const timeline::Timeline& timeline, std::uint64_t slot) {
  std::uint64_t bytes = 0;
  for (std::uint64_t number = timeline.first_slot(); number < slot; ++number) {
    for (const timeline::Chunk& chunk : timeline.find(number)->chunks) bytes += chunk.location.size;
    const auto* late = timeline.late_chunks(number);
    if (late == nullptr) continue;
    for (const timeline::Chunk& chunk : *late) bytes += chunk.location.size;
  }
  return bytes;
}

UploadAnswer being_deleted() {
  return {UploadAnswer::Outcome::refused, Error{ErrorCode::conflict, "the channel is being deleted"}};
}

}  // namespace

ChannelRuntime::ChannelRuntime(Parts parts, Channel channel, std::shared_ptr<archive::Archive> archive,
                               IngestFactory make_line)
    : parts_(std::move(parts)),
      archive_(std::move(archive)),
      make_line_(std::move(make_line)),
      strand_("ingest/" + channel.id),
      channel_(std::move(channel)),
      meters_(parts_.metrics, channel_),
      last_media_(parts_.clocks.monotonic()) {}

void ChannelRuntime::set_channel(const Channel& channel) {
  {
    const std::lock_guard lock{mutex_};
    const bool is_same = channel_.segment_duration == channel.segment_duration;
    channel_ = channel;
    if (is_same) return;
  }
  parts_.workers.submit(strand_, [self = shared_from_this(), duration = channel.segment_duration] {
    if (self->line_) self->line_->set_target_duration(duration);
  });
}

std::string ChannelRuntime::label() const {
  const std::lock_guard lock{mutex_};
  return channel_.group + "/" + channel_.name;
}

void ChannelRuntime::upload(UploadedObject object, std::function<void(UploadAnswer)> done) {
  {
    const std::lock_guard lock{mutex_};
    if (closing_) return done(being_deleted());
  }
  object.arrival = parts_.clocks.utc();
  parts_.writers.submit(
      strand_, [self = shared_from_this(), held = std::move(object), answer = std::move(done)] {
        answer(unless_out_of_memory([&] { return self->put(held); }, [&] { return self->give_up_line(); }));
      });
}

void ChannelRuntime::recover() {
  parts_.writers.submit(strand_, [self = shared_from_this()] { (void)self->ensure_line(); });
}

// What a line that ran out of memory knows may be half of the truth: the next upload gets a new one, which
// reads the journal.
UploadAnswer ChannelRuntime::give_up_line() {
  {
    std::shared_ptr<IngestLine> old;  // dropped after the lock
    const std::lock_guard lock{line_mutex_};
    old.swap(line_);
  }
  return {UploadAnswer::Outcome::refused, Error{ErrorCode::internal, "out of memory"}};
}

UploadAnswer ChannelRuntime::put(const UploadedObject& object) {
  UploadAnswer answer = take(object);
  is_settled_ = false;
  is_busy_ = true;
  record(object, answer);
  judge_encryption(object, answer);
  if (answer.outcome == UploadAnswer::Outcome::refused) log_refusal(object, answer);
  check_storage(answer);
  return answer;
}

UploadAnswer ChannelRuntime::take(const UploadedObject& object) {
  {
    // close() may have come between the upload's arrival and its turn; the archive is let go by now.
    const std::lock_guard lock{mutex_};
    if (closing_) return being_deleted();
  }
  // A volume that failed once may lose what it says it has: nothing is acknowledged any more.
  if (Status health = archive_->health(); !health) return {UploadAnswer::Outcome::refused, health.error()};
  if (Status ready = ensure_line(); !ready) return {UploadAnswer::Outcome::refused, ready.error()};
  return line_->put(object);
}

// Says once that the archive failed, or is full, and that it has room again.
void ChannelRuntime::check_storage(const UploadAnswer& answer) {
  const Status health = archive_->health();
  const bool is_full = answer.error && answer.error->code == ErrorCode::no_space;
  if (!health && !std::exchange(failure_logged_, true)) {
    parts_.log.write(LogLevel::error, "archive-failed",
                     {{"channel", label()}, {"error", health.error().message}});
  }
  if (health && is_full != std::exchange(is_full_, is_full)) {
    const std::string text = is_full ? answer.error->message : "there is room again";
    parts_.log.write(is_full ? LogLevel::error : LogLevel::info, is_full ? "storage-full" : "storage-free",
                     {{"channel", label()}, {"text", text}});
  }
  const std::lock_guard lock{mutex_};
  state_.storage_error = !health ? health.error().message : is_full ? answer.error->message : "";
}

Status ChannelRuntime::ensure_line() {
  if (line_ && !line_->failure()) return {};
  {
    // Before the new one opens the archive for writing, the old one must have let go.
    std::shared_ptr<IngestLine> old;  // dropped after the lock
    const std::lock_guard lock{line_mutex_};
    old.swap(line_);
  }
  std::uint32_t duration = 0;
  {
    const std::lock_guard lock{mutex_};
    duration = channel_.segment_duration;
    for (auto& conditions : state_.conditions) conditions.clear();
  }
  auto result = make_line_(duration, [weak = weak_from_this()](const IngestEvent& event) {
    if (const auto self = weak.lock()) self->on_event(event);
  });
  if (!result) {
    parts_.log.write(LogLevel::error, "ingest-failed",
                     {{"channel", label()}, {"error", result.error().message}});
    return result.error();
  }
  const std::lock_guard lock{line_mutex_};
  line_ = std::move(result).value();
  is_settled_ = false;  // what it was given of the journal may wait for a deadline
  return {};
}

void ChannelRuntime::record(const UploadedObject& object, const UploadAnswer& answer) {
  const Monotonic now = parts_.clocks.monotonic();
  const std::lock_guard lock{mutex_};
  state_.inputs[static_cast<std::size_t>(object.input)].record(object, answer, now, parts_.clocks.utc());
  meters_.taken(object, answer, parts_.clocks.utc() - object.arrival);
  if (line_) state_.active_input = line_->active_input();
  if (answer.outcome != UploadAnswer::Outcome::refused && !is_playlist_name(object.name)) {
    last_media_ = now;
    tail_closed_ = false;
  }
}

// An encrypted header or playlist is refused by itself; segments that only wait for theirs say nothing.
void ChannelRuntime::judge_encryption(const UploadedObject& object, const UploadAnswer& answer) {
  const bool is_encrypted = answer.error && answer.error->code == ErrorCode::encrypted;
  const bool is_clear = (answer.outcome == UploadAnswer::Outcome::created ||
                         answer.outcome == UploadAnswer::Outcome::replaced) &&
                        !is_playlist_name(object.name);
  if (!is_encrypted && !is_clear) return;
  {
    const std::lock_guard lock{mutex_};
    const auto& conditions = state_.conditions[static_cast<std::size_t>(object.input)];
    if (conditions.contains("ENCRYPTED_INPUT") == is_encrypted) return;
  }
  on_event({"input-condition",
            {{"input", input_name(object.input)},
             {"condition", "ENCRYPTED_INPUT"},
             {"state", is_encrypted ? "set" : "cleared"}}});
}

void ChannelRuntime::log_refusal(const UploadedObject& object, const UploadAnswer& answer) {
  const std::string message = answer.error ? answer.error->message : "refused";
  parts_.log.write(LogLevel::warning, "ingest-refused",
                   {{"channel", label()},
                    {"input", input_name(object.input)},
                    {"file", object.name},
                    {"error", message},
                    {"request", object.request_id}});
  const std::lock_guard lock{mutex_};
  push_bounded(state_.errors, InputHistory::Event{parts_.clocks.utc(), message});
}

void ChannelRuntime::on_event(const IngestEvent& event) {
  std::vector<EventLog::Field> fields{{"channel", label()}};
  for (const auto& [name, value] : event.fields) fields.emplace_back(name, value);
  const bool is_error = event.name == "error" || event.name == "warning" || event.name == "journal-damaged" ||
                        event.name == "gop-too-long" ||
                        (event.name == "input-condition" && field(event, "state") == "set");
  parts_.log.write(is_error ? LogLevel::warning : LogLevel::info, event.name, fields);
  const std::lock_guard lock{mutex_};
  note(event);
}

void ChannelRuntime::note(const IngestEvent& event) {
  const Utc now = parts_.clocks.utc();
  if (event.name == "error" || event.name == "warning") {
    push_bounded(state_.errors, InputHistory::Event{now, field(event, "text")});
  } else if (event.name == "gop-too-long") {
    push_bounded(state_.errors, InputHistory::Event{now, long_gop_text(event)});
  } else if (event.name == "input-condition") {
    auto& conditions = state_.conditions[field(event, "input") == "ingest2" ? 1 : 0];
    if (field(event, "state") == "set") {
      const std::string tracks = field(event, "tracks");
      Condition& condition =
          conditions.try_emplace(field(event, "condition"), Condition{now, {}}).first->second;
      condition.reason = tracks.empty() ? field(event, "reason") : tracks;
    } else {
      conditions.erase(field(event, "condition"));
    }
  }
  if (event.name != "input-switched") return;
  push_bounded(state_.switches,
               Switch{now, field(event, "from"), field(event, "to"), field(event, "reason")});
  ++state_.switch_count;
  meters_.switched();
}

void ChannelRuntime::settle_when_quiet() {
  // an upload settles by itself
  if (is_busy_.exchange(false) || is_settled_.exchange(true)) return;
  parts_.writers.submit(strand_, [self = shared_from_this()] { self->settle(); });
}

void ChannelRuntime::settle() {
  if (!line_) return;
  bool is_done = false;
  // what cannot be done now for want of memory is done at the next tick
  (void)unless_out_of_memory([&] { return is_done = line_->settle(); }, [] { return false; });
  if (!is_done) is_settled_ = false;
}

void ChannelRuntime::watch_inputs(Monotonic now) {
  if (is_watched_.exchange(true)) return;
  parts_.writers.submit(strand_, [self = shared_from_this(), now] {
    self->is_watched_ = false;
    self->tell_changes(now);
  });
}

void ChannelRuntime::tell_changes(Monotonic now) {
  std::array<InputState, 2> states;
  const std::shared_ptr<IngestLine> line = this->line();
  for (std::size_t i = 0; i < states.size(); ++i) {
    std::vector<std::pair<std::string, std::string>> statistics;
    if (line) statistics = line->input_statistics(static_cast<int>(i));
    const std::lock_guard lock{mutex_};
    const InputHistory& input = state_.inputs[i];
    const Microseconds patience = std::chrono::seconds{channel_.segment_duration} * 3;
    states[i] = input_state(statistics, input.is_connected(now, patience) ? input.failing() : std::nullopt);
    state_.input_states[i] = states[i];
  }
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    const auto change = watches_[i].observe(states[i], is_well(states[1 - i]), now);
    if (!change) continue;
    std::vector<EventLog::Field> fields{
        {"channel", label()}, {"input", input_name(static_cast<int>(i))}, {"state", change->state}};
    if (!change->reason.empty()) fields.emplace_back("text", change->reason);
    if (change->untold > 0) fields.emplace_back("untold", std::to_string(change->untold));
    const bool is_well = change->state == "live" || change->state == "ended";
    parts_.log.write(is_well ? LogLevel::info : LogLevel::warning, "input-state", fields);
  }
}

void ChannelRuntime::tick(Monotonic now) {
  settle_when_quiet();
  watch_inputs(now);
  {
    const std::lock_guard lock{mutex_};
    if (tail_closed_ || closing_) return;
    if (now - last_media_ < std::chrono::seconds{channel_.segment_duration} * 3) return;
  }
  const auto patience = longest_target_duration() * 3;
  {
    const std::lock_guard lock{mutex_};
    if (tail_closed_ || closing_ || now - last_media_ < patience) return;
    tail_closed_ = true;
  }
  parts_.writers.submit(strand_, [self = shared_from_this()] {
    const Status closed = self->archive_->close_tail(false, self->parts_.clocks.utc());
    if (!closed) {
      self->parts_.log.write(LogLevel::error, "close-tail-failed",
                             {{"channel", self->label()}, {"error", closed.error().message}});
    }
  });
}

std::chrono::seconds ChannelRuntime::longest_target_duration() const {
  std::int64_t longest = 0;
  for (const auto& statistics : state().input_statistics) {
    for (const auto& [name, value] : statistics) {
      if (name == "targetDuration") longest = std::max(longest, parse_i64(value).value_or(0));
    }
  }
  return std::chrono::seconds{longest};
}

std::optional<ArchiveUse> ChannelRuntime::use(const Keep& keep, std::optional<Utc> held) const {
  const auto timeline = archive_->timeline();
  if (timeline->empty()) return std::nullopt;
  const auto newest = timeline->find(timeline->end_slot() - 1);
  const auto oldest = timeline->find(timeline->first_slot());
  if (newest == nullptr || oldest == nullptr) return std::nullopt;
  Utc now;
  {
    const std::lock_guard lock{mutex_};
    now = content_clock_.at(newest->number, newest->utc, parts_.clocks.monotonic(), parts_.clocks.utc());
  }
  Utc from = keep_from(keep, newest->utc, now);
  if (held) from = std::min(from, *held - segment_before);
  return ArchiveUse{id(), archive_->statistics().bytes, timeline::end_of(*timeline, *oldest), newest->utc,
                    from};
}

std::string ChannelRuntime::id() const {
  const std::lock_guard lock{mutex_};
  return channel_.id;
}

void ChannelRuntime::trim(const Keep& keep, std::optional<Utc> held) {
  const auto content = use(keep, held);
  // A little at a time: a month at once would keep encoders waiting.
  if (content) trim_before(std::min(content->keep_from, content->oldest + longest_trim));
}

void ChannelRuntime::sacrifice_before(Utc limit) {
  trim_before(limit, [this](const timeline::Timeline& before) {
    const auto after = archive_->timeline();
    if (before.empty() || after->empty() || after->first_slot() == before.first_slot()) return;
    meters_.sacrificed(bytes_before(before, after->first_slot()));
    const std::lock_guard lock{mutex_};
    state_.sacrificed_before = after->find(after->first_slot())->utc;
  });
}

void ChannelRuntime::trim_before(Utc limit, std::function<void(const timeline::Timeline&)> then) {
  const auto timeline = archive_->timeline();
  if (timeline->empty() || limit <= timeline->find(timeline->first_slot())->utc) return;
  parts_.writers.submit(strand_, [self = shared_from_this(), limit, told = std::move(then)] {
    const auto before = self->archive_->timeline();
    const Status trimmed = self->archive_->trim(limit);
    if (!trimmed) {
      self->parts_.log.write(LogLevel::error, "trim-failed",
                             {{"channel", self->label()}, {"error", trimmed.error().message}});
    }
    if (told) told(*before);
  });
}

void ChannelRuntime::close(std::function<void()> then) {
  {
    const std::lock_guard lock{mutex_};
    closing_ = true;
  }
  parts_.writers.submit(strand_, [self = shared_from_this(), done = std::move(then)] {
    self->settle();
    {
      std::shared_ptr<IngestLine> old;  // dropped after the lock
      const std::lock_guard lock{self->line_mutex_};
      old.swap(self->line_);
    }
    done();
  });
}

std::shared_ptr<IngestLine> ChannelRuntime::line() const {
  const std::lock_guard lock{line_mutex_};
  return line_;
}

std::string ChannelRuntime::active_input() const {
  const auto line = this->line();
  return line ? line->active_input() : std::string{};
}

ChannelRuntime::Gauges ChannelRuntime::gauges(Monotonic now) const {
  const std::lock_guard lock{mutex_};
  Gauges gauges;
  gauges.active_input = state_.active_input;
  const auto patience = std::chrono::seconds{channel_.segment_duration} * 3;
  for (std::size_t i = 0; i < gauges.inputs.size(); ++i) {
    gauges.inputs[i].is_connected = state_.inputs[i].is_connected(now, patience);
    gauges.inputs[i].bitrate = state_.inputs[i].bitrate(now);
    for (const auto& [code, condition] : state_.conditions[i]) gauges.inputs[i].conditions.push_back(code);
    gauges.inputs[i].state = state_.input_states[i];
  }
  return gauges;
}

ChannelRuntime::State ChannelRuntime::state() const {
  const std::shared_ptr<IngestLine> line = this->line();
  State copy;
  {
    const std::lock_guard lock{mutex_};
    copy = state_;
  }
  if (line) copy.active_input = line->active_input();
  for (int input = 0; line && input < 2; ++input) {
    copy.input_statistics[static_cast<std::size_t>(input)] = line->input_statistics(input);
  }
  return copy;
}

}  // namespace tarn::server
