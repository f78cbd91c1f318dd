// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace tarn::test {

// An HTTP server on a port of its own that knows no HTTP library: one connection after the other, one request
// each, with a Content-Length. It answers what the test says.
class TinyServer {
 public:
  struct Request {
    std::string line;  // "PUT /a.m4s HTTP/1.1"
    std::string head;  // all of it
    std::string body;
  };
  // A status line's rest, "201 Created", with more header lines if need be; empty: no answer until the client
  // goes away.
  using Answer = std::function<std::string(const Request&)>;

  explicit TinyServer(Answer answer)
      : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 16) == 0 &&
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      port_ = ntohs(address.sin_port);
    }
    thread_ = std::thread{[this] { run(); }};
  }
  ~TinyServer() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    if (const int open = open_; open >= 0) shutdown(open, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  TinyServer(const TinyServer&) = delete;
  TinyServer& operator=(const TinyServer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  [[nodiscard]] std::vector<Request> requests() const {
    const std::lock_guard lock{mutex_};
    return requests_;
  }
  // "PUT /a.m4s" each
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> result;
    for (const Request& one : requests()) result.push_back(one.line.substr(0, one.line.rfind(' ')));
    return result;
  }
  void wait_for_requests(std::size_t count) {
    std::unique_lock lock{mutex_};
    came_.wait(lock, [&] { return requests_.size() >= count; });
  }

 private:
  void run() {
    while (!stopping_) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      open_ = connection;
      if (!stopping_) serve(connection);
      open_ = -1;
      close(connection);
    }
  }
  void serve(int connection) {
    std::string text;
    std::size_t end = std::string::npos;
    while ((end = text.find("\r\n\r\n")) == std::string::npos) {
      if (!more(connection, text)) return;
    }
    Request request{.line = text.substr(0, text.find("\r\n")), .head = text.substr(0, end + 4), .body = {}};
    request.body = text.substr(end + 4);
    const std::size_t size = length_of(request.head);
    while (request.body.size() < size) {
      if (!more(connection, request.body)) return;
    }
    const std::string status = answer_(request);
    {
      const std::lock_guard lock{mutex_};
      requests_.push_back(std::move(request));
    }
    came_.notify_all();
    std::string rest;
    while (status.empty() && more(connection, rest)) {
    }
    const std::string answer = "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (!status.empty()) (void)send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
  }
  static bool more(int connection, std::string& text) {
    char bytes[65'536];
    const ssize_t count = recv(connection, bytes, sizeof bytes, 0);
    if (count > 0) text.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }
  static std::size_t length_of(const std::string& head) {
    constexpr std::string_view name = "content-length:";
    for (std::size_t at = 0; at < head.size(); at = head.find("\r\n", at) + 2) {
      if (strncasecmp(head.c_str() + at, name.data(), name.size()) == 0)
        return std::stoul(head.substr(at + name.size()));
    }
    return 0;
  }

  const Answer answer_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> open_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Request> requests_;
  std::thread thread_;
};

}  // namespace tarn::test
