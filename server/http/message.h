// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"

// A request and its answer as plain values: the handlers see nothing of the library or the connection
// below them.
namespace tarn::server {

class Delivery;

struct Request {
  std::string method;                           // upper case as sent
  std::string path;                             // percent-decoded once, dot segments folded
  std::map<std::string, std::string> query;     // decoded; of equal keys the last one
  std::string raw_query;                        // as it was sent, without its question mark
  std::map<std::string, std::string> headers;   // names in lower case; repeated fields joined by ", "
  std::string peer;                             // the socket's address, without a port
  std::string id;                               // X-Request-Id of the answer
  std::optional<std::uint64_t> content_length;  // as declared; none when chunked
  Blob body;                                    // empty while only the head is there

  // The field's value; empty when it is absent.
  [[nodiscard]] std::string_view header(const std::string& lower_case_name) const {
    const auto at = headers.find(lower_case_name);
    return at == headers.end() ? std::string_view{} : std::string_view{at->second};
  }
};

// Takes a body that comes little by little. Thread-safe; nothing here waits.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // False: the client has gone, or has let too much pile up and is cut off.
  virtual bool send(std::string text) = 0;
  virtual void end() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;  // false: send() will be
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<Blob> body;                         // sent in order, nothing is copied
  std::shared_ptr<const Delivery> delivery = {};  // who counts what becomes of it; may be null
  // When not empty it gets the writer of the body, and `body` is empty: for clients of HTTP/1.1.
  std::function<void(std::shared_ptr<BodyWriter>)> stream = {};

  Response& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

// A short answer of text.
Response text_response(int status, std::string_view content_type, std::string_view text);
// One line that says what was wrong, never to be cached.
Response error_response(int status, std::string_view line);

// Gives the answer to a request; called once, from any thread.
using Reply = std::function<void(Response)>;

// Answers the requests of one listener. Called on serving threads, several at a time: nothing here may
// take long or wait.
class Handler {
 public:
  // What is decided when the head of a request is there, before its body is read.
  struct Verdict {
    std::optional<Response> refusal;  // ends the request here
    std::size_t body_limit = 0;       // bytes; a longer body is answered 413
    std::string what;                 // names the body in that answer
    bool ingest = false;              // of an encoder, whose credentials were right
    Microseconds body_time{};  // for the body, where that is less than the listener's limit; 0: no less
    Response (*refuse)(int status, std::string_view line) = error_response;  // makes that answer
  };

  virtual ~Handler() = default;
  virtual Verdict on_head(const Request& head) = 0;
  virtual void handle(Request request, Reply reply) = 0;
};

}  // namespace tarn::server
