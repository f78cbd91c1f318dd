// SPDX-License-Identifier: Apache-2.0
#include "server/http/exchange.h"

#include <algorithm>

#include "core/base/out_of_memory.h"
#include "server/front/refusals.h"
#include "server/http/request_id.h"
#include "server/runtime/origin.h"

namespace tarn::server {
namespace {

// What is set aside at once for a body of declared length; the rest grows with what really comes.
constexpr std::uint64_t reserved_at_most = 8ULL << 20;
// Of a streamed body, waiting for the client.
constexpr std::uint64_t most_unsent = 1ULL << 20;

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
}

Exchange::~Exchange() {
  shared_->bodies -= counted_;
  g_main_context_unref(context_);
}

front::Connection* Exchange::connection() const {
  return front::connection_of(soup_server_message_get_remote_address(message_));
}

void Exchange::read_head(const front::MessageHead& head, const char* path, GHashTable* query) {
  request_.id = next_request_id();
  request_.method = head.method;
  request_.path = path == nullptr ? "" : path;
  if (const auto mark = head.target.find('?'); mark != std::string::npos) {
    request_.raw_query = head.target.substr(mark + 1);
  }
  if (query != nullptr) {
    GHashTableIter at;
    gpointer key = nullptr;
    gpointer value = nullptr;
    g_hash_table_iter_init(&at, query);
    while (g_hash_table_iter_next(&at, &key, &value)) {
      request_.query.emplace(static_cast<char*>(key), value == nullptr ? "" : static_cast<char*>(value));
    }
  }
  for (const front::Field& field : head.fields) {
    std::string name = field.name;
    for (char& c : name) c = g_ascii_tolower(c);
    auto [entry, inserted] = request_.headers.emplace(std::move(name), field.value);
    if (!inserted) entry->second.append(", ").append(field.value);
  }
  request_.content_length = head.content_length;
  keeps_alive_1_0_ = head.minor_version == 0 && head.keep_alive;
  record_.id = request_.id;
  record_.method = request_.method;
  record_.path = request_.path;
  record_.peer = request_.peer;
  record_.forwarded_for = request_.header("x-forwarded-for");
}

std::optional<Response> Exchange::refusal_of_head(const front::MessageHead& head) {
  verdict_ = handler_->on_head(request_);
  if (verdict_.refusal) return std::move(verdict_.refusal);
  const bool reads = head.method == "GET" || head.method == "HEAD";
  if (reads && shared_->bodies > shared_->body_budget) {
    if (shared_->refused) shared_->refused(record_.binding, front::reason::bodies, request_.peer);
    Response response = error_response(503, "the server is busy with uploads");
    return response.with("Retry-After", "1");
  }
  if (request_.content_length.value_or(0) > verdict_.body_limit) {
    return too_large();
  }
  return std::nullopt;
}

Response Exchange::too_large() const {
  return verdict_.refuse(413,
                         verdict_.what + " is larger than " + std::to_string(verdict_.body_limit) + " bytes");
}

void Exchange::head(const char* path, GHashTable* query) {
  front::Connection* const from = connection();
  if (from == nullptr) return;
  request_.peer = from->peer();
  read_head(from->head(), path, query);
  const bool has_body = from->head().chunked || request_.content_length.value_or(0) > 0;
  if (has_body) from->set_body_sink(shared_from_this());
  if (const auto refusal = refusal_of_head(from->head())) {
    decided_ = true;
    from->abandon_body();
    apply(*refusal);
    return;
  }
  if (verdict_.ingest) from->set_ingest();
  if (verdict_.body_time > Microseconds{0}) from->set_body_time(verdict_.body_time);
  const std::size_t expected =
      std::min({request_.content_length.value_or(0), std::uint64_t{verdict_.body_limit}, reserved_at_most});
  unless_out_of_memory([&] { body_.reserve(expected); }, [] {});
}

void Exchange::take(Bytes bytes) {
  record_.bytes_in += bytes.size();
  if (decided_ || too_large_ || finished_) return;
  if (body_.size() + bytes.size() > verdict_.body_limit) {
    too_large_ = true;
    body_.clear();
    if (front::Connection* const from = connection()) from->abandon_body();
    return;
  }
  counted_ += bytes.size();
  shared_->bodies += bytes.size();
  body_.append(bytes);
}

void Exchange::complete() {
  if (decided_) return;
  if (too_large_) {
    decided_ = true;
    apply(too_large());
    return;
  }
  request_.body = body_.release();
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
    unless_out_of_memory([&] { self->apply(answer); },
                         [&] {
                           if (auto* const to = self->connection()) to->on_out_of_memory();
                         });
    if (self->paused_) soup_server_message_unpause(self->message_);
  };
  if (g_main_context_is_owner(context_)) {
    finish();
    return;
  }
  invoke(std::move(finish));
}

void Exchange::invoke(std::function<void()> call) {
  GSource* source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(
      source,
      +[](gpointer data) -> gboolean {
        (*static_cast<std::function<void()>*>(data))();
        return G_SOURCE_REMOVE;
      },
      new std::function<void()>{std::move(call)},
      +[](gpointer data) { delete static_cast<std::function<void()>*>(data); });
  g_source_attach(source, context_);
  g_source_unref(source);
}

void Exchange::apply(const Response& response) {
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message_);
  status_ = response.status;
  delivery_ = response.delivery;
  soup_server_message_set_status(message_, static_cast<guint>(response.status), nullptr);
  for (const auto& [name, value] : response.headers) {
    if (is_clean(value)) soup_message_headers_replace(headers, name.c_str(), value.c_str());
  }
  // Whoever is refused can name the line in the log; answers of many bytes to many viewers do without.
  if (response.status >= 400 && soup_message_headers_get_one(headers, "X-Request-Id") == nullptr) {
    soup_message_headers_replace(headers, "X-Request-Id", request_.id.c_str());
  }
  const front::Connection* const to = connection();
  if (to == nullptr || to->is_last()) {
    soup_message_headers_replace(headers, "Connection", "close");
  } else if (keeps_alive_1_0_) {
    soup_message_headers_replace(headers, "Connection", "keep-alive");
  }
  apply_body(response);
}

// Sent whenever there is something: libsoup rests at the end of what it has, and is woken by send().
void Exchange::begin_stream() {
  SoupMessageBody* body = soup_server_message_get_response_body(message_);
  soup_message_body_set_accumulate(body, FALSE);
  g_signal_connect(message_, "wrote-body-data",
                   G_CALLBACK(+[](SoupServerMessage*, guint size, gpointer self) {
                     static_cast<Exchange*>(self)->wrote(size);
                   }),
                   this);
  takes_more_ = true;
  if (front::Connection* const from = connection()) {
    from->set_hang_up([weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->send("\n");
        self->takes_more_ = false;
      }
    });
  }
}

bool Exchange::send(std::string text) {
  if (!takes_more_) return false;
  const std::uint64_t size = text.size();
  if ((unsent_ += size) > most_unsent) {
    takes_more_ = false;
    invoke([self = shared_from_this()] {
      front::Connection* const to = self->finished_ ? nullptr : self->connection();
      if (to != nullptr) to->close_now();
      if (to != nullptr) soup_server_message_unpause(self->message_);  // for libsoup to see it
    });
    return false;
  }
  invoke([self = shared_from_this(), text = std::move(text)] {
    if (self->finished_) return;
    self->record_.bytes_out += text.size();
    soup_message_body_append(soup_server_message_get_response_body(self->message_), SOUP_MEMORY_COPY,
                             text.data(), text.size());
    soup_server_message_unpause(self->message_);
  });
  return true;
}

void Exchange::end() {
  if (!takes_more_.exchange(false)) return;
  invoke([self = shared_from_this()] {
    if (self->finished_) return;
    soup_message_body_complete(soup_server_message_get_response_body(self->message_));
    soup_server_message_unpause(self->message_);
  });
}

void Exchange::apply_body(const Response& response) {
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message_);
  if (response.stream) {
    soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
    if (soup_server_message_get_method(message_) == SOUP_METHOD_HEAD) return;
    begin_stream();
    response.stream(shared_from_this());
    return;
  }
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
  takes_more_ = false;
  // libsoup calls every 500 aborted.
  if (!aborted && status_ == 0) status_ = static_cast<int>(soup_server_message_get_status(message_));
  const bool answered = !aborted || (decided_ && status_ == 500);
  const front::Connection* const from = connection();
  record_.status = answered ? status_ : from == nullptr ? 0 : from->refused_status();
  record_.duration = std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - started_);
  if (delivery_) delivery_->answered(record_.status, record_.bytes_out);
  if (shared_->observer) shared_->observer(record_);
}

}  // namespace tarn::server
