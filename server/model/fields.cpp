// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "server/model/field.h"

// The tables of product.md, section 1.
namespace tarn::server {
namespace {

constexpr std::uint64_t longest_name = 200;
constexpr std::uint64_t longest_description = 1000;
constexpr std::uint64_t longest_list = 1000;
// Leaves room for "-v1a2.m3u8" in a path component of 200 characters.
constexpr std::uint64_t longest_manifest_name = 150;
constexpr std::uint64_t longest_url = 512;
constexpr std::uint64_t shortest_rotation = 60;      // seconds: a request to a key server takes up to 5
constexpr std::uint64_t longest_rotation = 604'800;  // a week
constexpr std::uint64_t highest_bitrate = 1'000'000'000'000;

constexpr std::array group_fields{
    Field<Group>{.name = "name",
                 .member = &Group::name,
                 .min = 1,
                 .max = longest_name,
                 .format = Format::resource,
                 .required = true,
                 .fixed = true},
    Field<Group>{.name = "description", .member = &Group::description, .max = longest_description},
};

constexpr std::array channel_fields{
    Field<Channel>{.name = "name",
                   .member = &Channel::name,
                   .min = 1,
                   .max = longest_name,
                   .format = Format::resource,
                   .required = true,
                   .fixed = true},
    Field<Channel>{.name = "description", .member = &Channel::description, .max = longest_description},
    Field<Channel>{.name = "protocol", .member = &Channel::protocol, .fixed = true},
    Field<Channel>{.name = "segmentDuration", .member = &Channel::segment_duration, .min = 1, .max = 30},
    Field<Channel>{.name = "segments", .member = &Channel::segments, .min = 2, .max = 100},
};

constexpr std::array endpoint_fields{
    Field<Endpoint>{.name = "name",
                    .member = &Endpoint::name,
                    .min = 1,
                    .max = longest_name,
                    .format = Format::resource,
                    .required = true,
                    .fixed = true},
    Field<Endpoint>{.name = "description", .member = &Endpoint::description, .max = longest_description},
    Field<Endpoint>{.name = "protocol", .member = &Endpoint::protocol, .required = true, .fixed = true},
    Field<Endpoint>{.name = "manifestName",
                    .member = &Endpoint::manifest_name,
                    .min = 1,
                    .max = longest_manifest_name,
                    .format = Format::resource},
    Field<Endpoint>{.name = "authorizationCode",
                    .member = &Endpoint::authorization_code,
                    .min = 1,
                    .max = longest_name,
                    .format = Format::code,
                    .secret = true},
    Field<Endpoint>{.name = "previousAuthorizationCode",
                    .member = &Endpoint::previous_authorization_code,
                    .min = 1,
                    .max = longest_name,
                    .format = Format::code,
                    .secret = true},
    Field<Endpoint>{.name = "ipWhitelist", .member = &Endpoint::ip_whitelist, .max = longest_list},
    Field<Endpoint>{.name = "ipBlacklist", .member = &Endpoint::ip_blacklist, .max = longest_list},
    Field<Endpoint>{.name = "errorOnStale", .member = &Endpoint::error_on_stale},
    Field<Endpoint>{.name = "cdnCacheable", .member = &Endpoint::cdn_cacheable},
    Field<Endpoint>{.name = "timeShiftDays", .member = &Endpoint::time_shift_days, .max = 30},
    Field<Endpoint>{.name = "segmentDuration", .member = &Endpoint::segment_duration, .min = 1, .max = 30},
    Field<Endpoint>{.name = "audioSeparation", .member = &Endpoint::audio_separation, .protocols = for_hls},
    Field<Endpoint>{.name = "drm.encryptionMethod",
                    .member = &Endpoint::encryption,
                    .protocols = for_hls_cmaf | for_dash},
    Field<Endpoint>{.name = "drm.constantIv",
                    .member = &Endpoint::constant_iv,
                    .min = 32,
                    .max = 32,
                    .format = Format::hex,
                    .protocols = for_hls_cmaf | for_dash},
    Field<Endpoint>{.name = "drm.systems",
                    .member = &Endpoint::drm_systems,
                    .min = 1,
                    .max = 3,
                    .protocols = for_hls_cmaf | for_dash},
    Field<Endpoint>{.name = "drm.providerUrl",
                    .member = &Endpoint::drm_provider_url,
                    .min = 1,
                    .max = longest_url,
                    .protocols = for_hls_cmaf | for_dash},
    Field<Endpoint>{.name = "drm.contentId",
                    .member = &Endpoint::drm_content_id,
                    .min = 1,
                    .max = longest_name,
                    .format = Format::code,
                    .protocols = for_hls_cmaf | for_dash},
    Field<Endpoint>{
        .name = "drm.spekeVersion", .member = &Endpoint::speke_version, .protocols = for_hls_cmaf | for_dash},
    Field<Endpoint>{
        .name = "drm.keyPreset", .member = &Endpoint::key_preset, .protocols = for_hls_cmaf | for_dash},
    Field<Endpoint>{.name = "drm.rotationPeriod",
                    .member = &Endpoint::rotation_period,
                    .min = shortest_rotation,
                    .max = longest_rotation,
                    .protocols = for_hls_cmaf | for_dash,
                    .or_none = true},
    Field<Endpoint>{.name = "manifest.segments",
                    .member = &Endpoint::segments,
                    .min = 2,
                    .max = 100,
                    .protocols = for_hls | for_hls_cmaf},
    Field<Endpoint>{.name = "manifest.programDateTimeInterval",
                    .member = &Endpoint::program_date_time_interval,
                    .min = 1,
                    .max = 3600,
                    .protocols = for_hls | for_hls_cmaf},
    Field<Endpoint>{.name = "manifest.streamOrder", .member = &Endpoint::stream_order},
    Field<Endpoint>{
        .name = "manifest.minVideoBitrate", .member = &Endpoint::min_video_bitrate, .max = highest_bitrate},
    Field<Endpoint>{
        .name = "manifest.maxVideoBitrate", .member = &Endpoint::max_video_bitrate, .max = highest_bitrate},
    Field<Endpoint>{.name = "manifest.minBufferTime",
                    .member = &Endpoint::min_buffer_time,
                    .min = 1,
                    .max = 30,
                    .protocols = for_dash},
    Field<Endpoint>{.name = "manifest.minUpdatePeriod",
                    .member = &Endpoint::min_update_period,
                    .min = 1,
                    .max = 3600,
                    .protocols = for_dash},
    Field<Endpoint>{.name = "manifest.suggestedPresentationDelay",
                    .member = &Endpoint::suggested_presentation_delay,
                    .min = 1,
                    .max = 60,
                    .protocols = for_dash},
    Field<Endpoint>{.name = "manifest.manifestWindow",
                    .member = &Endpoint::manifest_window,
                    .min = 1,
                    .max = 3600,
                    .protocols = for_dash},
};

constexpr std::uint64_t longest_grace_period = 604'800;  // a week

constexpr std::array rotation_fields{
    Field<Rotation>{.name = "gracePeriod", .member = &Rotation::grace_period, .max = longest_grace_period},
};

}  // namespace

template <>
std::span<const Field<Group>> fields<Group>() {
  return group_fields;
}
template <>
std::span<const Field<Channel>> fields<Channel>() {
  return channel_fields;
}
template <>
std::span<const Field<Endpoint>> fields<Endpoint>() {
  return endpoint_fields;
}
template <>
std::span<const Field<Rotation>> fields<Rotation>() {
  return rotation_fields;
}

}  // namespace tarn::server
