// SPDX-License-Identifier: Apache-2.0
#include "server/http/exchange.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "server/http/listener.h"

namespace tarn::server {
namespace {

// A refused body is read to its end so that the client sees the answer, but not for ever.
constexpr std::uint64_t swallowed_at_most = 128ULL << 20;
// What is set aside at once for a body of declared length; the rest grows with what really comes.
constexpr std::uint64_t reserved_at_most = 8ULL << 20;

std::string next_request_id() {
  static const std::uint64_t prefix = static_cast<std::uint64_t>(g_random_int()) << 32U | g_random_int();
  static std::atomic<std::uint64_t> count{0};
  std::array<std::uint8_t, 12> id{};
  const std::uint64_t number = ++count;
  for (std::size_t i = 0; i < 8; ++i) id[i] = static_cast<std::uint8_t>(prefix >> (56 - 8 * i));
  for (std::size_t i = 0; i < 4; ++i) id[8 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return hex(id);
}

bool is_clean(const std::string& value) {
  return std::none_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void release_owner(gpointer owner) { delete static_cast<std::shared_ptr<const void>*>(owner); }

GBytes* to_gbytes(const Blob& blob) {
  return g_bytes_new_with_free_func(blob.data(), blob.size(), release_owner,
                                    new std::shared_ptr<const void>{blob.owner()});
}

}  // namespace

Exchange::Exchange(SoupServerMessage* message, GMainContext* context, std::size_t binding, Handler* handler,
                   std::shared_ptr<ExchangeShared> shared)
    : message_(message),
      context_(g_main_context_ref(context)),
      handler_(handler),
      shared_(std::move(shared)) {
  record_.binding = binding;
  ++shared_->in_flight;
}

Exchange::~Exchange() {
  if (!finished_) --shared_->in_flight;
  g_main_context_unref(context_);
}

void Exchange::read_headers(const char* path, GHashTable* query) {
  request_.id = next_request_id();
  request_.method = soup_server_message_get_method(message_);
  request_.path = path == nullptr ? "" : path;
  request_.peer = host_of(soup_server_message_get_remote_address(message_));
  if (query != nullptr) {
    GHashTableIter at;
    gpointer key = nullptr;
    gpointer value = nullptr;
    g_hash_table_iter_init(&at, query);
    while (g_hash_table_iter_next(&at, &key, &value)) {
      request_.query.emplace(static_cast<char*>(key), value == nullptr ? "" : static_cast<char*>(value));
    }
  }
  SoupMessageHeaders* headers = soup_server_message_get_request_headers(message_);
  SoupMessageHeadersIter at;
  const char* name = nullptr;
  const char* value = nullptr;
  soup_message_headers_iter_init(&at, headers);
  while (soup_message_headers_iter_next(&at, &name, &value)) {
    g_autofree gchar* lower = g_ascii_strdown(name, -1);
    auto [entry, inserted] = request_.headers.emplace(lower, value);
    if (!inserted) entry->second.append(", ").append(value);
  }
  if (soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CONTENT_LENGTH) {
    request_.content_length =
        static_cast<std::uint64_t>(std::max<goffset>(0, soup_message_headers_get_content_length(headers)));
  }
  record_.id = request_.id;
  record_.method = request_.method;
  record_.path = request_.path;
  record_.peer = request_.peer;
  // libsoup answers ranges by itself, many and overlapping ones too; the playback handler does it instead.
  soup_message_headers_remove(headers, "Range");
}

void Exchange::head(const char* path, GHashTable* query) {
  read_headers(path, query);
  soup_message_body_set_accumulate(soup_server_message_get_request_body(message_), FALSE);
  g_signal_connect(message_, "got-chunk", G_CALLBACK(+[](SoupServerMessage*, GBytes* bytes, gpointer self) {
                     static_cast<Exchange*>(self)->chunk(bytes);
                   }),
                   this);
  verdict_ = handler_->on_head(request_);
  if (!verdict_.refusal && request_.content_length.value_or(0) > verdict_.body_limit) {
    verdict_.refusal = error_response(
        413, verdict_.what + " is larger than " + std::to_string(verdict_.body_limit) + " bytes");
  }
  if (verdict_.refusal) {
    decided_ = true;
    apply(*verdict_.refusal);
    return;
  }
  body_.reserve(
      std::min({request_.content_length.value_or(0), std::uint64_t{verdict_.body_limit}, reserved_at_most}));
}

void Exchange::chunk(GBytes* bytes) {
  gsize size = 0;
  const auto* data = static_cast<const std::uint8_t*>(g_bytes_get_data(bytes, &size));
  record_.bytes_in += size;
  if (decided_ || too_large_ || body_.size() + size > verdict_.body_limit) {
    too_large_ = too_large_ || !decided_;
    body_ = {};
    if (record_.bytes_in > swallowed_at_most) {
      g_socket_shutdown(soup_server_message_get_socket(message_), TRUE, TRUE, nullptr);
    }
    return;
  }
  body_.insert(body_.end(), data, data + size);
}

void Exchange::complete() {
  if (decided_) return;
  if (too_large_) {
    decided_ = true;
    apply(error_response(
        413, verdict_.what + " is larger than " + std::to_string(verdict_.body_limit) + " bytes"));
    return;
  }
  request_.body = Blob::of(std::move(body_));
  handler_->handle(std::move(request_),
                   [self = shared_from_this()](Response r) { self->reply(std::move(r)); });
  if (!decided_) {
    paused_ = true;
    soup_server_message_pause(message_);
  }
}

void Exchange::reply(Response response) {
  auto finish = [self = shared_from_this(), answer = std::move(response)] {
    if (self->finished_ || self->decided_) return;
    self->decided_ = true;
    self->apply(answer);
    if (self->paused_) soup_server_message_unpause(self->message_);
  };
  if (g_main_context_is_owner(context_)) {
    finish();
    return;
  }
  GSource* source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(
      source,
      +[](gpointer data) -> gboolean {
        (*static_cast<std::function<void()>*>(data))();
        return G_SOURCE_REMOVE;
      },
      new std::function<void()>{std::move(finish)},
      +[](gpointer data) { delete static_cast<std::function<void()>*>(data); });
  g_source_attach(source, context_);
  g_source_unref(source);
}

void Exchange::apply(const Response& response) {
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message_);
  status_ = response.status;
  soup_server_message_set_status(message_, static_cast<guint>(response.status), nullptr);
  for (const auto& [name, value] : response.headers) {
    if (is_clean(value)) soup_message_headers_replace(headers, name.c_str(), value.c_str());
  }
  if (shared_->draining) soup_message_headers_replace(headers, "Connection", "close");
  apply_body(response);
}

void Exchange::apply_body(const Response& response) {
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message_);
  if (response.status == 204 || response.status == 304) {
    soup_message_headers_set_encoding(headers, SOUP_ENCODING_NONE);
    return;
  }
  std::uint64_t size = 0;
  for (const Blob& part : response.body) size += part.size();
  soup_message_headers_set_content_length(headers, static_cast<goffset>(size));
  if (soup_server_message_get_method(message_) == SOUP_METHOD_HEAD) return;
  record_.bytes_out = size;
  SoupMessageBody* body = soup_server_message_get_response_body(message_);
  for (const Blob& part : response.body) {
    if (part.empty()) continue;
    GBytes* bytes = to_gbytes(part);
    soup_message_body_append_bytes(body, bytes);
    g_bytes_unref(bytes);
  }
  soup_message_body_complete(body);
}

void Exchange::finished(bool aborted) {
  if (finished_) return;
  finished_ = true;
  --shared_->in_flight;
  // libsoup calls every 500 aborted.
  if (!aborted && status_ == 0) status_ = static_cast<int>(soup_server_message_get_status(message_));
  const bool answered = !aborted || (decided_ && status_ == 500);
  record_.status = answered ? status_ : 0;
  record_.duration = std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - started_);
  if (shared_->observer) shared_->observer(record_);
}

}  // namespace tarn::server
