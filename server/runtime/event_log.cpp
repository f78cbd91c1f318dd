// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/event_log.h"

#include <glib.h>

#include <algorithm>
#include <array>

namespace tarn::server {
namespace {

std::string_view name_of(LogLevel level) {
  constexpr std::array<std::string_view, 4> names{"error", "warning", "info", "debug"};
  return names[static_cast<std::size_t>(level)];
}

// What ends a line or steers a terminal, in any of its forms.
bool is_control(gunichar character) {
  constexpr gunichar line_separator = 0x2028;
  constexpr gunichar paragraph_separator = 0x2029;
  return g_unichar_iscntrl(character) || character == line_separator || character == paragraph_separator;
}

void append_escaped(std::string& out, gunichar character) {
  std::array<char, 16> escaped{};
  std::snprintf(escaped.data(), escaped.size(), "\\u%04x", character);
  out.append(escaped.data());
}

// A string of JSON; bytes that are no UTF-8 become U+FFFD.
std::string quoted(std::string_view value) {
  constexpr gunichar last_character = 0x10ffff;
  constexpr gunichar replacement = 0xfffd;
  std::string out = "\"";
  while (!value.empty()) {
    const bool is_ascii = static_cast<unsigned char>(value.front()) < 0x80;
    const gunichar character =
        is_ascii ? static_cast<gunichar>(value.front())
                 : g_utf8_get_char_validated(value.data(), static_cast<gssize>(value.size()));
    const bool is_valid = character <= last_character;
    const auto size = is_valid ? static_cast<std::size_t>(g_unichar_to_utf8(character, nullptr)) : 1;
    if (!is_valid || is_control(character)) {
      append_escaped(out, is_valid ? character : replacement);
    } else {
      if (character == '"' || character == '\\') out.push_back('\\');
      out.append(value.substr(0, size));
    }
    value.remove_prefix(size);
  }
  return out + "\"";
}

std::string bare_or_quoted(const std::string& value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
  });
  return plain ? value : quoted(value);
}

}  // namespace

EventLog::EventLog(LogFormat format, LogLevel level, std::function<Utc()> now, Sink sink)
    : format_(format), level_(level), now_(std::move(now)), sink_(std::move(sink)) {}

std::string EventLog::json_line(Utc time, LogLevel level, std::string_view event,
                                const std::vector<Field>& fields) {
  std::string line = "{\"time\":\"" + format_utc(time) + "\",\"level\":\"";
  line.append(name_of(level)).append("\",\"event\":").append(quoted(event));
  for (const auto& [name, value] : fields) {
    line.append(",\"").append(name).append("\":").append(quoted(value));
  }
  return line.append("}\n");
}

void EventLog::write(LogLevel level, std::string_view event, const std::vector<Field>& fields) {
  if (listener_ && level != LogLevel::debug) listener_(level, event, fields);
  if (writes(level)) put(level, event, fields);
}

void EventLog::answer(std::string_view event, const std::vector<Field>& fields) {
  if (listener_) listener_(LogLevel::info, event, fields);
  put(LogLevel::info, event, fields);
}

void EventLog::put(LogLevel level, std::string_view event, const std::vector<Field>& fields) {
  const std::string text = line(level, event, fields);
  const std::lock_guard lock{mutex_};
  sink_(text);
}

std::string EventLog::line(LogLevel level, std::string_view event, const std::vector<Field>& fields) const {
  return line(format_, now_(), level, event, fields);
}

std::string EventLog::line(LogFormat format, Utc time, LogLevel level, std::string_view event,
                           const std::vector<Field>& fields) {
  if (format == LogFormat::json) return json_line(time, level, event, fields);
  std::string line;
  line.append(format_utc(time)).append(" ").append(name_of(level)).append(" ").append(event);
  for (const auto& [name, value] : fields) {
    line.append(" ").append(name).append("=").append(bare_or_quoted(value));
  }
  return line.append("\n");
}

}  // namespace tarn::server
