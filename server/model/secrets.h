// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

// What the server knows about keeping secrets: making, comparing, sealing them, and the files they lie in.
namespace tarn::server {

// From OpenSSL's generator. Ends the process when that fails: there is nothing safe to go on with.
ByteVector random_bytes(std::size_t count);
std::string random_hex(std::size_t bytes);
// Lower-case letters and digits, the first a letter: a DNS label.
std::string random_label(std::size_t length);

// Constant time for any two texts, whatever their lengths: SHA-256 digests are compared.
bool equal_secrets(std::string_view a, std::string_view b);

std::string sha256_hex(std::string_view text);

// AES-256-GCM. A sealed text is nonce (12 bytes, random), ciphertext, tag (16 bytes). `context` says what
// the text is and whose; it is authenticated, so that a sealed text cannot be moved to another place.
class SecretBox {
 public:
  static constexpr std::size_t key_bytes = 32;
  // REQUIRES: key.size() == key_bytes
  explicit SecretBox(ByteVector key);
  ~SecretBox();
  SecretBox(const SecretBox&) = delete;
  SecretBox& operator=(const SecretBox&) = delete;

  [[nodiscard]] ByteVector seal(std::string_view text, std::string_view context) const;
  [[nodiscard]] Result<std::string> open(Bytes sealed, std::string_view context) const;

 private:
  ByteVector key_;
};

// The whole file, at most 64 KiB. Refused when others than owner and group may read or write it.
// not_found when there is none.
Result<std::string> read_secret_file(const std::string& path);
// Makes the directory, mode 0700, and its parents where they are missing.
Status make_private_directory(const std::string& path);
// Writes a new file, mode 0600, durably and all at once, in a directory that is made when missing.
// conflict when there is one already.
Status create_secret_file(const std::string& path, std::string_view content);

}  // namespace tarn::server
