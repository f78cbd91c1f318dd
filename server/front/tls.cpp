// SPDX-License-Identifier: Apache-2.0
#include "server/front/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace tarn::server::front {
namespace {

constexpr std::size_t record_bytes = 16U << 10U;  // RFC 8446, 5.1
constexpr std::array<std::uint8_t, 9> protocols{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int choose_protocol(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_bytes, void*) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, length, protocols.data(), protocols.size(), offered, offered_bytes);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A server has nobody to ask.
int no_pass_phrase(char*, int, int, void*) { return -1; }

std::string reason() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

std::int64_t modified(const std::string& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) return 0;
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace

TlsSession::TlsSession(ssl_st* session) : session_(session) {}

TlsSession::~TlsSession() { SSL_free(session_); }

bool TlsSession::is_established() const { return SSL_is_init_finished(session_) == 1; }

ssize_t TlsSession::failed(int result) {
  const int system = errno;
  switch (SSL_get_error(session_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SSL: {
      broken_ = true;
      const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
      ERR_clear_error();
      errno = EPROTO;
      return ended ? 0 : -1;
    }
    default:
      broken_ = true;
      errno = system == 0 || system == EAGAIN ? ECONNRESET : system;
      return -1;
  }
}

ssize_t TlsSession::receive(std::span<std::uint8_t> into) {
  if (broken_) {
    errno = ECONNRESET;
    return -1;
  }
  ERR_clear_error();
  errno = 0;
  const int got = SSL_read(session_, into.data(), static_cast<int>(std::min(into.size(), record_bytes)));
  return got > 0 ? got : failed(got);
}

ssize_t TlsSession::send(std::span<const iovec> from) {
  if (broken_) {
    errno = ECONNRESET;
    return -1;
  }
  // Records are filled from as many pieces as there are: a head leaves together with its body.
  std::array<std::uint8_t, record_bytes> gathered;  // not initialised: written below
  std::span<const std::uint8_t> record = refused_;
  std::size_t available = 0;
  for (const iovec& piece : from) available += piece.iov_len;
  if (refused_.empty()) {
    std::size_t filled = 0;
    for (const iovec& piece : from) {
      const std::size_t count = std::min(piece.iov_len, gathered.size() - filled);
      std::copy_n(static_cast<const std::uint8_t*>(piece.iov_base), count, gathered.data() + filled);
      filled += count;
      if (filled == gathered.size()) break;
    }
    record = std::span{gathered}.first(filled);
  }
  if (record.empty()) return 0;
  ERR_clear_error();
  errno = 0;
  const int sent = SSL_write(session_, record.data(), static_cast<int>(record.size()));
  if (sent > 0) {
    refused_.clear();
    return static_cast<ssize_t>(std::min(static_cast<std::size_t>(sent), available));
  }
  const ssize_t result = failed(sent);
  if (result < 0 && errno == EAGAIN) {
    if (refused_.empty()) refused_.assign(record.begin(), record.end());
    errno = EAGAIN;
    return -1;
  }
  errno = result == 0 ? ECONNRESET : errno;
  return -1;
}

void TlsSession::end() {
  if (broken_ || !is_established()) return;
  ERR_clear_error();
  (void)SSL_shutdown(session_);
  ERR_clear_error();
}

Result<std::unique_ptr<TlsContext>> TlsContext::load(const std::string& certificate, const std::string& key) {
  std::unique_ptr<TlsContext> made{new TlsContext{certificate, key}};
  made->stamp_ = made->stamp();
  made->context_ = TRY(made->make());
  return made;
}

TlsContext::Stamp TlsContext::stamp() const { return {modified(certificate_), modified(key_)}; }

Result<TlsContext::Context> TlsContext::make() const {
  const Context context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  if (context == nullptr) return Error{ErrorCode::internal, "TLS: " + reason()};
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(raw, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(raw, no_pass_phrase);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_.c_str()) != 1) {
    return Error{ErrorCode::invalid, certificate_ + ": is no PEM certificate chain (" + reason() + ")"};
  }
  if (SSL_CTX_use_PrivateKey_file(raw, key_.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Error{ErrorCode::invalid,
                 key_ + ": is no PEM key of the certificate in " + certificate_ + " (" + reason() + ")"};
  }
  return context;
}

Result<bool> TlsContext::reload_if_changed() {
  const Stamp now = stamp();
  {
    const std::lock_guard lock{mutex_};
    if (now == stamp_) return false;
    stamp_ = now;  // what cannot be used is reported once
  }
  Context fresh = TRY(make());
  const std::lock_guard lock{mutex_};
  context_ = std::move(fresh);
  return true;
}

std::unique_ptr<TlsSession> TlsContext::accept(int descriptor) {
  Context context;
  {
    const std::lock_guard lock{mutex_};
    context = context_;
  }
  SSL* session = SSL_new(context.get());
  if (session == nullptr) return nullptr;
  auto made = std::make_unique<TlsSession>(session);
  if (SSL_set_fd(session, descriptor) != 1) return nullptr;
  SSL_set_accept_state(session);
  return made;
}

}  // namespace tarn::server::front
