// SPDX-License-Identifier: Apache-2.0
#include <libsoup/soup.h>

#include <algorithm>
#include <chrono>

#include "core/base/base64.h"
#include "core/base/memory_pool.h"
#include "gstkit/error.h"
#include "gstkit/ref.h"
#include "gstkit/url.h"
#include "ingest/object_source.h"

namespace tarn::ingest {
namespace {

using gstkit::Ref;
using std::chrono::steady_clock;

constexpr unsigned idle_seconds = 10;
constexpr std::size_t read_size = std::size_t{256} << 10U;

struct UriUnref {
  void operator()(GUri* uri) const { g_uri_unref(uri); }
};
using Uri = std::unique_ptr<GUri, UriUnref>;

Uri parse_uri(const std::string& text) {
  return Uri{g_uri_parse(text.c_str(), static_cast<GUriFlags>(SOUP_HTTP_URI_FLAGS), nullptr)};
}

bool is_http(const GUri* uri) {
  const std::string scheme = g_uri_get_scheme(const_cast<GUri*>(uri));
  return scheme == "http" || scheme == "https";
}

bool same_origin(GUri* a, GUri* b) {
  const auto text = [](const char* part) { return std::string{part == nullptr ? "" : part}; };
  return text(g_uri_get_scheme(a)) == text(g_uri_get_scheme(b)) &&
         text(g_uri_get_host(a)) == text(g_uri_get_host(b)) && g_uri_get_port(a) == g_uri_get_port(b);
}

std::string name_of(GUri* uri) {
  const gstkit::TextPtr text{g_uri_to_string(uri)};
  return gstkit::spoken(text.get());
}

class HttpSource final : public ObjectSource {
 public:
  explicit HttpSource(HttpCredentials credentials)
      : credentials_(std::move(credentials)),
        origin_(parse_uri(credentials_.origin)),
        cancel_(Ref<GCancellable>::adopt(g_cancellable_new())) {}
  ~HttpSource() override {
    session_ = {};
    if (context_ != nullptr) g_main_context_unref(context_);
  }
  HttpSource(const HttpSource&) = delete;
  HttpSource& operator=(const HttpSource&) = delete;

  Result<Blob> fetch(const std::string& location, std::size_t most, Microseconds patience) override {
    const Uri uri = parse_uri(location);
    if (!uri || !is_http(uri.get())) return Error{ErrorCode::invalid, "no URL of HTTP"};
    if (context_ == nullptr) context_ = g_main_context_new();
    g_main_context_push_thread_default(context_);
    auto answer = fetch_here(uri.get(), most, patience);
    g_main_context_pop_thread_default(context_);
    return answer;
  }

  [[nodiscard]] std::string resolve(const std::string& base, const std::string& uri) const override {
    const Uri from = parse_uri(base);
    if (!from) return {};
    const Uri to{
        g_uri_parse_relative(from.get(), uri.c_str(), static_cast<GUriFlags>(SOUP_HTTP_URI_FLAGS), nullptr)};
    if (!to || !is_http(to.get()) || g_uri_get_host(to.get()) == nullptr) return {};
    const gstkit::TextPtr text{g_uri_to_string(to.get())};
    return text.get();
  }

  void cancel() override { g_cancellable_cancel(cancel_.get()); }

 private:
  Result<Blob> fetch_here(GUri* uri, std::size_t most, Microseconds patience) {
    const auto deadline = steady_clock::now() + patience;
    if (!session_) {
      session_ = Ref<SoupSession>::adopt(
          soup_session_new_with_options("timeout", idle_seconds, "user-agent", "tarn", nullptr));
    }
    const auto message = Ref<SoupMessage>::adopt(soup_message_new_from_uri("GET", uri));
    if (!credentials_.user.empty() && origin_ && same_origin(origin_.get(), uri)) {
      const std::string pair = credentials_.user + ":" + credentials_.password;
      soup_message_headers_replace(soup_message_get_request_headers(message.get()), "Authorization",
                                   ("Basic " + base64(as_bytes(pair))).c_str());
      soup_message_add_flags(message.get(), SOUP_MESSAGE_NO_REDIRECT);  // they would travel along
    }
    GError* raw = nullptr;
    const auto stream =
        Ref<GInputStream>::adopt(soup_session_send(session_.get(), message.get(), cancel_.get(), &raw));
    const gstkit::ErrorPtr error{raw};
    if (!stream) return Error{ErrorCode::io, name_of(uri) + ": " + (error ? error->message : "no answer")};
    const guint status = soup_message_get_status(message.get());
    if (status != SOUP_STATUS_OK) {
      const bool is_gone = status == SOUP_STATUS_NOT_FOUND || status == SOUP_STATUS_GONE;
      return Error{is_gone ? ErrorCode::not_found : ErrorCode::io,
                   name_of(uri) + ": answered " + std::to_string(status)};
    }
    return read(stream.get(), name_of(uri), most, deadline);
  }

  Result<Blob> read(GInputStream* stream, const std::string& name, std::size_t most,
                    steady_clock::time_point deadline) {
    ByteVector content;
    for (;;) {
      const std::size_t before = content.size();
      content.resize(before + read_size);
      GError* raw = nullptr;
      const gssize count =
          g_input_stream_read(stream, content.data() + before, read_size, cancel_.get(), &raw);
      const gstkit::ErrorPtr error{raw};
      if (count < 0) return Error{ErrorCode::io, name + ": " + (error ? error->message : "broken off")};
      content.resize(before + static_cast<std::size_t>(count));
      if (count == 0) return Blob::of(std::move(content));
      if (content.size() > most) {
        return Error{ErrorCode::limit, name + ": larger than " + std::to_string(most) + " bytes"};
      }
      if (steady_clock::now() > deadline) return Error{ErrorCode::io, name + ": comes too slowly"};
    }
  }

  const HttpCredentials credentials_;
  const Uri origin_;
  const Ref<GCancellable> cancel_;
  GMainContext* context_ = nullptr;  // of the thread that fetches
  Ref<SoupSession> session_;
};

}  // namespace

std::unique_ptr<ObjectSource> make_http_source(HttpCredentials credentials) {
  return std::make_unique<HttpSource>(std::move(credentials));
}

}  // namespace tarn::ingest
