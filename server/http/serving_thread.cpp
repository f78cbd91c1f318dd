// SPDX-License-Identifier: Apache-2.0
#include "server/http/serving_thread.h"

#include "core/base/out_of_memory.h"
#include "server/front/acceptor.h"
#include "server/front/dormant_listener.h"
#include "server/front/soup_stream.h"

namespace tarn::server {
namespace {

constexpr char exchange_key[] = "tarn-exchange";

std::shared_ptr<Exchange>* exchange_of(SoupServerMessage* message) {
  return static_cast<std::shared_ptr<Exchange>*>(g_object_get_data(G_OBJECT(message), exchange_key));
}

// libsoup is C, and no exception goes through it: without memory the client's connection ends.
template <class Call>
void guarded(SoupServerMessage* message, Call call) {
  unless_out_of_memory(call, [&] {
    auto* connection = front::connection_of(soup_server_message_get_remote_address(message));
    if (connection != nullptr) connection->on_out_of_memory();
  });
}

void on_head(SoupServer*, SoupServerMessage* message, const char* path, GHashTable* query, gpointer) {
  guarded(message, [&] {
    if (auto* exchange = exchange_of(message)) (*exchange)->head(path, query);
  });
}

void on_complete(SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer) {
  guarded(message, [&] {
    if (auto* exchange = exchange_of(message)) (*exchange)->complete();
  });
}

void on_finished(SoupServer*, SoupServerMessage* message, gpointer) {
  guarded(message, [&] {
    if (auto* exchange = exchange_of(message)) (*exchange)->finished(false);
  });
}

void on_aborted(SoupServer*, SoupServerMessage* message, gpointer) {
  guarded(message, [&] {
    if (auto* exchange = exchange_of(message)) (*exchange)->finished(true);
  });
}

Error io_error(const char* what, GError* error) {
  Error failed{ErrorCode::io, std::string{what} + error->message};
  g_error_free(error);
  return failed;
}

}  // namespace

// One address of the thread.
struct ServingThread::Front {
  std::size_t binding = 0;
  Handler* handler = nullptr;
  GMainContext* context = nullptr;  // borrowed from the thread
  std::shared_ptr<ExchangeShared> shared;
  front::Object<GSocketAddress> local;
  front::Object<SoupServer> soup;
  front::Gate gate;
  front::Connection::Set open;
  std::unique_ptr<front::Acceptor> acceptor;

  static void on_started(SoupServer*, SoupServerMessage* message, gpointer data);
  Status start_soup();
  Status start(ServedAddress& address, front::EventLoop& loop);
};

void ServingThread::Front::on_started(SoupServer*, SoupServerMessage* message, gpointer data) {
  auto* self = static_cast<Front*>(data);
  guarded(message, [&] {
    auto made =
        std::make_shared<Exchange>(message, self->context, self->binding, self->handler, self->shared);
    g_object_set_data_full(
        G_OBJECT(message), exchange_key, new std::shared_ptr<Exchange>{std::move(made)},
        +[](gpointer p) { delete static_cast<std::shared_ptr<Exchange>*>(p); });
  });
}

Status ServingThread::Front::start_soup() {
  const auto dormant = TRY(front::make_dormant_listener());
  soup.reset(soup_server_new("server-header", "tarnd", nullptr));
  SoupServer* server = soup.get();
  g_signal_connect(server, "request-started", G_CALLBACK(&Front::on_started), this);
  g_signal_connect(server, "request-finished", G_CALLBACK(on_finished), nullptr);
  g_signal_connect(server, "request-aborted", G_CALLBACK(on_aborted), nullptr);
  soup_server_add_early_handler(server, nullptr, on_head, nullptr, nullptr);
  soup_server_add_handler(server, nullptr, on_complete, nullptr, nullptr);
  GError* error = nullptr;
  if (soup_server_listen_socket(server, dormant.get(), SoupServerListenOptions{}, &error)) return {};
  return io_error("cannot serve: ", error);
}

Status ServingThread::Front::start(ServedAddress& address, front::EventLoop& loop) {
  GError* error = nullptr;
  local.reset(g_socket_get_local_address(address.socket.get(), &error));
  if (local == nullptr) return io_error("no address: ", error);
  TRY(start_soup());
  gate.loop = &loop;
  gate.shared = address.gate;
  gate.serve = [this](GIOStream* stream, GSocketAddress* remote) {
    soup_server_accept_iostream(soup.get(), stream, local.get(), remote, nullptr);
  };
  acceptor = std::make_unique<front::Acceptor>(gate, open, std::move(address.socket));
  return acceptor->start();
}

ServingThread::ServingThread(std::vector<ServedAddress> addresses, std::shared_ptr<ExchangeShared> shared)
    : context_(g_main_context_new()),
      main_loop_(g_main_loop_new(context_, FALSE)),
      shared_(std::move(shared)) {
  std::promise<Status> started;
  auto result = started.get_future();
  thread_ = std::thread{[this, &started, held = std::move(addresses)]() mutable { run(started, held); }};
  status_ = result.get();
}

ServingThread::~ServingThread() {
  invoke([this] { g_main_loop_quit(main_loop_); });
  thread_.join();
  g_main_loop_unref(main_loop_);
  g_main_context_unref(context_);
}

void ServingThread::run(std::promise<Status>& started, std::vector<ServedAddress>& addresses) {
  g_main_context_push_thread_default(context_);
  Status status = open(addresses);
  addresses.clear();
  started.set_value(std::move(status));
  g_main_loop_run(main_loop_);
  close();
  g_main_context_pop_thread_default(context_);
}

Status ServingThread::open(std::vector<ServedAddress>& addresses) {
  loop_ = TRY(front::EventLoop::create(context_));
  for (ServedAddress& address : addresses) {
    fronts_.push_back(std::make_unique<Front>());
    Front& made = *fronts_.back();
    made.binding = address.binding;
    made.handler = address.handler;
    made.context = context_;
    made.shared = shared_;
    TRY(made.start(address, *loop_));
  }
  return {};
}

void ServingThread::close() {
  for (const auto& front : fronts_) {
    front->acceptor.reset();
    while (!front->open.empty()) (*front->open.begin())->close_now();
  }
  // libsoup lets go of what was closed; whatever it would go on with for ever is not worth waiting for.
  constexpr int enough = 100'000;
  for (int i = 0; i < enough && g_main_context_iteration(context_, FALSE) != 0; ++i) {
  }
  fronts_.clear();
  loop_.reset();
}

void ServingThread::drain() {
  std::promise<void> done;
  invoke([this, &done] {
    for (const auto& front : fronts_) {
      if (front->acceptor) front->acceptor->stop();
      for (const auto& connection : front->open) connection->drain();
    }
    done.set_value();
  });
  done.get_future().wait();
}

void ServingThread::invoke(std::function<void()> call) {
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

}  // namespace tarn::server
