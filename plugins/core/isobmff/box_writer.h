// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

#include "core/base/bytes.h"
#include "core/isobmff/fourcc.h"

// A box is a struct with `static constexpr FourCC type` and one list of its fields,
//
//     template <class Io> void fields(Io& io) { io.field("sequence_number", sequence_number); }
//
// that a BoxSizer, a BoxWriter and a BoxReader each walk in their own way, so that what is read
// and what is written cannot drift apart. An Io offers:
//
//     field(name, integer)       big-endian, as wide as its type
//     u24(name, integer)         three bytes
//     version_and_flags(v, f)    of a FullBox
//     by_version(name, version, integer)  32 bits wide in version 0, else 64
//     reserved(count)            zeros written, anything read
//     bytes(name, vector)        all that is left of the box
//     entries(name, vector, count, size)  makes room for `count` entries of `size` bytes each when
//                                reading, once the box is known to be that long; writes nothing
//     first_child(type)          the type of the first child when reading; writes nothing
//     box(child)  optional(child)  boxes(children)
namespace tarn::isobmff {

// Counts the bytes that a BoxWriter will write.
class BoxSizer {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  template <std::integral T>
  void field(const char* /*name*/, T& /*value*/) {
    size_ += sizeof(T);
  }
  void u24(const char* /*name*/, std::uint32_t& /*value*/) { size_ += 3; }
  void version_and_flags(std::uint8_t& /*version*/, std::uint32_t& /*flags*/) { size_ += 4; }
  void by_version(const char* /*name*/, std::uint8_t version, std::uint64_t& /*value*/) {
    size_ += version == 0 ? 4 : 8;
  }
  void reserved(std::size_t count) { size_ += count; }
  void bytes(const char* /*name*/, ByteVector& value) { size_ += value.size(); }
  template <class T>
  void entries(const char* /*name*/, std::vector<T>& /*values*/, std::uint32_t /*count*/,
               std::size_t /*size*/) {}
  void first_child(FourCC& /*child_type*/) {}
  template <class Box>
  void box(Box& child) {
    size_ += box_header_size;
    child.fields(*this);
  }
  template <class Box>
  void optional(std::optional<Box>& child) {
    if (child) box(*child);
  }
  template <class Box>
  void boxes(std::vector<Box>& children) {
    for (Box& child : children) box(child);
  }

 private:
  std::size_t size_ = 0;
};

// Writes into memory that a BoxSizer has measured.
class BoxWriter {
 public:
  // REQUIRES: room for everything that will be written
  explicit BoxWriter(std::uint8_t* at) : at_(at) {}

  template <std::integral T>
  void field(const char* /*name*/, const T& value) {
    put(static_cast<std::make_unsigned_t<T>>(value));
  }
  void u24(const char* /*name*/, const std::uint32_t& value) {
    put(static_cast<std::uint8_t>(value >> 16U));
    put(static_cast<std::uint16_t>(value));
  }
  void version_and_flags(const std::uint8_t& version, const std::uint32_t& flags) {
    put(static_cast<std::uint32_t>(version) << 24U | flags);
  }
  void by_version(const char* /*name*/, std::uint8_t version, const std::uint64_t& value) {
    if (version == 0) {
      put(static_cast<std::uint32_t>(value));
    } else {
      put(value);
    }
  }
  void reserved(std::size_t count) {
    std::memset(at_, 0, count);
    at_ += count;
  }
  void bytes(const char* /*name*/, const ByteVector& value) {
    if (!value.empty()) std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
  }
  template <class T>
  void entries(const char* /*name*/, std::vector<T>& /*values*/, std::uint32_t /*count*/,
               std::size_t /*size*/) {}
  void first_child(FourCC& /*child_type*/) {}
  template <class Box>
  void box(Box& child) {
    std::uint8_t* const start = at_;
    at_ += 4;
    put(Box::type);
    child.fields(*this);
    std::uint8_t* const end = at_;
    at_ = start;
    put(static_cast<std::uint32_t>(end - start));
    at_ = end;
  }
  template <class Box>
  void optional(std::optional<Box>& child) {
    if (child) box(*child);
  }
  template <class Box>
  void boxes(std::vector<Box>& children) {
    for (Box& child : children) box(child);
  }

 private:
  template <std::unsigned_integral T>
  void put(T value) {
    if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
    std::memcpy(at_, &value, sizeof(T));
    at_ += sizeof(T);
  }
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "put() swaps bytes");

  std::uint8_t* at_;
};

template <class Box>
std::size_t box_size(Box& box) {
  BoxSizer sizer;
  sizer.box(box);
  return sizer.size();
}

// Appends `box` to `out`.
template <class Box>
void append_box(ByteVector& out, Box& box) {
  const std::size_t start = out.size();
  out.resize(start + box_size(box));
  BoxWriter{out.data() + start}.box(box);
}

}  // namespace tarn::isobmff
