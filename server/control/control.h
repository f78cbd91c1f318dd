// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "server/model/model.h"
#include "server/model/outbound.h"
#include "server/model/store.h"

// The control API (docs/api) without a web server: requests in, responses out. server/http adapts it.
namespace tarn::server {

struct ApiRequest {
  std::string id{};                          // of the HTTP request
  std::string method;                        // upper case
  std::string path;                          // decoded, without the base "/api/v1": "/channel-groups/g1"
  std::map<std::string, std::string> query;  // decoded
  std::map<std::string, std::string>
      headers;  // names in lower case: if-match, idempotency-key, content-type, authorization
  std::string body;
};

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::map<std::string, std::string> headers;  // ETag, Location, …
  std::string body;
  // Set: `body` is to be followed by events, those after this id (none: those from now on).
  bool streams_events = false;
  std::optional<std::uint64_t> events_after = {};
};

// What the API shows of the running system; the runtime implements it. JSON object texts.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  virtual std::string channel_status(const Channel& channel) = 0;
  virtual std::string endpoint_status(const Endpoint& endpoint) = 0;
  virtual bool has_content(const Channel& channel) = 0;  // DELETE needs ?deleteContent=true
};

struct ControlSettings {
  std::string token;            // bearer; compared in constant time
  std::string ingest_base_url;  // may contain {label}
  std::string origin_base_url;
  OutboundPolicy outbound = {};
  // URL of the built-in key provider, which is no outbound one; empty: there is none.
  std::vector<std::string> own_key_providers = {};
};

class CollectionBoard;

// What --resources has done to one resource.
struct ResourceChange {
  enum class Kind { created, updated, unchanged };
  // Values as JSON; of secrets only whether they are set.
  struct Setting {
    std::string name;
    std::string before;
    std::string after;
  };
  Kind kind = Kind::unchanged;
  std::string resource;           // "endpoint news/one/hls"
  std::vector<Setting> settings;  // that are other than before, or than the defaults where there was nothing
  std::string kept_for{};         // the collection task for which `drm` stays as it is; empty: none
};
std::string_view name_of(ResourceChange::Kind kind);
// For people, a line each: "~ channel g/c", "    segmentDuration: 6 -> 2", … and how much was left as it is.
std::string print_changes(const std::vector<ResourceChange>& changes);

// Of the request whose change this thread is making; empty: none. For who is told of the change by the store.
const std::string& changing_request();

class Control {
 public:
  // Borrows store, status and board; all must outlive it. Without a board there are no collection tasks.
  // Thread-safe.
  Control(ControlSettings settings, Store& store, StatusSource& status, std::function<Utc()> now,
          CollectionBoard* board = nullptr);
  ~Control();

  ApiResponse handle(const ApiRequest& request);

  // --resources FILE: declarative groups, channels and endpoints; creates or updates, deletes nothing.
  // `changes` gets what was done.
  Status apply_resources(const std::string& json, std::vector<ResourceChange>* changes = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// URLs as the API shows them and the demo prints them.
std::string input_url(const std::string& base, const Group& group, const Channel& channel,
                      int input);  // 0, 1
std::string playback_url(const std::string& base, const Group& group, const Endpoint& endpoint);

}  // namespace tarn::server
