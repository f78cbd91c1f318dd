// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libxml/tree.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

// libxml2 for what came from outside: no network, no DOCTYPE, no entities of its own.
namespace tarn::drm {

struct FreeXml {
  void operator()(xmlDoc* document) const { xmlFreeDoc(document); }
};
using XmlDocument = std::unique_ptr<xmlDoc, FreeXml>;

// Errors: malformed, limit, unsupported (a DOCTYPE).
Result<XmlDocument> parse_xml(std::string_view text, std::size_t longest);

bool is_element(const xmlNode* node, std::string_view namespace_uri, std::string_view name);
const xmlNode* find_child(const xmlNode* parent, std::string_view namespace_uri, std::string_view name);
void each_child(const xmlNode* parent, std::string_view namespace_uri, std::string_view name,
                const std::function<void(const xmlNode*)>& visit);
std::optional<std::string> attribute(const xmlNode* node, const char* name);
std::string text_of(const xmlNode* node);

}  // namespace tarn::drm
