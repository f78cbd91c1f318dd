// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/timeline/timeline.h"
#include "gstkit/ref.h"

// The two directions of one field list: an event lists its fields once, `io("slot", self.slot)`, and is
// written and read by that list.
namespace tarn::gstkit {

class StructureWriter {
 public:
  explicit StructureWriter(GstStructure* structure) : structure_(structure) {}
  void operator()(const char* name, std::uint32_t value);
  void operator()(const char* name, std::uint64_t value);
  void operator()(const char* name, std::int64_t value);
  void operator()(const char* name, bool value);
  void operator()(const char* name, const std::string& value);
  void operator()(const char* name, Utc value);
  void operator()(const char* name, const Ref<GstCaps>& value);
  void operator()(const char* name, const std::vector<std::uint32_t>& value);
  void operator()(const char* name, const std::vector<std::string>& value);
  void operator()(const char* name, const std::vector<timeline::VariantUse>& value);
  void operator()(const char* name, const std::vector<timeline::Captions>& value);

 private:
  GstStructure* structure_;
};

// A field that is absent or of another type leaves its member alone and clears ok().
class StructureReader {
 public:
  explicit StructureReader(const GstStructure* structure) : structure_(structure) {}
  [[nodiscard]] bool ok() const { return ok_; }
  void operator()(const char* name, std::uint32_t& value);
  void operator()(const char* name, std::uint64_t& value);
  void operator()(const char* name, std::int64_t& value);
  void operator()(const char* name, bool& value);
  void operator()(const char* name, std::string& value);
  void operator()(const char* name, Utc& value);
  void operator()(const char* name, Ref<GstCaps>& value);
  void operator()(const char* name, std::vector<std::uint32_t>& value);
  void operator()(const char* name, std::vector<std::string>& value);
  void operator()(const char* name, std::vector<timeline::VariantUse>& value);
  void operator()(const char* name, std::vector<timeline::Captions>& value);

 private:
  const GValue* array(const char* name);

  const GstStructure* structure_;
  bool ok_ = true;
};

}  // namespace tarn::gstkit
