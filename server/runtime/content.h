// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "server/runtime/origin.h"

namespace tarn::server {

// A manifest with its gzip variant, each with a tag made of its bytes (semantics S33). `facts`: see Content.
std::shared_ptr<const Content> manifest_content(const std::string& text, std::string content_type,
                                                std::uint32_t max_age,
                                                std::vector<std::pair<std::string, std::string>> facts = {});

// A segment or CMAF header. Its bytes never change under its name, so that the tag is made of `identity`
// (endpoint and file) and the size, without reading them.
std::shared_ptr<const Content> media_content(std::vector<Blob> parts, std::string content_type,
                                             const std::string& identity);

}  // namespace tarn::server
