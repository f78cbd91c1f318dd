// SPDX-License-Identifier: Apache-2.0
#include "manifest/http_output.h"

#include <libsoup/soup.h>

#include <algorithm>

#include "core/base/base64.h"
#include "core/base/text.h"
#include "gstkit/ref.h"
#include "gstkit/url.h"
#include "manifest/playlist_gaps.h"
#include "manifest/redirection.h"

namespace tarn::manifest {

using gstkit::Ref;

namespace {

constexpr std::size_t most_bytes = std::size_t{128} << 20U;
constexpr std::chrono::milliseconds first_pause{250};
constexpr std::chrono::milliseconds longest_pause{5000};
constexpr unsigned timeout_seconds = 10;
constexpr unsigned most_redirections = 5;
constexpr unsigned refusals_that_do = 3;

std::size_t size_of(const FileAction& action) {
  std::size_t size = 0;
  for (const Blob& part : action.parts) size += part.size();
  return size;
}

bool is_manifest(const FileAction& action) {
  return action.name.ends_with(".m3u8") || action.name.ends_with(".mpd");
}

bool is_header(const FileAction& action) { return action.name.ends_with(".mp4"); }

bool is_segment(const FileAction& action) { return !is_manifest(action) && !is_header(action); }

Ref<GBytes> joined(const FileAction& action) {
  GByteArray* array = g_byte_array_sized_new(static_cast<guint>(size_of(action)));
  for (const Blob& part : action.parts)
    g_byte_array_append(array, part.data(), static_cast<guint>(part.size()));
  return Ref<GBytes>::adopt(g_byte_array_free_to_bytes(array));
}

}  // namespace

Status check_base_url(const std::string& url) {
  GUri* uri = g_uri_parse(url.c_str(), G_URI_FLAGS_HAS_PASSWORD, nullptr);
  const bool is_good = uri != nullptr && g_uri_get_host(uri) != nullptr && g_uri_get_user(uri) == nullptr &&
                       g_uri_get_query(uri) == nullptr && g_uri_get_fragment(uri) == nullptr &&
                       url.ends_with('/') && (url.starts_with("http://") || url.starts_with("https://"));
  if (uri != nullptr) g_uri_unref(uri);
  if (is_good) return {};
  return Error{ErrorCode::invalid,
               "a location over HTTP ends in '/' and has neither user nor query; credentials are properties"};
}

HttpOutput::HttpOutput(Target target, std::function<void(const Trouble&)> trouble)
    : target_(std::move(target)),
      trouble_(std::move(trouble)),
      cancellable_(Ref<GCancellable>::adopt(g_cancellable_new())),
      thread_([this] { run(); }) {}

HttpOutput::~HttpOutput() {
  stop();
  thread_.join();
}

void HttpOutput::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  g_cancellable_cancel(cancellable_.get());
}

void HttpOutput::put(const std::vector<FileAction>& actions) {
  {
    const std::lock_guard lock{mutex_};
    for (const FileAction& action : actions) {
      forget_older(action);
      bytes_ += size_of(action);
      waiting_.push_back(action);
      has_work_ = true;
    }
    given_up_ += limit();
  }
  changed_.notify_all();
}

// How many are given up. REQUIRES: mutex_ is held
std::size_t HttpOutput::limit() {
  std::size_t given_up = 0;
  for (auto at = waiting_.begin(); bytes_ > most_bytes && at != waiting_.end();) {
    if (!is_segment(*at) || at->is_deletion) {
      ++at;
      continue;
    }
    missing_.insert(at->name);
    bytes_ -= size_of(*at);
    at = waiting_.erase(at);
    ++given_up;
  }
  return given_up;
}

// A playlist of which a newer version comes need not wait any more. REQUIRES: mutex_ is held
void HttpOutput::forget_older(const FileAction& newer) {
  if (!is_manifest(newer)) return;
  std::erase_if(waiting_, [&](const FileAction& older) {
    if (older.name != newer.name) return false;
    bytes_ -= size_of(older);
    return true;
  });
}

std::size_t HttpOutput::take_given_up() {
  const std::lock_guard lock{mutex_};
  return std::exchange(given_up_, 0);
}

HttpOutput::Drained HttpOutput::drain(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock{mutex_};
  const bool is_over =
      changed_.wait_until(lock, deadline, [this] { return stopping_ || (waiting_.empty() && !busy_); });
  if (stopping_) return Drained::stopped;
  return is_over ? Drained::all : Drained::late;
}

std::optional<std::string> HttpOutput::refusal() const {
  const std::lock_guard lock{mutex_};
  if (has_taken_ || !has_work_) return std::nullopt;
  return why_.empty() ? "no answer yet" : why_;
}

bool HttpOutput::is_refused() const {
  const std::lock_guard lock{mutex_};
  return is_refused_;
}

// REQUIRES: mutex_ is held
bool HttpOutput::is_superseded(const FileAction& action) const {
  return is_manifest(action) && std::any_of(waiting_.begin(), waiting_.end(), [&](const FileAction& later) {
           return later.name == action.name;
         });
}

void HttpOutput::run() {
  GMainContext* context = g_main_context_new();
  g_main_context_push_thread_default(context);
  const auto session = Ref<SoupSession>::adopt(
      soup_session_new_with_options("timeout", timeout_seconds, "user-agent", "tarn", nullptr));
  session_ = session.get();
  std::chrono::milliseconds pause = first_pause;
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) break;
    const FileAction action = std::move(waiting_.front());
    waiting_.pop_front();
    if (is_superseded(action)) {
      bytes_ -= size_of(action);
      changed_.notify_all();
      continue;
    }
    busy_ = true;
    const FileAction sent = for_the_server(action);
    lock.unlock();
    const Outcome outcome = send(sent);
    lock.lock();
    const auto trouble = judge(action, outcome, pause == first_pause);
    lock.unlock();
    // Said before it counts as done, so that EOS does not overtake it.
    if (trouble) trouble_(*trouble);
    lock.lock();
    busy_ = false;
    if (outcome.sent == Sent::again && !stopping_) {
      waiting_.push_front(action);
      changed_.wait_for(lock, pause, [this] { return stopping_; });
      pause = std::min(pause * 2, longest_pause);
      continue;
    }
    pause = first_pause;
    bytes_ -= size_of(action);
    changed_.notify_all();
  }
  lock.unlock();
  g_main_context_pop_thread_default(context);
  g_main_context_unref(context);
}

FileAction HttpOutput::for_the_server(FileAction action) const {
  if (missing_.empty() || !action.name.ends_with(".m3u8")) return action;
  std::string text;
  for (const Blob& part : action.parts) text += as_text(part.bytes());
  action.parts = {Blob::copy_of(as_bytes(with_gaps(text, missing_)))};
  return action;
}

std::optional<HttpOutput::Trouble> HttpOutput::judge(const FileAction& action, const Outcome& outcome,
                                                     bool is_first_try) {
  const bool counts = !action.is_deletion;
  if (is_segment(action) && (outcome.sent == Sent::yes || action.is_deletion)) missing_.erase(action.name);
  if (outcome.sent == Sent::yes && counts) {
    has_taken_ = true;
    is_refused_ = false;
  }
  if (outcome.sent == Sent::yes || outcome.sent == Sent::given_up) return std::nullopt;
  why_ = action.name + ": " + outcome.why;
  if (outcome.sent == Sent::again)
    return is_first_try ? std::optional{Trouble{.what = why_ + "; tried again"}} : std::nullopt;
  if (counts && is_segment(action)) missing_.insert(action.name);
  if (counts) ++refusals_;
  if (!counts || !is_hopeless(action, outcome.status)) {
    return is_refused_ ? std::nullopt : std::optional{Trouble{.what = why_}};
  }
  if (std::exchange(is_refused_, true)) return std::nullopt;  // said when it began
  const bool for_credentials = outcome.status == 401 || outcome.status == 403;
  return Trouble{.what = (for_credentials ? "refuses the credentials: " : "refuses what it is sent: ") + why_,
                 .is_refused = true,
                 .for_credentials = for_credentials};
}

// A server that has taken files refuses this one only, unless it no longer knows who sends it.
bool HttpOutput::is_hopeless(const FileAction& action, unsigned status) const {
  if (status == 401) return true;
  if (has_taken_) return false;
  return status == 403 || is_header(action) || refusals_ >= refusals_that_do;
}

HttpOutput::Outcome HttpOutput::send(const FileAction& action) {
  std::string url = target_.base + action.name;
  for (unsigned count = 0;; ++count) {
    std::string location;
    Outcome outcome = send_to(url, action, location);
    const std::string where = count == 0 ? "" : ", sent on to " + gstkit::spoken(url);
    if (!is_redirection(outcome.status)) {
      outcome.why += where;
      return outcome;
    }
    auto next = redirected(url, location.empty() ? nullptr : location.c_str());
    if (next.ok() && count < most_redirections) {
      url = std::move(next).value();
      continue;
    }
    outcome.sent = Sent::never;
    outcome.why += where + ": " + (next.ok() ? "sent on too often" : next.error().message);
    return outcome;
  }
}

// `location`: of a redirection.
HttpOutput::Outcome HttpOutput::send_to(const std::string& url, const FileAction& action,
                                        std::string& location) {
  const auto message =
      Ref<SoupMessage>::adopt(soup_message_new(action.is_deletion ? "DELETE" : "PUT", url.c_str()));
  if (!message) return {.sent = Sent::never, .why = "cannot be a URL"};
  if (!target_.user.empty() && may_have_credentials(target_.base, url)) {
    const std::string pair = target_.user + ":" + target_.password;
    soup_message_headers_replace(soup_message_get_request_headers(message.get()), "Authorization",
                                 ("Basic " + base64(as_bytes(pair))).c_str());
  }
  if (!action.is_deletion) {
    soup_message_set_request_body_from_bytes(message.get(), action.content_type.c_str(),
                                             joined(action).get());
  }
  soup_message_add_flags(message.get(), SOUP_MESSAGE_NO_REDIRECT);  // which would send a PUT on as a GET
  GError* raw_error = nullptr;
  const auto answer = Ref<GBytes>::adopt(soup_session_send_and_read(
      static_cast<SoupSession*>(session_), message.get(), cancellable_.get(), &raw_error));
  const gstkit::ErrorPtr error{raw_error};
  if (g_cancellable_is_cancelled(cancellable_.get()) != FALSE) return {.sent = Sent::given_up};
  if (!answer) return {.sent = Sent::again, .why = error ? error->message : "no answer"};
  const guint status = soup_message_get_status(message.get());
  if (status >= 200 && status < 300) return {.sent = Sent::yes, .status = status};
  const char* const place =
      soup_message_headers_get_one(soup_message_get_response_headers(message.get()), "Location");
  location = place == nullptr ? "" : place;
  gsize size = 0;
  const auto* text = static_cast<const char*>(g_bytes_get_data(answer.get(), &size));
  const std::string line{text == nullptr ? "" : text, std::min<std::size_t>(size, 200)};
  const bool may_pass = status >= 500 || status == 408 || status == 429;
  return {.sent = may_pass ? Sent::again : Sent::never,
          .why = "answered " + std::to_string(status) +
                 (line.empty() || is_redirection(status) ? "" : ": " + line.substr(0, line.find('\n'))),
          .status = status};
}

}  // namespace tarn::manifest
