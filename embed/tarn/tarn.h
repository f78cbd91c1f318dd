/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TARN_H
#define TARN_H

/* What applications need of Tarn beside its elements: pkg-config `tarn-1.0`. Everything here is C, may be
 * called from any thread after gst_init() and is stable: names are added, not changed. docs/embedding.md
 * shows how it is used. */

#include <gst/gst.h>

G_BEGIN_DECLS

#ifndef TARN_API
#define TARN_API extern
#endif

/* Element messages on the bus: names of their structures. docs/messages.md says what is in them. */
#define TARN_MESSAGE_INPUT_SWITCHED "tarn/input-switched"
#define TARN_MESSAGE_INPUT_CONDITION "tarn/input-condition"
#define TARN_MESSAGE_GOP_TOO_LONG "tarn/gop-too-long"

/* Conditions of TARN_MESSAGE_INPUT_CONDITION. */
#define TARN_CONDITION_OPEN_SEGMENTS "OPEN_SEGMENTS"
#define TARN_CONDITION_PDT_REJECTED "PDT_REJECTED"
#define TARN_CONDITION_MISALIGNED "MISALIGNED"
#define TARN_CONDITION_DIFFERENT_CONTENT "DIFFERENT_CONTENT"
#define TARN_CONDITION_DIFFERENT_GOPS "DIFFERENT_GOPS"
#define TARN_CONDITION_LAGGING "LAGGING"
#define TARN_CONDITION_MISSING_TRACK "MISSING_TRACK"

/* Downstream events between the elements: names of their structures, whose fields docs/architecture.md has.
 */
#define TARN_EVENT_TRACK "tarn/track"
#define TARN_EVENT_TRACKS "tarn/tracks"
#define TARN_EVENT_PROGRAM_DATE_TIME "tarn/program-date-time"
#define TARN_EVENT_DISCONTINUITY "tarn/discontinuity"
#define TARN_EVENT_SEGMENT_BEGIN "tarn/segment-begin"
#define TARN_EVENT_SEGMENT_END "tarn/segment-end"
#define TARN_EVENT_TRACK_BEGIN "tarn/track-begin"
#define TARN_EVENT_END_OF_LIST "tarn/end-of-list"
#define TARN_EVENT_STRETCH "tarn/stretch"
#define TARN_EVENT_PART "tarn/part"
#define TARN_EVENT_SLOT "tarn/slot"
#define TARN_EVENT_STREAM_ENDED "tarn/stream-ended"

/* The GstCustomMeta with which timed metadata travel on the buffers of elementary streams. */
#define TARN_META_EVENT_MESSAGES "TarnEventMessages"

/* The type of a GstContext with content keys for cencenc; docs/embedding.md has its fields. */
#define TARN_CONTEXT_CONTENT_KEYS "tarn.content-keys"

/* Schemes of timed metadata that become part of MPEG-TS as well; others are for CMAF only. */
#define TARN_SCHEME_ID3 "https://aomedia.org/emsg/ID3"
#define TARN_SCHEME_SCTE35 "urn:scte:scte35:2013:bin"

/**
 * tarn_version:
 * @major: (out) (optional): of the library that is running
 * @minor: (out) (optional):
 * @micro: (out) (optional):
 */
TARN_API void tarn_version(guint* major, guint* minor, guint* micro);

/**
 * tarn_version_string:
 *
 * Returns: (transfer none): such as "1.2.3"
 */
TARN_API const gchar* tarn_version_string(void);

/**
 * tarn_register_elements:
 *
 * Registers all elements in this process, so that no plugin has to be found in GST_PLUGIN_PATH. To be called
 * after gst_init() and before the first of the elements is made. Before gst_init() it warns and does nothing.
 * When it has failed it can be called again, and when it has not, calling it again does nothing.
 *
 * Returns: whether the elements are there
 */
TARN_API gboolean tarn_register_elements(void);

/**
 * tarn_message_parse_input_switched:
 * @message: any message
 * @from: (out) (optional): input that was used, 1 or 2
 * @to: (out) (optional): input that is used now
 * @media_time: (out) (optional): ticks of the reference track
 * @reason: (out) (optional) (transfer full): why, in words
 *
 * Returns: %FALSE if the message is another one; nothing is set then
 */
TARN_API gboolean tarn_message_parse_input_switched(GstMessage* message, guint* from, guint* to,
                                                    gint64* media_time, gchar** reason);

/**
 * tarn_message_parse_input_condition:
 * @message: any message
 * @input: (out) (optional): 1 or 2
 * @condition: (out) (optional) (transfer full): one of the TARN_CONDITION names
 * @is_set: (out) (optional): whether it begins or ends
 *
 * Returns: %FALSE if the message is another one; nothing is set then
 */
TARN_API gboolean tarn_message_parse_input_condition(GstMessage* message, guint* input, gchar** condition,
                                                     gboolean* is_set);

/**
 * tarn_message_parse_gop_too_long:
 * @message: any message
 * @slot: (out) (optional): number of the slot
 * @duration: (out) (optional): of the GOP
 * @target_duration: (out) (optional): seconds that were promised
 *
 * Returns: %FALSE if the message is another one; nothing is set then
 */
TARN_API gboolean tarn_message_parse_gop_too_long(GstMessage* message, guint64* slot, GstClockTime* duration,
                                                  guint* target_duration);

/**
 * tarn_buffer_add_event_message:
 * @buffer: a writable buffer with an access unit on its way to a packager
 * @scheme_id_uri: TARN_SCHEME_ID3, TARN_SCHEME_SCTE35 or another scheme
 * @value: (nullable): value of the scheme
 * @id: equal for repetitions of one message
 * @data: ID3 tags, a splice_info_section(), or what the scheme says; at most 60000 bytes
 *
 * Says something at the presentation time of an access unit. A buffer can carry one message of this kind.
 *
 * Returns: whether the buffer has it
 */
TARN_API gboolean tarn_buffer_add_event_message(GstBuffer* buffer, const gchar* scheme_id_uri,
                                                const gchar* value, guint id, GBytes* data);

G_END_DECLS

#endif
