// SPDX-License-Identifier: Apache-2.0
#include "ingest/pull.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include "gstkit/url.h"
#include "ingest/object_path.h"

namespace tarn::ingest {
namespace {

constexpr std::size_t largest_playlist = std::size_t{1} << 20U;
constexpr std::size_t largest_segment = std::size_t{64} << 20U;
constexpr Microseconds patience_for_playlist{10'000'000};
constexpr Microseconds patience_for_segment{30'000'000};

Monotonic now() { return std::chrono::time_point_cast<Microseconds>(std::chrono::steady_clock::now()); }

// What the entry is called as an object: the last component of its path.
std::string name_of(const std::string& location) {
  std::string path = location;
  if (Pull::is_url(location)) path.erase(std::min(path.find_first_of("?#"), path.size()));
  const std::string name = std::filesystem::path{path}.filename().string();
  return check_object_path(name).ok() ? name : "manifest.m3u8";
}

std::unique_ptr<ObjectSource> make_source(const Pull::Settings& settings) {
  if (!Pull::is_url(settings.location)) return make_folder_source();
  return make_http_source({settings.location, settings.user, settings.password});
}

}  // namespace

bool Pull::is_url(const std::string& location) {
  return location.starts_with("http://") || location.starts_with("https://");
}

Pull::Pull(const Settings& settings)
    : source_(make_source(settings)),
      plan_(name_of(settings.location), settings.location,
            [this](const std::string& base, const std::string& uri) { return source_->resolve(base, uri); }) {
}

Pull::Outcome Pull::step() {
  const PullPlan::Step step = plan_.next(now());
  if (step.what == PullPlan::Step::What::over) return Over{};
  if (step.what == PullPlan::Step::What::wait) {
    wait(step.until);
    return Nothing{};
  }
  const auto fetched = source_->fetch(step.location, step.is_playlist ? largest_playlist : largest_segment,
                                      step.is_playlist ? patience_for_playlist : patience_for_segment);
  if (!fetched.ok()) {
    plan_.failed(fetched.error().code == ErrorCode::not_found, now());
    return !step.is_playlist || std::exchange(is_troubled_, true) ? Outcome{Nothing{}}
                                                                  : Trouble{fetched.error().message};
  }
  std::string why;
  if (!plan_.taken(fetched->bytes(), now(), why) && !std::exchange(is_troubled_, true)) {
    return Trouble{(is_url(step.location) ? gstkit::spoken(step.location) : step.name) + ": " + why};
  }
  if (step.is_playlist && why.empty()) is_troubled_ = false;
  return Object{step.name, *fetched};
}

void Pull::wait(Monotonic until) {
  std::unique_lock lock{mutex_};
  changed_.wait_until(lock, until, [this] { return cancelled_; });
}

void Pull::cancel() {
  {
    const std::lock_guard lock{mutex_};
    cancelled_ = true;
  }
  changed_.notify_all();
  source_->cancel();
}

}  // namespace tarn::ingest
