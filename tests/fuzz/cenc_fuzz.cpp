// SPDX-License-Identifier: Apache-2.0
// Subsample maps of any bytes add up to the sample, hold whole blocks, and what is encrypted by them comes
// back; the editors of headers and chunks end, and what they made parses.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "../core/crypto/decryptor.h"
#include "core/crypto/track_encryptor.h"

namespace {

using namespace tarn;
using namespace tarn::crypto;

constexpr Block key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

void require(bool holds) {
  if (!holds) std::abort();
}

void check_map(SubsampleMapper& mapper, Scheme scheme, Bytes sample) {
  std::vector<Subsample> map;
  if (!mapper.map(sample, map).ok()) return;
  std::size_t sum = 0;
  test::SampleProtection protection;
  for (const Subsample& part : map) {
    sum += part.clear + part.cipher;
    require(scheme == Scheme::cbcs || part.cipher % 16 == 0);
    protection.subsamples.emplace_back(part.clear, part.cipher);
  }
  require(sum == sample.size());
  if (sample.empty()) return;
  ByteVector out(sample.size());
  SampleCipher cipher{key, scheme};
  test::TrackProtection track;
  track.is_cbcs = scheme == Scheme::cbcs;
  if (track.is_cbcs) {
    track.crypt = 1;
    track.skip = 9;
    track.constant_iv.assign(16, 3);
    Block iv;
    iv.fill(3);
    cipher.cbc(iv, sample, map, out.data());
    cipher.finish();
  } else {
    track.iv_size = 8;
    protection.iv.assign(8, 7);
    cipher.ctr(0x0707070707070707, sample, map, out.data());
  }
  test::BlockCipher aes{key};
  test::decrypt_sample(aes, track, protection, out.data(), out.size());
  require(std::equal(out.begin(), out.end(), sample.begin()));
}

codecs::StreamInfo stream(Bytes& rest, codecs::Codec codec) {
  codecs::StreamInfo info;
  info.codec = codec;
  const std::size_t size = rest.empty() ? 0 : std::min<std::size_t>(rest[0], rest.size() - 1);
  if (!rest.empty()) rest = rest.subspan(1);
  info.config.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
  rest = rest.subspan(size);
  return info;
}

void check_files(Bytes bytes) {
  codecs::StreamInfo audio;
  audio.codec = codecs::Codec::aac;
  TrackKey track_key;
  track_key.scheme = Scheme::cenc;
  TrackEncryptor encryptor = TrackEncryptor::make(audio, track_key).value();
  const auto init = encryptor.header(bytes, {});
  if (init.ok()) {
    // What was found is found again, and is encrypted now.
    const auto again = encryptor.header(*init, {});
    require(!again.ok() && again.error().code == ErrorCode::encrypted);
  }
  const auto chunk = encryptor.chunk(std::array{Blob::copy_of(bytes)}, 1);
  if (!chunk.ok()) return;
  const auto before = isobmff::parse_chunks(bytes);
  const auto after = isobmff::parse_chunks(chunk->bytes());
  require(before.ok() && after.ok() && before->samples.size() == after->samples.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Bytes rest{data + 1, size - 1};
  if ((data[0] & 4) != 0) {
    check_files(rest);
    return 0;
  }
  const Scheme scheme = (data[0] & 1) != 0 ? Scheme::cbcs : Scheme::cenc;
  const codecs::Codec video = (data[0] & 2) != 0 ? codecs::Codec::hevc : codecs::Codec::h264;
  const auto info = stream(rest, (data[0] & 8) != 0 ? codecs::Codec::av1 : video);
  auto mapper = SubsampleMapper::make(info, scheme);
  if (mapper.ok()) check_map(*mapper, scheme, rest);
  return 0;
}
