// SPDX-License-Identifier: Apache-2.0
#include "tests/server/front_framing_corpus.h"

namespace tarn::server::front {
namespace {

using namespace std::string_literals;

// A request whose body, if it has one, is hidden in what follows a wrong idea of its length.
const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string valid = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";

std::string get(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; }
std::string line(const std::string& text) { return text + "\r\nHost: a\r\n\r\n"; }
std::string put(const std::string& fields, const std::string& body) {
  return "PUT / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}
std::string chunked(const std::string& body) { return put("Transfer-Encoding: chunked\r\n", body); }
std::string size_line(const std::string& text) { return chunked(text + "\r\nhello\r\n0\r\n\r\n" + smuggled); }

const char* const length_and_coding = "Content-Length together with Transfer-Encoding";
const char* const repeated_length = "repeated Content-Length";
const char* const bad_length = "malformed Content-Length";
const char* const bad_coding = "Transfer-Encoding other than chunked";
const char* const bad_size = "malformed chunk size";
const char* const bad_extension = "malformed chunk extension";
const char* const bad_name = "no token";
const char* const control = "control character in a field value";
const char* const bad_host = "malformed Host";

std::vector<FramingCase> length_cases() {
  const std::string zero_chunk = "0\r\n\r\n" + smuggled;
  return {
      {"cl-te", put("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", zero_chunk), "", 400,
       length_and_coding},
      {"te-cl", put("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", zero_chunk), "", 400,
       length_and_coding},
      {"cl-te-other", put("Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n", "hello"), "", 400,
       length_and_coding},
      {"cl-te-empty", put("Content-Length: 5\r\nTransfer-Encoding:\r\n", "hello"), "", 400,
       length_and_coding},
      {"cl-twice", put("Content-Length: 5\r\nContent-Length: 42\r\n", "hello"), "", 400, repeated_length},
      {"cl-twice-equal", put("Content-Length: 5\r\ncontent-length: 5\r\n", "hello"), "", 400,
       repeated_length},
      {"cl-list", put("Content-Length: 5, 5\r\n", "hello"), "", 400, bad_length},
      {"cl-list-empty-element", put("Content-Length: 5,\r\n", "hello"), "", 400, bad_length},
      {"cl-plus", put("Content-Length: +5\r\n", "hello"), "", 400, bad_length},
      {"cl-minus", put("Content-Length: -1\r\n", "hello"), "", 400, bad_length},
      {"cl-hex", put("Content-Length: 0x5\r\n", "hello"), "", 400, bad_length},
      {"cl-letters", put("Content-Length: five\r\n", "hello"), "", 400, bad_length},
      {"cl-inner-space", put("Content-Length: 1 2\r\n", "hello"), "", 400, bad_length},
      {"cl-fraction", put("Content-Length: 5.0\r\n", "hello"), "", 400, bad_length},
      {"cl-empty", put("Content-Length:\r\n", "hello"), "", 400, bad_length},
      {"cl-20-digits", put("Content-Length: 18446744073709551621\r\n", "hello"), "", 400, bad_length},
      {"cl-leading-zeros", put("Content-Length: 00000000000000000005\r\n", "hello"), "", 400, bad_length},
      {"cl-2^63", put("Content-Length: 9223372036854775808\r\n", "hello"), "", 400, bad_length},
      {"te-other", put("Transfer-Encoding: xchunked\r\n", "hello"), "", 501, bad_coding},
      {"te-identity", put("Transfer-Encoding: identity\r\n", "hello"), "", 501, bad_coding},
      {"te-gzip-chunked", put("Transfer-Encoding: gzip, chunked\r\n", zero_chunk), "", 501, bad_coding},
      {"te-chunked-chunked", put("Transfer-Encoding: chunked, chunked\r\n", zero_chunk), "", 501, bad_coding},
      {"te-twice", put("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", zero_chunk), "", 501,
       bad_coding},
      {"te-twice-other", put("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", zero_chunk), "", 501,
       bad_coding},
      {"te-quoted", put("Transfer-Encoding: \"chunked\"\r\n", zero_chunk), "", 501, bad_coding},
      {"te-parameter", put("Transfer-Encoding: chunked;q=1\r\n", zero_chunk), "", 501, bad_coding},
      {"te-vertical-tab", put("Transfer-Encoding: \vchunked\r\n", zero_chunk), "", 400, control},
      {"te-empty", put("Transfer-Encoding:\r\n", "hello"), "", 501, bad_coding},
      {"te-tab-behind", put("Transfer-Encoding: chunked\t\r\n", zero_chunk), "", 400, "a tab"},
      {"cl-tab-behind", put("Content-Length: 5 \t\r\n", "hello"), "", 400, "a tab"},
      {"connection-tab", get("Connection:\tkeep-alive\r\n"), "", 400, "a tab"},
      {"te-space-before-colon", put("Transfer-Encoding : chunked\r\n", zero_chunk), "", 400,
       "white space between"},
      {"te-folded", put("Transfer-Encoding:\r\n chunked\r\n", zero_chunk), "", 400, "folded"},
      {"te-1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + zero_chunk, "", 400, "in HTTP/1.0"},
  };
}

std::vector<FramingCase> chunk_cases() {
  return {
      {"size-empty", size_line(""), "", 400, bad_size},
      {"size-minus", size_line("-3"), "", 400, bad_size},
      {"size-plus", size_line("+5"), "", 400, bad_size},
      {"size-0x", size_line("0x5"), "", 400, bad_extension},
      {"size-letters", size_line("five"), "", 400, bad_extension},
      {"size-space-before", size_line(" 5"), "", 400, bad_size},
      {"size-space-after", size_line("5 "), "", 400, bad_extension},
      {"size-tab-after", size_line("5\t"), "", 400, bad_extension},
      {"size-nul", size_line("5\0"s), "", 400, bad_extension},
      {"size-overflow", size_line("10000000000000005"), "", 400, bad_size},
      {"size-2^63", size_line("8000000000000000"), "", 400, bad_size},
      {"size-leading-zeros", size_line("00000000000000005"), "", 400, bad_size},
      {"size-comma", size_line("5,5"), "", 400, bad_extension},
      {"size-bare-lf", chunked("5\nhello\r\n0\r\n\r\n"), "", 400, "bare LF"},
      {"size-bare-cr", chunked("5\rhello\r\n0\r\n\r\n"), "", 400, "bare CR"},
      {"size-cr-cr-lf", chunked("5\r\r\nhello\r\n0\r\n\r\n"), "", 400, "bare CR"},
      {"size-too-long", size_line("5;" + std::string(300, 'x')), "", 400, "too long"},
      {"size-endless", chunked(std::string(5000, '0')), "", 400, "too long"},
      {"extension-bare-lf", chunked("5;x\nhello\r\n0\r\n\r\n"), "", 400, "bare LF"},
      {"extension-space", size_line("5 ;x"), "", 400, bad_extension},
      {"extension-no-name", size_line("5;"), "", 400, bad_extension},
      {"extension-open-quote", size_line("5;x=\"y"), "", 400, bad_extension},
      {"extension-control", size_line("5;x=\x01"), "", 400, bad_extension},
      {"data-too-long", chunked("5\r\nhello!\r\n0\r\n\r\n"), "", 400, "chunk data without CR LF"},
      {"data-too-short", chunked("6\r\nhello\r\n0\r\n\r\n"), "", 400, "chunk data without CR LF"},
      {"data-bare-lf", chunked("5\r\nhello\n0\r\n\r\n"), "", 400, "chunk data without CR LF"},
      {"data-bare-cr", chunked("5\r\nhello\r0\r\n\r\n"), "", 400, "chunk data without CR LF"},
      {"last-chunk-bare-lf", chunked("0\n\n" + smuggled), "", 400, "bare LF"},
      {"last-chunk-one-bare-lf", chunked("0\r\n\n" + smuggled), "", 400, "bare LF"},
      {"trailer-no-colon", chunked("0\r\nGET / HTTP\r\n\r\n"), "", 400, "without a colon"},
      {"trailer-folded", chunked("0\r\nX: y\r\n z\r\n\r\n"), "", 400, "folded"},
      {"trailer-bare-lf", chunked("0\r\nX: y\n\r\n"), "", 400, "bare LF"},
      {"trailer-bare-cr", chunked("0\r\nX: y\rZ: z\r\n\r\n"), "", 400, "bare CR"},
      {"trailer-nul", chunked("0\r\nX: \0\r\n\r\n"s), "", 400, control},
      {"trailer-length", chunked("0\r\nContent-Length: 5\r\n\r\nhello"), "", 400, "belongs into the head"},
      {"trailer-coding", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), "", 400,
       "belongs into the head"},
      {"trailer-authorization", chunked("0\r\nauthorization: x\r\n\r\n"), "", 400, "belongs into the head"},
      {"trailer-connection", chunked("0\r\nConnection: close\r\n\r\n"), "", 400, "belongs into the head"},
      {"trailer-too-long", chunked("0\r\nX: " + std::string(5000, 'y') + "\r\n\r\n"), "", 431, "too long"},
  };
}

std::vector<FramingCase> field_cases() {
  return {
      {"field-bare-lf", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "", 400, "bare LF"},
      {"head-bare-lf", "GET / HTTP/1.1\nHost: a\n\n", "", 400, "bare LF"},
      {"head-end-bare-lf", "GET / HTTP/1.1\r\nHost: a\r\n\n", "", 400, "bare LF"},
      {"field-bare-cr", get("X: y\rContent-Length: 5\r\n"), "", 400, "bare CR"},
      {"field-cr-cr-lf", get("X: y\r\r\n"), "", 400, "bare CR"},
      {"field-nul", get("X: a\0b\r\n"s), "", 400, control},
      {"field-control", get("X: a\x01\r\n"), "", 400, control},
      {"field-delete", get("X: a\x7f\r\n"), "", 400, control},
      {"field-folded", get("X: a\r\n b\r\n"), "", 400, "folded"},
      {"field-folded-tab", get("X: a\r\n\tContent-Length: 5\r\n"), "", 400, "folded"},
      {"field-folded-first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "", 400, "folded"},
      {"field-space-before-colon", get("Content-Length : 5\r\n"), "", 400, "white space between"},
      {"field-tab-before-colon", get("X\t: y\r\n"), "", 400, "white space between"},
      {"name-space", get("X Y: z\r\n"), "", 400, bad_name},
      {"name-empty", get(": y\r\n"), "", 400, "without a name"},
      {"name-no-colon", get("X\r\n"), "", 400, "without a colon"},
      {"name-parentheses", get("X(Y): z\r\n"), "", 400, bad_name},
      {"name-slash", get("X/Y: z\r\n"), "", 400, bad_name},
      {"name-utf-8", get("\xc3\xa9: z\r\n"), "", 400, bad_name},
      {"name-nul", get("X\0: z\r\n"s), "", 400, bad_name},
      {"host-twice", get("Host: b\r\n"), "", 400, "repeated Host"},
      {"host-twice-equal", get("host: a\r\n"), "", 400, "repeated Host"},
      {"host-none", "GET / HTTP/1.1\r\n\r\n", "", 400, "no Host"},
      {"host-empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "", 400, bad_host},
      {"host-list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "", 400, bad_host},
      {"host-user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "", 400, bad_host},
      {"host-path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "", 400, bad_host},
      {"host-port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "", 400, bad_host},
      {"host-no-port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "", 400, bad_host},
      {"host-open-bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "", 400, bad_host},
      {"host-1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "", 400, "repeated Host"},
      {"authorization-twice", get("Authorization: x\r\nauthorization: y\r\n"), "", 400,
       "repeated Authorization"},
      {"expect-other", put("Expect: 200-ok\r\nContent-Length: 0\r\n", ""), "", 417, "expectation"},
      {"expect-empty", get("Expect:\r\n"), "", 417, "expectation"},
      {"fields-too-many", get([] {
         std::string fields;
         for (int i = 0; i < 64; ++i) fields += "X: y\r\n";
         return fields;
       }()),
       "", 431, "too many fields"},
      {"head-too-long", get("X: " + std::string(33000, 'y') + "\r\n"), "", 431, "too long"},
  };
}

std::vector<FramingCase> request_line_cases() {
  return {
      {"target-absolute", line("GET http://b/ HTTP/1.1"), "", 400, "no path"},
      {"target-absolute-upper", line("GET HTTP://a/x HTTP/1.1"), "", 400, "no path"},
      {"target-authority", line("GET a:80 HTTP/1.1"), "", 400, "no path"},
      {"target-star", line("GET * HTTP/1.1"), "", 400, "no path"},
      {"target-relative", line("GET ../x HTTP/1.1"), "", 400, "no path"},
      {"target-query-only", line("GET ?x HTTP/1.1"), "", 400, "no path"},
      {"target-empty", line("GET  HTTP/1.1"), "", 400, "empty request target"},
      {"target-fragment", line("GET /x#y HTTP/1.1"), "", 400, "fragment"},
      {"target-space", line("GET /x y HTTP/1.1"), "", 400, "outside of visible ASCII"},
      {"target-tab", line("GET /x\ty HTTP/1.1"), "", 400, "outside of visible ASCII"},
      {"target-nul", line("GET /x\0 HTTP/1.1"s), "", 400, "outside of visible ASCII"},
      {"target-utf-8", line("GET /\xc3\xa9 HTTP/1.1"), "", 400, "outside of visible ASCII"},
      {"target-delete", line("GET /\x7f HTTP/1.1"), "", 400, "outside of visible ASCII"},
      {"target-too-long", line("GET /" + std::string(4096, 'x') + " HTTP/1.1"), "", 414, "too long"},
      {"method-connect", line("CONNECT a:80 HTTP/1.1"), "", 400, "CONNECT"},
      {"method-empty", line(" / HTTP/1.1"), "", 400, "malformed method"},
      {"method-no-token", line("G@T / HTTP/1.1"), "", 400, "malformed method"},
      {"method-too-long", line(std::string(33, 'G') + " / HTTP/1.1"), "", 400, "malformed method"},
      {"method-bytes", line("\x16\x03\x01 / HTTP/1.1"), "", 400, "malformed method"},
      {"version-none", line("GET /"), "", 400, "not method, target and version"},
      {"version-one-word", line("GET"), "", 400, "not method, target and version"},
      {"version-0.9", line("GET / HTTP/0.9"), "", 505, "version other"},
      {"version-1.2", line("GET / HTTP/1.2"), "", 505, "version other"},
      {"version-2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", 505, "version other"},
      {"version-long", line("GET / HTTP/1.10"), "", 505, "version other"},
      {"version-lower-case", line("GET / http/1.1"), "", 400, "HTTP version"},
      {"version-space-after", line("GET / HTTP/1.1 "), "", 400, "HTTP version"},
      {"version-tabs", line("GET\t/\tHTTP/1.1"), "", 400, "not method, target and version"},
      {"line-bare-cr", line("GET /\r HTTP/1.1"), "", 400, "bare CR"},
      {"line-two-empty", "\r\n\r\n" + valid, "", 400, "empty lines"},
      {"line-empty-bare-lf", "\n" + valid, "", 400, "bare LF"},
      {"line-empty-bare-cr", "\r" + valid, "", 400, "bare CR"},
  };
}

std::vector<FramingCase> end_cases() {
  return {
      {"end-in-method", "GE", "", 400, "within the head"},
      {"end-in-empty-line", "\r", "", 400, "within the head"},
      {"end-after-request-line", "GET / HTTP/1.1\r\n", "", 400, "within the head"},
      {"end-before-last-lf", "GET / HTTP/1.1\r\nHost: a\r\n\r", "", 400, "within the head"},
      {"end-in-second", valid + "GET /", "GET /first []", 400, "within the head"},
      {"end-in-length", put("Content-Length: 5\r\n", "hell"), "", 400, "within the body"},
      {"end-before-length", put("Content-Length: 5\r\n", ""), "", 400, "within the body"},
      {"end-before-chunk", chunked(""), "", 400, "within the body"},
      {"end-in-size", chunked("5"), "", 400, "within the body"},
      {"end-in-data", chunked("5\r\nhell"), "", 400, "within the body"},
      {"end-after-data", chunked("5\r\nhello"), "", 400, "within the body"},
      {"end-after-chunk", chunked("5\r\nhello\r\n"), "", 400, "within the body"},
      {"end-after-last-chunk", chunked("0\r\n"), "", 400, "within the body"},
      {"end-in-trailer", chunked("0\r\nX: y\r\n"), "", 400, "within the body"},
      {"end-before-trailer-lf", chunked("0\r\n\r"), "", 400, "within the body"},
      {"refused-second", valid + get("Content-Length: +1\r\n") + "x", "GET /first []", 400, bad_length},
      {"length-too-short", put("Content-Length: 3\r\n", "hello\r\n") + smuggled, "PUT / [hel]", 400,
       "not method, target"},
  };
}

}  // namespace

std::vector<FramingCase> refused_cases() {
  std::vector<FramingCase> all;
  for (const auto& part : {length_cases(), chunk_cases(), field_cases(), request_line_cases(), end_cases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::vector<FramingCase> valid_cases() {
  const std::string hello = "5\r\nhello\r\n";
  return {
      {"nothing", "", ""},
      {"only-empty-line", "\r\n", ""},
      {"get", valid, "GET /first []"},
      {"get-1.0", "GET /x?y=%20 HTTP/1.0\r\n\r\n", "GET /x?y=%20 []"},
      {"get-empty-line-before", "\r\n" + valid, "GET /first []"},
      {"get-empty-line-between", valid + "\r\n" + valid, "GET /first [] | GET /first []"},
      {"options-star", line("OPTIONS * HTTP/1.1"), "OPTIONS * []"},
      {"unknown-method", line("Brew-2 /pot HTTP/1.1"), "Brew-2 /pot []"},
      {"method-32", line(std::string(32, 'G') + " / HTTP/1.1"), std::string(32, 'G') + " / []"},
      {"target-visible", line("GET //a/..;\"<>\\^`{|}?%zz HTTP/1.1"), "GET //a/..;\"<>\\^`{|}?%zz []"},
      {"target-longest", line("GET /" + std::string(4082, 'x') + " HTTP/1.1"),
       "GET /" + std::string(4082, 'x') + " []"},
      {"field-spaces", get("X:y\r\nZ: \t y z \t\r\nE:\r\n"), "GET / []"},
      {"field-obs-text", get("X: \xc3\xa9\xff\r\n"), "GET / []"},
      {"host-port", "GET / HTTP/1.1\r\nHost: tarn-1.example_2.net:8080\r\n\r\n", "GET / []"},
      {"host-ipv6", "GET / HTTP/1.1\r\nhost: [2001:db8::192.0.2.1]:80\r\n\r\n", "GET / []"},
      {"length", put("Content-Length: 5\r\n", "hello"), "PUT / [hello]"},
      {"length-zero", put("Content-Length: 0\r\n", ""), "PUT / []"},
      {"length-padded", put("Content-Length:   0005 \r\n", "hello"), "PUT / [hello]"},
      {"length-get", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\r\n", "GET / [\r\n]"},
      {"length-binary", put("Content-Length: 4\r\n", "\0\r\n\n"s), "PUT / [\0\r\n\n]"s},
      {"length-is-a-request",
       put("Content-Length: " + std::to_string(smuggled.size()) + "\r\n", smuggled) + valid,
       "PUT / [" + smuggled + "] | GET /first []"},
      {"expect", put("Expect: 100-Continue\r\nContent-Length: 2\r\n", "ab"), "PUT / [ab]"},
      {"chunked", chunked(hello + "0\r\n\r\n"), "PUT / [hello]"},
      {"chunked-case", put("transfer-encoding: Chunked\r\n", hello + "0\r\n\r\n"), "PUT / [hello]"},
      {"chunked-empty", chunked("0\r\n\r\n"), "PUT / []"},
      {"chunked-zeros", chunked("0005\r\nhello\r\n0000\r\n\r\n"), "PUT / [hello]"},
      {"chunked-hex", chunked("aA\r\n" + std::string(0xaa, 'x') + "\r\n0\r\n\r\n"),
       "PUT / [" + std::string(0xaa, 'x') + "]"},
      {"chunked-binary", chunked("4\r\n\r\n0\r\r\n0\r\n\r\n"), "PUT / [\r\n0\r]"},
      {"chunked-extensions", chunked("5;a;b=c;d=\"e;\\\" f\"\r\nhello\r\n0;last\r\n\r\n"), "PUT / [hello]"},
      {"chunked-trailer", chunked(hello + "0\r\nX: y\r\nZ:\r\n\r\n"), "PUT / [hello]"},
      {"chunked-pipelined", chunked(hello + hello + "0\r\n\r\n") + valid + chunked("0\r\n\r\n"),
       "PUT / [hellohello] | GET /first [] | PUT / []"},
      {"closes", get("Connection: x, Close\r\n") + smuggled, "GET / []"},
      {"closes-upgrade", get("Upgrade: h2c\r\nConnection: upgrade\r\n") + smuggled, "GET / []"},
      {"closes-1.0", "GET / HTTP/1.0\r\n\r\n" + smuggled, "GET / []"},
      {"keeps-1.0", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + valid, "GET / [] | GET /first []"},
  };
}

}  // namespace tarn::server::front
