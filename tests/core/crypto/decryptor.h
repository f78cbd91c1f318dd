// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/cmaf.h"

// The way back, written apart from the encryptor: boxes are looked for by hand, and AES runs one block at a
// time in ECB mode with the chaining done here.
namespace tarn::test {

class BlockCipher {
 public:
  explicit BlockCipher(Bytes key) : context_(EVP_CIPHER_CTX_new()), inverse_(EVP_CIPHER_CTX_new()) {
    EVP_EncryptInit_ex(context_, EVP_aes_128_ecb(), nullptr, key.data(), nullptr);
    EVP_DecryptInit_ex(inverse_, EVP_aes_128_ecb(), nullptr, key.data(), nullptr);
    EVP_CIPHER_CTX_set_padding(inverse_, 0);
  }
  ~BlockCipher() {
    EVP_CIPHER_CTX_free(context_);
    EVP_CIPHER_CTX_free(inverse_);
  }
  BlockCipher(const BlockCipher&) = delete;
  BlockCipher& operator=(const BlockCipher&) = delete;

  void encrypt(const std::uint8_t* in, std::uint8_t* out) {
    int n = 0;
    EVP_EncryptUpdate(context_, out, &n, in, 16);
  }
  void decrypt(const std::uint8_t* in, std::uint8_t* out) {
    int n = 0;
    EVP_DecryptUpdate(inverse_, out, &n, in, 16);
  }

 private:
  EVP_CIPHER_CTX* context_;
  EVP_CIPHER_CTX* inverse_;
};

struct SampleProtection {
  ByteVector iv;
  std::vector<std::pair<std::size_t, std::size_t>> subsamples;  // clear, cipher
};

struct TrackProtection {
  bool is_cbcs = false;
  std::size_t iv_size = 0;
  std::size_t crypt = 0;
  std::size_t skip = 0;
  ByteVector constant_iv;
  ByteVector kid;
};

// The first box of a type anywhere below, by its four letters: good enough for files that we know.
inline std::optional<Bytes> find_box(Bytes bytes, const char* type) {
  const auto found = std::search(bytes.begin(), bytes.end(), type, type + 4);
  if (found == bytes.end() || found - bytes.begin() < 4) return std::nullopt;
  const auto at = static_cast<std::size_t>(found - bytes.begin()) - 4;
  const std::uint32_t size = Reader{bytes.subspan(at)}.u32();
  if (size < 8 || size > bytes.size() - at) return std::nullopt;
  return bytes.subspan(at + 8, size - 8);
}

inline std::optional<TrackProtection> read_tenc(Bytes init) {
  const auto schm = find_box(init, "schm");
  const auto tenc = find_box(init, "tenc");
  if (!schm || !tenc) return std::nullopt;
  TrackProtection track;
  track.is_cbcs = as_text(schm->subspan(4, 4)) == "cbcs";
  Reader reader{*tenc};
  reader.skip(5);
  const std::uint8_t pattern = reader.u8();
  track.crypt = pattern >> 4U;
  track.skip = pattern & 15U;
  reader.skip(1);
  track.iv_size = reader.u8();
  const Bytes kid = reader.take(16);
  track.kid.assign(kid.begin(), kid.end());
  if (track.iv_size == 0) {
    const Bytes iv = reader.take(reader.u8());
    track.constant_iv.assign(iv.begin(), iv.end());
  }
  return reader.ok() ? std::optional{track} : std::nullopt;
}

// Entries of senc; empty when there is none.
inline std::vector<SampleProtection> read_senc(Bytes chunk, std::size_t iv_size) {
  std::vector<SampleProtection> samples;
  const auto senc = find_box(chunk, "senc");
  if (!senc) return samples;
  Reader reader{*senc};
  const bool has_subsamples = (reader.u32() & 2U) != 0;
  samples.resize(reader.u32());
  for (auto& sample : samples) {
    const Bytes iv = reader.take(iv_size);
    sample.iv.assign(iv.begin(), iv.end());
    if (!has_subsamples) continue;
    sample.subsamples.resize(reader.u16());
    for (auto& part : sample.subsamples) {
      part.first = reader.u16();
      part.second = reader.u32();
    }
  }
  return samples;
}

inline void decrypt_sample(BlockCipher& aes, const TrackProtection& track, SampleProtection protection,
                           std::uint8_t* data, std::size_t size) {
  if (protection.subsamples.empty()) protection.subsamples.emplace_back(0, size);
  ByteVector iv = track.iv_size == 0 ? track.constant_iv : protection.iv;
  iv.resize(16);
  std::size_t position = 0;  // in the sample's key stream
  for (const auto& [clear, cipher] : protection.subsamples) {
    data += clear;
    if (!track.is_cbcs) {
      for (std::size_t i = 0; i < cipher; ++i, ++position) {
        ByteVector counter = iv;
        std::uint64_t block = position / 16;
        for (std::size_t k = 15; k >= 8; --k, block >>= 8U) counter[k] = static_cast<std::uint8_t>(block);
        std::uint8_t stream[16];
        aes.encrypt(counter.data(), stream);
        data[i] ^= stream[position % 16];
      }
    } else {
      ByteVector previous = iv;
      const std::size_t cycle = track.crypt + track.skip;
      for (std::size_t i = 0; i + 16 <= cipher; i += 16) {
        if (cycle != 0 && i / 16 % cycle >= track.crypt) continue;
        ByteVector held(data + i, data + i + 16);
        aes.decrypt(held.data(), data + i);
        for (std::size_t k = 0; k < 16; ++k) data[i + k] ^= previous[k];
        previous = std::move(held);
      }
    }
    data += cipher;
  }
}

// The samples of each moof's first traf; enough of trun for files with several tracks.
inline std::vector<Bytes> first_track_samples(Bytes file) {
  std::vector<Bytes> samples;
  for (Bytes rest = file; const auto moof = find_box(rest, "moof");) {
    const std::size_t moof_start = static_cast<std::size_t>(moof->data() - file.data()) - 8;
    rest = file.subspan(moof_start + 8 + moof->size());
    const auto traf = find_box(*moof, "traf");
    const auto tfhd = traf ? find_box(*traf, "tfhd") : std::nullopt;
    if (!tfhd) continue;
    Reader head{*tfhd};
    const std::uint32_t head_flags = head.u32();
    head.skip(4 + ((head_flags & 1U) != 0 ? 8 : 0) + ((head_flags & 2U) != 0 ? 4 : 0) +
              ((head_flags & 8U) != 0 ? 4 : 0));
    const std::uint32_t default_size = (head_flags & 0x10U) != 0 ? head.u32() : 0;
    std::size_t at = moof_start;
    for (Bytes boxes = *traf; const auto trun = find_box(boxes, "trun");) {
      boxes = boxes.subspan(static_cast<std::size_t>(trun->data() - boxes.data()) + trun->size());
      Reader run{*trun};
      const std::uint32_t flags = run.u32();
      const std::uint32_t count = run.u32();
      if ((flags & 1U) != 0) at = moof_start + run.u32();
      if ((flags & 4U) != 0) run.skip(4);
      for (std::uint32_t i = 0; i < count && run.ok(); ++i) {
        if ((flags & 0x100U) != 0) run.skip(4);
        const std::uint32_t size = (flags & 0x200U) != 0 ? run.u32() : default_size;
        run.skip(((flags & 0x400U) != 0 ? 4 : 0) + ((flags & 0x800U) != 0 ? 4 : 0));
        if (size > file.size() || at > file.size() - size) return samples;
        samples.push_back(file.subspan(at, size));
        at += size;
      }
    }
  }
  return samples;
}

// What each sample's senc says, moof by moof.
inline std::vector<SampleProtection> all_protections(Bytes file, std::size_t iv_size) {
  std::vector<SampleProtection> all;
  for (Bytes rest = file; const auto moof = find_box(rest, "moof");) {
    const auto some = read_senc(*moof, iv_size);
    all.insert(all.end(), some.begin(), some.end());
    rest = file.subspan(static_cast<std::size_t>(moof->data() - file.data()) + moof->size());
  }
  return all;
}

// All samples of an encrypted segment in the clear, one after another.
inline ByteVector decrypt_segment(Bytes segment, Bytes init, Bytes key) {
  const auto track = read_tenc(init);
  ByteVector out;
  if (!track) return out;
  BlockCipher aes{key};
  const auto protections = all_protections(segment, track->iv_size);
  const auto samples = first_track_samples(segment);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    ByteVector bytes(samples[i].begin(), samples[i].end());
    decrypt_sample(aes, *track, i < protections.size() ? protections[i] : SampleProtection{}, bytes.data(),
                   bytes.size());
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

}  // namespace tarn::test
