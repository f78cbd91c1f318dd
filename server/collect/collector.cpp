// SPDX-License-Identifier: Apache-2.0
#include "server/collect/collector.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace tarn::server {
namespace {

// How often what only progresses is written.
constexpr Microseconds save_interval = std::chrono::seconds{5};
// Of one object in a pass. Of a store that is out all uploads fail: it is asked again, and not for long, so
// that other tasks have their turn.
constexpr unsigned tries = 6;
constexpr unsigned tries_in_outage = 2;

std::string label(const CollectionTask& task) {
  return task.group + "/" + task.channel + "/" + task.endpoint;
}

// A clip that is shorter than what was asked for says so: nobody looks at all of it before it is published.
void note_covered(CollectionTask& task, const CollectedRange& covered) {
  task.content_start = covered.start;
  task.content_end = covered.end;
  if (covered.missing == Microseconds{0}) return;
  task.warning = std::to_string(std::chrono::ceil<std::chrono::seconds>(covered.missing).count()) +
                 " s of the range are not there: it has " + format_utc_seconds(covered.start) + " to " +
                 format_utc_seconds(covered.end);
  const Microseconds around = std::max(covered.start - task.start, Microseconds{0}) +
                              std::max(task.end - covered.end, Microseconds{0});
  if (covered.missing > around) task.warning += ", with gaps";
}

std::chrono::microseconds as_wait(Microseconds time) { return std::max(time, Microseconds{1000}); }

}  // namespace

Result<std::unique_ptr<Collector>> Collector::open(Parts parts, CollectorSettings settings) {
  auto collector = std::unique_ptr<Collector>{new Collector{std::move(parts), std::move(settings)}};
  for (CollectionTask& task : TRY(collector->parts_.store.tasks())) {
    auto entry = std::make_shared<Entry>();
    entry->look_first = task.state == CollectionTask::State::running;
    if (entry->look_first) task.is_untidy = true;
    entry->done_at_failure = task.segments_done;
    entry->task = std::move(task);
    collector->entries_.emplace(entry->task.id, std::move(entry));
  }
  collector->read_marks();
  collector->hold_content();
  for (unsigned i = 0; i < collector->settings_.threads; ++i) {
    collector->threads_.emplace_back([self = collector.get()] { self->work(); });
  }
  return collector;
}

Collector::Collector(Parts parts, CollectorSettings settings)
    : parts_(std::move(parts)),
      settings_(std::move(settings)),
      started_utc_(parts_.utc()),
      started_(parts_.monotonic()),
      share_(settings_.bytes_per_second) {
  if (settings_.open) return;
  settings_.open = [this](const CollectionTask& task, std::function<bool()> is_unwanted) {
    return open_target(task, settings_.targets, std::move(is_unwanted));
  };
}

Collector::~Collector() { stop(); }

void Collector::stop() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Collector::check_target(const CollectionTarget& target, FieldErrors& errors) const {
  tarn::server::check_target(target, settings_.targets, errors);
}

Status Collector::submit(CollectionTask task) {
  TRY(parts_.store.put_task(task));
  auto entry = std::make_shared<Entry>();
  entry->task = std::move(task);
  {
    const std::lock_guard lock{mutex_};
    entries_.emplace(entry->task.id, entry);
    hold_content();
    forget_old();
  }
  wake_.notify_all();
  return {};
}

std::vector<CollectionTask> Collector::tasks() const {
  std::vector<CollectionTask> tasks;
  const std::lock_guard lock{mutex_};
  for (const auto& [id, entry] : entries_) tasks.push_back(entry->task);
  std::sort(tasks.begin(), tasks.end(), [](const auto& a, const auto& b) { return a.created < b.created; });
  return tasks;
}

Collector::Counts Collector::counts() const {
  if (const std::unique_lock lock{mutex_, std::try_to_lock}) {
    Counts counts;
    for (const auto& [id, entry] : entries_) {
      ++counts.by_state[entry->task.state];
      if (!entry->task.is_over() && entry->task.failing_since) ++counts.retrying;
    }
    const std::lock_guard counting{counts_mutex_};
    counts_ = std::move(counts);
  }
  const std::lock_guard counting{counts_mutex_};
  return counts_;
}

std::optional<CollectionTask> Collector::find(const std::string& id) const {
  const std::lock_guard lock{mutex_};
  const auto at = entries_.find(id);
  return at == entries_.end() ? std::nullopt : std::optional{at->second->task};
}

Status Collector::cancel(const std::string& id) {
  const std::lock_guard lock{mutex_};
  const auto at = entries_.find(id);
  if (at == entries_.end()) return not_found("there is no collection task " + id);
  Entry& entry = *at->second;
  if (entry.task.state == CollectionTask::State::cancelled) return {};
  if (entry.task.is_over()) return Error{ErrorCode::conflict, "the collection task is over already"};
  entry.is_cancelled = true;
  finish(entry, CollectionTask::State::cancelled, "");
  wake_.notify_all();
  return {};
}

void Collector::work() {
  std::unique_lock lock{mutex_};
  while (!is_stopping_) {
    const EntryPtr entry = take_due(lock);
    if (!entry) continue;
    entry->is_busy = true;
    lock.unlock();
    run(entry);
    lock.lock();
    entry->is_busy = false;
  }
}

// Waits when there is none.
Collector::EntryPtr Collector::take_due(std::unique_lock<std::mutex>& lock) {
  const Monotonic now = parts_.monotonic();
  Microseconds wait = std::chrono::seconds{60};
  EntryPtr first;
  for (const auto& [id, entry] : entries_) {
    if (entry->is_busy || (entry->task.is_over() && !entry->task.is_untidy)) continue;
    wait = std::min(wait, entry->due - now);
    if (entry->due <= now && (!first || entry->due < first->due)) first = entry;
  }
  if (!first) wake_.wait_for(lock, as_wait(wait));
  return first;
}

void Collector::run(const EntryPtr& entry) {
  CollectionTask task;
  bool is_out = false;
  std::optional<DoneList> marks;
  {
    const std::lock_guard lock{mutex_};
    task = entry->task;
  }
  if (task.is_over()) return tidy(entry, task);
  {
    const std::lock_guard lock{mutex_};
    if (entry->task.is_over()) return;
    if (!settings_.marks.empty()) marks.emplace(marks_of(task));
    is_out = entry->failures > 0;
    entry->task.next_try.reset();
    if (entry->task.state == CollectionTask::State::queued) {
      entry->task.state = CollectionTask::State::running;
      entry->task.started = parts_.utc();
      entry->task.is_untidy = true;
      save(*entry);
    }
    task = entry->task;
  }
  const auto is_unwanted = [this, entry] { return is_stopping_ || entry->is_cancelled; };
  const Monotonic turn_ends = parts_.monotonic() + settings_.turn;
  TaskRun run{{parts_.source, share_, [&] { return settings_.open(task, is_unwanted); },
               [&](Microseconds time) { return pause(*entry, time); }, is_unwanted, parts_.monotonic,
               [&](std::uint64_t total) { note_progress(entry, total); }, settings_.uploads, tries,
               is_out ? tries_in_outage : tries, settings_.first_backoff, TaskRun::Parts::usual_packaging,
               [&] { return parts_.monotonic() >= turn_ends && is_any_waiting(); },
               [&](const std::string& name, std::uint64_t size) {
                 if (marks) marks->add(name, size);
               }},
              task,
              entry->progress,
              entry->look_first};
  const auto result = run.run(is_late(task));
  end_pass(entry, result, run);
}

// Of a task that is over; what is half there is of no use to anybody.
void Collector::tidy(const EntryPtr& entry, const CollectionTask& task) {
  const auto target = settings_.open(task, [this] { return is_stopping_.load(); });
  const Status done = target ? (*target)->tidy() : Status{target.error()};
  const std::lock_guard lock{mutex_};
  if (is_stopping_ || !entries_.contains(task.id)) return;
  entry->due = parts_.monotonic() + settings_.retry.longest;
  if (!done && may_go_away(done.error())) return;
  entry->task.is_untidy = false;
  save(*entry);
}

std::string Collector::marks_of(const CollectionTask& task) const { return settings_.marks + "/" + task.id; }

// Before the threads are there.
void Collector::read_marks() {
  if (settings_.marks.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(settings_.marks, error);
  for (const auto& [id, entry] : entries_) {
    if (!entry->look_first) continue;
    for (auto& [name, size] : DoneList::read(marks_of(entry->task))) {
      if (entry->progress.done.insert(name).second) entry->progress.bytes += size;
    }
  }
  for (const auto& file : std::filesystem::directory_iterator{settings_.marks, error}) {
    const auto task = entries_.find(file.path().filename().string());
    if (task == entries_.end() || task->second->task.is_over()) std::filesystem::remove(file.path(), error);
  }
}

// What has not come by now will not come. A wall clock that is set ahead says nothing of that, nor does the
// time in which the server was not there: what encoders sent before is on its way through the journal, still.
bool Collector::is_late(const CollectionTask& task) const {
  const Microseconds up = parts_.monotonic() - started_;
  const Utc now = std::min(parts_.utc(), started_utc_ + up);
  return up >= settings_.patience && now >= task.end + settings_.patience;
}

void Collector::note_progress(const EntryPtr& entry, std::uint64_t total) {
  std::size_t done = 0;
  std::uint64_t bytes = 0;
  {
    const std::lock_guard lock{entry->progress.mutex};
    done = entry->progress.done.size();
    bytes = entry->progress.bytes;
  }
  const std::lock_guard lock{mutex_};
  CollectionTask& task = entry->task;
  if (task.is_over()) return;
  // Until this process has seen as much as the one before: it is still there.
  task.segments_done = entry->look_first ? std::max<std::uint64_t>(task.segments_done, done) : done;
  task.segments_total = std::max<std::uint64_t>(total, task.segments_done);
  task.bytes = entry->look_first ? std::max(task.bytes, bytes) : bytes;
  if (done > entry->done_at_failure && task.failing_since) end_outage(*entry);
  // Of a range that is not over yet, what is still to come counts too.
  const auto whole = (task.end - task.start).count();
  const auto past = std::clamp<std::int64_t>((parts_.utc() - task.start).count(), 0, whole);
  const std::uint64_t of_past = task.segments_total == 0 ? 0 : 99 * task.segments_done / task.segments_total;
  task.progress = static_cast<std::uint32_t>(static_cast<std::int64_t>(of_past) * (past / 1000) /
                                             std::max<std::int64_t>(1, whole / 1000));
  if (parts_.monotonic() - entry->saved >= save_interval) save(*entry);
}

void Collector::end_pass(const EntryPtr& entry, const Result<bool>& result, const TaskRun& run) {
  const std::lock_guard lock{mutex_};
  if (entry->task.is_over() || is_stopping_) return;
  if (result) {
    entry->due = parts_.monotonic();  // behind those that wait
    if (run.gave_way()) return save(*entry);
    end_outage(*entry);
    entry->look_first = false;
    entry->due += settings_.look_again;
    if (!*result) return save(*entry);
    entry->task.progress = 100;
    entry->task.manifest = run.manifest();
    if (run.covered()) note_covered(entry->task, *run.covered());
    return finish(*entry, CollectionTask::State::succeeded, "");
  }
  const Error& error = result.error();
  if (!may_go_away(error)) return finish(*entry, CollectionTask::State::failed, error.message);
  fail_pass(*entry, error);
}

// With mutex_ held.
void Collector::end_outage(Entry& entry) {
  entry.failures = 0;
  entry.task.error.clear();
  entry.task.failing_since.reset();
}

// With mutex_ held.
void Collector::fail_pass(Entry& entry, const Error& error) {
  CollectionTask& task = entry.task;
  const Utc now = parts_.utc();
  entry.done_at_failure = task.segments_done;
  if (!task.failing_since) {
    task.failing_since = now;
    parts_.log.write(LogLevel::warning, "collection-retried",
                     {{"task", task.id}, {"endpoint", label(task)}, {"error", error.message}});
  }
  const auto wait =
      wait_for_next_pass(settings_.retry, ++entry.failures, now - *task.failing_since, any_number());
  if (!wait) return finish(entry, CollectionTask::State::failed, error.message);
  task.error = error.message;
  task.next_try = now + *wait;
  entry.due = parts_.monotonic() + *wait;
  save(entry);
}

// With mutex_ held.
void Collector::finish(Entry& entry, CollectionTask::State state, const std::string& error) {
  entry.task.state = state;
  entry.task.error = error;
  entry.task.finished = parts_.utc();
  entry.task.next_try.reset();
  if (state == CollectionTask::State::succeeded) entry.task.is_untidy = false;
  entry.due = parts_.monotonic();
  save(entry);
  if (!settings_.marks.empty()) ::unlink(marks_of(entry.task).c_str());
  hold_content();
  const bool is_well = state != CollectionTask::State::failed && entry.task.warning.empty();
  std::vector<EventLog::Field> fields{{"task", entry.task.id},
                                      {"endpoint", label(entry.task)},
                                      {"state", std::string{name_of(state)}},
                                      {"error", error}};
  if (!entry.task.warning.empty()) fields.emplace_back("warning", entry.task.warning);
  parts_.log.write(is_well ? LogLevel::info : LogLevel::warning, "collection-ended", fields);
}

// With mutex_ held. What could not be kept is found out again after a restart.
void Collector::save(Entry& entry) {
  entry.saved = parts_.monotonic();
  const Status saved = parts_.store.put_task(entry.task);
  if (!saved) {
    parts_.log.write(LogLevel::error, "collection-not-saved",
                     {{"task", entry.task.id}, {"error", saved.error().message}});
  }
}

bool Collector::is_any_waiting() const {
  const Monotonic now = parts_.monotonic();
  const std::lock_guard lock{mutex_};
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& each) {
    const Entry& entry = *each.second;
    return !entry.is_busy && !entry.task.is_over() && entry.due <= now;
  });
}

bool Collector::pause(const Entry& entry, Microseconds time) {
  std::unique_lock lock{mutex_};
  const auto is_unwanted = [&] { return is_stopping_ || entry.is_cancelled; };
  if (time > Microseconds{0}) wake_.wait_for(lock, std::chrono::microseconds{time}, is_unwanted);
  return !is_unwanted();
}

// With mutex_ held.
void Collector::hold_content() {
  std::map<std::string, Utc> from;
  for (const auto& [id, entry] : entries_) {
    if (entry->task.is_over()) continue;
    const auto [at, is_new] = from.emplace(entry->task.channel_id, entry->task.start);
    if (!is_new) at->second = std::min(at->second, entry->task.start);
  }
  parts_.source.hold(std::move(from));
}

// With mutex_ held.
void Collector::forget_old() {
  std::vector<EntryPtr> over;
  for (const auto& [id, entry] : entries_) {
    if (entry->task.is_over() && !entry->is_busy) over.push_back(entry);
  }
  if (over.size() <= settings_.kept) return;
  std::sort(over.begin(), over.end(),
            [](const auto& a, const auto& b) { return a->task.created < b->task.created; });
  over.resize(over.size() - settings_.kept);
  for (const EntryPtr& entry : over) {
    if (parts_.store.remove_task(entry->task.id)) entries_.erase(entry->task.id);
  }
}

}  // namespace tarn::server
