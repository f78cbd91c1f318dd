// SPDX-License-Identifier: Apache-2.0
#include "gstkit/url.h"

#include <glib.h>

#include "gstkit/ref.h"

namespace tarn::gstkit {

std::string spoken(const std::string& url) {
  GUri* const uri = g_uri_parse(
      url.c_str(), static_cast<GUriFlags>(G_URI_FLAGS_ENCODED | G_URI_FLAGS_HAS_PASSWORD), nullptr);
  if (uri == nullptr) return "a URL that cannot be read";
  const TextPtr text{g_uri_to_string_partial(
      uri, static_cast<GUriHideFlags>(G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY | G_URI_HIDE_FRAGMENT))};
  g_uri_unref(uri);
  return text.get();
}

}  // namespace tarn::gstkit
