// SPDX-License-Identifier: Apache-2.0
#include "server/control/resource.h"

#include <algorithm>

#include "server/control/urls.h"
#include "server/model/secrets.h"

namespace tarn::server {
namespace {

constexpr std::size_t id_bytes = 16;
constexpr std::size_t username_bytes = 8;
constexpr std::size_t password_bytes = 16;
constexpr std::size_t label_length = 12;

constexpr std::array<std::string_view, 4> group_members{"originDomain", "ingestDomain", "createdAt",
                                                        "updatedAt"};
constexpr std::array<std::string_view, 4> channel_members{"state", "inputs", "createdAt", "updatedAt"};
constexpr std::array<std::string_view, 3> endpoint_members{"url", "createdAt", "updatedAt"};

// A copy whose unset settings have the values that apply.
const Group& effective_copy(const Group& group, const Model&) { return group; }
const Channel& effective_copy(const Channel& channel, const Model&) { return channel; }
Endpoint effective_copy(Endpoint endpoint, const Model& model) {
  const Channel* const channel = model.channel(endpoint.group, endpoint.channel);
  if (channel == nullptr) return endpoint;
  const timeline::OutputSettings settings = effective(endpoint, *channel);
  endpoint.segment_duration = settings.segment_duration;
  endpoint.segments = settings.segments;
  endpoint.min_buffer_time = settings.min_buffer_time;
  endpoint.min_update_period = settings.min_update_period;
  endpoint.suggested_presentation_delay = settings.suggested_presentation_delay;
  endpoint.manifest_window = settings.manifest_window;
  if (endpoint.is_encrypted()) endpoint.drm_content_id = content_id(endpoint);
  return endpoint;
}

// `drm` is null where nothing is encrypted, and not an object of nulls.
template <class R>
bool is_of_absent_object(const R&, std::string_view) {
  return false;
}
bool is_of_absent_object(const Endpoint& endpoint, std::string_view name) {
  return name.starts_with("drm.") && !endpoint.is_encrypted();
}

template <class R>
JsonObjectBuilder settings_answer(const R& resource, const Model& model, Secrets secrets) {
  JsonObjectBuilder object;
  const R& shown = effective_copy(resource, model);
  for (const Field<R>& field : fields<R>()) {
    const bool hidden = field.secret && secrets == Secrets::hidden;
    if (is_of_absent_object(shown, field.name)) {
      object.add(std::string(field.name.substr(0, field.name.find('.'))), json_null());
      continue;
    }
    object.add_at(field.name, hidden ? json_null() : to_json(get_field(shown, field)));
  }
  return object;
}

template <class R>
JsonPtr with_times(JsonObjectBuilder& object, const R& resource) {
  object.add("createdAt", format_utc_seconds(resource.created));
  object.add("updatedAt", format_utc_seconds(resource.updated));
  return object.take();
}

}  // namespace

template <>
std::span<const std::string_view> read_only_members<Group>() {
  return group_members;
}
template <>
std::span<const std::string_view> read_only_members<Channel>() {
  return channel_members;
}
template <>
std::span<const std::string_view> read_only_members<Endpoint>() {
  return endpoint_members;
}

bool is_reported(const FieldErrors& errors, std::string_view field) {
  return std::any_of(errors.begin(), errors.end(),
                     [&](const FieldError& error) { return error.field == field; });
}

void check_rules(const Group&, FieldErrors&) {}

void check_rules(const Channel& channel, FieldErrors& errors) {
  // "…/v1/<group>/1/<channel>/…" is an input (semantics S22).
  if (channel.name == "1" || channel.name == "2") {
    errors.push_back({"name", "\"" + channel.name + "\"", "must not be 1 or 2, which name the inputs"});
  }
}

namespace {

// Product.md, section 4, and semantics S9.
void check_encryption(const Endpoint& endpoint, FieldErrors& errors) {
  const auto& systems = endpoint.drm_systems;
  if (std::find(systems.begin(), systems.end(), drm::System::fairplay) != systems.end()) {
    if (endpoint.protocol == timeline::Protocol::dash) {
      errors.push_back({"drm.systems", "\"FAIRPLAY\"", "must be WIDEVINE and PLAYREADY for DASH"});
    } else if (endpoint.encryption == crypto::Scheme::cenc) {
      errors.push_back({"drm.systems", "\"FAIRPLAY\"", "must be without FAIRPLAY for the method CENC"});
    }
  }
  if (!endpoint.constant_iv.empty() && endpoint.encryption == crypto::Scheme::cenc) {
    errors.push_back(
        {"drm.constantIv", "\"" + endpoint.constant_iv + "\"", "is only for the method SAMPLE_AES"});
  }
}

}  // namespace

void check_rules(const Endpoint& endpoint, FieldErrors& errors) {
  const auto& least = endpoint.min_video_bitrate;
  const auto& most = endpoint.max_video_bitrate;
  if (least && most && *least > *most) {
    errors.push_back({"manifest.minVideoBitrate", std::to_string(*least),
                      "must not be more than maxVideoBitrate, " + std::to_string(*most)});
  }
  check_encryption(endpoint, errors);
  const bool code_is_wrong = is_reported(errors, "authorizationCode");
  if (endpoint.authorization_code.empty() && !endpoint.previous_authorization_code.empty() &&
      !code_is_wrong) {
    errors.push_back({"previousAuthorizationCode", "null", "needs authorizationCode beside it"});
  }
}

void check_reach(const Endpoint& endpoint, const ControlSettings& settings, FieldErrors& errors) {
  const std::string& url = endpoint.drm_provider_url;
  if (url.empty() || is_reported(errors, "drm.providerUrl")) return;
  const auto& own = settings.own_key_providers;
  if (std::find(own.begin(), own.end(), url) != own.end()) return;
  const auto parsed = parse_outbound_url(url);
  const Status allowed = parsed ? settings.outbound.check(*parsed) : Status{parsed.error()};
  // The value may have a secret in it.
  if (!allowed) errors.push_back({"drm.providerUrl", "null", allowed.error().message});
}

void give_identity(Group& group) { group.label = random_label(label_length); }

void give_identity(Channel& channel) {
  channel.id = random_hex(id_bytes);
  for (std::size_t i = 0; i < channel.inputs.size(); ++i) {
    channel.inputs[i].id = "ingest" + std::to_string(i + 1);
    rotate(channel.inputs[i], Utc{});
  }
}

void give_identity(Endpoint& endpoint) { endpoint.id = random_hex(id_bytes); }

void rotate(Input& input, Utc previous_until) {
  const bool keeps = previous_until > Utc{};
  input.previous_username = keeps ? input.username : "";
  input.previous_password = keeps ? input.password : "";
  input.previous_until = previous_until;
  input.username = random_hex(username_bytes);
  input.password = random_hex(password_bytes);
}

JsonPtr answer(const Group& group, const Model& model, const ControlSettings& settings, Secrets secrets) {
  JsonObjectBuilder object = settings_answer(group, model, secrets);
  object.add("originDomain", domain(settings.origin_base_url, group));
  object.add("ingestDomain", domain(settings.ingest_base_url, group));
  return with_times(object, group);
}

JsonPtr input_answer(const Channel& channel, std::size_t index, const Model& model,
                     const ControlSettings& settings, Secrets secrets) {
  const Input& input = channel.inputs.at(index);
  const Group* const group = model.group(channel.group);
  JsonObjectBuilder object;
  object.add("id", input.id);
  object.add("url", group != nullptr ? json_text(input_url(settings.ingest_base_url, *group, channel,
                                                           static_cast<int>(index)))
                                     : json_null());
  object.add("username", input.username);
  object.add("password", secrets == Secrets::shown ? json_text(input.password) : json_null());
  return object.take();
}

JsonPtr answer(const Channel& channel, const Model& model, const ControlSettings& settings, Secrets secrets) {
  JsonObjectBuilder object = settings_answer(channel, model, secrets);
  JsonArrayBuilder inputs;
  for (std::size_t i = 0; i < channel.inputs.size(); ++i) {
    inputs.add(input_answer(channel, i, model, settings, secrets));
  }
  object.add("state", channel.is_stopped ? "STOPPED" : "RUNNING");
  object.add("inputs", inputs.take());
  return with_times(object, channel);
}

JsonPtr answer(const Endpoint& endpoint, const Model& model, const ControlSettings& settings,
               Secrets secrets) {
  JsonObjectBuilder object = settings_answer(endpoint, model, secrets);
  const Group* const group = model.group(endpoint.group);
  object.add("url", group != nullptr ? json_text(playback_url(settings.origin_base_url, *group, endpoint))
                                     : json_null());
  return with_times(object, endpoint);
}

}  // namespace tarn::server
