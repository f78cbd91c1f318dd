// SPDX-License-Identifier: Apache-2.0
#include "server/collect/task_run.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <thread>

#include "server/collect/retry.h"
#include "server/collect/signature.h"
#include "server/keys/backoff.h"

namespace tarn::server {
namespace {

// A store may have kept something else than it was sent, and this server may have died before it knew.
bool has_bytes_of(const StoredObject& there, const Content& content) {
  if (there.size != content.size || there.md5.empty()) return false;
  Md5 sum;
  for (const Blob& part : content.parts) sum.add(part.bytes());
  return there.md5 == sum.hex();
}

Error unwanted() { return {ErrorCode::conflict, "the task was stopped"}; }

}  // namespace

Result<bool> TaskRun::run(bool finish) {
  Utc known_until{};
  {
    const std::lock_guard lock{progress_.mutex};
    known_until = progress_.known_until;
  }
  CollectionPlan plan = TRY(parts_.source.plan(task_, {finish, known_until}));
  const bool is_whole = !plan.manifests.empty();
  const std::set<std::string> planned(plan.media.begin(), plan.media.end());
  std::vector<std::string> missing;
  {
    const std::lock_guard lock{progress_.mutex};
    total_ = plan.media.size();
    for (std::string& name : plan.media) {
      if (!progress_.done.contains(name)) missing.push_back(std::move(name));
    }
    // Less than the whole has been planned: what is there already belongs to it too.
    if (!is_whole) total_ = progress_.done.size() + missing.size();
  }
  parts_.on_progress(total_);
  if (look_first_) TRY(tidy());
  TRY(upload(missing));
  if (gave_way_) return false;
  if (!is_whole) {
    const std::lock_guard lock{progress_.mutex};
    progress_.known_until = std::max(progress_.known_until, plan.edge);
    return false;
  }
  const auto target = TRY(open());
  for (const CollectedManifest& manifest : plan.manifests) {
    const std::vector<Blob> text{Blob::copy_of(as_bytes(manifest.text))};
    TRY(put(*target, manifest.name, manifest.content_type, text, manifest.text.size()));
  }
  TRY(drop(*target, planned));
  manifest_ = plan.manifests.back().name;
  covered_ = plan.covered;
  return true;
}

Status TaskRun::upload(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::atomic<std::size_t> next{0};
  const std::size_t count = std::min<std::size_t>(parts_.uploads, names.size());
  std::vector<Status> ends(count);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < count; ++i) {
      threads.emplace_back([&, i] { ends[i] = upload_some(names, next); });
    }
    ends[0] = upload_some(names, next);
  }
  for (Status& end : ends) {
    if (!end && end.error().code != ErrorCode::conflict) return std::move(end);
  }
  for (Status& end : ends) {
    if (!end) return std::move(end);
  }
  return {};
}

Status TaskRun::upload_some(const std::vector<std::string>& names, std::atomic<std::size_t>& next) {
  const auto target = open();
  Status end = target ? Status{} : Status{target.error()};
  for (std::size_t at = next++; end.ok() && at < names.size(); at = next++) {
    if (has_failed_ || parts_.is_unwanted()) return unwanted();
    end = upload_one(**target, names[at]);  // one at least, whoever waits
    if (end && parts_.gives_way && parts_.gives_way()) gave_way_ = true;
    if (gave_way_) break;
  }
  if (!end) has_failed_ = true;
  return end;
}

Result<std::unique_ptr<Target>> TaskRun::open() {
  std::unique_ptr<Target> target;
  TRY(with_tries([&]() -> Status {
    target = TRY(parts_.open());
    return {};
  }));
  return target;
}

Status TaskRun::tidy() {
  const auto target = TRY(open());
  return with_tries([&] { return target->tidy(); });
}

// The endpoint's settings have changed while this was collected: no manifest names what was made with the old
// ones. A store that does not let this server take anything away keeps it.
Status TaskRun::drop(Target& target, const std::set<std::string>& planned) {
  std::vector<std::string> left;
  {
    const std::lock_guard lock{progress_.mutex};
    std::set_difference(progress_.done.begin(), progress_.done.end(), planned.begin(), planned.end(),
                        std::back_inserter(left));
  }
  for (const std::string& name : left) {
    const Status removed = with_tries([&] { return target.remove(name); });
    if (!removed && (may_go_away(removed.error()) || removed.error().code == ErrorCode::conflict))
      return removed;
    const std::lock_guard lock{progress_.mutex};
    progress_.done.erase(name);
  }
  if (!left.empty()) parts_.on_progress(total_);
  return {};
}

Status TaskRun::upload_one(Target& target, const std::string& name) {
  const auto there = look_first_ ? TRY(look(target, name)) : std::nullopt;
  if (there) TRY(take_share(there->size));  // what is compared is read, too
  const auto content = TRY(fetch(name));
  if (!there || !has_bytes_of(*there, *content)) {
    TRY(put(target, name, content->content_type, content->parts, content->size));
  }
  note_done(name, content->size);
  return {};
}

Result<std::optional<StoredObject>> TaskRun::look(Target& target, const std::string& name) {
  std::optional<StoredObject> there;
  TRY(with_tries([&]() -> Status {
    there = TRY(target.find(name));
    is_reached_ = true;
    return {};
  }));
  return there;
}

Status TaskRun::take_share(std::uint64_t size) {
  return parts_.pause(parts_.share.take(size, parts_.now())) ? Status{} : Status{unwanted()};
}

Status TaskRun::put(Target& target, const std::string& name, const std::string& content_type,
                    const std::vector<Blob>& parts, std::uint64_t size) {
  return with_tries([&]() -> Status {  // each try takes disk and network
    TRY(take_share(size));
    TRY(target.put(name, content_type, parts));
    is_reached_ = true;
    return {};
  });
}

Status TaskRun::with_tries(const std::function<Status()>& attempt) {
  for (unsigned failures = 0;;) {
    Status done = attempt();
    if (done || !may_go_away(done.error()) ||
        ++failures >= (is_reached_ ? parts_.tries : parts_.first_tries)) {
      return done;
    }
    if (!parts_.pause(backoff(failures, any_number(), parts_.first_backoff))) return unwanted();
  }
}

Result<std::shared_ptr<const Content>> TaskRun::fetch(const std::string& name) {
  const auto answer = std::make_shared<std::promise<Fetched>>();
  std::future<Fetched> later = answer->get_future();
  parts_.source.fetch_media(task_, name,
                            [answer](Fetched fetched) { answer->set_value(std::move(fetched)); });
  const Monotonic until = parts_.now() + parts_.packaging;
  while (later.wait_for(std::chrono::milliseconds{100}) != std::future_status::ready) {
    if (parts_.is_unwanted()) return unwanted();
    if (parts_.now() >= until) return Error{ErrorCode::internal, name + ": its packaging takes too long"};
  }
  Fetched fetched = later.get();
  if (fetched.content) return fetched.content;
  // Even if it was taken from the timeline meanwhile: the manifests of this plan list it, the next plan's
  // will not.
  return Error{ErrorCode::internal, name + ": " + fetched.reason};
}

void TaskRun::note_done(const std::string& name, std::uint64_t size) {
  {
    const std::lock_guard lock{progress_.mutex};
    progress_.done.insert(name);
    progress_.bytes += size;
    if (parts_.note) parts_.note(name, size);
  }
  parts_.on_progress(total_);
}

}  // namespace tarn::server
