// SPDX-License-Identifier: Apache-2.0
#include "server/model/secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <cstdlib>
#include <limits>
#include <memory>

#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
using Digest = std::array<std::uint8_t, SHA256_DIGEST_LENGTH>;

void demand(bool condition) {
  if (!condition) std::abort();  // out of memory or a broken OpenSSL
}

CipherContext new_context() {
  CipherContext context{EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free};
  demand(context != nullptr);
  return context;
}

Digest sha256(std::string_view text) {
  Digest digest{};
  const Bytes bytes = as_bytes(text);
  demand(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

}  // namespace

ByteVector random_bytes(std::size_t count) {
  ByteVector bytes(count);
  demand(RAND_bytes(bytes.data(), static_cast<int>(count)) == 1);
  return bytes;
}

std::string random_hex(std::size_t bytes) { return hex(random_bytes(bytes)); }

std::string random_label(std::size_t length) {
  static constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  static constexpr std::size_t letters = 26;
  std::string label;
  while (label.size() < length) {
    for (const std::uint8_t byte : random_bytes(length)) {
      const std::size_t choices = label.empty() ? letters : alphabet.size();
      if (byte >= 256 - 256 % choices || label.size() == length) continue;  // keeps the choice even
      label += alphabet[byte % choices];
    }
  }
  return label;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  const Digest left = sha256(a);
  const Digest right = sha256(b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string sha256_hex(std::string_view text) { return hex(sha256(text)); }

SecretBox::SecretBox(ByteVector key) : key_(std::move(key)) { demand(key_.size() == key_bytes); }
SecretBox::~SecretBox() { OPENSSL_cleanse(key_.data(), key_.size()); }

ByteVector SecretBox::seal(std::string_view text, std::string_view context) const {
  ByteVector sealed = random_bytes(nonce_bytes);
  sealed.resize(nonce_bytes + text.size() + tag_bytes);
  std::uint8_t* const body = sealed.data() + nonce_bytes;
  const CipherContext cipher = new_context();
  int written = 0;
  demand(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_.data(), sealed.data()) == 1);
  const Bytes associated = as_bytes(context);
  demand(EVP_EncryptUpdate(cipher.get(), nullptr, &written, associated.data(),
                           static_cast<int>(associated.size())) == 1);
  const Bytes plain = as_bytes(text);
  demand(EVP_EncryptUpdate(cipher.get(), body, &written, plain.data(), static_cast<int>(plain.size())) == 1);
  demand(EVP_EncryptFinal_ex(cipher.get(), body + written, &written) == 1);
  demand(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, body + text.size()) == 1);
  return sealed;
}

Result<std::string> SecretBox::open(Bytes sealed, std::string_view context) const {
  constexpr std::size_t longest = std::numeric_limits<int>::max();
  if (sealed.size() < nonce_bytes + tag_bytes || sealed.size() > longest) {
    return truncated("a sealed secret is too short");
  }
  const Bytes body = sealed.subspan(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
  ByteVector tag(sealed.end() - tag_bytes, sealed.end());
  std::string text(body.size(), '\0');
  auto* const out = reinterpret_cast<std::uint8_t*>(text.data());
  const CipherContext cipher = new_context();
  int written = 0;
  demand(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_.data(), sealed.data()) == 1);
  const Bytes associated = as_bytes(context);
  demand(EVP_DecryptUpdate(cipher.get(), nullptr, &written, associated.data(),
                           static_cast<int>(associated.size())) == 1);
  demand(EVP_DecryptUpdate(cipher.get(), out, &written, body.data(), static_cast<int>(body.size())) == 1);
  demand(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(cipher.get(), out + written, &written) != 1) {
    return malformed("a sealed secret was not made with this key, or was changed");
  }
  return text;
}

}  // namespace tarn::server
