// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace tarn::ingest {

// Objects of an input are named by their path below the input's base URL: "manifest.m3u8", "hd/seg-7.ts".
// At most 8 components, each as semantics S22 allows.
Status check_object_path(std::string_view path);

// What a URI in a playlist names. An absolute URI is known by its end only, because the session does
// not know what lies above its base: "http://host/v1/g/1/c/hd/seg.ts" names "hd/seg.ts" as well as "seg.ts".
class ObjectName {
 public:
  ObjectName() = default;
  explicit ObjectName(std::string path) : paths_{std::move(path)} {}

  // `playlist` is the path of the playlist that has the URI; queries and fragments are cut off. Errors:
  // invalid, when it leads out of the base or nothing that can be uploaded has that name.
  static Result<ObjectName> resolve(std::string_view playlist, std::string_view uri);

  // Paths the object may have, the longest first.
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }
  [[nodiscard]] bool matches(std::string_view path) const;
  // For messages.
  [[nodiscard]] const std::string& text() const { return paths_.front(); }
  bool operator==(const ObjectName&) const = default;

 private:
  std::vector<std::string> paths_{std::string{}};
};

}  // namespace tarn::ingest
