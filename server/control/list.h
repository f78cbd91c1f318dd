// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "server/model/field.h"

namespace tarn::server {

// ?pageSize=, ?pageToken=, ?filter= of a list.
struct ListQuery {
  std::size_t page_size = 20;
  std::string after;   // names up to this one were on earlier pages; out of the page token
  std::string filter;  // in name or description, ASCII letters of either case
};

ListQuery read_list_query(const std::map<std::string, std::string>& query, FieldErrors& errors);

// Opaque to callers; stays good when resources come and go between two pages.
std::string page_token(const std::string& last_name);

bool matches(const std::string& filter, const std::string& name, const std::string& description);

}  // namespace tarn::server
