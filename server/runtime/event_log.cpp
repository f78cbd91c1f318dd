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

// How much of it a string of JSON has as it is, up to the first character that needs a look.
std::size_t plain_length(std::string_view value) {
  const auto end = std::find_if(value.begin(), value.end(), [](unsigned char c) {
    return c < 0x20 || c >= 0x7f || c == '"' || c == '\\';
  });
  return static_cast<std::size_t>(end - value.begin());
}

// A string of JSON; bytes that are no UTF-8 become U+FFFD.
void append_quoted(std::string& out, std::string_view value) {
  constexpr gunichar last_character = 0x10ffff;
  constexpr gunichar replacement = 0xfffd;
  out.push_back('"');
  while (!value.empty()) {
    const std::size_t plain = plain_length(value);
    out.append(value.substr(0, plain));
    value.remove_prefix(plain);
    if (value.empty()) break;
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
  out.push_back('"');
}

void append_bare_or_quoted(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
  });
  if (plain) {
    out.append(value);
  } else {
    append_quoted(out, value);
  }
}

std::vector<EventLog::FieldView> views_of(const std::vector<EventLog::Field>& fields) {
  return {fields.begin(), fields.end()};
}

}  // namespace

EventLog::EventLog(LogFormat format, LogLevel level, std::function<Utc()> now, Sink sink)
    : format_(format), level_(level), now_(std::move(now)), sink_(std::move(sink)) {}

std::string EventLog::json_line(Utc time, LogLevel level, std::string_view event,
                                const std::vector<Field>& fields) {
  std::string line;
  append_line(line, LogFormat::json, time, level, event, views_of(fields));
  return line;
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
  std::string line;
  append_line(line, level, event, views_of(fields));
  const std::lock_guard lock{mutex_};
  sink_(line);
}

void EventLog::append_line(std::string& out, LogLevel level, std::string_view event,
                           std::span<const FieldView> fields) const {
  append_line(out, format_, now_(), level, event, fields);
}

void EventLog::append_line(std::string& out, LogFormat format, Utc time, LogLevel level,
                           std::string_view event, std::span<const FieldView> fields) {
  if (format == LogFormat::json) {
    out.append("{\"time\":\"").append(format_utc(time)).append("\",\"level\":\"");
    out.append(name_of(level)).append("\",\"event\":");
    append_quoted(out, event);
    for (const auto& [name, value] : fields) {
      out.append(",\"").append(name).append("\":");
      append_quoted(out, value);
    }
    out.append("}\n");
    return;
  }
  out.append(format_utc(time)).append(" ").append(name_of(level)).append(" ").append(event);
  for (const auto& [name, value] : fields) {
    out.append(" ").append(name).append("=");
    append_bare_or_quoted(out, value);
  }
  out.append("\n");
}

}  // namespace tarn::server
