// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>
#include <gtest/gtest.h>

#include <cctype>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "server/http/http_server.h"
#include "server/http/origin_handler.h"
#include "server/runtime/content.h"

// A real server on a free port, and a client that writes exactly the bytes it is told to.
namespace tarn::server {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(const std::string& address) {
    GSocketClient* client = g_socket_client_new();
    g_socket_client_set_timeout(client, 10);
    connection_ = g_socket_client_connect_to_host(client, address.c_str(), 0, nullptr, nullptr);
    g_object_unref(client);
    EXPECT_NE(connection_, nullptr);
  }
  ~HttpClient() {
    if (connection_ != nullptr) g_object_unref(connection_);
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void send(std::string_view bytes) {
    GOutputStream* out = g_io_stream_get_output_stream(G_IO_STREAM(connection_));
    g_output_stream_write_all(out, bytes.data(), bytes.size(), nullptr, nullptr, nullptr);
  }
  // The next answer; `head_only` for HEAD, whose Content-Length announces bytes that do not come.
  HttpAnswer receive(bool head_only = false) {
    HttpAnswer answer;
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string next = read(1);
      if (next.empty()) return answer;
      head += next;
    }
    parse_head(head, answer);
    const bool bodiless = head_only || answer.status == 204 || answer.status == 304 || answer.status == 100;
    if (bodiless) return answer;
    answer.body = read(std::strtoull(answer.headers["content-length"].c_str(), nullptr, 10));
    return answer;
  }
  // True when the server has closed the connection.
  bool is_closed() { return read(1).empty(); }

 private:
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    gsize got = 0;
    GInputStream* in = g_io_stream_get_input_stream(G_IO_STREAM(connection_));
    g_input_stream_read_all(in, bytes.data(), size, &got, nullptr, nullptr);
    bytes.resize(got);
    return bytes;
  }
  static void parse_head(const std::string& head, HttpAnswer& answer) {
    answer.status = std::atoi(head.c_str() + 9);
    for (std::string_view line : split(head, '\n')) {
      const auto colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      std::string name{line.substr(0, colon)};
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      std::string_view value = line.substr(colon + 1);
      if (value.ends_with('\r')) value.remove_suffix(1);
      answer.headers[name] = std::string{trim(value)};
    }
  }

  GSocketConnection* connection_ = nullptr;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

inline std::string request_text(const std::string& method, const std::string& target,
                                const HeaderList& headers = {}, const std::string& body = {}) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

inline std::string basic(const std::string& pair) {
  g_autofree gchar* encoded = g_base64_encode(reinterpret_cast<const guchar*>(pair.data()), pair.size());
  return "Basic " + std::string{encoded};
}

// Remembers what was uploaded and gives what the test has put in; answers from another thread when
// asked to, as workers do.
class FakeOrigin : public Origin {
 public:
  void upload(const Channel& channel, UploadedObject object,
              std::function<void(UploadAnswer)> done) override {
    UploadAnswer answer;
    {
      const std::lock_guard lock{mutex};
      uploads.push_back(channel.name + "/" + std::to_string(object.input) + "/" + object.name + "=" +
                        std::string{as_text(object.body.bytes())});
      if (const auto at = answers.find(object.name); at != answers.end()) answer = at->second;
    }
    std::thread{[answer, done = std::move(done)] { done(answer); }}.detach();
  }
  void fetch(const Channel&, const Endpoint&, const std::string& file, const timeline::WindowQuery& window,
             std::function<void(Fetched)> done) override {
    Fetched found{nullptr, Fetched::Absence::not_found, "no such file", nullptr};
    {
      const std::lock_guard lock{mutex};
      ++fetches;
      windows.push_back(timeline::format_window_query(window));
      if (const auto at = files.find(file); at != files.end()) found = at->second;
    }
    if (!from_thread) return done(found);
    std::thread{[found, done = std::move(done)] { done(found); }}.detach();
  }

  std::mutex mutex;
  std::vector<std::string> uploads;
  std::map<std::string, UploadAnswer> answers;  // by name; created otherwise
  std::map<std::string, Fetched> files;
  int fetches = 0;
  std::vector<std::string> windows;
  bool from_thread = true;
};

inline std::shared_ptr<const Model> test_model() {
  auto model = std::make_shared<Model>();
  model->groups["g"].name = "g";
  Channel channel;
  channel.id = "c-id";
  channel.group = "g";
  channel.name = "c";
  channel.inputs[0] = {"ingest1", "user1", "password1", {}, {}, {}};
  channel.inputs[1] = {"ingest2", "user2",        "password2",
                       "old2",    "oldpassword2", Utc{std::chrono::seconds{1000}}};
  model->channels["g/c"] = channel;
  const auto add = [&](const std::string& name) -> Endpoint& {
    Endpoint& endpoint = model->endpoints["g/c/" + name];
    endpoint.id = name + "-id";
    endpoint.group = "g";
    endpoint.channel = "c";
    endpoint.name = name;
    return endpoint;
  };
  add("open");
  add("coded").authorization_code = "secret-code";
  add("denied").ip_blacklist = {"127.0.0.1"};
  add("listed").ip_whitelist = {"127.0.0.0/8"};
  add("shared").authorization_code = "secret-code";
  model->endpoints["g/c/shared"].cdn_cacheable = true;
  add("shifted").time_shift_days = 7;
  return model;
}

class HttpTest : public ::testing::Test {
 protected:
  HttpTest()
      : handler_([model = test_model()] { return model; }, origin_, [this] { return now_; },
                 PlaybackSettings{}) {}
  void SetUp() override {
    auto bound = HttpServer::bind({"127.0.0.1:0"}, 2);
    ASSERT_TRUE(bound.ok()) << bound.error().message;
    server_ = std::move(bound).value();
    const Status served = server_->serve({&handler_}, [this](const RequestRecord& record) {
      const std::lock_guard lock{records_mutex_};
      records_.push_back(record);
    });
    ASSERT_TRUE(served.ok()) << served.error().message;
  }

  [[nodiscard]] std::string address() const { return server_->addresses().front(); }
  HttpAnswer ask(const std::string& method, const std::string& target, const HeaderList& headers = {},
                 const std::string& body = {}) {
    HttpClient client{address()};
    client.send(request_text(method, target, headers, body));
    return client.receive(method == "HEAD");
  }

  FakeOrigin origin_;
  Utc now_{std::chrono::seconds{500}};
  OriginHandler handler_;
  std::mutex records_mutex_;
  std::vector<RequestRecord> records_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace tarn::server
