// SPDX-License-Identifier: Apache-2.0
#include "server/control/list.h"

#include <algorithm>
#include <memory>

#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr std::uint64_t largest_page = 100;
constexpr std::size_t longest_filter = 200;

std::string lower(std::string text) {
  for (char& c : text) c = g_ascii_tolower(c);
  return text;
}

std::string quoted(const std::string& text) {
  const std::unique_ptr<char, decltype(&g_free)> valid{
      g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())), &g_free};
  return print_json(json_text(valid.get()).get());
}

}  // namespace

ListQuery read_list_query(const std::map<std::string, std::string>& query, FieldErrors& errors) {
  ListQuery list;
  if (const auto size = query.find("pageSize"); size != query.end()) {
    const auto number = parse_u64(size->second);
    if (number && *number >= 1 && *number <= largest_page) {
      list.page_size = *number;
    } else {
      errors.push_back({"pageSize", quoted(size->second), "must be a whole number from 1 to 100"});
    }
  }
  if (const auto token = query.find("pageToken"); token != query.end()) {
    const auto name = parse_hex(token->second);
    list.after = name ? std::string(as_text(*name)) : "";
    if (!is_resource_name(list.after)) {
      errors.push_back({"pageToken", "null", "must be the nextPageToken of an earlier answer"});
    }
  }
  if (const auto filter = query.find("filter"); filter != query.end()) {
    list.filter = lower(filter->second);
    if (filter->second.size() > longest_filter) {
      errors.push_back({"filter", "null", "must be at most 200 bytes"});
    }
  }
  return list;
}

std::string page_token(const std::string& last_name) { return hex(as_bytes(last_name)); }

bool matches(const std::string& filter, const std::string& name, const std::string& description) {
  return filter.empty() || lower(name).find(filter) != std::string::npos ||
         lower(description).find(filter) != std::string::npos;
}

}  // namespace tarn::server
