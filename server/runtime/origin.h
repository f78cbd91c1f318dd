// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "core/timeline/window_query.h"
#include "server/model/model.h"

// What the web front asks of the running system: Runtime implements it, tests fake it. Answers come by
// callback, from any thread, or from inside the call when they are at hand.
namespace tarn::server {

// An object that an encoder has sent.
struct UploadedObject {
  int input = 0;     // 0: ingest1, 1: ingest2
  std::string name;  // below the input's base: "manifest.m3u8", "hd/seg-0.ts"
  std::string content_type;
  Blob body;
  Utc arrival{};             // of its last byte
  std::string request_id{};  // of the request that brought it
};

struct UploadAnswer {
  enum class Outcome {
    created,
    replaced,
    held,     // stored; what it belongs to has not come yet
    refused,  // `error` says why
  };
  Outcome outcome = Outcome::created;
  std::optional<Error> error;
};

// An answer's body with what describes it. Immutable and shared between requests.
struct Content {
  std::vector<Blob> parts;  // in order; nothing is copied together
  std::uint64_t size = 0;
  std::string content_type;
  std::string etag;           // strong, with its quotes
  bool is_manifest = false;   // else a segment or CMAF header, whose bytes never change
  std::uint32_t max_age = 1;  // seconds
  std::optional<Blob> gzip;   // manifests
  std::string gzip_etag;
  // Manifests: what is told about the moment they were made, as header fields.
  std::vector<std::pair<std::string, std::string>> facts;
};

// Whether what was fetched may be given to later requests without asking again. Thread-safe.
class Reuse {
 public:
  virtual ~Reuse() = default;
  // The timeline and the endpoint's settings are what it was made from.
  [[nodiscard]] virtual bool is_current() const = 0;
  // It has been given once more.
  virtual void count() const = 0;
};

// Counts what becomes of requests for one kind of an endpoint's files. Thread-safe; answered() neither locks
// nor allocates.
class Delivery {
 public:
  virtual ~Delivery() = default;
  // `status` 0: the client left before the answer was complete.
  virtual void answered(int status, std::uint64_t bytes) const = 0;
  virtual void refused(const std::string& reason) const = 0;
};

struct Fetched {
  enum class Absence {
    not_found,   // no such thing, and none to come under this name
    not_yet,     // beyond the live edge
    no_content,  // the channel has nothing to play yet
    no_key,      // to be encrypted, and there never was a key for it
    outside,     // a time that is not kept, or not there yet; `reason` says what is
    bad_window,  // a time that no moment would make right
    stale,       // the input is late or incomplete, and the endpoint rather says so than go on with it
    failed,      // Tarn's own fault
  };
  std::shared_ptr<const Content> content;  // or, when null:
  Absence absence = Absence::not_found;
  std::string reason;                       // one line
  std::shared_ptr<const Reuse> reuse = {};  // of content; null: never
};

class Origin {
 public:
  virtual ~Origin() = default;
  // Objects of one channel are taken one after another, in the order of the calls.
  virtual void upload(const Channel& channel, UploadedObject object,
                      std::function<void(UploadAnswer)> done) = 0;
  // `file`: the last component of a playback URL. `window` means something to manifests only.
  virtual void fetch(const Channel& channel, const Endpoint& endpoint, const std::string& file,
                     const timeline::WindowQuery& window, std::function<void(Fetched)> done) = 0;
  // Who counts the requests for this file; null: nobody.
  virtual std::shared_ptr<const Delivery> delivery(const Channel& /*channel*/, const Endpoint& /*endpoint*/,
                                                   const std::string& /*file*/) {
    return nullptr;
  }
};

}  // namespace tarn::server
