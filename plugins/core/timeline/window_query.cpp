// SPDX-License-Identifier: Apache-2.0
#include "core/timeline/window_query.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"

namespace tarn::timeline {
namespace {

constexpr std::size_t longest_query = 4096;
constexpr std::size_t most_digits = 11;  // of seconds since 1970: beyond the year 5000

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A plus sign stays one: it belongs to times ("+01:00"), and spaces do not.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

std::string quoted(std::string_view text) {
  std::string shown = "\"";
  for (const char c : text.substr(0, 40)) shown.push_back(c < ' ' || c > '~' ? '?' : c);
  return shown + "\"";
}

std::optional<Utc> parse_epoch(std::string_view text) {
  const auto point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  if (whole.empty() || whole.size() > most_digits) return std::nullopt;
  const auto seconds = parse_u64(whole);
  if (!seconds) return std::nullopt;
  std::int64_t micros = 0;
  if (point != std::string_view::npos) {
    std::string fraction{text.substr(point + 1)};
    if (fraction.empty() || fraction.size() > 6) return std::nullopt;
    fraction.resize(6, '0');
    const auto parsed = parse_u64(fraction);
    if (!parsed) return std::nullopt;
    micros = static_cast<std::int64_t>(*parsed);
  }
  return Utc{std::chrono::seconds{static_cast<std::int64_t>(*seconds)}} + Microseconds{micros};
}

Result<Utc> parse_moment(std::string_view name, std::string_view value) {
  if (const auto epoch = parse_epoch(value)) return *epoch;
  auto time = parse_utc(value);
  if (time.ok() && time->time_since_epoch() >= Microseconds{0}) return time;
  return malformed(std::string{name} + ": " + quoted(value) +
                   " is neither a time like 2026-01-31T12:00:00Z nor seconds since 1970");
}

Result<Microseconds> parse_offset(std::string_view value) {
  const auto seconds = value.size() > 9 ? std::nullopt : parse_u64(value);
  if (!seconds) return malformed("offset: " + quoted(value) + " is not a number of seconds");
  return Microseconds{std::chrono::seconds{static_cast<std::int64_t>(*seconds)}};
}

class QueryReader {
 public:
  Status add(std::string_view name, std::string_view value) {
    if (name == "start") return moment(name, value, query_.start);
    if (name == "end") return moment(name, value, query_.end);
    if (name == "vodend") return moment(name, value, query_.vod_end);
    if (name != "offset") return {};
    TRY(once(name, query_.offset.has_value()));
    query_.offset = TRY(parse_offset(value));
    return {};
  }

  Result<WindowQuery> finish() {
    if (query_.start && query_.offset) return invalid("start and offset exclude each other");
    const bool begins = query_.start || query_.offset;
    if (!begins && query_.vod_end) return invalid("vodend needs start or offset");
    if (!begins && query_.end) return invalid("end needs start or offset");
    if (query_.vod_end) query_.end.reset();
    const auto& last = query_.vod_end ? query_.vod_end : query_.end;
    if (query_.start && last && *last <= *query_.start) {
      return invalid(std::string{query_.vod_end ? "vodend" : "end"} + " is not after start");
    }
    return query_;
  }

 private:
  static Error invalid(std::string message) { return {ErrorCode::invalid, std::move(message)}; }

  static Status once(std::string_view name, bool known) {
    if (known) return invalid(std::string{name} + ": more than once");
    return {};
  }
  static Status moment(std::string_view name, std::string_view value, std::optional<Utc>& field) {
    TRY(once(name, field.has_value()));
    field = TRY(parse_moment(name, value));
    return {};
  }

  WindowQuery query_;
};

std::string format_moment(Utc time) {
  const Microseconds since = time.time_since_epoch();
  std::string text = format_utc_seconds(std::chrono::floor<std::chrono::seconds>(time));
  const std::int64_t micros = since.count() % 1'000'000;
  if (micros == 0) return text;
  std::string fraction = std::to_string(1'000'000 + micros).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  text.insert(text.size() - 1, "." + fraction);
  return text;
}

}  // namespace

Result<WindowQuery> parse_window_query(std::string_view query) {
  if (query.size() > longest_query) return Error{ErrorCode::limit, "the query is too long"};
  QueryReader reader;
  for (const std::string_view part : split(query, '&')) {
    const auto equals = part.find('=');
    const auto name = percent_decode(part.substr(0, equals));
    const auto value =
        percent_decode(equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1));
    if (!name) continue;  // not one of ours
    if (!value) {
      TRY(reader.add(*name, part.substr(equals + 1)));
      continue;
    }
    TRY(reader.add(*name, *value));
  }
  return reader.finish();
}

std::string format_window_query(const WindowQuery& query) {
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    text += (text.empty() ? "" : "&") + std::string{name} + "=" + value;
  };
  if (query.start) add("start", format_moment(*query.start));
  if (query.end) add("end", format_moment(*query.end));
  if (query.vod_end) add("vodend", format_moment(*query.vod_end));
  if (query.offset) add("offset", std::to_string(query.offset->count() / 1'000'000));
  return text;
}

}  // namespace tarn::timeline
