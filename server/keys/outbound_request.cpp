// SPDX-License-Identifier: Apache-2.0
#include "server/keys/outbound_request.h"

#include <libsoup/soup.h>

#include <algorithm>
#include <vector>

#include "server/keys/pinned_address.h"

namespace tarn::server {
namespace {

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Held = std::unique_ptr<T, Unref>;

struct DestroySource {
  void operator()(GSource* source) const {
    g_source_destroy(source);
    g_source_unref(source);
  }
};
using Timer = std::unique_ptr<GSource, DestroySource>;

constexpr std::size_t piece = 16U << 10U;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return g_ascii_tolower(c); });
  return text;
}

// One call from its look-up to its last byte. Lives as long as something of it is under way.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(OutboundCall call, OutboundPolicy policy, const OutboundLimits& limits,
           std::function<void(Result<OutboundAnswer>)> done)
      : call_(std::move(call)),
        policy_(std::move(policy)),
        limits_(limits),
        done_(std::move(done)),
        cancellable_(g_cancellable_new()) {}

  void start() {
    total_timer_ = timer(limits_.total, "did not answer in time");
    connect_timer_ = timer(limits_.connect, "cannot be reached in time");
    if (Held<GInetAddress> literal{g_inet_address_new_from_string(call_.url.host.c_str())}) {
      if (!is_permitted(literal.get())) return finish_later(refused());
      return connect(literal.get());
    }
    const Held<GResolver> resolver{g_resolver_get_default()};
    g_resolver_lookup_by_name_async(resolver.get(), call_.url.host.c_str(), cancellable_.get(), &on_resolved,
                                    hold());
  }

 private:
  // What a callback of C has instead of a shared_ptr; each is taken back exactly once.
  gpointer hold() { return new std::shared_ptr<Exchange>{shared_from_this()}; }
  static std::shared_ptr<Exchange> take(gpointer data) {
    const std::unique_ptr<std::shared_ptr<Exchange>> held{static_cast<std::shared_ptr<Exchange>*>(data)};
    return *held;
  }

  static Error refused() {
    return {ErrorCode::invalid, "the key server's address is neither public nor in --outbound-allow"};
  }

  Timer timer(Microseconds after, const char* what) {
    Timer made{g_timeout_source_new(static_cast<guint>(after.count() / 1000))};
    struct Context {
      std::weak_ptr<Exchange> exchange;
      const char* what;
    };
    const auto fire = [](gpointer data) -> gboolean {
      const auto* context = static_cast<Context*>(data);
      if (const auto exchange = context->exchange.lock()) {
        exchange->finish(Error{ErrorCode::io, std::string{"the key server "} + context->what});
      }
      return G_SOURCE_REMOVE;
    };
    g_source_set_callback(made.get(), fire, new Context{weak_from_this(), what},
                          [](gpointer data) { delete static_cast<Context*>(data); });
    g_source_attach(made.get(), g_main_context_get_thread_default());
    return made;
  }

  [[nodiscard]] bool is_permitted(GInetAddress* address) const {
    const std::unique_ptr<gchar, decltype(&g_free)> text{g_inet_address_to_string(address), &g_free};
    const auto parsed = parse_address(text.get());
    return parsed && policy_.permits(*parsed, call_.url.is_https);
  }

  static void on_resolved(GObject* source, GAsyncResult* result, gpointer data) {
    const auto self = take(data);
    GList* addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, nullptr);
    if (self->is_over()) {
      g_resolver_free_addresses(addresses);
      return;
    }
    GInetAddress* chosen = nullptr;
    for (GList* at = addresses; at != nullptr && chosen == nullptr; at = at->next) {
      auto* address = static_cast<GInetAddress*>(at->data);
      if (self->is_permitted(address)) chosen = address;
    }
    if (chosen != nullptr) {
      self->connect(chosen);
    } else {
      self->finish(addresses == nullptr ? Error{ErrorCode::io, "the key server's name cannot be resolved"}
                                        : refused());
    }
    g_resolver_free_addresses(addresses);
  }

  void connect(GInetAddress* address) {
    const Held<GSocketConnectable> target{
        pinned_address_new(call_.url.host.c_str(), call_.url.port, address)};
    session_.reset(SOUP_SESSION(g_object_new(
        SOUP_TYPE_SESSION, "remote-connectable", target.get(), "proxy-resolver", nullptr, "timeout",
        static_cast<guint>(limits_.total.count() / 1'000'000 + 1), "user-agent", "Tarn", nullptr)));
    soup_session_remove_feature_by_type(session_.get(), SOUP_TYPE_CONTENT_DECODER);
    message_.reset(soup_message_new("POST", call_.text.c_str()));
    if (!message_) return finish_later({ErrorCode::invalid, "the key server's URL is not valid"});
    soup_message_add_flags(message_.get(), SOUP_MESSAGE_NO_REDIRECT);
    set_body();
    for (const auto& [name, value] : call_.headers) {
      soup_message_headers_replace(soup_message_get_request_headers(message_.get()), name.c_str(),
                                   value.c_str());
    }
    g_signal_connect(message_.get(), "authenticate", G_CALLBACK(&on_authenticate), this);
    // libsoup 3.2 sends what is left of the body, which is nothing.
    g_signal_connect_swapped(message_.get(), "restarted", G_CALLBACK(&on_restarted), this);
    g_signal_connect(message_.get(), "network-event", G_CALLBACK(&on_network_event), this);
    soup_session_send_async(session_.get(), message_.get(), G_PRIORITY_DEFAULT, cancellable_.get(), &on_sent,
                            hold());
  }

  static void on_network_event(SoupMessage*, GSocketClientEvent event, GIOStream*, gpointer self) {
    if (event == G_SOCKET_CLIENT_CONNECTED) static_cast<Exchange*>(self)->connect_timer_.reset();
  }

  void set_body() {
    GBytes* body = g_bytes_new(call_.body.data(), call_.body.size());
    soup_message_set_request_body_from_bytes(message_.get(), call_.content_type.c_str(), body);
    g_bytes_unref(body);
  }
  static void on_restarted(gpointer self) { static_cast<Exchange*>(self)->set_body(); }

  // Once: what is wrong the first time is wrong.
  static gboolean on_authenticate(SoupMessage*, SoupAuth* auth, gboolean retrying, gpointer data) {
    const OutboundCall& call = static_cast<Exchange*>(data)->call_;
    if (call.username.empty() || retrying != FALSE || soup_auth_is_for_proxy(auth) != FALSE) return FALSE;
    soup_auth_authenticate(auth, call.username.c_str(), call.password.c_str());
    return TRUE;
  }

  static void on_sent(GObject* source, GAsyncResult* result, gpointer data) {
    const auto self = take(data);
    GError* error = nullptr;
    self->stream_.reset(soup_session_send_finish(SOUP_SESSION(source), result, &error));
    const std::unique_ptr<GError, decltype(&g_error_free)> held{error, &g_error_free};
    if (self->is_over()) return;
    if (!self->stream_) {
      const bool is_tls = g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE) != FALSE;
      return self->finish(Error{ErrorCode::io, is_tls ? "the key server's certificate is not valid"
                                                      : "the key server cannot be reached or broke off"});
    }
    self->read_head();
  }

  void read_head() {
    answer_.status = static_cast<int>(soup_message_get_status(message_.get()));
    SoupMessageHeaders* const headers = soup_message_get_response_headers(message_.get());
    soup_message_headers_foreach(
        headers,
        [](const char* name, const char* value, gpointer data) {
          static_cast<OutboundAnswer*>(data)->headers[lower(name)] = value;
        },
        &answer_);
    const char* type = soup_message_headers_get_content_type(headers, nullptr);
    answer_.content_type = lower(type == nullptr ? "" : type);
    if (answer_.headers.contains("content-encoding") &&
        lower(answer_.headers["content-encoding"]) != "identity") {
      return finish(Error{ErrorCode::unsupported, "the key server's answer has a content coding"});
    }
    read_on();
  }

  void read_on() {
    g_input_stream_read_bytes_async(stream_.get(), piece, G_PRIORITY_DEFAULT, cancellable_.get(), &on_read,
                                    hold());
  }

  static void on_read(GObject* source, GAsyncResult* result, gpointer data) {
    const auto self = take(data);
    GBytes* bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, nullptr);
    const std::unique_ptr<GBytes, decltype(&g_bytes_unref)> held{bytes, &g_bytes_unref};
    if (self->is_over()) return;
    if (bytes == nullptr) return self->finish(Error{ErrorCode::io, "the key server broke off its answer"});
    gsize size = 0;
    const auto* from = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    if (size == 0) return self->finish_whole();
    if (size > self->limits_.body - self->answer_.body.size()) {
      return self->finish(Error{ErrorCode::limit, "the key server's answer is too long"});
    }
    self->answer_.body.append(from, size);
    self->read_on();
  }

  void finish_whole() {
    const auto announced = answer_.headers.find("content-length");
    if (announced != answer_.headers.end() && announced->second != std::to_string(answer_.body.size())) {
      return finish(Error{ErrorCode::io, "the key server broke off its answer"});
    }
    finish(std::move(answer_));
  }

  [[nodiscard]] bool is_over() const { return !done_; }

  // Not from inside of post().
  void finish_later(Error error) {
    late_error_ = std::move(error);
    GSource* idle = g_idle_source_new();
    g_source_set_callback(
        idle,
        [](gpointer data) -> gboolean {
          const auto self = take(data);
          self->finish(self->late_error_);
          return G_SOURCE_REMOVE;
        },
        hold(), nullptr);
    g_source_attach(idle, g_main_context_get_thread_default());
    g_source_unref(idle);
  }

  void finish(Result<OutboundAnswer> result) {
    if (is_over()) return;
    const auto done = std::exchange(done_, nullptr);
    total_timer_.reset();
    connect_timer_.reset();
    if (message_) g_signal_handlers_disconnect_by_data(message_.get(), this);
    g_cancellable_cancel(cancellable_.get());
    if (session_) soup_session_abort(session_.get());
    done(std::move(result));
  }

  const OutboundCall call_;
  const OutboundPolicy policy_;
  const OutboundLimits limits_;
  std::function<void(Result<OutboundAnswer>)> done_;
  Held<GCancellable> cancellable_;
  Held<SoupSession> session_;
  Held<SoupMessage> message_;
  Held<GInputStream> stream_;
  Timer total_timer_;
  Timer connect_timer_;
  OutboundAnswer answer_;
  Error late_error_;
};

}  // namespace

void post(OutboundCall call, const OutboundPolicy& policy, const OutboundLimits& limits,
          std::function<void(Result<OutboundAnswer>)> done) {
  auto exchange = std::make_shared<Exchange>(std::move(call), policy, limits, std::move(done));
  exchange->start();
  // Until `done` the timer alone would not keep it: a look-up, a message or a late error does.
}

}  // namespace tarn::server
