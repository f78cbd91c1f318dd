// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libsoup/soup.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "server/front/connection.h"
#include "server/http/body_buffer.h"
#include "server/http/http_server.h"
#include "server/http/message.h"

namespace tarn::server {

// What all exchanges of a server share; outlives them.
struct ExchangeShared {
  HttpServer::Observer observer;
  std::function<void(std::size_t binding, std::string_view reason, const std::string& peer)> refused;
  std::uint64_t body_budget = 0;         // bytes of bodies from which on viewers are turned away
  std::atomic<std::uint64_t> bodies{0};  // bytes that exchanges hold
};

// One request on its way through libsoup: takes its fields from the connection, which has read them, gathers
// the body within its limit, asks the handler, and carries the answer back to the message's own context.
// Lives on the message; a worker that still owes an answer holds it too. All but reply(), send() and end() is
// called on the message's thread.
class Exchange : public front::BodySink, public BodyWriter, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(SoupServerMessage* message, GMainContext* context, std::size_t binding, Handler* handler,
           std::shared_ptr<ExchangeShared> shared);
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void head(const char* path, GHashTable* query);
  void take(Bytes bytes) override;
  void complete();
  bool send(std::string text) override;
  void end() override;
  [[nodiscard]] bool is_open() const override { return takes_more_; }
  // Bytes of a streamed body are libsoup's no longer.
  void wrote(std::uint64_t bytes) { unsent_ -= std::min<std::uint64_t>(bytes, unsent_); }
  // The message is done with, answered or not; it is not touched again.
  void finished(bool aborted);

 private:
  void read_head(const front::MessageHead& head, const char* path, GHashTable* query);
  [[nodiscard]] std::optional<Response> refusal_of_head(const front::MessageHead& head);
  [[nodiscard]] Response too_large() const;
  // Null when it is closed.
  [[nodiscard]] front::Connection* connection() const;
  void reply(Response response);  // any thread
  void apply(const Response& response);
  void apply_body(const Response& response);
  void begin_stream();
  void invoke(std::function<void()> call);

  SoupServerMessage* message_;  // borrowed; valid until finished_
  GMainContext* context_;
  Handler* handler_;
  std::shared_ptr<ExchangeShared> shared_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  Request request_;
  RequestRecord record_;
  std::shared_ptr<const Delivery> delivery_;  // of the answer
  Handler::Verdict verdict_;
  BodyBuffer body_;
  std::uint64_t counted_ = 0;  // of shared_->bodies
  bool keeps_alive_1_0_ = false;
  int status_ = 0;
  bool decided_ = false;    // the answer is set
  bool too_large_ = false;  // the body went over its limit
  bool paused_ = false;
  bool finished_ = false;
  std::atomic<bool> takes_more_{false};   // of a streamed body
  std::atomic<std::uint64_t> unsent_{0};  // of it
};

}  // namespace tarn::server
