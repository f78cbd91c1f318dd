// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "server/control/route.h"
#include "server/model/model.h"

namespace tarn::server {

// Where the resources of a kind are, and what they are called.
template <class R>
struct Place;
template <>
struct Place<Group> {
  static constexpr const char* noun = "channel group";
  static const std::map<std::string, Group>& map(const Model& model) { return model.groups; }
  static std::string prefix(const RouteMatch&) { return {}; }
  static std::string& name(RouteMatch& match) { return match.group; }
  static void adopt(Group&, const RouteMatch&) {}
};
template <>
struct Place<Channel> {
  static constexpr const char* noun = "channel";
  static const std::map<std::string, Channel>& map(const Model& model) { return model.channels; }
  static std::string prefix(const RouteMatch& match) { return match.group + "/"; }
  static std::string& name(RouteMatch& match) { return match.channel; }
  static void adopt(Channel& channel, const RouteMatch& match) { channel.group = match.group; }
};
template <>
struct Place<Endpoint> {
  static constexpr const char* noun = "endpoint";
  static const std::map<std::string, Endpoint>& map(const Model& model) { return model.endpoints; }
  static std::string prefix(const RouteMatch& match) { return match.group + "/" + match.channel + "/"; }
  static std::string& name(RouteMatch& match) { return match.endpoint; }
  static void adopt(Endpoint& endpoint, const RouteMatch& match) {
    endpoint.group = match.group;
    endpoint.channel = match.channel;
  }
};

}  // namespace tarn::server
