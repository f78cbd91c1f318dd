// SPDX-License-Identifier: Apache-2.0
// Faults D5: names whose addresses change between the look that is judged and the connection.
#include <gio/gio.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>

#include "server/keys/outbound_request.h"

// A resolver whose answers are given one after another; the last one for ever.
struct TarnScriptedResolver {
  GResolver parent;
  std::deque<std::string>* answers;
  int lookups;
};
struct TarnScriptedResolverClass {
  GResolverClass parent;
};
static GType tarn_scripted_resolver_get_type();
G_DEFINE_TYPE(TarnScriptedResolver, tarn_scripted_resolver, G_TYPE_RESOLVER)

static void lookup_async(GResolver* resolver, const gchar* /*host*/, GCancellable* cancellable,
                         GAsyncReadyCallback callback, gpointer data) {
  auto* self = reinterpret_cast<TarnScriptedResolver*>(resolver);
  ++self->lookups;
  const std::string answer = self->answers->front();
  if (self->answers->size() > 1) self->answers->pop_front();
  GTask* task = g_task_new(resolver, cancellable, callback, data);
  g_task_return_pointer(task, g_list_append(nullptr, g_inet_address_new_from_string(answer.c_str())),
                        nullptr);
  g_object_unref(task);
}
static GList* lookup_finish(GResolver* /*resolver*/, GAsyncResult* result, GError** error) {
  return static_cast<GList*>(g_task_propagate_pointer(G_TASK(result), error));
}
static void lookup_with_flags_async(GResolver* resolver, const gchar* host,
                                    GResolverNameLookupFlags /*flags*/, GCancellable* cancellable,
                                    GAsyncReadyCallback callback, gpointer data) {
  lookup_async(resolver, host, cancellable, callback, data);
}
static void tarn_scripted_resolver_init(TarnScriptedResolver* /*self*/) {}
static void tarn_scripted_resolver_class_init(TarnScriptedResolverClass* klass) {
  GResolverClass* base = G_RESOLVER_CLASS(klass);
  base->lookup_by_name_async = lookup_async;
  base->lookup_by_name_finish = lookup_finish;
  base->lookup_by_name_with_flags_async = lookup_with_flags_async;
  base->lookup_by_name_with_flags_finish = lookup_finish;
}

namespace tarn::server {
namespace {

// Answers "200, here" at an address of the loopback, and counts who comes.
class Place {
 public:
  Place(const char* address, guint16 port) {
    listener_ = g_socket_listener_new();
    GInetAddress* inet = g_inet_address_new_from_string(address);
    GSocketAddress* wanted = g_inet_socket_address_new(inet, port);
    GSocketAddress* bound = nullptr;
    is_open_ = g_socket_listener_add_address(listener_, wanted, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                                             nullptr, &bound, nullptr) != FALSE;
    if (bound != nullptr) port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    g_clear_object(&bound);
    g_object_unref(wanted);
    g_object_unref(inet);
    if (is_open_) g_socket_listener_accept_async(listener_, nullptr, &on_accepted, this);
  }
  ~Place() {
    g_socket_listener_close(listener_);
    while (g_main_context_iteration(nullptr, FALSE) != FALSE) {
    }
    g_object_unref(listener_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] bool is_open() const { return is_open_; }
  [[nodiscard]] guint16 port() const { return port_; }
  [[nodiscard]] int visits() const { return visits_; }

 private:
  static void on_accepted(GObject* listener, GAsyncResult* result, gpointer data) {
    GSocketConnection* connection =
        g_socket_listener_accept_finish(G_SOCKET_LISTENER(listener), result, nullptr, nullptr);
    if (connection == nullptr) return;
    auto* self = static_cast<Place*>(data);
    ++self->visits_;
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhere";
    g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), answer.data(),
                              answer.size(), nullptr, nullptr, nullptr);
    g_object_unref(connection);
    g_socket_listener_accept_async(self->listener_, nullptr, &on_accepted, self);
  }

  GSocketListener* listener_ = nullptr;
  bool is_open_ = false;
  guint16 port_ = 0;
  int visits_ = 0;
};

class Rebinding : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = g_resolver_get_default();
    resolver_ = static_cast<TarnScriptedResolver*>(g_object_new(tarn_scripted_resolver_get_type(), nullptr));
    resolver_->answers = &answers_;
    g_resolver_set_default(G_RESOLVER(resolver_));
  }
  void TearDown() override {
    g_resolver_set_default(before_);
    g_object_unref(before_);
    g_object_unref(resolver_);
  }

  Result<OutboundAnswer> ask(guint16 port, const char* allowed) {
    OutboundPolicy policy;
    policy.allowed.push_back(*parse_network(allowed));
    OutboundCall call;
    call.text = "http://keys.example:" + std::to_string(port) + "/speke";
    call.url = *parse_outbound_url(call.text);
    call.content_type = "application/xml";
    std::optional<Result<OutboundAnswer>> answered;
    post(std::move(call), policy, {},
         [&](Result<OutboundAnswer> answer) { answered.emplace(std::move(answer)); });
    while (!answered) g_main_context_iteration(nullptr, TRUE);
    return std::move(*answered);
  }

  std::deque<std::string> answers_;
  TarnScriptedResolver* resolver_ = nullptr;
  GResolver* before_ = nullptr;
};

TEST_F(Rebinding, TheAddressThatWasLookedAtIsTheOneThatIsAsked) {
  Place wanted{"127.0.0.2", 0};
  Place forbidden{"127.0.0.1", wanted.port()};
  ASSERT_TRUE(wanted.is_open() && forbidden.is_open());
  answers_ = {"127.0.0.2", "127.0.0.1"};
  const auto answer = ask(wanted.port(), "127.0.0.2/32");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->body, "here");
  EXPECT_EQ(resolver_->lookups, 1);
  EXPECT_EQ(wanted.visits(), 1);
  EXPECT_EQ(forbidden.visits(), 0);
}

TEST_F(Rebinding, AnAddressThatMayNotBeAskedIsNotConnectedTo) {
  Place forbidden{"127.0.0.1", 0};
  ASSERT_TRUE(forbidden.is_open());
  answers_ = {"127.0.0.1", "127.0.0.2"};
  const auto answer = ask(forbidden.port(), "127.0.0.2/32");
  ASSERT_FALSE(answer.ok());
  EXPECT_NE(answer.error().message.find("--outbound-allow"), std::string::npos) << answer.error().message;
  EXPECT_EQ(forbidden.visits(), 0);
}

}  // namespace
}  // namespace tarn::server
