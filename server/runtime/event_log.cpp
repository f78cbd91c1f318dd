// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/event_log.h"

#include <algorithm>
#include <array>

namespace tarn::server {
namespace {

std::string_view name_of(LogLevel level) {
  constexpr std::array<std::string_view, 4> names{"error", "warning", "info", "debug"};
  return names[static_cast<std::size_t>(level)];
}

std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", byte);
      out.append(escaped.data());
    } else {
      out.push_back(c);
    }
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

void EventLog::write(LogLevel level, std::string_view event, const std::vector<Field>& fields) {
  if (!writes(level)) return;
  const std::string time = format_utc(now_());
  std::string line;
  if (format_ == LogFormat::json) {
    line.append("{\"time\":\"").append(time).append("\",\"level\":\"").append(name_of(level));
    line.append("\",\"event\":").append(quoted(event));
    for (const auto& [name, value] : fields) {
      line.append(",\"").append(name).append("\":").append(quoted(value));
    }
    line.append("}\n");
  } else {
    line.append(time).append(" ").append(name_of(level)).append(" ").append(event);
    for (const auto& [name, value] : fields) {
      line.append(" ").append(name).append("=").append(bare_or_quoted(value));
    }
    line.append("\n");
  }
  const std::lock_guard lock{mutex_};
  sink_(line);
}

}  // namespace tarn::server
