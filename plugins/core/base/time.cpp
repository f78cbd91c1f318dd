// SPDX-License-Identifier: Apache-2.0
#include "core/base/time.h"

#include <array>
#include <cstdio>

#include "core/base/text.h"

namespace tarn {
namespace {

__extension__ typedef __int128 Wide;

std::int64_t floor_div(Wide numerator, Wide denominator) {
  Wide quotient = numerator / denominator;
  if (numerator % denominator != 0 && numerator < 0) --quotient;
  return static_cast<std::int64_t>(quotient);
}

struct Civil {
  int year;
  unsigned month, day, hour, minute, second, microsecond;
};

Civil civil(Utc time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          static_cast<unsigned>(clock.hours().count()),
          static_cast<unsigned>(clock.minutes().count()),
          static_cast<unsigned>(clock.seconds().count()),
          static_cast<unsigned>(clock.subseconds().count())};
}

std::string date_and_seconds(const Civil& c) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02u:%02u:%02u", c.year, c.month,
                                   c.day, c.hour, c.minute, c.second);
  return {text.data(), static_cast<std::size_t>(length)};
}

// Fixed-width unsigned field; the cursor moves on only when all digits are there.
bool digits(std::string_view& text, std::size_t width, unsigned& value) {
  if (text.size() < width) return false;
  const auto parsed = parse_u64(text.substr(0, width));
  if (!parsed) return false;
  value = static_cast<unsigned>(*parsed);
  text.remove_prefix(width);
  return true;
}

bool literal(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// [.,]d+ : up to nine digits, cut to microseconds.
bool fraction(std::string_view& text, unsigned& microsecond) {
  microsecond = 0;
  if (!literal(text, '.') && !literal(text, ',')) return true;
  std::size_t count = 0;
  unsigned scale = 100'000;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++count > 9) return false;
    microsecond += static_cast<unsigned>(text.front() - '0') * scale;
    scale /= 10;
    text.remove_prefix(1);
  }
  return count > 0;
}

bool offset(std::string_view& text, std::chrono::minutes& east) {
  east = {};
  if (literal(text, 'Z') || literal(text, 'z')) return text.empty();
  const bool negative = !text.empty() && text.front() == '-';
  if (!literal(text, '+') && !literal(text, '-')) return false;
  unsigned hours = 0;
  unsigned minutes = 0;
  if (!digits(text, 2, hours)) return false;
  if (!text.empty()) {
    literal(text, ':');
    if (!digits(text, 2, minutes)) return false;
  }
  if (hours > 23 || minutes > 59 || !text.empty()) return false;
  const int total = static_cast<int>(hours * 60 + minutes);
  east = std::chrono::minutes{negative ? -total : total};
  return true;
}

}  // namespace

std::int64_t rescale(std::int64_t value, std::uint32_t from, std::uint32_t to, Rounding rounding) {
  if (from == to || from == 0) return value;
  const Wide product = static_cast<Wide>(value) * to;
  switch (rounding) {
    case Rounding::down:
      return floor_div(product, from);
    case Rounding::up:
      return floor_div(product + from - 1, from);
    case Rounding::nearest:
      break;
  }
  if (product < 0) return -floor_div(-product * 2 + from, static_cast<Wide>(from) * 2);
  return floor_div(product * 2 + from, static_cast<Wide>(from) * 2);
}

std::string format_utc(Utc time) {
  const Civil c = civil(time);
  std::array<char, 8> fraction_text{};
  std::snprintf(fraction_text.data(), fraction_text.size(), ".%03uZ", c.microsecond / 1000 % 1000);
  return date_and_seconds(c) + fraction_text.data();
}

std::string format_utc_seconds(Utc time) {
  const Civil c = civil(time);
  return c.microsecond / 1000 == 0 ? date_and_seconds(c) + "Z" : format_utc(time);
}

Result<Utc> parse_utc(std::string_view text) {
  const auto bad = [whole = std::string{text.substr(0, 40)}] {
    return malformed("not an ISO 8601 time with offset: \"" + whole + "\"");
  };
  unsigned year = 0;
  Civil c{};
  std::chrono::minutes east{};
  const bool parsed = digits(text, 4, year) && literal(text, '-') && digits(text, 2, c.month) &&
                      literal(text, '-') && digits(text, 2, c.day) &&
                      (literal(text, 'T') || literal(text, 't')) && digits(text, 2, c.hour) &&
                      literal(text, ':') && digits(text, 2, c.minute) && literal(text, ':') &&
                      digits(text, 2, c.second) && fraction(text, c.microsecond) && offset(text, east);
  if (!parsed) return bad();
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(year)},
                                         std::chrono::month{c.month}, std::chrono::day{c.day}};
  if (!date.ok() || c.hour > 23 || c.minute > 59 || c.second > 60) return bad();
  return Utc{std::chrono::sys_days{date}} + std::chrono::hours{c.hour} + std::chrono::minutes{c.minute} +
         std::chrono::seconds{c.second} + Microseconds{c.microsecond} - east;
}

std::string format_seconds(std::int64_t ticks, std::uint32_t timescale, int decimals) {
  std::uint32_t unit = 1;
  for (int i = 0; i < decimals; ++i) unit *= 10;
  const std::int64_t scaled = rescale(ticks, timescale, unit);
  const std::int64_t magnitude = scaled < 0 ? -scaled : scaled;
  std::string text = (scaled < 0 ? "-" : "") + std::to_string(magnitude / unit);
  if (decimals == 0) return text;
  std::string fraction_text = std::to_string(magnitude % unit);
  fraction_text.insert(0, static_cast<std::size_t>(decimals) - fraction_text.size(), '0');
  return text + "." + fraction_text;
}

std::string format_duration(Microseconds duration) {
  std::string seconds = format_seconds(duration.count(), 1'000'000, 6);
  seconds.erase(seconds.find_last_not_of('0') + 1);
  if (seconds.back() == '.') seconds.pop_back();
  return "PT" + seconds + "S";
}

}  // namespace tarn
