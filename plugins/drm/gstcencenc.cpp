// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-cencenc
 * @title: cencenc
 *
 * Common encryption (ISO/IEC 23001-7) of CMAF headers and chunks, with the schemes `cbcs` (1:9 pattern for
 * video, whole samples for audio, a constant IV) and `cenc` (AES-CTR).
 *
 * | pad | caps |
 * |---|---|
 * | sink (always) | `video/quicktime, variant=cmaf` |
 * | src (always) | `video/quicktime, variant=cmaf`, with the encrypted header as `streamheader` |
 *
 * A buffer is a CMAF header, a chunk, or a `styp` or `prft` box, which passes as it is; anything else is an
 * error, for neither video nor audio leaves this element in the clear. Text tracks pass as they are. With
 * cenc the IVs of a chunk's samples are made from its serial, which archivesrc has in the buffers' offset;
 * other sources have none, and `first-serial` is the serial of the first chunk, counted up from there.
 * Chunks under one key must never have the same serial: give each element that uses the key a range of
 * its own. Chunks of AV1 begin with a key frame, for its frame headers are read with those before; others
 * are an error. Audio tracks have the same key as the others unless `audio-key` is set. Where other elements
 * encrypt the same track with other keys before or after, `sample-groups` makes every chunk say which key it
 * has, in `sgpd` and `sbgp` boxes with the grouping type `seig`.
 *
 * Where `key` is empty when it starts, the keys are those of a #GstContext of the type `tarn.content-keys`:
 * its fields `scheme`, `kid`, `iv`, `pssh`, `audio-kid`, `audio-iv` and `audio-pssh` are texts as the
 * properties are, and `key` and `audio-key` are 16 bytes each, as #GBytes, which GStreamer's own logs do not
 * show. What a context does not have the properties say. Without a context the message NEED_CONTEXT is
 * posted, whose synchronous handler may set one. A context that is set while the element runs is for its next
 * start.
 *
 * Works on the thread that pushes to it. Keys are never readable and never logged.
 *
 * |[
 * gst-launch-1.0 archivesrc location=archive tracks=1 ! \
 *     cencenc scheme=cenc key=00112233445566778899aabbccddeeff kid=0123456789abcdef0123456789abcdef ! \
 *     filesink location=encrypted.cmfv
 * ]|
 */
#include "drm/gstcencenc.h"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/isobmff/cmaf.h"
#include "drm/encryption_settings.h"
#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/events.h"
#include "gstkit/memory.h"
#include "gstkit/object.h"
#include "gstkit/properties.h"

GST_DEBUG_CATEGORY_STATIC(cencenc_debug);
#define GST_CAT_DEFAULT cencenc_debug

static GType tarn_cenc_scheme_get_type() {
  static const GEnumValue values[] = {
      {0, "AES-CTR", "cenc"}, {1, "AES-CBC, pattern", "cbcs"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("TarnCencScheme", values);
  return type;
}

namespace tarn {
namespace {

using gstkit::Access;
using gstkit::Property;
using gstkit::Ref;
using gstkit::When;
using timeline::TrackId;

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                             GST_STATIC_CAPS(gstkit::cmaf_caps_template));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(gstkit::cmaf_caps_template));

constexpr char keys_context[] = "tarn.content-keys";

class CencEnc {
 public:
  using Shell = TarnCencEnc;

  struct Settings {
    crypto::Scheme scheme = crypto::Scheme::cbcs;
    std::string key;
    std::string kid;
    std::string iv;
    std::string pssh;
    std::string audio_key;
    std::string audio_kid;
    std::string audio_iv;
    std::string audio_pssh;
    std::uint64_t first_serial = 0;
    bool sample_groups = false;
  };
  gstkit::Guarded<Settings> settings;

  static constexpr std::array properties{
      Property<CencEnc>{.name = "scheme",
                        .blurb = "Protection scheme",
                        .member = gstkit::enumeration<&Settings::scheme>(tarn_cenc_scheme_get_type),
                        .when = When::ready},
      Property<CencEnc>{.name = "key",
                        .blurb = "Content key, 32 hexadecimal digits",
                        .member = &Settings::key,
                        .when = When::ready,
                        .access = Access::write_only},
      Property<CencEnc>{.name = "kid",
                        .blurb = "Key id, 32 hexadecimal digits; hyphens are passed over",
                        .member = &Settings::kid,
                        .when = When::ready},
      Property<CencEnc>{.name = "iv",
                        .blurb = "Constant IV, 32 hexadecimal digits; cbcs only",
                        .member = &Settings::iv,
                        .when = When::ready},
      Property<CencEnc>{.name = "pssh",
                        .blurb = "pssh boxes for the header, base64, separated by commas",
                        .member = &Settings::pssh,
                        .when = When::ready},
      Property<CencEnc>{.name = "audio-key",
                        .blurb = "Content key of audio tracks; empty: key, kid, iv and pssh are theirs too",
                        .member = &Settings::audio_key,
                        .when = When::ready,
                        .access = Access::write_only},
      Property<CencEnc>{.name = "audio-kid",
                        .blurb = "Key id of audio tracks",
                        .member = &Settings::audio_kid,
                        .when = When::ready},
      Property<CencEnc>{.name = "audio-iv",
                        .blurb = "Constant IV of audio tracks",
                        .member = &Settings::audio_iv,
                        .when = When::ready},
      Property<CencEnc>{.name = "audio-pssh",
                        .blurb = "pssh boxes for the headers of audio tracks",
                        .member = &Settings::audio_pssh,
                        .when = When::ready},
      Property<CencEnc>{
          .name = "first-serial",
          .blurb =
              "Serial of the first chunk where chunks have none of their own; 0: those are refused; cenc",
          .member = &Settings::first_serial,
          .max = (std::uint64_t{1} << 48U) - 1,
          .when = When::ready},
      Property<CencEnc>{.name = "sample-groups",
                        .blurb = "Say in every chunk which key it has, for keys that change (seig)",
                        .member = &Settings::sample_groups,
                        .when = When::ready},
  };

  explicit CencEnc(TarnCencEnc* shell);

  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer);
  GstFlowReturn chain_list(GstPad* pad, GstBufferList* list);
  bool sink_event(GstPad* pad, GstEvent* event);
  GstStateChangeReturn change_state(GstStateChange transition);
  void set_context(GstContext* context);

 private:
  struct Track {
    Ref<GstCaps> clear_caps;  // what the rest was made of
    Ref<GstCaps> caps;
    std::optional<crypto::TrackEncryptor> encryptor;
    bool is_text = false;
  };
  // From READY to PAUSED and back; streaming thread.
  struct State {
    std::optional<crypto::TrackProtection> main;
    std::optional<crypto::TrackProtection> audio;
    std::map<TrackId, Track> tracks;  // 0: of the pad's own caps
    Track* current = nullptr;
    std::uint64_t next_serial = 0;  // 0: chunks bring their own
  };

  Status open();
  Result<Settings> wanted();
  [[nodiscard]] const crypto::TrackProtection& protection_of(const codecs::StreamInfo& info) const;
  Status begin_track(TrackId id, const Ref<GstCaps>& caps);
  Result<Ref<GstBuffer>> encrypt(GstBuffer* buffer);
  Result<Ref<GstBuffer>> encrypt_header(const std::vector<Blob>& parts);
  Result<std::uint64_t> serial_of(GstBuffer* buffer);
  GstFlowReturn fail(const Error& error) { return gstkit::post_error(GST_ELEMENT(shell_), error); }

  TarnCencEnc* shell_;
  GstPad* sink_ = nullptr;  // owned by the element
  GstPad* src_ = nullptr;
  State state_;
  gstkit::Guarded<Ref<GstContext>> keys_;
};

}  // namespace
}  // namespace tarn

struct _TarnCencEnc {
  GstElement parent;
  tarn::CencEnc* impl;
};

G_DEFINE_FINAL_TYPE(TarnCencEnc, tarn_cenc_enc, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(cencenc, "cencenc", GST_RANK_NONE, TARN_TYPE_CENC_ENC)

namespace tarn {
namespace {

CencEnc::CencEnc(TarnCencEnc* shell) : shell_(shell) {
  sink_ = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(sink_, gstkit::pad_thunk<&CencEnc::chain>);
  gst_pad_set_chain_list_function(sink_, gstkit::pad_thunk<&CencEnc::chain_list>);
  gst_pad_set_event_function(sink_, gstkit::pad_thunk<&CencEnc::sink_event>);
  gst_element_add_pad(GST_ELEMENT(shell_), sink_);
  src_ = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_use_fixed_caps(src_);
  gst_element_add_pad(GST_ELEMENT(shell_), src_);
}

// Kept here and not with the element's other contexts, which anybody may read.
void CencEnc::set_context(GstContext* context) {
  if (gst_context_has_context_type(context, keys_context) == FALSE)
    return GST_ELEMENT_CLASS(tarn_cenc_enc_parent_class)->set_context(GST_ELEMENT(shell_), context);
  keys_.change([&](Ref<GstContext>& keys) { keys = Ref<GstContext>::share(context); });
}

Result<CencEnc::Settings> CencEnc::wanted() {
  Settings s = settings.copy();
  if (!s.key.empty()) return s;
  auto keys = keys_.copy();
  if (!keys) {
    gst_element_post_message(GST_ELEMENT(shell_),
                             gst_message_new_need_context(GST_OBJECT(shell_), keys_context));
    keys = keys_.copy();
  }
  if (!keys) {
    return Error{ErrorCode::invalid,
                 std::string{"cencenc: there is neither a key nor a context "} + keys_context};
  }
  const GstStructure* const fields = gst_context_get_structure(keys.get());
  TRY(drm_element::read_text(fields, "kid", s.kid));
  TRY(drm_element::read_text(fields, "iv", s.iv));
  TRY(drm_element::read_text(fields, "pssh", s.pssh));
  TRY(drm_element::read_text(fields, "audio-kid", s.audio_kid));
  TRY(drm_element::read_text(fields, "audio-iv", s.audio_iv));
  TRY(drm_element::read_text(fields, "audio-pssh", s.audio_pssh));
  TRY(drm_element::read_key(fields, "key", s.key));
  TRY(drm_element::read_key(fields, "audio-key", s.audio_key));
  std::string scheme;
  TRY(drm_element::read_text(fields, "scheme", scheme));
  if (scheme == "cenc") s.scheme = crypto::Scheme::cenc;
  if (scheme == "cbcs") s.scheme = crypto::Scheme::cbcs;
  if (!scheme.empty() && scheme != "cenc" && scheme != "cbcs")
    return Error{ErrorCode::invalid, "cencenc: scheme must be cenc or cbcs"};
  return s;
}

Status CencEnc::open() {
  const Settings s = TRY(wanted());
  state_ = {};
  state_.next_serial = s.first_serial;
  state_.main = TRY(drm_element::parse_keys({s.key, s.kid, s.iv, s.pssh}, s.scheme, ""));
  state_.audio = state_.main;
  if (!s.audio_key.empty()) {
    state_.audio = TRY(
        drm_element::parse_keys({s.audio_key, s.audio_kid, s.audio_iv, s.audio_pssh}, s.scheme, "audio-"));
  }
  state_.main->key.changes = state_.audio->key.changes = s.sample_groups;
  return {};
}

GstStateChangeReturn CencEnc::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (const Status opened = open(); !opened.ok()) {
      fail(opened.error());
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  const auto result =
      GST_ELEMENT_CLASS(tarn_cenc_enc_parent_class)->change_state(GST_ELEMENT(shell_), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) state_ = {};
  return result;
}

const crypto::TrackProtection& CencEnc::protection_of(const codecs::StreamInfo& info) const {
  return codecs::kind_of(info.codec) == codecs::Kind::audio ? *state_.audio : *state_.main;
}

Status CencEnc::begin_track(TrackId id, const Ref<GstCaps>& caps) {
  Track& track = state_.tracks[id];
  state_.current = &track;
  if (track.clear_caps == caps && (track.encryptor || track.is_text)) return {};
  track.encryptor.reset();
  const auto described = TRY(gstkit::cmaf_track_of(caps.get()));
  track.is_text = codecs::kind_of(described.info.codec) == codecs::Kind::text;
  if (track.is_text) {
    track.clear_caps = track.caps = caps;
    return {};
  }
  const auto& protection = protection_of(described.info);
  auto encryptor = TRY(crypto::TrackEncryptor::make(described.info, protection.key));
  auto header = TRY(encryptor.header(described.header.bytes(), protection.pssh));
  track.clear_caps = caps;
  track.caps = gstkit::cmaf_caps(described.info, Blob::of(std::move(header)));
  track.encryptor = std::move(encryptor);
  return {};
}

Result<std::uint64_t> CencEnc::serial_of(GstBuffer* buffer) {
  if (state_.main->key.scheme == crypto::Scheme::cbcs) return std::uint64_t{0};
  if (state_.next_serial != 0) return state_.next_serial++;
  if (GST_BUFFER_OFFSET_IS_VALID(buffer)) return std::uint64_t{GST_BUFFER_OFFSET(buffer)};
  return Error{ErrorCode::invalid, "cencenc: the chunks have no serials; set first-serial"};
}

Result<Ref<GstBuffer>> CencEnc::encrypt_header(const std::vector<Blob>& parts) {
  if (parts.size() != 1) return malformed("cencenc: a CMAF header in several memories");
  const auto parsed = TRY(isobmff::parse_init(parts.front().bytes()));
  if (codecs::kind_of(parsed.info.codec) == codecs::Kind::text) return gstkit::buffer_of(parts.front());
  const auto& protection = protection_of(parsed.info);
  const auto encryptor = TRY(crypto::TrackEncryptor::make(parsed.info, protection.key));
  auto header = TRY(encryptor.header(parts.front().bytes(), protection.pssh));
  auto out = gstkit::buffer_of(Blob::of(std::move(header)));
  GST_BUFFER_FLAG_SET(out.get(), GST_BUFFER_FLAG_HEADER);
  return out;
}

Result<Ref<GstBuffer>> CencEnc::encrypt(GstBuffer* buffer) {
  const auto parts = TRY(gstkit::blobs_of(buffer));
  if (parts.empty()) return Ref<GstBuffer>::share(buffer);
  Reader front{parts.front().bytes()};
  const std::uint32_t size = front.u32();
  const isobmff::FourCC first = front.u32();
  const bool is_clear = first == isobmff::fourcc("styp") || first == isobmff::fourcc("prft");
  if (is_clear && parts.size() == 1 && size == parts.front().size()) {
    return Ref<GstBuffer>::share(buffer);
  }
  if (first == isobmff::fourcc("ftyp")) return encrypt_header(parts);
  if (first != isobmff::fourcc("moof") && first != isobmff::fourcc("emsg"))
    return malformed("cencenc: neither a CMAF header nor a chunk");
  if (state_.current != nullptr && state_.current->is_text) return Ref<GstBuffer>::share(buffer);
  if (state_.current == nullptr || !state_.current->encryptor) {
    return Error{ErrorCode::invalid, "cencenc: a chunk came before the caps of its track"};
  }
  auto out = gstkit::buffer_of(TRY(state_.current->encryptor->chunk(parts, TRY(serial_of(buffer)))));
  constexpr auto copied = static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS);
  gst_buffer_copy_into(out.get(), buffer, copied, 0, static_cast<gsize>(-1));
  return out;
}

GstFlowReturn CencEnc::chain(GstPad* /*pad*/, GstBuffer* buffer) {
  const auto owned = Ref<GstBuffer>::adopt(buffer);
  auto encrypted = encrypt(owned.get());
  if (!encrypted.ok()) return fail(encrypted.error());
  return gst_pad_push(src_, encrypted->release());
}

GstFlowReturn CencEnc::chain_list(GstPad* /*pad*/, GstBufferList* list) {
  const auto owned = Ref<GstBufferList>::adopt(list);
  const guint length = gst_buffer_list_length(owned.get());
  auto out = Ref<GstBufferList>::adopt(gst_buffer_list_new_sized(length));
  for (guint i = 0; i < length; ++i) {
    auto encrypted = encrypt(gst_buffer_list_get(owned.get(), i));
    if (!encrypted.ok()) return fail(encrypted.error());
    gst_buffer_list_add(out.get(), encrypted->release());
  }
  return gst_pad_push_list(src_, out.release());
}

bool CencEnc::sink_event(GstPad* pad, GstEvent* event) {
  auto owned = Ref<GstEvent>::adopt(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps* given = nullptr;
    gst_event_parse_caps(event, &given);
    // archivesrc's own caps have no header: those of its tracks come with tarn/track-begin.
    if (gst_structure_has_field(gst_caps_get_structure(given, 0), "streamheader") != FALSE) {
      if (const Status begun = begin_track(0, Ref<GstCaps>::share(given)); !begun.ok()) {
        fail(begun.error());
        return false;
      }
      owned = Ref<GstEvent>::adopt(gst_event_new_caps(state_.current->caps.get()));
    }
    return gst_pad_push_event(src_, owned.release()) != FALSE;
  }
  if (const auto begin = gstkit::parse<gstkit::TrackBegin>(event)) {
    if (const Status begun = begin_track(begin->track, begin->caps); !begun.ok()) {
      state_.current = nullptr;  // its chunks are refused
      fail(begun.error());
      return false;
    }
    owned = gstkit::to_event(gstkit::TrackBegin{.track = begin->track, .caps = state_.current->caps});
  }
  return gst_pad_event_default(pad, GST_OBJECT(shell_), owned.release()) != FALSE;
}

}  // namespace
}  // namespace tarn

static void tarn_cenc_enc_init(TarnCencEnc* self) { self->impl = new tarn::CencEnc{self}; }

static void tarn_cenc_enc_class_init(TarnCencEncClass* klass) {
  auto* object = G_OBJECT_CLASS(klass);
  auto* element = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(cencenc_debug, "cencenc", 0, "common encryption of CMAF");
  tarn::gstkit::finalize_with<tarn::CencEnc>(object);
  tarn::gstkit::install_properties<tarn::CencEnc>(object);
  element->change_state = tarn::gstkit::thunk<&tarn::CencEnc::change_state>;
  element->set_context = tarn::gstkit::thunk<&tarn::CencEnc::set_context>;
  gst_element_class_add_static_pad_template(element, &tarn::sink_template);
  gst_element_class_add_static_pad_template(element, &tarn::src_template);
  gst_element_class_set_static_metadata(element, "Common encryption", "Codec/Encryptor",
                                        "Encrypts CMAF headers and chunks with cbcs or cenc", "Tarn");
}
