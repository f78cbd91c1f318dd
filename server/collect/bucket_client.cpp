// SPDX-License-Identifier: Apache-2.0
#include "server/collect/bucket_client.h"

#include <libsoup/soup.h>

#include <algorithm>

#include "server/keys/pinned_address.h"

namespace tarn::server {
namespace {

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Held = std::unique_ptr<T, Unref>;

// The context that a thread's asynchronous calls end in, for as long as this lives.
class ThreadContext {
 public:
  ThreadContext() : context_(g_main_context_new()) { g_main_context_push_thread_default(context_); }
  ~ThreadContext() {
    while (g_main_context_iteration(context_, FALSE)) {
    }
    g_main_context_pop_thread_default(context_);
    g_main_context_unref(context_);
  }
  ThreadContext(const ThreadContext&) = delete;
  ThreadContext& operator=(const ThreadContext&) = delete;
  [[nodiscard]] GMainContext* get() const { return context_; }

 private:
  GMainContext* context_;
};

// Wakes its context ten times a second, so that whoever waits can look at other things.
class Ticker {
 public:
  explicit Ticker(GMainContext* context) : source_(g_timeout_source_new(100)) {
    g_source_set_callback(
        source_, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr, nullptr);
    g_source_attach(source_, context);
  }
  ~Ticker() {
    g_source_destroy(source_);
    g_source_unref(source_);
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  GSource* source_;
};

Error broken() { return {ErrorCode::io, "the store cannot be reached or broke off"}; }

std::string host_of(const BucketAddress& address) {
  return address.path_style ? address.base.host : address.bucket + "." + address.base.host;
}

std::string authority_of(const BucketAddress& address) {
  const std::string host = host_of(address);
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const bool is_usual = address.base.port == (address.base.is_https ? 443 : 80);
  return is_usual ? name : name + ":" + std::to_string(address.base.port);
}

// One asynchronous call that is waited for.
struct Pending {
  bool is_over = false;
  GAsyncResult* result = nullptr;  // owned
  ~Pending() {
    if (result != nullptr) g_object_unref(result);
  }
  static void on_done(GObject*, GAsyncResult* result, gpointer data) {
    auto* pending = static_cast<Pending*>(data);
    pending->result = static_cast<GAsyncResult*>(g_object_ref(result));
    pending->is_over = true;
  }
};

class SoupBucketClient final : public BucketClient {
 public:
  SoupBucketClient(BucketAddress address, BucketCredentials credentials, const BucketLimits& limits,
                   std::function<Utc()> now, std::function<bool()> is_unwanted)
      : address_(std::move(address)),
        credentials_(std::move(credentials)),
        limits_(limits),
        now_(std::move(now)),
        is_unwanted_(std::move(is_unwanted)) {}
  ~SoupBucketClient() override {
    if (session_) soup_session_abort(session_.get());
  }
  SoupBucketClient(const SoupBucketClient&) = delete;
  SoupBucketClient& operator=(const SoupBucketClient&) = delete;

  Status connect(const OutboundPolicy& policy) {
    const Held<GInetAddress> chosen{TRY(look_up(policy))};
    const Held<GSocketConnectable> target{
        pinned_address_new(host_of(address_).c_str(), address_.base.port, chosen.get())};
    session_.reset(SOUP_SESSION(g_object_new(
        SOUP_TYPE_SESSION, "remote-connectable", target.get(), "proxy-resolver", nullptr, "timeout",
        static_cast<guint>(std::max<std::int64_t>(1, limits_.idle.count() / 1'000'000)), "user-agent", "Tarn",
        nullptr)));
    soup_session_remove_feature_by_type(session_.get(), SOUP_TYPE_CONTENT_DECODER);
    return {};
  }

  Result<BucketAnswer> send(const BucketRequest& request) override {
    const Held<SoupMessage> message{make(request)};
    if (!message) return Error{ErrorCode::invalid, "the store's URL is not valid"};
    const Held<GCancellable> cancellable{g_cancellable_new()};
    const Patience patience{
        g_get_monotonic_time() + (request.is_cleanup ? limits_.cleanup : limits_.total).count(),
        request.is_cleanup};
    Pending sent;
    soup_session_send_async(session_.get(), message.get(), G_PRIORITY_DEFAULT, cancellable.get(),
                            &Pending::on_done, &sent);
    wait(sent, cancellable.get(), patience);
    GError* error = nullptr;
    const Held<GInputStream> stream{soup_session_send_finish(session_.get(), sent.result, &error)};
    const std::unique_ptr<GError, decltype(&g_error_free)> held{error, &g_error_free};
    if (!stream) {
      if (g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE) != FALSE) {
        return Error{ErrorCode::invalid, "the store's certificate is not valid"};
      }
      return broken();
    }
    BucketAnswer answer;
    answer.status = static_cast<int>(soup_message_get_status(message.get()));
    soup_message_headers_foreach(
        soup_message_get_response_headers(message.get()),
        [](const char* name, const char* value, gpointer data) {
          std::string lower{name};
          std::transform(lower.begin(), lower.end(), lower.begin(),
                         [](char c) { return g_ascii_tolower(c); });
          static_cast<BucketAnswer*>(data)->headers[lower] = value;
        },
        &answer);
    TRY(read_body(stream.get(), cancellable.get(), patience, answer.body));
    return answer;
  }

 private:
  Result<GInetAddress*> look_up(const OutboundPolicy& policy) const {
    const std::string host = host_of(address_);
    const Error refused{ErrorCode::invalid, "the store's address is neither public nor in --outbound-allow"};
    const auto is_permitted = [&](GInetAddress* address) {
      const std::unique_ptr<gchar, decltype(&g_free)> text{g_inet_address_to_string(address), &g_free};
      const auto parsed = parse_address(text.get());
      return parsed && policy.permits(*parsed, address_.base.is_https);
    };
    if (GInetAddress* literal = g_inet_address_new_from_string(host.c_str())) {
      if (is_permitted(literal)) return literal;
      g_object_unref(literal);
      return refused;
    }
    const Held<GResolver> resolver{g_resolver_get_default()};
    GList* found = g_resolver_lookup_by_name(resolver.get(), host.c_str(), nullptr, nullptr);
    GInetAddress* chosen = nullptr;
    for (GList* at = found; at != nullptr && chosen == nullptr; at = at->next) {
      auto* address = static_cast<GInetAddress*>(at->data);
      if (is_permitted(address)) chosen = static_cast<GInetAddress*>(g_object_ref(address));
    }
    const bool has_any = found != nullptr;
    g_resolver_free_addresses(found);
    if (chosen != nullptr) return chosen;
    return has_any ? refused : Error{ErrorCode::io, "the store's name cannot be resolved"};
  }

  SoupMessage* make(const BucketRequest& request) const {
    const std::string key = "/" + percent_encode(request.key, true);
    const std::string in_bucket = "/" + address_.bucket + key;
    const std::string& path = address_.path_style ? in_bucket : key;
    RequestToSign to_sign;
    to_sign.method = request.method;
    to_sign.path = address_.scheme == SignatureScheme::oss4 ? in_bucket : path;
    to_sign.query = request.query;
    to_sign.region = address_.region;
    to_sign.moment = signing_moment(now_());
    to_sign.headers = headers_of(request, to_sign.moment);
    to_sign.payload = to_sign.headers.at(prefix() + "content-sha256");
    const std::string query = encode_query(request.query, address_.scheme);
    const std::string url = (address_.base.is_https ? "https://" : "http://") + authority_of(address_) +
                            path + (query.empty() ? "" : "?" + query);
    // Encoded already: what is sent must be what was signed.
    GUri* uri = g_uri_parse(url.c_str(), static_cast<GUriFlags>(G_URI_FLAGS_ENCODED), nullptr);
    if (uri == nullptr) return nullptr;
    SoupMessage* message = soup_message_new_from_uri(request.method.c_str(), uri);
    g_uri_unref(uri);
    soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
    SoupMessageHeaders* const out = soup_message_get_request_headers(message);
    for (const auto& [name, value] : to_sign.headers) {
      if (name != "host" && name != "content-type")
        soup_message_headers_replace(out, name.c_str(), value.c_str());
    }
    soup_message_headers_replace(out, "authorization",
                                 authorization(address_.scheme, to_sign, credentials_).c_str());
    if (!request.content_type.empty()) {
      GBytes* body = g_bytes_new_static(request.body.data(), request.body.size());  // lives until it is sent
      soup_message_set_request_body_from_bytes(message, request.content_type.c_str(), body);
      g_bytes_unref(body);
    }
    return message;
  }

  [[nodiscard]] std::string prefix() const {
    return address_.scheme == SignatureScheme::aws4 ? "x-amz-" : "x-oss-";
  }

  [[nodiscard]] std::map<std::string, std::string> headers_of(const BucketRequest& request,
                                                              const std::string& moment) const {
    std::map<std::string, std::string> headers;
    headers["host"] = authority_of(address_);
    headers[prefix() + "date"] = moment;
    headers[prefix() + "content-sha256"] =
        address_.scheme == SignatureScheme::aws4 ? sha256_hex(request.body) : "UNSIGNED-PAYLOAD";
    if (!credentials_.session_token.empty()) {
      headers[prefix() + "security-token"] = credentials_.session_token;
    }
    for (const auto& [name, value] : request.metadata) headers[prefix() + "meta-" + name] = value;
    if (!request.content_type.empty()) {
      headers["content-type"] = request.content_type;
      headers["content-md5"] = md5_base64(request.body);
    }
    return headers;
  }

  struct Patience {
    gint64 deadline;
    bool is_deaf;  // to is_unwanted_
  };

  void wait(const Pending& pending, GCancellable* cancellable, const Patience& patience) const {
    const Ticker ticker{context_.get()};
    while (!pending.is_over) {
      g_main_context_iteration(context_.get(), TRUE);
      const bool is_unwanted = !patience.is_deaf && is_unwanted_();
      if (is_unwanted || g_get_monotonic_time() > patience.deadline) g_cancellable_cancel(cancellable);
    }
  }

  Status read_body(GInputStream* stream, GCancellable* cancellable, const Patience& patience,
                   std::string& body) const {
    constexpr std::size_t piece = 16U << 10U;
    for (;;) {
      Pending read;
      g_input_stream_read_bytes_async(stream, piece, G_PRIORITY_DEFAULT, cancellable, &Pending::on_done,
                                      &read);
      wait(read, cancellable, patience);
      GBytes* bytes = g_input_stream_read_bytes_finish(stream, read.result, nullptr);
      const std::unique_ptr<GBytes, decltype(&g_bytes_unref)> held{bytes, &g_bytes_unref};
      if (bytes == nullptr) return broken();
      gsize size = 0;
      const auto* from = static_cast<const char*>(g_bytes_get_data(bytes, &size));
      if (size == 0) return {};
      if (size > limits_.answer_bytes - body.size())
        return Error{ErrorCode::io, "the store's answer is too long"};
      body.append(from, size);
    }
  }

  const ThreadContext context_;
  const BucketAddress address_;
  const BucketCredentials credentials_;
  const BucketLimits limits_;
  const std::function<Utc()> now_;
  const std::function<bool()> is_unwanted_;
  Held<SoupSession> session_;
};

}  // namespace

Result<std::unique_ptr<BucketClient>> BucketClient::open(BucketAddress address, BucketCredentials credentials,
                                                         const OutboundPolicy& policy,
                                                         const BucketLimits& limits, std::function<Utc()> now,
                                                         std::function<bool()> is_unwanted) {
  auto client = std::make_unique<SoupBucketClient>(std::move(address), std::move(credentials), limits,
                                                   std::move(now), std::move(is_unwanted));
  TRY(client->connect(policy));
  return std::unique_ptr<BucketClient>{std::move(client)};
}

}  // namespace tarn::server
