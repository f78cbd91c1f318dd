// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {

// What all readers of one parse share: the bounds, the path for messages, and the first error.
class ReadContext {
 public:
  static constexpr std::size_t deepest = 12;
  static constexpr std::size_t most_boxes = 4096;
  static constexpr std::size_t most_entries = 100'000;  // of a table, such as samples of a trun

  [[nodiscard]] bool ok() const { return !error_; }
  // REQUIRES: !ok()
  [[nodiscard]] Error take_error() { return std::move(*error_); }
  void fail(ErrorCode code, std::string_view what);

  void count_box();
  void enter(FourCC type);
  void leave() { --depth_; }

 private:
  std::array<FourCC, deepest> path_{};
  std::size_t depth_ = 0;
  std::size_t boxes_ = 0;
  std::optional<Error> error_;
};

// One box as it lies in the bytes.
struct RawBox {
  FourCC type = 0;
  std::size_t offset = 0;       // of the header
  std::size_t header_size = 0;  // 8, or 16 with a 64-bit size
  std::size_t size = 0;         // with the header
  [[nodiscard]] std::size_t end() const { return offset + size; }
};

// The box at `offset`; nothing at the end, or after an error (see `context`). `overrun` is the
// error code for a box that is longer than `bytes`.
std::optional<RawBox> read_box_header(Bytes bytes, std::size_t offset, ErrorCode overrun,
                                      ReadContext& context);

// Reads the payload of one box: first its fields, then its children, which may come in any order;
// unknown ones are passed over. See box_writer.h for what a field list may call.
class BoxReader {
 public:
  BoxReader(Bytes payload, ReadContext& context) : reader_(payload), payload_(payload), context_(context) {}

  template <std::integral T>
  void field(const char* name, T& value) {
    using U = std::make_unsigned_t<T>;
    U raw = 0;
    if constexpr (sizeof(T) == 1) raw = reader_.u8();
    if constexpr (sizeof(T) == 2) raw = reader_.u16();
    if constexpr (sizeof(T) == 4) raw = reader_.u32();
    if constexpr (sizeof(T) == 8) raw = reader_.u64();
    value = static_cast<T>(raw);
    check(name);
  }
  void u24(const char* name, std::uint32_t& value) {
    value = reader_.u24();
    check(name);
  }
  void version_and_flags(std::uint8_t& version, std::uint32_t& flags) {
    field("version", version);
    u24("flags", flags);
  }
  void by_version(const char* name, std::uint8_t version, std::uint64_t& value) {
    value = version == 0 ? reader_.u32() : reader_.u64();
    check(name);
  }
  void reserved(std::size_t count) {
    reader_.skip(count);
    check("reserved bytes");
  }
  void bytes(const char* /*name*/, ByteVector& value) {
    const Bytes rest = reader_.rest();
    value.assign(rest.begin(), rest.end());
  }
  template <class T>
  void entries(const char* name, std::vector<T>& values, std::uint32_t count, std::size_t entry_size) {
    values.assign(has_room(name, count, entry_size) ? count : 0, T{});
  }

  template <class Box>
  void box(Box& child) {
    const RawBox* const raw = find(Box::type);
    if (raw == nullptr) return context_.fail(ErrorCode::malformed, "has no " + to_text(Box::type) + " box");
    read(*raw, child);
  }
  template <class Box>
  void optional(std::optional<Box>& child) {
    if (const RawBox* const raw = find(Box::type)) read(*raw, child.emplace());
  }
  template <class Box>
  void boxes(std::vector<Box>& children) {
    index();
    for (std::size_t i = 0; i < children_.size() && context_.ok(); ++i) {
      if (children_[i].type == Box::type) read(children_[i], children.emplace_back());
    }
  }
  void first_child(FourCC& child_type) {
    index();
    child_type = children_.empty() ? 0 : children_.front().type;
  }

 private:
  void check(const char* name);
  bool has_room(const char* name, std::size_t count, std::size_t entry_size);
  void index();
  const RawBox* find(FourCC type);
  template <class Box>
  void read(const RawBox& raw, Box& child) {
    context_.enter(raw.type);
    if (!context_.ok()) return;
    BoxReader inner{payload_.subspan(raw.offset + raw.header_size, raw.size - raw.header_size), context_};
    child.fields(inner);
    context_.leave();
  }

  Reader reader_;
  Bytes payload_;
  ReadContext& context_;
  bool indexed_ = false;
  std::vector<RawBox> children_;
};

// Reads the payload of `raw`, a box of type Box that lies in `bytes`.
template <class Box>
void read_box(Bytes bytes, const RawBox& raw, Box& box, ReadContext& context) {
  context.enter(raw.type);
  if (!context.ok()) return;
  BoxReader reader{bytes.subspan(raw.offset + raw.header_size, raw.size - raw.header_size), context};
  box.fields(reader);
  if (context.ok()) context.leave();
}

}  // namespace tarn::isobmff
