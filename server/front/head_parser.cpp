// SPDX-License-Identifier: Apache-2.0
#include "server/front/head_parser.h"

#include <algorithm>
#include <string>

#include "core/base/text.h"
#include "server/front/field_syntax.h"

namespace tarn::server::front {
namespace {

using Problem = std::optional<Refusal>;

Problem bad_request(std::string_view reason) { return Refusal{400, std::string{reason}}; }

Problem parse_version(std::string_view text, MessageHead& head) {
  if (text == "HTTP/1.1" || text == "HTTP/1.0") {
    head.minor_version = text.back() - '0';
    return std::nullopt;
  }
  if (text.starts_with("HTTP/")) return Refusal{505, "an HTTP version other than 1.0 and 1.1"};
  return bad_request("a request line that does not end with its HTTP version");
}

// Only origin-form, and "*" of OPTIONS (RFC 9112 3.2): whatever names a host in a second place is refused.
Problem check_target(std::string_view target, std::string_view method) {
  if (target.empty()) return bad_request("an empty request target");
  if (!is_visible(target)) return bad_request("a byte outside of visible ASCII in the request target");
  if (target.find('#') != std::string_view::npos) return bad_request("a fragment in the request target");
  if (target.front() == '/' || (target == "*" && method == "OPTIONS")) return std::nullopt;
  return bad_request("a request target that is no path");
}

// What counts of the fields that may appear once only, and of those that say how the connection goes on.
struct Framing {
  int hosts = 0;
  int authorizations = 0;
  int lengths = 0;
  int codings = 0;
  std::string_view host, length, coding;
  bool close = false;
  bool keep = false;
  bool asks_for_upgrade = false;
  bool names_protocol = false;
  bool expects_continue = false;
  bool expects_other = false;
};

void read_connection(std::string_view value, Framing& framing) {
  for (const std::string_view option : split(value, ',')) {
    framing.close |= equals_ignoring_case(trim(option), "close");
    framing.keep |= equals_ignoring_case(trim(option), "keep-alive");
    framing.asks_for_upgrade |= equals_ignoring_case(trim(option), "upgrade");
  }
}

void read_field(const Field& field, Framing& framing) {
  const auto is = [&field](std::string_view name) { return equals_ignoring_case(field.name, name); };
  if (is("host")) {
    ++framing.hosts;
    framing.host = field.value;
  } else if (is("content-length")) {
    ++framing.lengths;
    framing.length = field.value;
  } else if (is("transfer-encoding")) {
    ++framing.codings;
    framing.coding = field.value;
  } else if (is("authorization")) {
    ++framing.authorizations;
  } else if (is("connection")) {
    read_connection(field.value, framing);
  } else if (is("proxy-connection")) {
    // no field of HTTP, but other readers close for it
    Framing other;
    read_connection(field.value, other);
    framing.close |= other.close;
    framing.asks_for_upgrade |= other.asks_for_upgrade;
  } else if (is("upgrade")) {
    framing.names_protocol = true;
  } else if (is("expect")) {
    (equals_ignoring_case(field.value, "100-continue") ? framing.expects_continue : framing.expects_other) =
        true;
  }
}

Problem check_single_fields(const Framing& framing, const MessageHead& head) {
  if (framing.hosts > 1) return bad_request("repeated Host");
  if (framing.hosts == 0 && head.minor_version == 1) return bad_request("no Host");
  if (framing.hosts == 1 && !is_host(framing.host)) return bad_request("a malformed Host");
  if (framing.authorizations > 1) return bad_request("repeated Authorization");
  if (framing.expects_other) return Refusal{417, "an expectation other than 100-continue"};
  return std::nullopt;
}

// RFC 9112 6.1 to 6.3, and where it leaves a choice, the refusal.
Problem find_body(const Framing& framing, MessageHead& head) {
  if (framing.lengths > 0 && framing.codings > 0) {
    return bad_request("Content-Length together with Transfer-Encoding");
  }
  if (framing.lengths > 1) return bad_request("repeated Content-Length");
  if (framing.codings > 0 && head.minor_version == 0) return bad_request("Transfer-Encoding in HTTP/1.0");
  if (framing.codings > 0) {
    if (framing.codings > 1 || !equals_ignoring_case(framing.coding, "chunked")) {
      return Refusal{501, "a Transfer-Encoding other than chunked"};
    }
    head.chunked = true;
  }
  if (framing.lengths > 0) {
    head.content_length = parse_content_length(framing.length);
    if (!head.content_length) return bad_request("a malformed Content-Length");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> MessageHead::find(std::string_view lower_name) const {
  const auto at = std::find_if(fields.begin(), fields.end(), [lower_name](const Field& field) {
    return equals_ignoring_case(field.name, lower_name);
  });
  if (at == fields.end()) return std::nullopt;
  return at->value;
}

std::optional<Refusal> parse_request_line(std::string_view line, MessageHead& head) {
  constexpr std::size_t longest_method = 32;
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == last) return bad_request("a request line that is not method, target and version");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(method) || method.size() > longest_method) return bad_request("a malformed method");
  if (method == "CONNECT") return bad_request("the method CONNECT");
  if (Problem problem = parse_version(line.substr(last + 1), head)) return problem;
  if (Problem problem = check_target(target, method)) return problem;
  head.method = method;
  head.target = target;
  return std::nullopt;
}

std::optional<Refusal> parse_field(std::string_view line, MessageHead& head) {
  const FieldLine field = split_field_line(line);
  if (!field.problem.empty()) return bad_request(field.problem);
  // allowed as white space around a value, but not to every reader of these
  if (line.find('\t') != std::string_view::npos && delimits_messages(field.name)) {
    return bad_request("a tab in a field that delimits messages");
  }
  head.fields.push_back({std::string{field.name}, std::string{field.value}});
  return std::nullopt;
}

std::optional<Refusal> finish_head(MessageHead& head) {
  Framing framing;
  for (const Field& field : head.fields) read_field(field, framing);
  if (Problem problem = find_body(framing, head)) return problem;
  if (Problem problem = check_single_fields(framing, head)) return problem;
  // Nobody switches protocols here, but a proxy may take what follows such a request for another protocol's
  // bytes.
  const bool offers_upgrade = framing.asks_for_upgrade && framing.names_protocol;
  head.keep_alive = !framing.close && !offers_upgrade && (head.minor_version == 1 || framing.keep);
  const bool has_body = head.chunked || head.content_length.value_or(0) > 0;
  // RFC 9110 10.1.1: of an HTTP/1.0 client it is ignored
  head.expects_continue = framing.expects_continue && has_body && head.minor_version == 1;
  return std::nullopt;
}

}  // namespace tarn::server::front
