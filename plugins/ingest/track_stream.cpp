// SPDX-License-Identifier: Apache-2.0
#include "ingest/track_stream.h"

#include <string>

#include "gstkit/caps.h"

namespace tarn::ingest {
namespace {

using codecs::Kind;
using gstkit::Ref;

GstStreamType type_of(Kind kind) {
  switch (kind) {
    case Kind::video:
      return GST_STREAM_TYPE_VIDEO;
    case Kind::audio:
      return GST_STREAM_TYPE_AUDIO;
    case Kind::text:
      break;
  }
  return GST_STREAM_TYPE_TEXT;
}

const char* codec_tag_of(Kind kind) {
  switch (kind) {
    case Kind::video:
      return GST_TAG_VIDEO_CODEC;
    case Kind::audio:
      return GST_TAG_AUDIO_CODEC;
    case Kind::text:
      break;
  }
  return GST_TAG_SUBTITLE_CODEC;
}

void set(const Ref<GstTagList>& tags, const char* tag, const std::string& value) {
  if (!value.empty()) gst_tag_list_add(tags.get(), GST_TAG_MERGE_REPLACE, tag, value.c_str(), nullptr);
}

}  // namespace

Ref<GstTagList> tags_of(const timeline::TrackDescription& track) {
  auto tags = Ref<GstTagList>::adopt(gst_tag_list_new_empty());
  gst_tag_list_set_scope(tags.get(), GST_TAG_SCOPE_STREAM);
  set(tags, GST_TAG_LANGUAGE_CODE, track.language.substr(0, track.language.find('-')));
  set(tags, GST_TAG_TITLE, track.name);
  set(tags, codec_tag_of(codecs::kind_of(track.info.codec)), std::string{codecs::name_of(track.info.codec)});
  return tags;
}

Ref<GstStream> stream_of(const char* stream_id, const timeline::TrackDescription& track) {
  const Kind kind = codecs::kind_of(track.info.codec);
  guint flags = GST_STREAM_FLAG_NONE;
  if (kind == Kind::video || track.is_default) flags |= GST_STREAM_FLAG_SELECT;
  if (kind == Kind::text) flags |= GST_STREAM_FLAG_SPARSE;
  const auto caps = gstkit::caps_of(track.info);
  auto stream = Ref<GstStream>::adopt(gst_stream_new(stream_id, caps.ok() ? caps->get() : nullptr,
                                                     type_of(kind), static_cast<GstStreamFlags>(flags)));
  const auto tags = tags_of(track);
  gst_stream_set_tags(stream.get(), tags.get());
  return stream;
}

}  // namespace tarn::ingest
