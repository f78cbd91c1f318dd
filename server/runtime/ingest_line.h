// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "server/runtime/origin.h"

namespace tarn::server {

// Something a pipeline said about itself: a switch, a stretch, a warning, an error.
struct IngestEvent {
  std::string name;  // "input-switched", "warning", "error", …
  std::vector<std::pair<std::string, std::string>> fields;
};

// A channel's ingest pipeline. One call at a time; the caller's thread does the work.
class IngestLine {
 public:
  virtual ~IngestLine() = default;
  virtual UploadAnswer put(const UploadedObject& object) = 0;
  // The same for an object that an earlier line had, as of its arrival.
  virtual UploadAnswer replay(const UploadedObject& object) = 0;
  // Objects of each input are numbered from 0, as they are put. The number of the oldest of which media is
  // held on its way to the archive; when there is none, the number of the next one.
  [[nodiscard]] virtual std::uint64_t pending_object(int input) const = 0;
  // Lets go of what is kept for the next line and has been listed since the last put, which a deadline may
  // have done. False: there is more that is not listed.
  virtual bool settle() { return true; }
  // Why it must be built anew; none: it works.
  [[nodiscard]] virtual std::optional<Error> failure() const = 0;
  // Seconds; deadlines that are set from now on count with it.
  virtual void set_target_duration(std::uint32_t seconds) = 0;
  // "ingest1", "ingest2", or empty while there is none.
  [[nodiscard]] virtual std::string active_input() const = 0;
  // What its elements say about an input now, or of the merge: name and value.
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> input_statistics(
      int input) const = 0;
};

// Events may come on any thread, also from inside put().
using IngestEvents = std::function<void(const IngestEvent&)>;
using IngestFactory =
    std::function<Result<std::unique_ptr<IngestLine>>(std::uint32_t target_duration, IngestEvents events)>;

struct IngestLineSettings {
  std::string archive_directory;
  std::uint32_t target_duration = 6;  // seconds
  IngestProtocol protocol = IngestProtocol::hls;
};

// The real one, on the pipeline of pipelines/ingest.h.
Result<std::unique_ptr<IngestLine>> make_pipeline_ingest(const IngestLineSettings& settings,
                                                         IngestEvents events);

}  // namespace tarn::server
