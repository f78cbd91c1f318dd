// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/sample_cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

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

// Blocks of a subsample that are chained.
struct Chain {
  std::uint8_t* at = nullptr;
  std::size_t blocks = 0;
  std::size_t stride = block;
};

}  // namespace

void wipe(std::span<std::uint8_t> secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

struct SampleCipher::State {
  static constexpr std::size_t most_lanes = 32;

  std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context{EVP_CIPHER_CTX_new()};
  std::vector<Chain> chains;
  Block iv{};
  // The chains that run: their next block, and the last ciphertext of each, side by side.
  std::array<Chain, most_lanes> lanes;
  alignas(64) std::array<std::uint8_t, most_lanes * block> blocks;
};

// CBC is made of ECB here, across the chains.
SampleCipher::SampleCipher(const Block& key, Scheme scheme) : state_(std::make_unique<State>()) {
  EVP_CIPHER_CTX* const context = state_->context.get();
  demand(context != nullptr);
  const EVP_CIPHER* const cipher = scheme == Scheme::cenc ? EVP_aes_128_ctr() : EVP_aes_128_ecb();
  demand(EVP_EncryptInit_ex(context, cipher, nullptr, key.data(), nullptr) == 1);
  EVP_CIPHER_CTX_set_padding(context, 0);
}

SampleCipher::~SampleCipher() = default;
SampleCipher::SampleCipher(SampleCipher&&) noexcept = default;
SampleCipher& SampleCipher::operator=(SampleCipher&&) noexcept = default;

void SampleCipher::encrypt(const std::uint8_t* from, std::size_t size, std::uint8_t* to) {
  int written = 0;
  demand(EVP_EncryptUpdate(state_->context.get(), to, &written, from, static_cast<int>(size)) == 1 &&
         static_cast<std::size_t>(written) == size);
}

void SampleCipher::ctr(std::uint64_t iv, Bytes sample, std::span<const Subsample> map, std::uint8_t* to) {
  Block counter{};
  for (unsigned i = 0; i < 8; ++i) counter[i] = static_cast<std::uint8_t>(iv >> (56U - 8U * i));
  demand(EVP_EncryptInit_ex(state_->context.get(), nullptr, nullptr, nullptr, counter.data()) == 1);
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

void SampleCipher::cbc(const Block& iv, Bytes sample, std::span<const Subsample> map, std::uint8_t* to) {
  if (sample.empty()) return;
  std::memcpy(to, sample.data(), sample.size());
  state_->iv = iv;
  if (map.empty()) {
    if (sample.size() >= block) state_->chains.push_back({to, sample.size() / block, block});
    return;
  }
  for (const Subsample& part : map) {
    to += part.clear;
    // A block is encrypted when all of it is there.
    if (part.cipher >= block) {
      state_->chains.push_back({to, (part.cipher - block) / pattern_stride + 1, pattern_stride});
    }
    to += part.cipher;
  }
}

// One block of each running chain.
void SampleCipher::step(std::size_t lanes) {
  std::uint8_t* const blocks = state_->blocks.data();
  for (std::size_t i = 0; i < lanes; ++i) {
    std::uint64_t plain[2];
    std::uint64_t chained[2];
    std::memcpy(plain, state_->lanes[i].at, block);
    std::memcpy(chained, blocks + i * block, block);
    chained[0] ^= plain[0];
    chained[1] ^= plain[1];
    std::memcpy(blocks + i * block, chained, block);
  }
  encrypt(blocks, lanes * block, blocks);
  for (std::size_t i = 0; i < lanes; ++i) {
    Chain& lane = state_->lanes[i];
    std::memcpy(lane.at, blocks + i * block, block);
    lane.at += lane.stride;
    --lane.blocks;
  }
}

void SampleCipher::finish() {
  State& state = *state_;
  std::size_t lanes = 0;
  std::size_t next = 0;
  while (lanes > 0 || next < state.chains.size()) {
    for (; lanes < State::most_lanes && next < state.chains.size(); ++lanes) {
      state.lanes[lanes] = state.chains[next++];
      std::memcpy(state.blocks.data() + lanes * block, state.iv.data(), block);
    }
    step(lanes);
    for (std::size_t i = 0; i < lanes;) {
      if (state.lanes[i].blocks > 0) {
        ++i;
        continue;
      }
      --lanes;
      state.lanes[i] = state.lanes[lanes];
      std::memcpy(state.blocks.data() + i * block, state.blocks.data() + lanes * block, block);
    }
  }
  state.chains.clear();
}

}  // namespace tarn::crypto
