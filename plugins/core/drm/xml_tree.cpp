// SPDX-License-Identifier: Apache-2.0
#include "core/drm/xml_tree.h"

#include <libxml/parser.h>

namespace tarn::drm {
namespace {

struct FreeText {
  void operator()(xmlChar* text) const { xmlFree(text); }
};
using XmlText = std::unique_ptr<xmlChar, FreeText>;

std::string_view view(const xmlChar* text) {
  return text == nullptr ? std::string_view{} : reinterpret_cast<const char*>(text);
}

// Quiet, and on a context of its own: nothing is printed, and no process-wide setting matters.
XmlDocument read(std::string_view text) {
  struct FreeContext {
    void operator()(xmlParserCtxt* context) const { xmlFreeParserCtxt(context); }
  };
  const std::unique_ptr<xmlParserCtxt, FreeContext> context{xmlNewParserCtxt()};
  if (!context) return nullptr;
  constexpr int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
  return XmlDocument{xmlCtxtReadMemory(context.get(), text.data(), static_cast<int>(text.size()), nullptr,
                                       "UTF-8", options)};
}

}  // namespace

Result<XmlDocument> parse_xml(std::string_view text, std::size_t longest) {
  if (text.size() > longest) return Error{ErrorCode::limit, "XML: too long"};
  // Before the parser sees it: what a DOCTYPE declares costs before it is refused.
  if (text.find("<!DOCTYPE") != std::string_view::npos) return unsupported("XML: has a DOCTYPE");
  if (text.find('\0') != std::string_view::npos) return malformed("XML: not UTF-8");
  XmlDocument document = read(text);
  if (!document || xmlDocGetRootElement(document.get()) == nullptr) return malformed("XML: not well-formed");
  if (document->intSubset != nullptr) return unsupported("XML: has a DOCTYPE");
  return document;
}

bool is_element(const xmlNode* node, std::string_view namespace_uri, std::string_view name) {
  return node->type == XML_ELEMENT_NODE && view(node->name) == name && node->ns != nullptr &&
         view(node->ns->href) == namespace_uri;
}

const xmlNode* find_child(const xmlNode* parent, std::string_view namespace_uri, std::string_view name) {
  if (parent == nullptr) return nullptr;
  for (const xmlNode* node = parent->children; node != nullptr; node = node->next) {
    if (is_element(node, namespace_uri, name)) return node;
  }
  return nullptr;
}

void each_child(const xmlNode* parent, std::string_view namespace_uri, std::string_view name,
                const std::function<void(const xmlNode*)>& visit) {
  if (parent == nullptr) return;
  for (const xmlNode* node = parent->children; node != nullptr; node = node->next) {
    if (is_element(node, namespace_uri, name)) visit(node);
  }
}

std::optional<std::string> attribute(const xmlNode* node, const char* name) {
  const XmlText value{xmlGetNoNsProp(node, reinterpret_cast<const xmlChar*>(name))};
  if (!value) return std::nullopt;
  return std::string{view(value.get())};
}

std::string text_of(const xmlNode* node) {
  const XmlText value{xmlNodeGetContent(node)};
  return std::string{view(value.get())};
}

}  // namespace tarn::drm
