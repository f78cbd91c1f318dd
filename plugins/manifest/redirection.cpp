// SPDX-License-Identifier: Apache-2.0
#include "manifest/redirection.h"

#include <glib.h>

#include <memory>

#include "gstkit/ref.h"

namespace tarn::manifest {
namespace {

// What is percent-encoded stays so.
constexpr auto flags =
    static_cast<GUriFlags>(G_URI_FLAGS_ENCODED | G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_SCHEME_NORMALIZE);

struct UriDeleter {
  void operator()(GUri* uri) const { g_uri_unref(uri); }
};
using UriPtr = std::unique_ptr<GUri, UriDeleter>;

UriPtr parsed(const std::string& url) { return UriPtr{g_uri_parse(url.c_str(), flags, nullptr)}; }

bool is_encrypted(const GUri& uri) {
  return std::string_view{g_uri_get_scheme(const_cast<GUri*>(&uri))} == "https";
}

std::string text_of(GUri& uri, GUriHideFlags hidden) {
  const gstkit::TextPtr text{g_uri_to_string_partial(&uri, hidden)};
  return text.get();
}

}  // namespace

Result<std::string> redirected(const std::string& url, const char* location) {
  const UriPtr from = parsed(url);
  const UriPtr to{from && location != nullptr ? g_uri_parse_relative(from.get(), location, flags, nullptr)
                                              : nullptr};
  const std::string scheme = to ? g_uri_get_scheme(to.get()) : "";
  if ((scheme != "http" && scheme != "https") || g_uri_get_host(to.get()) == nullptr)
    return Error{ErrorCode::invalid, "sent on to what is no URL of http or https"};
  if (is_encrypted(*from) && scheme != "https")
    return Error{ErrorCode::invalid, "sent on from https to http, which is not followed"};
  return text_of(*to, static_cast<GUriHideFlags>(G_URI_HIDE_USERINFO | G_URI_HIDE_FRAGMENT));
}

bool may_have_credentials(const std::string& base, const std::string& url) {
  const UriPtr ours = parsed(base);
  const UriPtr other = parsed(url);
  if (!ours || !other) return false;
  if (g_ascii_strcasecmp(g_uri_get_host(ours.get()), g_uri_get_host(other.get())) != 0) return false;
  if (is_encrypted(*ours) == is_encrypted(*other))
    return g_uri_get_port(ours.get()) == g_uri_get_port(other.get());
  return is_encrypted(*other);
}

}  // namespace tarn::manifest
