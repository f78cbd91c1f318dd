// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn {

using Bytes = std::span<const std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Immutable bytes together with what keeps them alive; copying and slicing share, nothing is copied.
// Any thread may read; the owner is released on the thread that drops the last Blob.
class Blob {
 public:
  Blob() = default;
  Blob(std::shared_ptr<const void> owner, Bytes bytes) : owner_(std::move(owner)), bytes_(bytes) {}
  static Blob of(ByteVector data) {
    auto held = std::make_shared<const ByteVector>(std::move(data));
    const Bytes bytes{held->data(), held->size()};
    return {std::move(held), bytes};
  }
  static Blob copy_of(Bytes data) { return of(ByteVector{data.begin(), data.end()}); }

  [[nodiscard]] Bytes bytes() const { return bytes_; }
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }
  // REQUIRES: offset + size <= this->size()
  [[nodiscard]] Blob slice(std::size_t offset, std::size_t size) const {
    return {owner_, bytes_.subspan(offset, size)};
  }

 private:
  std::shared_ptr<const void> owner_;
  Bytes bytes_;
};

// Big-endian reader over a span with a sticky error: read ten fields, check ok() once. After an
// error every read gives 0 or an empty span.
class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
  void fail() {
    ok_ = false;
    position_ = bytes_.size();
  }

  std::uint8_t u8() { return static_cast<std::uint8_t>(big_endian(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(big_endian(2)); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(big_endian(3)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(big_endian(4)); }
  std::uint64_t u64() { return big_endian(8); }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  Bytes take(std::size_t count) {
    if (count > remaining()) {
      fail();
      return {};
    }
    const Bytes taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }
  void skip(std::size_t count) { (void)take(count); }
  Bytes rest() { return take(remaining()); }

 private:
  std::uint64_t big_endian(std::size_t count) {
    const Bytes raw = take(count);
    std::uint64_t value = 0;
    for (const std::uint8_t byte : raw) value = value << 8U | byte;
    return value;
  }

  Bytes bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

// Big-endian writer that appends to a vector it borrows.
class Writer {
 public:
  explicit Writer(ByteVector& out) : out_(out) {}

  [[nodiscard]] std::size_t position() const { return out_.size(); }
  void u8(std::uint64_t v) { big_endian(v, 1); }
  void u16(std::uint64_t v) { big_endian(v, 2); }
  void u24(std::uint64_t v) { big_endian(v, 3); }
  void u32(std::uint64_t v) { big_endian(v, 4); }
  void u64(std::uint64_t v) { big_endian(v, 8); }
  void bytes(Bytes b) { out_.insert(out_.end(), b.begin(), b.end()); }
  void text(std::string_view t) { bytes(as_bytes(t)); }
  void zeros(std::size_t count) { out_.insert(out_.end(), count, 0); }
  // Overwrites four bytes written before. REQUIRES: at + 4 <= position()
  void patch_u32(std::size_t at, std::uint32_t v) {
    for (std::size_t i = 0; i < 4; ++i) out_[at + i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
  }

 private:
  void big_endian(std::uint64_t v, std::size_t count) {
    for (std::size_t i = count; i-- > 0;) out_.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  }

  ByteVector& out_;
};

}  // namespace tarn
