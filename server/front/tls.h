// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"

struct ssl_st;
struct ssl_ctx_st;

namespace tarn::server::front {

// The server's end of TLS (1.2 or 1.3, HTTP/1.1 by ALPN: semantics S31) on a non-blocking socket. One
// connection's; lives on its thread.
class TlsSession {
 public:
  // `session` is taken; null is not allowed.
  explicit TlsSession(ssl_st* session);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // As recv() and sendmsg(), errno included. EAGAIN: any event of the socket may change it, also while
  // the other direction was asked for. A client that ends without close_notify ends: whether a message is
  // whole is not TLS's to say here.
  ssize_t receive(std::span<std::uint8_t> into);
  // What was refused with EAGAIN must be given again first.
  ssize_t send(std::span<const iovec> from);
  // close_notify, as far as the socket takes it.
  void end();
  [[nodiscard]] bool is_established() const;

 private:
  ssize_t failed(int result);

  ssl_st* session_;
  bool broken_ = false;
  std::vector<std::uint8_t> refused_;  // a record that the socket did not take
};

// The certificate chain and key of the listeners. Thread-safe.
class TlsContext {
 public:
  // PEM files. The key may not need a pass phrase.
  static Result<std::unique_ptr<TlsContext>> load(const std::string& certificate, const std::string& key);
  // Takes the files anew if one has been written since; connections that are open keep what they have.
  // True: new ones get it. On an error the old ones stay in use.
  Result<bool> reload_if_changed();
  // For an accepted socket; null when memory is short.
  std::unique_ptr<TlsSession> accept(int descriptor);

 private:
  using Context = std::shared_ptr<ssl_ctx_st>;
  struct Stamp {
    std::int64_t certificate = 0;
    std::int64_t key = 0;
    bool operator==(const Stamp&) const = default;
  };

  TlsContext(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  [[nodiscard]] Stamp stamp() const;
  [[nodiscard]] Result<Context> make() const;

  const std::string certificate_;
  const std::string key_;
  std::mutex mutex_;
  Context context_;
  Stamp stamp_;
};

}  // namespace tarn::server::front
