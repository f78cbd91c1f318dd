// SPDX-License-Identifier: Apache-2.0
#include "server/http/console_files.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "core/base/result.h"
#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr std::size_t largest_file = 32U << 20U;

std::string_view type_of(std::string_view path) {
  struct Type {
    std::string_view suffix;
    std::string_view type;
  };
  constexpr std::array types{
      Type{".html", "text/html; charset=utf-8"},
      Type{".css", "text/css; charset=utf-8"},
      Type{".js", "text/javascript; charset=utf-8"},
      Type{".mjs", "text/javascript; charset=utf-8"},
      Type{".json", "application/json"},
      Type{".svg", "image/svg+xml"},
      Type{".woff2", "font/woff2"},
      Type{".png", "image/png"},
  };
  for (const Type& entry : types) {
    if (path.ends_with(entry.suffix)) return entry.type;
  }
  return "application/octet-stream";
}

// "https://{label}.example.com:8443/base" -> "https://*.example.com:8443": a CSP source.
std::string csp_source(const std::string& base_url) {
  const auto scheme = base_url.find("://");
  if (scheme == std::string::npos) return {};
  std::string source = base_url.substr(0, base_url.find('/', scheme + 3));
  if (const auto label = source.find("{label}"); label != std::string::npos) source.replace(label, 7, "*");
  const bool clean = std::all_of(source.begin(), source.end(),
                                 [](char c) { return c > ' ' && c < 0x7f && c != ';' && c != ','; });
  return clean ? source : std::string{};
}

constexpr const char* no_such_file = "no such file in the console";

Result<Blob> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return not_found(no_such_file);
  struct stat facts {};
  ByteVector bytes;
  const bool regular = ::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
  if (regular && static_cast<std::size_t>(facts.st_size) <= largest_file) {
    bytes.resize(static_cast<std::size_t>(facts.st_size));
  }
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file, bytes.data() + done, bytes.size() - done);
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  ::close(file);
  if (!regular || done != bytes.size()) return not_found(no_such_file);
  return Blob::of(std::move(bytes));
}

std::shared_ptr<GResource> open_bundle(Bytes bundle) {
  if (bundle.empty()) return nullptr;
  GBytes* const bytes = g_bytes_new_static(bundle.data(), bundle.size());
  GResource* const resource = g_resource_new_from_data(bytes, nullptr);
  g_bytes_unref(bytes);
  return resource == nullptr ? nullptr : std::shared_ptr<GResource>(resource, g_resource_unref);
}

bool takes_gzip(std::string_view accept_encoding) {
  const auto codings = split(accept_encoding, ',');
  return std::any_of(codings.begin(), codings.end(), [](std::string_view coding) {
    const std::string_view name = trim(coding.substr(0, coding.find(';')));
    const bool refused =
        coding.find("q=0") != coding.npos && coding.find_first_of("123456789") == coding.npos;
    return name == "gzip" && !refused;
  });
}

}  // namespace

ConsoleFiles::Source ConsoleFiles::in_directory(std::string directory) {
  return [directory = std::move(directory)](const std::string& file) {
    return read_file(directory + "/" + file);
  };
}

ConsoleFiles::Source ConsoleFiles::in_bundle(Bytes bundle) {
  return [resource = open_bundle(bundle)](const std::string& file) -> Result<Blob> {
    const std::string path = "/tarn/console/" + file;
    GBytes* const bytes = resource == nullptr ? nullptr
                                              : g_resource_lookup_data(resource.get(), path.c_str(),
                                                                       G_RESOURCE_LOOKUP_FLAGS_NONE, nullptr);
    if (bytes == nullptr) return not_found(no_such_file);
    const std::shared_ptr<GBytes> held{bytes, g_bytes_unref};
    gsize size = 0;
    const auto* const data = static_cast<const std::uint8_t*>(g_bytes_get_data(bytes, &size));
    return Blob{held, {data, size}};
  };
}

ConsoleFiles::ConsoleFiles(Source source, const std::string& origin_base_url) : source_(std::move(source)) {
  const std::string origin = csp_source(origin_base_url);
  policy_ = "default-src 'self'; img-src 'self' data:; media-src 'self' blob: " + origin +
            "; connect-src 'self' " + origin +
            "; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
}

Response ConsoleFiles::response(const Request& request) const {
  std::string file = request.path.substr(std::string_view{"/console/"}.size());
  if (file.empty()) file = "index.html";
  const auto parts = split(file, '/');
  if (!std::all_of(parts.begin(), parts.end(), is_path_component)) {
    return error_response(404, no_such_file);
  }
  const bool is_asset = file.starts_with("assets/");
  const bool may_be_packed = is_asset && takes_gzip(request.header("accept-encoding"));
  Result<Blob> bytes = may_be_packed ? source_(file + ".gz") : not_found("not asked for");
  const bool is_packed = bytes.ok();
  if (!is_packed) bytes = source_(file);
  if (!bytes) return error_response(404, no_such_file);
  Response response;
  if (is_packed) response.with("Content-Encoding", "gzip");
  if (is_asset) response.with("Vary", "Accept-Encoding");
  response.with("Content-Type", std::string{type_of(file)})
      .with("Content-Security-Policy", policy_)
      .with("X-Content-Type-Options", "nosniff")
      .with("Referrer-Policy", "no-referrer")
      .with("Cache-Control", is_asset ? "public, max-age=31536000, immutable" : "no-cache");
  response.body.push_back(std::move(bytes).value());
  return response;
}

}  // namespace tarn::server
