// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

// A client that writes exactly the bytes it is told to, and sees exactly how the server ends a connection.
namespace tarn::server {

struct RawAnswer {
  int status = 0;  // 0: the connection ended before it
  std::map<std::string, std::string> fields;
  std::string head;  // all of it, as it came
  std::string body;
};

class RawClient {
 public:
  enum class End { none, closed, reset, timeout };

  // `address`: "127.0.0.1:8080"
  explicit RawClient(const std::string& address, int receive_buffer = 0) {
    const auto colon = address.rfind(':');
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_timeout(std::chrono::seconds{10});
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &native.sin_addr);
    connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&native), sizeof native) == 0;
  }
  ~RawClient() { close(); }
  RawClient(RawClient&& other) noexcept { *this = std::move(other); }
  RawClient& operator=(RawClient&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(connected_, other.connected_);
    std::swap(buffer_, other.buffer_);
    std::swap(end_, other.end_);
    return *this;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] End end() const { return end_; }
  void set_timeout(std::chrono::milliseconds time) {
    const timeval value{time.count() / 1000, (time.count() % 1000) * 1000};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
  }
  // In pieces of so many bytes; false: the connection broke.
  bool send(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish() { ::shutdown(descriptor_, SHUT_WR); }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  RawAnswer receive(bool head_only = false) {
    RawAnswer answer;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return answer;
    }
    answer.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    read_fields(answer);
    const bool bodiless = head_only || answer.status < 200 || answer.status == 204 || answer.status == 304;
    const std::size_t size =
        bodiless ? 0 : static_cast<std::size_t>(std::atoll(answer.fields["content-length"].c_str()));
    while (buffer_.size() < size && fill()) {
    }
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return answer;
  }
  // Reads up to the connection's end; what else came.
  std::string drain() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
  }
  // At most so many bytes that are there or come.
  std::size_t read_some(std::size_t most) {
    std::string bytes(most, '\0');
    const ssize_t got = ::recv(descriptor_, bytes.data(), most, 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }

 private:
  bool fill() {
    std::string bytes(1U << 16U, '\0');
    const ssize_t got = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
    if (got > 0) buffer_.append(bytes, 0, static_cast<std::size_t>(got));
    if (got == 0) end_ = End::closed;
    if (got < 0) end_ = errno == EAGAIN ? End::timeout : End::reset;
    return got > 0;
  }
  static void read_fields(RawAnswer& answer) {
    std::size_t at = answer.head.find("\r\n") + 2;
    while (at < answer.head.size() - 2) {
      const std::size_t end = answer.head.find("\r\n", at);
      const std::size_t colon = answer.head.find(": ", at);
      std::string name = answer.head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      answer.fields[name] = answer.head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }

  int descriptor_ = -1;
  bool connected_ = false;
  End end_ = End::none;
  std::string buffer_;
};

// Polls; false when it did not become true in time.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = std::chrono::seconds{10}) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
    ::usleep(2000);
  }
  return true;
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) ++count;
  return count;
}

}  // namespace tarn::server
