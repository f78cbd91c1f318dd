// SPDX-License-Identifier: Apache-2.0
#include "server/http/console_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

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

Result<ByteVector> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return not_found("no such file");
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
  if (!regular || done != bytes.size()) return not_found("no such file");
  return bytes;
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

ConsoleFiles::ConsoleFiles(std::string directory, const std::string& origin_base_url)
    : directory_(std::move(directory)) {
  const std::string origin = csp_source(origin_base_url);
  policy_ = "default-src 'self'; img-src 'self' data:; media-src 'self' blob: " + origin +
            "; connect-src 'self' " + origin +
            "; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
}

std::string ConsoleFiles::default_directory(const std::string& installed) {
  std::error_code error;
  const auto server = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return installed;
  for (const char* beside : {"console", "../share/tarn/console"}) {
    const auto folder = (server.parent_path() / beside).lexically_normal();
    if (std::filesystem::exists(folder / "index.html", error)) return folder.string();
  }
  return installed;
}

Response ConsoleFiles::response(const Request& request) const {
  std::string file = request.path.substr(std::string_view{"/console/"}.size());
  if (file.empty()) file = "index.html";
  const auto parts = split(file, '/');
  if (!std::all_of(parts.begin(), parts.end(), is_path_component)) {
    return error_response(404, "no such file in the console");
  }
  const std::string path = directory_ + "/" + file;
  const bool is_asset = file.starts_with("assets/");
  const bool may_be_packed = is_asset && takes_gzip(request.header("accept-encoding"));
  Result<ByteVector> bytes = may_be_packed ? read_file(path + ".gz") : not_found("not asked for");
  const bool is_packed = bytes.ok();
  if (!is_packed) bytes = read_file(path);
  if (!bytes) return error_response(404, "no such file in the console");
  Response response;
  if (is_packed) response.with("Content-Encoding", "gzip");
  if (is_asset) response.with("Vary", "Accept-Encoding");
  response.with("Content-Type", std::string{type_of(file)})
      .with("Content-Security-Policy", policy_)
      .with("X-Content-Type-Options", "nosniff")
      .with("Referrer-Policy", "no-referrer")
      .with("Cache-Control", is_asset ? "public, max-age=31536000, immutable" : "no-cache");
  response.body.push_back(Blob::of(std::move(bytes).value()));
  return response;
}

}  // namespace tarn::server
