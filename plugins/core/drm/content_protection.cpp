// SPDX-License-Identifier: Apache-2.0
#include "core/drm/content_protection.h"

#include <algorithm>

#include "core/base/base64.h"
#include "core/drm/pssh.h"
#include "core/drm/xml_tree.h"

namespace tarn::drm {
namespace {

constexpr std::size_t longest_fragment = 32U << 10U;
constexpr std::string_view cenc_ns = "urn:mpeg:cenc:2013";
constexpr std::string_view playready_ns = "urn:microsoft:playready";

}  // namespace

std::string content_protection(System system, Bytes pssh) {
  std::string text =
      "<cenc:pssh xmlns:cenc=\"" + std::string{cenc_ns} + "\">" + base64(pssh) + "</cenc:pssh>";
  const auto parsed = parse_pssh(pssh);
  if (system == System::playready && parsed.ok()) {
    text +=
        "<mspr:pro xmlns:mspr=\"" + std::string{playready_ns} + "\">" + base64(parsed->data) + "</mspr:pro>";
  }
  return text;
}

Status check_content_protection(std::string_view fragment, System system, Bytes pssh) {
  const std::string what = "ContentProtectionData of " + std::string{name_of(system)} + ": ";
  const auto document = parse_xml("<r>" + std::string{fragment} + "</r>", longest_fragment);
  if (!document.ok()) return malformed(what + document.error().message);
  const xmlNode* const root = xmlDocGetRootElement(document->get());
  for (const xmlNode* node = root->children; node != nullptr; node = node->next) {
    if (node->type == XML_ELEMENT_NODE && node->ns != nullptr) continue;
    const std::string text = node->type == XML_TEXT_NODE ? text_of(node) : "x";
    if (text.find_first_not_of(" \t\r\n") != std::string::npos) {
      return malformed(what + "more than elements with namespaces");
    }
  }
  const xmlNode* const element = find_child(root, cenc_ns, "pssh");
  const auto box = element != nullptr ? parse_base64(text_of(element)) : std::nullopt;
  if (!box || !std::equal(box->begin(), box->end(), pssh.begin(), pssh.end())) {
    return malformed(what + "its cenc:pssh is not the PSSH");
  }
  return {};
}

}  // namespace tarn::drm
