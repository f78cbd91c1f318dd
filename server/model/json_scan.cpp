// SPDX-License-Identifier: Apache-2.0
#include "server/model/json_scan.h"

#include <glib.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <set>
#include <vector>

namespace tarn::server {
namespace {

constexpr unsigned first_surrogate = 0xd800;
constexpr unsigned first_low_surrogate = 0xdc00;
constexpr unsigned last_surrogate = 0xdfff;

// Recursive descent; every step returns false after the first fault. Depth is bounded by the limits.
class Scanner {
 public:
  Scanner(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  std::optional<JsonFault> scan() {
    space();
    if (value()) {
      space();
      if (at_ == text_.size()) return std::nullopt;
      (void)fail("something follows the value");
    }
    return fault_;
  }

 private:
  // What we are inside of: an object (key of the current member) or an array (index).
  struct Level {
    bool object = false;
    std::string key;
    std::size_t index = 0;
  };

  bool fail(const std::string& reason) {
    const std::string_view before = text_.substr(0, at_);
    const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    fault_.field = path();
    fault_.reason =
        reason + " (line " + std::to_string(line) + ", column " + std::to_string(at_ - start + 1) + ")";
    return false;
  }

  std::string path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (!level.object) {
        path += "[" + std::to_string(level.index) + "]";
      } else if (!level.key.empty()) {
        path += (path.empty() ? "" : ".") + level.key;
      }
    }
    return path;
  }

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  bool value() {
    switch (peek()) {
      case '{':
        return nested(&Scanner::object, true);
      case '[':
        return nested(&Scanner::array, false);
      case '"':
        return string(nullptr);
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      default:
        return number();
    }
  }

  bool nested(bool (Scanner::*content)(), bool is_object) {
    if (levels_.size() == limits_.depth) {
      return fail("objects and arrays may be nested " + std::to_string(limits_.depth) + " deep");
    }
    ++at_;
    levels_.push_back({is_object, {}, 0});
    if (!(this->*content)()) return false;
    levels_.pop_back();
    return true;
  }

  bool object() {
    std::set<std::string> keys;
    space();
    if (take('}')) return true;
    for (;;) {
      std::string key;
      if (peek() != '"') return fail("expected a key in double quotes");
      if (!string(&key)) return false;
      if (key.empty()) return fail("a key is empty");
      levels_.back().key = key;
      if (!keys.insert(std::move(key)).second) return fail("appears twice");
      space();
      if (!take(':')) return fail("expected ':'");
      space();
      if (!value()) return false;
      levels_.back().key.clear();
      space();
      if (take('}')) return true;
      if (!take(',')) return fail("expected ',' or '}'");
      space();
    }
  }

  bool array() {
    space();
    if (take(']')) return true;
    for (;; ++levels_.back().index) {
      if (!value()) return false;
      space();
      if (take(']')) return true;
      if (!take(',')) return fail("expected ',' or ']'");
      space();
    }
  }

  bool literal(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return fail("expected a value");
    at_ += word.size();
    return true;
  }

  bool number() {
    const std::size_t start = at_;
    take('-');
    const std::size_t digits = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    const std::size_t count = at_ - digits;
    if (count == 0 || (count > 1 && text_[digits] == '0')) return fail("expected a value");
    if (peek() == '.' || peek() == 'e' || peek() == 'E') return fraction(start);
    std::int64_t parsed = 0;
    const auto [end, error] = std::from_chars(text_.data() + start, text_.data() + at_, parsed);
    if (error != std::errc{} || end != text_.data() + at_) return fail("the number is out of range");
    return true;
  }

  // No field takes one, but each says so itself, beside what else is wrong.
  bool fraction(std::size_t start) {
    constexpr std::size_t longest = 32;
    const auto digits = [this] {
      const std::size_t from = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      return at_ - from;
    };
    if (take('.') && digits() == 0) return fail("expected a value");
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('-')) take('+');
      const std::size_t count = digits();
      if (count == 0) return fail("expected a value");
      if (count > 2) return fail("the number is out of range");
    }
    return at_ - start <= longest || fail("the number is out of range");
  }

  // `decoded` may be null.
  bool string(std::string* decoded) {
    ++at_;
    for (;;) {
      if (at_ == text_.size()) return fail("the string does not end");
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20)
        return fail("a control character in a string must be escaped");
      ++at_;
      if (c == '"') return true;
      if (c == '\\') {
        if (!escape(decoded)) return false;
      } else if (decoded != nullptr) {
        *decoded += c;
      }
    }
  }

  bool escape(std::string* decoded) {
    static constexpr std::string_view escapes = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const char c = peek();
    if (c == 'u') {
      ++at_;
      return unicode(decoded);
    }
    const auto which = escapes.find(c);
    if (which == std::string_view::npos || at_ == text_.size()) return fail("unknown escape in a string");
    ++at_;
    if (decoded != nullptr) *decoded += meanings[which];
    return true;
  }

  bool unicode(std::string* decoded) {
    unsigned code = 0;
    if (!four_hex_digits(code)) return false;
    if (code == 0) return fail("\\u0000 is not allowed");
    if (code >= first_surrogate && code <= last_surrogate) {
      unsigned low = 0;
      if (code >= first_low_surrogate || !take('\\') || !take('u')) return fail("half of a surrogate pair");
      if (!four_hex_digits(low)) return false;
      if (low < first_low_surrogate || low > last_surrogate) return fail("half of a surrogate pair");
      code = 0x10000U + ((code - first_surrogate) << 10U) + (low - first_low_surrogate);
    }
    if (decoded != nullptr) {
      char utf8[6];
      decoded->append(utf8, static_cast<std::size_t>(g_unichar_to_utf8(code, utf8)));
    }
    return true;
  }

  bool four_hex_digits(unsigned& code) {
    const std::string_view digits = text_.substr(at_, 4);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || error != std::errc{} || end != digits.data() + 4) {
      return fail("\\u needs four hexadecimal digits");
    }
    at_ += 4;
    return true;
  }

  std::string_view text_;
  JsonLimits limits_;
  std::size_t at_ = 0;
  std::vector<Level> levels_;
  JsonFault fault_;
};

}  // namespace

std::optional<JsonFault> scan_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return JsonFault{ErrorCode::limit, {}, "larger than " + std::to_string(limits.bytes) + " bytes"};
  }
  if (g_utf8_validate_len(text.data(), text.size(), nullptr) == 0) {
    return JsonFault{ErrorCode::malformed, {}, "not valid UTF-8"};
  }
  return Scanner(text, limits).scan();
}

}  // namespace tarn::server
