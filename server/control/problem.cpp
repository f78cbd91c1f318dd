// SPDX-License-Identifier: Apache-2.0
#include "server/control/problem.h"

#include <algorithm>

namespace tarn::server {
namespace {

// A body of 64 KiB can hold thousands of wrong fields; nobody reads on after these.
constexpr std::size_t most_errors = 50;

std::string title(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return "Internal Server Error";
  }
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::limit:
      return 413;
    case ErrorCode::malformed:
    case ErrorCode::invalid:
      return 400;
    case ErrorCode::no_space:
      return 507;
    default:
      return 500;
  }
}

JsonPtr value_node(const std::string& text) {
  JsonPtr node = parse_scanned_json(text);
  return node ? std::move(node) : json_null();
}

}  // namespace

std::string describe(const FieldError& error) {
  std::string text = error.field;
  if (error.value != "null") text += (text.empty() ? "" : " ") + error.value;
  return text + (text.empty() ? "" : ": ") + error.reason;
}

ApiResponse problem(int status, const std::string& detail, const FieldErrors& errors) {
  JsonObjectBuilder body;
  body.add("type", "about:blank")
      .add("title", title(status))
      .add("status", json_number(status))
      .add("detail", detail);
  if (!errors.empty()) {
    JsonArrayBuilder list;
    for (std::size_t i = 0; i < std::min(errors.size(), most_errors); ++i) {
      JsonObjectBuilder entry;
      entry.add("field", errors[i].field)
          .add("value", value_node(errors[i].value))
          .add("reason", errors[i].reason);
      list.add(entry.take());
    }
    body.add("errors", list.take());
  }
  ApiResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = print_json(body.take().get());
  return response;
}

ApiResponse problem(const FieldErrors& errors) {
  std::string detail = describe(errors.front());
  if (errors.size() > 1) detail += " (and " + std::to_string(errors.size() - 1) + " more)";
  return problem(400, detail, errors);
}

ApiResponse problem(const Error& error) {
  const int status = status_of(error.code);
  // Paths and SQL are for the log, not for callers.
  return problem(status, status == 500 ? "the change could not be stored" : error.message);
}

ApiResponse problem(const JsonFault& fault) {
  if (fault.code == ErrorCode::limit) return problem(413, "the body is " + fault.reason);
  const FieldError error{fault.field, "null", fault.reason};
  return problem(400, "the body is not acceptable JSON: " + describe(error), {error});
}

}  // namespace tarn::server
