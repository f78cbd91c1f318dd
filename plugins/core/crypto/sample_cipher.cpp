// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/sample_cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <cstring>

namespace tarn::crypto {
namespace {

constexpr std::size_t block = 16;
constexpr std::size_t pattern_stride = 10 * block;  // 1 encrypted, 9 clear

// Out of memory or a broken library: what could not be encrypted must not go on.
void demand(bool done) {
  if (!done) std::abort();
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

}  // namespace

void wipe(std::span<std::uint8_t> secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

struct SampleCipher::State {
  std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context{EVP_CIPHER_CTX_new()};
  ByteVector gathered;  // every tenth block of a subsample, for one call in place of thousands
};

SampleCipher::SampleCipher(const Block& key, Scheme scheme) : state_(std::make_unique<State>()) {
  EVP_CIPHER_CTX* const context = state_->context.get();
  demand(context != nullptr);
  const EVP_CIPHER* const cipher = scheme == Scheme::cenc ? EVP_aes_128_ctr() : EVP_aes_128_cbc();
  demand(EVP_EncryptInit_ex(context, cipher, nullptr, key.data(), nullptr) == 1);
  EVP_CIPHER_CTX_set_padding(context, 0);
}

SampleCipher::~SampleCipher() = default;
SampleCipher::SampleCipher(SampleCipher&&) noexcept = default;
SampleCipher& SampleCipher::operator=(SampleCipher&&) noexcept = default;

void SampleCipher::begin(const std::uint8_t* iv) {
  demand(EVP_EncryptInit_ex(state_->context.get(), nullptr, nullptr, nullptr, iv) == 1);
}

void SampleCipher::encrypt(const std::uint8_t* from, std::size_t size, std::uint8_t* to) {
  int written = 0;
  demand(EVP_EncryptUpdate(state_->context.get(), to, &written, from, static_cast<int>(size)) == 1 &&
         static_cast<std::size_t>(written) == size);
}

void SampleCipher::ctr(std::uint64_t iv, Bytes sample, std::span<const Subsample> map, std::uint8_t* to) {
  Block counter{};
  for (unsigned i = 0; i < 8; ++i) counter[i] = static_cast<std::uint8_t>(iv >> (56U - 8U * i));
  begin(counter.data());
  if (map.empty()) return encrypt(sample.data(), sample.size(), to);
  const std::uint8_t* from = sample.data();
  for (const Subsample& part : map) {
    std::memcpy(to, from, part.clear);
    from += part.clear;
    to += part.clear;
    if (part.cipher == 0) continue;
    encrypt(from, part.cipher, to);
    from += part.cipher;
    to += part.cipher;
  }
}

void SampleCipher::pattern_cbc(const Block& iv, Bytes sample, std::span<const Subsample> map,
                               std::uint8_t* to) {
  std::memcpy(to, sample.data(), sample.size());
  ByteVector& gathered = state_->gathered;
  for (const Subsample& part : map) {
    to += part.clear;
    // A block is encrypted when all of it is there.
    const std::size_t count =
        part.cipher < block ? 0 : (part.cipher - block) / pattern_stride + 1;
    if (count > 0) {
      if (gathered.size() < count * block) gathered.resize(count * block);
      std::uint8_t* const scratch = gathered.data();
      for (std::size_t i = 0; i < count; ++i) std::memcpy(scratch + i * block, to + i * pattern_stride, block);
      begin(iv.data());
      encrypt(scratch, count * block, scratch);
      for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * pattern_stride, scratch + i * block, block);
    }
    to += part.cipher;
  }
}

void SampleCipher::whole_cbc(const Block& iv, Bytes sample, std::uint8_t* to) {
  const std::size_t whole = sample.size() - sample.size() % block;
  if (whole > 0) {
    begin(iv.data());
    encrypt(sample.data(), whole, to);
  }
  std::memcpy(to + whole, sample.data() + whole, sample.size() - whole);
}

}  // namespace tarn::crypto
