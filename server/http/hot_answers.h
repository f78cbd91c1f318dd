// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/front/gate.h"
#include "server/http/http_server.h"
#include "server/http/message.h"
#include "server/runtime/origin.h"

namespace tarn::server {

// Answers that were given lately and would be given again, ready to be sent: the connection layer asks here
// before libsoup and the handlers come into it. What it finds is byte for byte what they would answer, but
// for Date. An entry is immutable, and asked at every request whether it still holds: it is never older than
// the timeline, the settings and the access rules of that moment. It keeps no content in memory. Thread-safe.
class HotAnswers : public front::FastLane {
 public:
  // `behind_proxies`: what X-Forwarded-For says of a request is for the observer, too.
  HotAnswers(std::size_t binding, HttpServer::Observer observer, bool behind_proxies = false)
      : binding_(binding), observer_(std::move(observer)), behind_proxies_(behind_proxies) {}

  // What the handler would answer to GET, for one coding of the content.
  struct Variant {
    std::string etag;
    std::string tail_200;  // the head behind the value of Date
    std::string tail_304;
  };
  struct Entry {
    std::weak_ptr<const Content> content;
    std::shared_ptr<const Reuse> reuse;
    std::weak_ptr<const Delivery> delivery;  // ends with the endpoint; may be null
    std::function<bool()> is_allowed;        // the access rules are what they were
    Variant plain;
    std::optional<Variant> gzip;
  };
  // `path`: of the request's target, which had nothing else.
  void publish(const std::string& path, Entry entry);

  std::optional<front::ReadyAnswer> find(const front::MessageHead& head) override;
  void answered(const front::MessageHead& head, const std::string& peer, const front::ReadyAnswer& answer,
                Microseconds duration) override;

 private:
  static constexpr std::size_t shards = 64;
  static constexpr std::size_t most_entries = 512;  // of a shard
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<const Entry>, Hash, std::equal_to<>> entries;
  };

  Shard& shard_of(std::string_view path) { return shards_[Hash{}(path) % shards]; }
  std::shared_ptr<const Entry> lookup(std::string_view path);

  std::size_t binding_;
  HttpServer::Observer observer_;
  bool behind_proxies_;
  std::array<Shard, shards> shards_;
};

// The head behind the value of Date as libsoup writes it for this answer.
std::string head_behind_date(const Response& response, std::optional<std::uint64_t> content_length);

}  // namespace tarn::server
