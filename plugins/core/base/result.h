// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace tarn {

// What went wrong, in terms a caller can act on. HTTP status codes and GStreamer error domains
// are chosen from these at the edges, never in core.
enum class ErrorCode {
  malformed,    // the bytes or text break their format
  truncated,    // well-formed so far, but the end is missing
  unsupported,  // well-formed, but something Tarn does not do
  encrypted,    // well-formed, but encrypted where clear media is needed
  limit,        // larger, deeper or more than is allowed
  invalid,      // an argument or setting out of range
  not_found,
  conflict,  // exists already, or the state forbids it
  io,        // the operating system or the database refused
  no_space,  // the volume or quota is full
  internal,  // Tarn's own fault
};

// `message` names the thing and what was wrong with it; it never contains a secret.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
};

// A value or an Error. Nothing in core throws on purpose.
template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): `return value;` and `return Error{...};` are the point
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  [[nodiscard]] T& value() & { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

  // REQUIRES: !ok()
  [[nodiscard]] const Error& error() const& { return *std::get_if<1>(&state_); }
  [[nodiscard]] Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : error_(std::move(error)), ok_(false) {}
  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  void value() const {}
  [[nodiscard]] const Error& error() const& { return error_; }
  [[nodiscard]] Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

inline Error malformed(std::string message) { return {ErrorCode::malformed, std::move(message)}; }
inline Error truncated(std::string message) { return {ErrorCode::truncated, std::move(message)}; }
inline Error unsupported(std::string message) { return {ErrorCode::unsupported, std::move(message)}; }
inline Error not_found(std::string message) { return {ErrorCode::not_found, std::move(message)}; }

}  // namespace tarn

// TRY(expr): the value of a Result expression, or return its error from the enclosing function.
#define TRY(expression)                                           \
  __extension__({                                                 \
    auto try_result_ = (expression);                              \
    if (!try_result_.ok()) return std::move(try_result_).error(); \
    std::move(try_result_).value();                               \
  })
