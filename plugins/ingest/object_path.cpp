// SPDX-License-Identifier: Apache-2.0
#include "ingest/object_path.h"

#include <algorithm>
#include <optional>

#include "core/base/text.h"

namespace tarn::ingest {
namespace {

constexpr std::size_t most_components = 8;

Error invalid(std::string message) { return {ErrorCode::invalid, std::move(message)}; }

std::string join(const std::vector<std::string>& parts, std::size_t from) {
  std::string path;
  for (std::size_t i = from; i < parts.size(); ++i) {
    if (i > from) path += '/';
    path += parts[i];
  }
  return path;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto byte = parse_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    decoded += static_cast<char>(byte->front());
    i += 2;
  }
  return decoded;
}

// The components after the authority of an absolute URI, or of an absolute path.
std::optional<std::string_view> absolute_path(std::string_view uri) {
  if (uri.substr(0, 2) != "//") {
    const auto scheme = uri.find("://");
    if (scheme == std::string_view::npos || uri.substr(0, scheme).find('/') != std::string_view::npos) {
      return !uri.empty() && uri.front() == '/' ? std::optional{uri.substr(1)} : std::nullopt;
    }
    uri.remove_prefix(scheme + 1);
  }
  const auto path = uri.find('/', 2);
  return path == std::string_view::npos ? std::string_view{} : uri.substr(path + 1);
}

// Applies "." and ".."; false when it leads above the start.
bool append(std::vector<std::string>& parts, std::string_view path) {
  for (const std::string_view part : split(path, '/')) {
    const auto decoded = percent_decode(part);
    if (!decoded) return false;
    if (part == "." || part.empty()) continue;
    if (*decoded == "..") {
      if (parts.empty()) return false;
      parts.pop_back();
    } else {
      parts.push_back(*decoded);
    }
  }
  return true;
}

}  // namespace

Status check_object_path(std::string_view path) {
  const auto parts = split(path, '/');
  if (parts.size() > most_components) return invalid("path: more than 8 components");
  for (const std::string_view part : parts) {
    if (!is_path_component(part)) return invalid("path: not a name: \"" + std::string{part} + '"');
  }
  return {};
}

Result<ObjectName> ObjectName::resolve(std::string_view playlist, std::string_view uri) {
  const std::string_view path = uri.substr(0, uri.find_first_of("?#"));
  const auto absolute = absolute_path(path);
  std::vector<std::string> parts;
  bool inside = true;
  if (absolute) {
    inside = append(parts, *absolute);
  } else {
    const auto folder = playlist.rfind('/');
    if (folder != std::string_view::npos) inside = append(parts, playlist.substr(0, folder));
    inside = inside && append(parts, path);
  }
  if (!inside || parts.empty()) return invalid("URI leads out of the input: \"" + std::string{uri} + '"');

  ObjectName name;
  name.paths_.clear();
  const std::size_t shortest = absolute ? parts.size() - 1 : 0;
  for (std::size_t from = 0; from <= shortest; ++from) {
    std::string candidate = join(parts, from);
    if (check_object_path(candidate).ok()) name.paths_.push_back(std::move(candidate));
  }
  if (name.paths_.empty()) return invalid("URI is no name an object can have: \"" + std::string{uri} + '"');
  return name;
}

bool ObjectName::matches(std::string_view path) const {
  return std::find(paths_.begin(), paths_.end(), path) != paths_.end();
}

}  // namespace tarn::ingest
