// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/track_encryptor.h"

#include <cstring>

#include "core/base/memory_pool.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/cmaf.h"

namespace tarn::crypto {
namespace {

using isobmff::fourcc;

constexpr std::uint64_t most_samples = 1U << 16U;  // the sample index in an IV
constexpr std::uint64_t serial_end = std::uint64_t{1} << 48U;
constexpr std::size_t iv_bytes = 8;
constexpr std::uint8_t crypt_blocks = 1;
constexpr std::uint8_t skip_blocks = 9;

constexpr std::uint64_t sample_iv(std::uint64_t serial, std::size_t index) { return serial << 16U | index; }

struct Chunk {
  Bytes front;
  std::vector<Bytes> samples;
};

// Where `front` ends: with the mdat header.
Result<std::size_t> front_size(Bytes bytes) {
  isobmff::ReadContext context;
  std::size_t at = 0;
  while (const auto box = read_box_header(bytes, at, ErrorCode::truncated, context)) {
    if (box->type == fourcc("mdat")) return box->offset + box->header_size;
    at = box->end();
  }
  if (!context.ok()) return context.take_error();
  return truncated("chunk: no mdat box");
}

// The samples lie in the chunk in their order, without anything between them: what is not a sample would
// otherwise go out as it is.
Result<Chunk> take_apart(std::span<const Blob> parts) {
  if (parts.empty()) return truncated("chunk: empty");
  Chunk chunk;
  std::size_t total = 0;
  for (const Blob& part : parts) total += part.size();
  chunk.front = parts.front().bytes();
  if (parts.size() == 1) chunk.front = chunk.front.first(TRY(front_size(chunk.front)));
  const auto parsed = TRY(isobmff::parse_chunk_front(chunk.front, total));
  std::size_t part = 0;
  std::size_t part_start = 0;
  std::size_t expected = chunk.front.size();
  chunk.samples.reserve(parsed.samples.size());
  for (const auto& sample : parsed.samples) {
    if (sample.offset != expected) return unsupported("chunk: bytes between its samples");
    expected += sample.size;
    while (part < parts.size() && sample.offset >= part_start + parts[part].size()) {
      part_start += parts[part++].size();
    }
    if (sample.size == 0) {
      chunk.samples.emplace_back();
      continue;
    }
    if (part == parts.size() || expected > part_start + parts[part].size()) {
      return malformed("chunk: a sample spans two memories");
    }
    chunk.samples.push_back(parts[part].bytes().subspan(sample.offset - part_start, sample.size));
  }
  if (expected != total) return unsupported("chunk: bytes behind its samples");
  return chunk;
}

}  // namespace

TrackEncryptor::TrackEncryptor(const SubsampleMapper& mapper, const TrackKey& key)
    : mapper_(mapper),
      scheme_(key.scheme),
      kid_(key.kid),
      constant_iv_(key.constant_iv),
      changes_(key.changes),
      cipher_(key.key, key.scheme) {}

Result<TrackEncryptor> TrackEncryptor::make(const codecs::StreamInfo& info, const TrackKey& key) {
  return TrackEncryptor{TRY(SubsampleMapper::make(info, key.scheme)), key};
}

isobmff::ProtectionScheme TrackEncryptor::protection() const {
  isobmff::ProtectionScheme protection;
  protection.kid = kid_;
  if (scheme_ == Scheme::cenc) {
    protection.scheme = fourcc("cenc");
    protection.per_sample_iv_size = iv_bytes;
  } else {
    protection.scheme = fourcc("cbcs");
    protection.constant_iv = constant_iv_;
    if (!mapper_.is_whole_sample()) {
      protection.crypt_blocks = crypt_blocks;
      protection.skip_blocks = skip_blocks;
    }
  }
  return protection;
}

Result<ByteVector> TrackEncryptor::header(Bytes clear, std::span<const ByteVector> pssh) const {
  return isobmff::protect_init(clear, protection(), pssh);
}

// The samples' maps and what senc says of them.
Status TrackEncryptor::plan(std::span<const Bytes> samples, std::uint64_t serial) {
  auxiliary_ = {};
  maps_.clear();
  map_ends_.clear();
  auxiliary_.has_subsamples = !mapper_.is_whole_sample();
  mapper_.restart();
  Writer entries{auxiliary_.entries};
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::size_t start = entries.position();
    if (scheme_ == Scheme::cenc) entries.u64(sample_iv(serial, i));
    if (auxiliary_.has_subsamples) {
      const std::size_t first = maps_.size();
      TRY(mapper_.map(samples[i], maps_));
      entries.u16(maps_.size() - first);
      for (std::size_t at = first; at < maps_.size(); ++at) {
        entries.u16(maps_[at].clear);
        entries.u32(maps_[at].cipher);
      }
    }
    map_ends_.push_back(maps_.size());
    const std::size_t size = entries.position() - start;
    // saiz counts an entry's bytes in eight bits.
    if (size > UINT8_MAX) return Error{ErrorCode::limit, "sample: too many slices to describe"};
    auxiliary_.sizes.push_back(static_cast<std::uint8_t>(size));
  }
  return {};
}

void TrackEncryptor::run(std::span<const Bytes> samples, std::uint64_t serial, std::uint8_t* to) {
  std::size_t first = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Bytes sample = samples[i];
    const std::span<const Subsample> map{maps_.data() + first, map_ends_[i] - first};
    first = map_ends_[i];
    if (sample.empty()) continue;
    if (scheme_ == Scheme::cenc) {
      cipher_.ctr(sample_iv(serial, i), sample, map, to);
    } else {
      cipher_.cbc(constant_iv_, sample, map, to);
    }
    to += sample.size();
  }
  cipher_.finish();
}

Result<Blob> TrackEncryptor::chunk(std::span<const Blob> parts, std::uint64_t serial) {
  const Chunk chunk = TRY(take_apart(parts));
  if (serial >= serial_end) return Error{ErrorCode::limit, "chunk: its serial has more than 48 bits"};
  if (chunk.samples.size() > most_samples) return Error{ErrorCode::limit, "chunk: more than 65536 samples"};
  TRY(plan(chunk.samples, serial));
  const isobmff::ProtectionScheme group = protection();
  const ByteVector front =
      TRY(isobmff::protect_chunk_front(chunk.front, auxiliary_, changes_ ? &group : nullptr));
  std::size_t payload = 0;
  for (const Bytes sample : chunk.samples) payload += sample.size();
  PooledBytes out{front.size() + payload};
  std::memcpy(out.data(), front.data(), front.size());
  run(chunk.samples, serial, out.data() + front.size());
  return out.release();
}

}  // namespace tarn::crypto
