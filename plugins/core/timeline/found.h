// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace tarn::timeline {

// What a look-up found, or nothing: reads like a pointer, but owns the value, which is made from packed
// columns (see columns.h) and has no address of its own.
template <class T>
class Found {
 public:
  Found() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): as a pointer
  Found(std::nullptr_t) {}
  // NOLINTNEXTLINE(google-explicit-constructor): what is returned is what was found
  Found(T value) : value_(std::move(value)) {}

  // By value: a reference that is bound to it keeps it alive. REQUIRES: something was found
  T operator*() const { return *value_; }
  const T* operator->() const { return &*value_; }
  explicit operator bool() const { return value_.has_value(); }
  friend bool operator==(const Found& found, std::nullptr_t) { return !found.value_.has_value(); }

 private:
  std::optional<T> value_;
};

}  // namespace tarn::timeline
