// SPDX-License-Identifier: Apache-2.0
#include "manifest/http_output.h"

#include <libsoup/soup.h>

#include <algorithm>

#include "core/base/base64.h"
#include "gstkit/ref.h"

namespace tarn::manifest {

using gstkit::Ref;

namespace {

constexpr std::size_t most_bytes = std::size_t{128} << 20U;
constexpr std::chrono::milliseconds first_pause{250};
constexpr std::chrono::milliseconds longest_pause{5000};
constexpr unsigned timeout_seconds = 10;

std::size_t size_of(const FileAction& action) {
  std::size_t size = 0;
  for (const Blob& part : action.parts) size += part.size();
  return size;
}

bool is_manifest(const FileAction& action) {
  return action.name.ends_with(".m3u8") || action.name.ends_with(".mpd");
}

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

HttpOutput::HttpOutput(Target target, std::function<void(const std::string&)> trouble)
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
  std::size_t given_up = 0;
  {
    const std::lock_guard lock{mutex_};
    for (const FileAction& action : actions) {
      bytes_ += size_of(action);
      waiting_.push_back(action);
      has_work_ = true;
    }
    given_up = limit();
  }
  changed_.notify_all();
  if (given_up > 0) trouble_(std::to_string(given_up) + " segments are given up: the server is too slow");
}

// How many are given up. REQUIRES: mutex_ is held
std::size_t HttpOutput::limit() {
  std::size_t given_up = 0;
  for (auto at = waiting_.begin(); bytes_ > most_bytes && at != waiting_.end();) {
    if (is_manifest(*at) || at->name.ends_with(".mp4")) {
      ++at;
      continue;
    }
    bytes_ -= size_of(*at);
    at = waiting_.erase(at);
    ++given_up;
  }
  return given_up;
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
    lock.unlock();
    std::string why;
    const Sent sent = send(action, why);
    // Said before it counts as done, so that EOS does not overtake it.
    if (sent == Sent::never) trouble_(action.name + ": " + why);
    if (sent == Sent::again && pause == first_pause) trouble_(action.name + ": " + why + "; tried again");
    lock.lock();
    busy_ = false;
    if (sent == Sent::yes && !action.is_deletion) has_taken_ = true;
    if (sent != Sent::yes) why_ = action.name + ": " + why;
    if (sent == Sent::again && !stopping_) {
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

HttpOutput::Sent HttpOutput::send(const FileAction& action, std::string& why) {
  const std::string url = target_.base + action.name;
  const auto message =
      Ref<SoupMessage>::adopt(soup_message_new(action.is_deletion ? "DELETE" : "PUT", url.c_str()));
  if (!message) {
    why = "cannot be a URL";
    return Sent::never;
  }
  if (!target_.user.empty()) {
    const std::string pair = target_.user + ":" + target_.password;
    soup_message_headers_replace(soup_message_get_request_headers(message.get()), "Authorization",
                                 ("Basic " + base64(as_bytes(pair))).c_str());
  }
  if (!action.is_deletion) {
    soup_message_set_request_body_from_bytes(message.get(), action.content_type.c_str(),
                                             joined(action).get());
  }
  soup_message_add_flags(message.get(), SOUP_MESSAGE_NO_REDIRECT);
  GError* raw_error = nullptr;
  const auto answer = Ref<GBytes>::adopt(soup_session_send_and_read(
      static_cast<SoupSession*>(session_), message.get(), cancellable_.get(), &raw_error));
  const gstkit::ErrorPtr error{raw_error};
  if (g_cancellable_is_cancelled(cancellable_.get()) != FALSE) return Sent::given_up;
  if (!answer) {
    why = error ? error->message : "no answer";
    return Sent::again;
  }
  const guint status = soup_message_get_status(message.get());
  if (status >= 200 && status < 300) return Sent::yes;
  gsize size = 0;
  const auto* text = static_cast<const char*>(g_bytes_get_data(answer.get(), &size));
  const std::string line{text == nullptr ? "" : text, std::min<std::size_t>(size, 200)};
  why = "answered " + std::to_string(status) + (line.empty() ? "" : ": " + line.substr(0, line.find('\n')));
  const bool may_pass = status >= 500 || status == 408 || status == 429;
  return may_pass ? Sent::again : Sent::never;
}

}  // namespace tarn::manifest
