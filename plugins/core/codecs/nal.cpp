// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/nal.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tarn::codecs {
namespace {

// The byte that must be 1 decides how far to step: above 1 no start code touches it.
std::size_t find_portable(const std::uint8_t* data, std::size_t size, std::size_t from) {
  std::size_t i = from;
  while (i + 3 <= size) {
    if (data[i + 2] > 1) {
      i += 3;
    } else if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1) {
      return i;
    } else {
      ++i;
    }
  }
  return size;
}

std::size_t copy_portable(const std::uint8_t* from, std::size_t size, std::uint8_t* to) {
  const std::size_t end = find_portable(from, size, 0);
  if (end > 0) std::memcpy(to, from, end);
  return end;
}

#if defined(__x86_64__)

constexpr std::size_t vector_size = 32;
// A vector of positions looks at two bytes behind the last one.
constexpr std::size_t window = vector_size + 2;

__attribute__((target("avx2"))) inline __m256i load(const std::uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

__attribute__((target("avx2"))) inline void store(std::uint8_t* p, __m256i v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
}

// One bit for each of the 32 positions where a start code begins.
__attribute__((target("avx2"))) inline unsigned start_codes(const std::uint8_t* p, __m256i first) {
  const __m256i zeros = _mm256_cmpeq_epi8(_mm256_or_si256(first, load(p + 1)), _mm256_setzero_si256());
  const __m256i one = _mm256_cmpeq_epi8(load(p + 2), _mm256_set1_epi8(1));
  return static_cast<unsigned>(_mm256_movemask_epi8(_mm256_and_si256(zeros, one)));
}

__attribute__((target("avx2"))) std::size_t find_avx2(const std::uint8_t* data, std::size_t size,
                                                      std::size_t from) {
  std::size_t i = from;
  for (; i + window <= size; i += vector_size) {
    const unsigned found = start_codes(data + i, load(data + i));
    if (found != 0) return i + static_cast<unsigned>(__builtin_ctz(found));
  }
  return find_portable(data, size, i);
}

// The last vectors overlap the ones before: they are stored again with the same bytes.
__attribute__((target("avx2"))) std::size_t copy_avx2(const std::uint8_t* from, std::size_t size,
                                                      std::uint8_t* to) {
  if (size < window) return copy_portable(from, size, to);
  std::size_t i = 0;
  for (; i + window <= size; i += vector_size) {
    const __m256i bytes = load(from + i);
    store(to + i, bytes);
    const unsigned found = start_codes(from + i, bytes);
    if (found != 0) return i + static_cast<unsigned>(__builtin_ctz(found));
  }
  const std::size_t last = size - window;
  const __m256i bytes = load(from + last);
  store(to + last, bytes);
  store(to + size - vector_size, load(from + size - vector_size));
  const unsigned found = start_codes(from + last, bytes);
  return found != 0 ? last + static_cast<unsigned>(__builtin_ctz(found)) : size;
}

const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;

#endif

}  // namespace

std::size_t find_start_code(Bytes bytes, std::size_t from) {
#if defined(__x86_64__)
  if (has_avx2) return find_avx2(bytes.data(), bytes.size(), from);
#endif
  return find_portable(bytes.data(), bytes.size(), from);
}

std::size_t copy_until_start_code(Bytes from, std::uint8_t* to) {
#if defined(__x86_64__)
  if (has_avx2) return copy_avx2(from.data(), from.size(), to);
#endif
  return copy_portable(from.data(), from.size(), to);
}

ByteVector unescape(Bytes nal, std::size_t limit) {
  ByteVector payload;
  payload.reserve(nal.size() < limit ? nal.size() : limit);
  unsigned zeros = 0;
  for (const std::uint8_t byte : nal) {
    if (payload.size() >= limit) break;
    if (zeros >= 2 && byte == 3) {
      zeros = 0;
      continue;
    }
    zeros = byte == 0 ? zeros + 1 : 0;
    payload.push_back(byte);
  }
  return payload;
}

}  // namespace tarn::codecs
