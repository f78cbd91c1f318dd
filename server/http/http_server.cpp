// SPDX-License-Identifier: Apache-2.0
#include "server/http/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <thread>

#include "server/http/exchange.h"
#include "server/http/listener.h"

namespace tarn::server {
namespace {

constexpr char exchange_key[] = "tarn-exchange";

std::shared_ptr<Exchange>* exchange_of(SoupServerMessage* message) {
  return static_cast<std::shared_ptr<Exchange>*>(g_object_get_data(G_OBJECT(message), exchange_key));
}

// One listener of one thread.
struct Front {
  std::size_t binding = 0;
  Handler* handler = nullptr;
  GMainContext* context = nullptr;  // borrowed from the thread
  std::shared_ptr<ExchangeShared> shared;
  Object<SoupServer> server;
};

void on_started(SoupServer*, SoupServerMessage* message, gpointer data) {
  auto* front = static_cast<Front*>(data);
  auto* held = new std::shared_ptr<Exchange>{
      std::make_shared<Exchange>(message, front->context, front->binding, front->handler, front->shared)};
  g_object_set_data_full(
      G_OBJECT(message), exchange_key, held,
      +[](gpointer p) { delete static_cast<std::shared_ptr<Exchange>*>(p); });
}

void on_head(SoupServer*, SoupServerMessage* message, const char* path, GHashTable* query, gpointer) {
  if (auto* exchange = exchange_of(message)) (*exchange)->head(path, query);
}

void on_complete(SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer) {
  if (auto* exchange = exchange_of(message)) (*exchange)->complete();
}

void on_finished(SoupServer*, SoupServerMessage* message, gpointer) {
  if (auto* exchange = exchange_of(message)) (*exchange)->finished(false);
}

void on_aborted(SoupServer*, SoupServerMessage* message, gpointer) {
  if (auto* exchange = exchange_of(message)) (*exchange)->finished(true);
}

// Called on the thread whose main context shall serve it.
Status serve_front(Front& front, GSocket* socket) {
  front.server.reset(soup_server_new("server-header", "tarnd", nullptr));
  SoupServer* server = front.server.get();
  g_signal_connect(server, "request-started", G_CALLBACK(on_started), &front);
  g_signal_connect(server, "request-finished", G_CALLBACK(on_finished), &front);
  g_signal_connect(server, "request-aborted", G_CALLBACK(on_aborted), &front);
  soup_server_add_early_handler(server, nullptr, on_head, &front, nullptr);
  soup_server_add_handler(server, nullptr, on_complete, &front, nullptr);
  GError* error = nullptr;
  if (soup_server_listen_socket(server, socket, SoupServerListenOptions{}, &error)) return {};
  Error failed{ErrorCode::io, "cannot serve " + bound_address(socket) + ": " + error->message};
  g_error_free(error);
  return failed;
}

}  // namespace

class HttpServer::Thread {
 public:
  Thread(Sockets sockets, const std::vector<Handler*>& handlers, std::shared_ptr<ExchangeShared> shared)
      : context_(g_main_context_new()), loop_(g_main_loop_new(context_, FALSE)), shared_(std::move(shared)) {
    for (Handler* handler : handlers) {
      fronts_.push_back(Front{fronts_.size(), handler, context_, shared_, nullptr});
    }
    std::promise<Status> started;
    auto result = started.get_future();
    thread_ = std::thread{[this, &started, held = std::move(sockets)]() mutable { run(started, held); }};
    status_ = result.get();
  }

  ~Thread() {
    invoke([this] { g_main_loop_quit(loop_); });
    thread_.join();
    g_main_loop_unref(loop_);
    g_main_context_unref(context_);
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] const std::shared_ptr<ExchangeShared>& shared() const { return shared_; }

  // Ends the listening; what is in progress goes on. soup_server_disconnect() would cut it, so the sockets
  // are shut down under libsoup, which stops watching one that accepts no more.
  void stop_accepting() {
    std::promise<void> done;
    invoke([this, &done] {
      for (const Front& front : fronts_) {
        GSList* sockets = soup_server_get_listeners(front.server.get());
        for (GSList* at = sockets; at != nullptr; at = at->next) {
          ::shutdown(g_socket_get_fd(static_cast<GSocket*>(at->data)), SHUT_RDWR);
        }
        g_slist_free(sockets);
      }
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  void run(std::promise<Status>& started, std::vector<Object<GSocket>>& sockets) {
    g_main_context_push_thread_default(context_);
    Status status;
    for (std::size_t i = 0; i < fronts_.size() && status.ok(); ++i)
      status = serve_front(fronts_[i], sockets[i].get());
    sockets.clear();
    started.set_value(std::move(status));
    g_main_loop_run(loop_);
    fronts_.clear();
    g_main_context_pop_thread_default(context_);
  }

  void invoke(std::function<void()> call) {
    GSource* source = g_idle_source_new();
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

  GMainContext* context_;
  GMainLoop* loop_;
  std::shared_ptr<ExchangeShared> shared_;
  std::vector<Front> fronts_;
  Status status_;
  std::thread thread_;
};

Result<std::unique_ptr<HttpServer>> HttpServer::bind(const std::vector<std::string>& addresses,
                                                     unsigned threads) {
  std::unique_ptr<HttpServer> server{new HttpServer};
  server->addresses_ = addresses;
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    Sockets sockets;
    for (std::string& address : server->addresses_) {
      sockets.push_back(TRY(listen_on(address)));
      address = bound_address(sockets.back().get());
    }
    server->bound_.push_back(std::move(sockets));
  }
  return server;
}

Status HttpServer::serve(const std::vector<Handler*>& handlers, Observer observer) {
  if (handlers.size() != addresses_.size()) return Error{ErrorCode::internal, "one handler an address"};
  auto shared = std::make_shared<ExchangeShared>();
  shared->observer = std::move(observer);
  for (Sockets& sockets : bound_) {
    threads_.push_back(std::make_unique<Thread>(std::move(sockets), handlers, shared));
    if (!threads_.back()->status().ok()) return threads_.back()->status();
  }
  bound_.clear();
  return {};
}

HttpServer::~HttpServer() = default;

bool HttpServer::drain(Microseconds limit) {
  if (threads_.empty()) return true;
  const auto& shared = threads_.front()->shared();
  shared->draining = true;
  for (const auto& thread : threads_) thread->stop_accepting();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (shared->in_flight > 0) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace tarn::server
