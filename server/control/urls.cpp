// SPDX-License-Identifier: Apache-2.0
#include "server/control/urls.h"

#include "server/control/control.h"

namespace tarn::server {
namespace {

std::string with_label(std::string base, const std::string& label) {
  static constexpr std::string_view placeholder = "{label}";
  for (auto at = base.find(placeholder); at != std::string::npos;
       at = base.find(placeholder, at + label.size())) {
    base.replace(at, placeholder.size(), label);
  }
  while (base.ends_with('/')) base.pop_back();
  return base;
}

}  // namespace

std::string domain(const std::string& base, const Group& group) {
  const std::string url = with_label(base, group.label);
  const auto scheme = url.find("://");
  const std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

std::string input_url(const std::string& base, const Group& group, const Channel& channel, int input) {
  const std::string number = std::to_string(input + 1);
  return with_label(base, group.label + "-" + number) + "/v1/" + group.name + "/" + number + "/" +
         channel.name + "/manifest";
}

std::string playback_url(const std::string& base, const Group& group, const Endpoint& endpoint) {
  const bool mpd = endpoint.protocol == timeline::Protocol::dash;
  return with_label(base, group.label) + "/v1/" + group.name + "/" + endpoint.channel + "/" + endpoint.name +
         "/" + endpoint.manifest_name + (mpd ? ".mpd" : ".m3u8");
}

}  // namespace tarn::server
