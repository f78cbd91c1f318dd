// SPDX-License-Identifier: Apache-2.0
/**
 * SECTION:element-ingestselector
 *
 * Merges two redundant inputs, each of them all tracks of one programme, into one gapless timeline. Per
 * track and slot (one GOP of the reference track) the first complete copy is used, with a preference for
 * the active input; when that one is late the other one's copy is taken. Duplicates end here.
 *
 * Tracks of both inputs belong together when their keys are equal: those of `tarn/track` events, else v0,
 * v1…, a0, a1… and t0, t1… in the order of the pads. The source pad of track v0 is `video_0`. Streams with
 * `tarn/track` events have the programme's own times; others are put on their running time, plus one hour.
 *
 * | pad | caps |
 * |---|---|
 * | ingest1_%u | the primary's tracks: H.264, HEVC, AV1, VP9, AAC `raw`, AC-3, E-AC-3, MP3, Opus |
 * | ingest2_%u | the backup's |
 * | video_%u, audio_%u, text_%u | the same, with `tarn/stretch`, `tarn/part` and `tarn/slot` events |
 *
 * The source pads have streams, collections and tags as those of #hlsingestsrc.
 *
 * Messages: `tarn/input-switched` (from, to, media-time, reason) when the other input becomes active, and
 * `tarn/input-condition` (input, condition, state) when OPEN_SEGMENTS (its segments do not begin with a sync
 * sample), PDT_REJECTED (its dates are not credible) or MISALIGNED (its times or tracks do not match the
 * output: it can take over only after a discontinuity; `reason` says why) is "set" or "cleared" for an input;
 * and, before a switch needs it, DIFFERENT_CONTENT (its GOPs or its sound are other bytes than the ones
 * used), DIFFERENT_GOPS (they do not begin or end where those do), LAGGING (they come later by more than the
 * margin of a switch) or MISSING_TRACK (it has stopped sending one of its tracks; `tracks` names them).
 *
 * Threads: none of its own. The thread that brings content carries out what follows from it, and returns
 * when that has been pushed; deadlines are waited for on the element's clock and carried out on a thread
 * of GStreamer's pool. The signal `advance` does the same at once, for hosts with a timer of their own.
 *
 * ## Example
 * |[
 * gst-launch-1.0 ingestselector name=selector ! cmafpackager ! archivesink \
 *     videotestsrc num-buffers=150 ! x264enc key-int-max=50 ! h264parse ! selector.ingest1_0
 * ]|
 */
#include "ingest/gstingestselector.h"

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/archive/archive.h"
#include "gstkit/caps.h"
#include "gstkit/error.h"
#include "gstkit/events.h"
#include "gstkit/object.h"
#include "gstkit/pads.h"
#include "gstkit/properties.h"
#include "ingest/deadline_timer.h"
#include "ingest/decision_queue.h"
#include "ingest/input_tracks.h"
#include "ingest/selector_statistics.h"
#include "ingest/track_outputs.h"

GST_DEBUG_CATEGORY_STATIC(ingestselector_debug);
#define GST_CAT_DEFAULT ingestselector_debug

namespace tarn::ingest {

using gstkit::Ref;
using timeline::InputId;

class IngestSelector {
 public:
  using Shell = TarnIngestSelector;

  struct Settings {
    GstClockTime target_duration = 6 * GST_SECOND;
    std::string resume_from;
    bool repair = false;
    std::int64_t arrival = 0;  // µs since 1970
  };
  gstkit::Guarded<Settings> settings;
  [[nodiscard]] std::int32_t active_input() const;
  [[nodiscard]] gstkit::StructurePtr stats() const;

  static constexpr std::array properties{
      gstkit::Property<IngestSelector>{
          .name = "target-duration",
          .blurb = "Duration of the segments the inputs send, in nanoseconds; an input is late after 30 % of "
                   "it. A change counts from the next content on",
          .member = &Settings::target_duration,
          .min = 100 * GST_MSECOND,
          .max = 60 * GST_SECOND},
      gstkit::Property<IngestSelector>{
          .name = "resume-from",
          .blurb = "Archive directory whose timeline is continued; empty: a new timeline begins",
          .member = &Settings::resume_from,
          .when = gstkit::When::ready},
      gstkit::Property<IngestSelector>{
          .name = "repair",
          .blurb = "Push what comes after its slot was given up, for an archivesink; times then go back",
          .member = &Settings::repair},
      gstkit::Property<IngestSelector>{
          .name = "arrival",
          .blurb = "When what comes in now arrived, in microseconds since 1970 UTC, while an earlier run's "
                   "content is put again; 0: now",
          .member = &Settings::arrival},
      gstkit::Property<IngestSelector>{
          .name = "active-input",
          .blurb = "1 or 2, the input whose copies are preferred now; 0: none yet",
          .member = &IngestSelector::active_input},
      gstkit::Property<IngestSelector>{.name = "stats",
                                       .blurb = "State and counters of both inputs, and the switches so far",
                                       .member = &IngestSelector::stats}};

  explicit IngestSelector(TarnIngestSelector* shell);

  GstStateChangeReturn change_state(GstStateChange transition);
  GstPad* request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps* caps);
  void release_pad(GstPad* pad);
  GstFlowReturn chain(GstPad* pad, GstBuffer* buffer);
  GstFlowReturn chain_list(GstPad* pad, GstBufferList* list);
  bool sink_event(GstPad* pad, GstEvent* event);
  bool sink_query(GstPad* pad, GstQuery* query);
  void advance();

 private:
  struct State {
    State(timeline::MergerSettings merger_settings, timeline::Resume resume)
        : merger(merger_settings, std::move(resume)) {}
    timeline::Merger merger;
    std::array<InputTracks, 2> inputs{InputTracks{0}, InputTracks{1}};
    bool ended = false;  // EOS of all pads
    SwitchHistory switches;
    std::array<InputConditions, 2> conditions;  // as posted
  };

  Status start();
  void stop();

  // Lets `change` tell the merger something, in order with all other threads, and carries out what
  // follows. `change` gets the state and the input's tracks; it runs under the lock.
  template <class Change>
  GstFlowReturn tell(GstPad* pad, Change change);
  GstFlowReturn carry_out(DecisionQueue::Item& item);
  bool take_event(GstPad* pad, GstEvent* event);
  void take_eos(GstPad* pad);
  void forget(GstPad* pad, std::size_t input);
  void end_when_over();  // EOS once no pad is waited for
  [[nodiscard]] Microseconds target_duration() const;
  static std::vector<gstkit::StructurePtr> changed_conditions(State& state);
  void post(gstkit::StructurePtr structure);
  void post_switch(const timeline::InputSwitched& switched);
  [[nodiscard]] Utc arrival() const;

  TarnIngestSelector* shell_;
  mutable DeadlineTimer timer_;  // under mutex_
  TrackOutputs outputs_;
  DecisionQueue queue_;

  mutable std::mutex mutex_;    // guards all below; never held while pushing or posting
  std::optional<State> state_;  // while PAUSED or PLAYING
  std::vector<GstPad*> sinks_;  // request pads, in the order in which they came
};

}  // namespace tarn::ingest
struct _TarnIngestSelector {
  GstElement parent;
  tarn::ingest::IngestSelector* impl;
};
G_DEFINE_FINAL_TYPE(TarnIngestSelector, tarn_ingest_selector, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(ingestselector, "ingestselector", GST_RANK_NONE, TARN_TYPE_INGEST_SELECTOR)

namespace tarn::ingest {
namespace {

#define INPUT_TEMPLATE(name)                                   \
  GST_STATIC_PAD_TEMPLATE(name, GST_PAD_SINK, GST_PAD_REQUEST, \
                          GST_STATIC_CAPS(gstkit::elementary_stream_caps))
#define OUTPUT_TEMPLATE(name, caps) \
  GST_STATIC_PAD_TEMPLATE(name, GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS(caps))

GstStaticPadTemplate templates[] = {INPUT_TEMPLATE("ingest1_%u"), INPUT_TEMPLATE("ingest2_%u"),
                                    OUTPUT_TEMPLATE("video_%u", gstkit::video_stream_caps),
                                    OUTPUT_TEMPLATE("audio_%u", gstkit::audio_stream_caps),
                                    OUTPUT_TEMPLATE("text_%u", gstkit::text_stream_caps)};

Utc utc_now() { return Utc{Microseconds{g_get_real_time()}}; }

// Pads are called after their input: ingest1_0, ingest2_3.
std::size_t input_of(GstPad* pad) { return g_str_has_prefix(GST_PAD_NAME(pad), "ingest2") ? 1 : 0; }

}  // namespace

IngestSelector::IngestSelector(TarnIngestSelector* shell)
    : shell_(shell),
      timer_(GST_ELEMENT_CAST(shell),
             [](GstElement* element) { gstkit::impl_of<IngestSelector>(element)->advance(); }),
      outputs_(GST_ELEMENT_CAST(shell)),
      queue_([this](DecisionQueue::Item& item) { return carry_out(item); }) {}

// ---- states

Status IngestSelector::start() {
  const Settings wanted = settings.copy();
  timeline::Resume resume;
  if (!wanted.resume_from.empty()) resume = TRY(archive::Archive::open(wanted.resume_from))->resume();
  outputs_.resume(resume.last_stretch);
  const std::lock_guard lock{mutex_};
  state_.emplace(timeline::MergerSettings{.target_duration = target_duration()}, std::move(resume));
  for (GstPad* pad : sinks_) state_->inputs[input_of(pad)].add_pad(pad);
  return {};
}

// The pads are inactive by now, so that pushes that are under way come back soon.
void IngestSelector::stop() {
  {
    const std::lock_guard lock{mutex_};
    timer_.stop();
    state_.reset();
  }
  queue_.clear();
  outputs_.remove_all();
}

GstStateChangeReturn IngestSelector::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (Status status = start(); !status) {
      gstkit::post_error(GST_ELEMENT_CAST(shell_), status.error());
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  const auto result = GST_ELEMENT_CLASS(tarn_ingest_selector_parent_class)
                          ->change_state(GST_ELEMENT_CAST(shell_), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) stop();
  return result;
}

// ---- pads

GstPad* IngestSelector::request_new_pad(GstPadTemplate* pad_template, const gchar* name,
                                        const GstCaps* /*caps*/) {
  const auto* wanted = GST_PAD_TEMPLATE_NAME_TEMPLATE(pad_template);
  const std::string prefix = g_str_has_prefix(wanted, "ingest2") ? "ingest2_" : "ingest1_";
  GstElement* element = GST_ELEMENT_CAST(shell_);
  GstPad* const pad = gstkit::new_request_pad(element, pad_template, prefix, name);
  if (pad == nullptr) return nullptr;
  const std::size_t input = input_of(pad);
  gst_pad_set_chain_function(pad, gstkit::pad_thunk<&IngestSelector::chain>);
  gst_pad_set_chain_list_function(pad, gstkit::pad_thunk<&IngestSelector::chain_list>);
  gst_pad_set_event_function(pad, gstkit::pad_thunk<&IngestSelector::sink_event>);
  gst_pad_set_query_function(pad, gstkit::pad_thunk<&IngestSelector::sink_query>);
  {
    const std::lock_guard lock{mutex_};
    sinks_.push_back(pad);
    if (state_) state_->inputs[input].add_pad(pad);
  }
  if (gst_element_add_pad(element, pad) != FALSE) return pad;
  forget(pad, input);
  return nullptr;
}

void IngestSelector::forget(GstPad* pad, std::size_t input) {
  const std::lock_guard lock{mutex_};
  std::erase(sinks_, pad);
  if (state_) state_->inputs[input].remove_pad(pad);
}

void IngestSelector::release_pad(GstPad* pad) {
  gst_pad_set_active(pad, FALSE);
  (void)tell(pad, [&](const InputTracks::Context& context, InputTracks& input) {
    input.release_pad(context, pad);
    return GST_FLOW_OK;
  });
  forget(pad, input_of(pad));
  end_when_over();
  gst_element_remove_pad(GST_ELEMENT_CAST(shell_), pad);
}

// ---- what the merger is told

Utc IngestSelector::arrival() const {
  const std::int64_t told = settings.with([](const Settings& s) { return s.arrival; });
  return told != 0 ? Utc{Microseconds{told}} : utc_now();
}

Microseconds IngestSelector::target_duration() const {
  const auto nanoseconds = settings.with([](const Settings& s) { return s.target_duration; });
  return Microseconds{static_cast<std::int64_t>(nanoseconds / 1000)};
}

std::vector<gstkit::StructurePtr> IngestSelector::changed_conditions(State& state) {
  std::vector<gstkit::StructurePtr> changes;
  for (InputId input = 0; input < state.conditions.size(); ++input) {
    const InputConditions now = conditions_of(state.merger.status(input));
    for (auto& change : changes_of(input, std::exchange(state.conditions[input], now), now)) {
      changes.push_back(std::move(change));
    }
  }
  return changes;
}

template <class Change>
GstFlowReturn IngestSelector::tell(GstPad* pad, Change change) {
  DecisionQueue::Ticket ticket;
  GstFlowReturn flow = GST_FLOW_OK;
  std::vector<gstkit::StructurePtr> changes;
  {
    const std::lock_guard lock{mutex_};
    if (!state_) return GST_FLOW_FLUSHING;
    state_->merger.set_target_duration(target_duration());
    const InputTracks::Context context{.merger = state_->merger, .now = timer_.now(), .now_utc = arrival()};
    InputTracks& input = state_->inputs[pad != nullptr ? input_of(pad) : 0];
    flow = change(context, input);
    auto decisions = context.merger.take();
    for (const auto& decision : decisions) {
      if (const auto* switched = std::get_if<timeline::InputSwitched>(&decision)) {
        state_->switches.add(*switched, context.now_utc);
      }
    }
    timer_.arm(context.merger.deadline());
    changes = changed_conditions(*state_);
    ticket = queue_.put(std::move(decisions));
  }
  for (auto& change : changes) post(std::move(change));
  const GstFlowReturn carried = queue_.wait_for(ticket);
  return flow != GST_FLOW_OK ? flow : carried;
}

GstFlowReturn IngestSelector::chain(GstPad* pad, GstBuffer* raw) {
  auto buffer = Ref<GstBuffer>::adopt(raw);
  return tell(pad, [&](const InputTracks::Context& context, InputTracks& input) {
    return input.add(context, pad, std::move(buffer)) ? GST_FLOW_OK : GST_FLOW_NOT_NEGOTIATED;
  });
}

GstFlowReturn IngestSelector::chain_list(GstPad* pad, GstBufferList* raw) {
  const auto list = Ref<GstBufferList>::adopt(raw);
  return tell(pad, [&](const InputTracks::Context& context, InputTracks& input) {
    return input.add_list(context, pad, list.get()) ? GST_FLOW_OK : GST_FLOW_NOT_NEGOTIATED;
  });
}

void IngestSelector::advance() {
  (void)tell(nullptr, [](const InputTracks::Context& context, InputTracks&) {
    context.merger.advance(context.now, context.now_utc);
    return GST_FLOW_OK;
  });
}

bool IngestSelector::sink_event(GstPad* pad, GstEvent* raw) {
  const auto event = Ref<GstEvent>::adopt(raw);
  if (GST_EVENT_TYPE(raw) == GST_EVENT_CAPS) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(raw, &caps);
    auto info = gstkit::stream_info_of(caps);
    if (!info) {
      gstkit::post_error(GST_ELEMENT_CAST(shell_), info.error());
      return false;
    }
    return tell(pad, [&](const InputTracks::Context& context, InputTracks& input) {
             input.set_caps(context, pad, std::move(*info));
             return GST_FLOW_OK;
           }) == GST_FLOW_OK;
  }
  if (GST_EVENT_TYPE(raw) == GST_EVENT_EOS) {
    take_eos(pad);
  } else if (GST_EVENT_TYPE(raw) == GST_EVENT_STREAM_START) {
    (void)tell(pad, [&](const InputTracks::Context&, InputTracks& input) {
      input.begin_of_pad(pad);
      return GST_FLOW_OK;
    });
  } else if (GST_EVENT_TYPE(raw) == GST_EVENT_SEGMENT) {
    const GstSegment* segment = nullptr;
    gst_event_parse_segment(raw, &segment);
    (void)tell(pad, [&](const InputTracks::Context&, InputTracks& input) {
      input.set_segment(pad, *segment);
      return GST_FLOW_OK;
    });
  } else if (GST_EVENT_TYPE(raw) == GST_EVENT_CUSTOM_DOWNSTREAM ||
             GST_EVENT_TYPE(raw) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY) {
    return take_event(pad, raw);
  }
  // Everything else (segments, tags, gaps) ends here: the source pads have a timeline of their own.
  return true;
}

// False when what the event led to could not be pushed: its sender must not report success.
bool IngestSelector::take_event(GstPad* pad, GstEvent* event) {
  const auto flow = tell(pad, [&](const InputTracks::Context& context, InputTracks& input) {
    if (auto track = gstkit::parse<gstkit::TrackAnnounced>(event)) {
      input.announce_track(pad, std::move(track->track));
    } else if (auto tracks = gstkit::parse<gstkit::TracksAnnounced>(event)) {
      input.announce_keys(std::move(tracks->keys));
    } else if (const auto pdt = gstkit::parse<gstkit::ProgramDateTime>(event)) {
      input.program_date_time(context, pad, pdt->time, pdt->utc);
    } else if (const auto session = gstkit::parse<gstkit::Discontinuity>(event)) {
      input.discontinuity(context, session->session);
    } else if (gstkit::parse<gstkit::SegmentEnd>(event)) {
      input.segment_end(context, pad);
    } else if (gstkit::parse<gstkit::EndOfList>(event)) {
      input.end_of_list(context);
    }
    return GST_FLOW_OK;
  });
  return flow == GST_FLOW_OK;
}

void IngestSelector::take_eos(GstPad* pad) {
  (void)tell(pad, [&](const InputTracks::Context& context, InputTracks& input) {
    input.end_of_pad(context, pad);
    return GST_FLOW_OK;
  });
  end_when_over();
}

void IngestSelector::end_when_over() {
  DecisionQueue::Ticket ticket;
  {
    const std::lock_guard lock{mutex_};
    if (!state_ || state_->ended || sinks_.empty()) return;
    if (!state_->inputs[0].all_pads_ended() || !state_->inputs[1].all_pads_ended()) return;
    state_->ended = true;
    ticket = queue_.put_end();
  }
  (void)queue_.wait_for(ticket);
}

bool IngestSelector::sink_query(GstPad* pad, GstQuery* query) {
  if (!gstkit::is_timeline_edge_query(query)) {
    return gst_pad_query_default(pad, GST_OBJECT_CAST(shell_), query) != FALSE;
  }
  const std::lock_guard lock{mutex_};
  const auto edge = state_ ? state_->merger.edge_90k() : std::nullopt;
  if (edge) gstkit::answer_timeline_edge(query, *edge);
  return edge.has_value();
}

// ---- what the merger decides

GstFlowReturn IngestSelector::carry_out(DecisionQueue::Item& item) {
  if (!item) {
    outputs_.end_of_stream();
    return GST_FLOW_OK;
  }
  if (const auto* started = std::get_if<timeline::StretchStarted>(&*item)) {
    GST_INFO_OBJECT(shell_, "stretch %u: %s", started->stretch.id, started->reason.c_str());
    return outputs_.begin(*started);
  }
  if (const auto* part = std::get_if<timeline::PartDecided>(&*item)) return outputs_.push(*part);
  if (const auto* late = std::get_if<timeline::PartRepaired>(&*item)) {
    GST_INFO_OBJECT(shell_, "slot %" G_GUINT64_FORMAT ", track %u: came late", late->part.slot,
                    late->part.track);
    const bool wanted = settings.with([](const Settings& s) { return s.repair; });
    return wanted ? outputs_.push(late->part, true) : GST_FLOW_OK;
  }
  if (const auto* slot = std::get_if<timeline::SlotListed>(&*item)) {
    GST_DEBUG_OBJECT(shell_, "slot %" G_GUINT64_FORMAT ", %zu tracks missing", slot->number,
                     slot->missing.size());
    return outputs_.list(*slot);
  }
  if (const auto* switched = std::get_if<timeline::InputSwitched>(&*item)) {
    post_switch(*switched);
    return GST_FLOW_OK;
  }
  return outputs_.stream_ended();
}

void IngestSelector::post_switch(const timeline::InputSwitched& switched) {
  GST_INFO_OBJECT(shell_, "input %u instead of %u: %s", switched.to + 1, switched.from + 1,
                  switched.reason.c_str());
  post(structure_of(switched));
}

void IngestSelector::post(gstkit::StructurePtr structure) {
  gst_element_post_message(GST_ELEMENT_CAST(shell_),
                           gst_message_new_element(GST_OBJECT_CAST(shell_), structure.release()));
}

std::int32_t IngestSelector::active_input() const {
  const std::lock_guard lock{mutex_};
  const auto active = state_ ? state_->merger.active() : std::nullopt;
  return active ? static_cast<std::int32_t>(*active) + 1 : 0;
}

gstkit::StructurePtr IngestSelector::stats() const {
  const std::lock_guard lock{mutex_};
  if (!state_) return gstkit::StructurePtr{gst_structure_new_empty("tarn-ingest-stats")};
  return statistics_of(state_->merger, state_->switches, timer_.now());
}

}  // namespace tarn::ingest

static void tarn_ingest_selector_init(TarnIngestSelector* self) {
  self->impl = new tarn::ingest::IngestSelector{self};
}

static void tarn_ingest_selector_class_init(TarnIngestSelectorClass* klass) {
  using tarn::ingest::IngestSelector;
  namespace gstkit = tarn::gstkit;
  GST_DEBUG_CATEGORY_INIT(ingestselector_debug, "ingestselector", 0, "Redundant ingest selector");
  gstkit::finalize_with<IngestSelector>(G_OBJECT_CLASS(klass));
  gstkit::install_properties<IngestSelector>(G_OBJECT_CLASS(klass));

  /**
   * TarnIngestSelector::advance:
   *
   * Carries out what the deadlines demand that have passed on the element's clock.
   */
  g_signal_new_class_handler(
      "advance", G_TYPE_FROM_CLASS(klass), static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
      gstkit::callback<&IngestSelector::advance>(), nullptr, nullptr, nullptr, G_TYPE_NONE, 0);

  auto* element = GST_ELEMENT_CLASS(klass);
  element->change_state = gstkit::thunk<&IngestSelector::change_state>;
  element->request_new_pad = gstkit::thunk<&IngestSelector::request_new_pad>;
  element->release_pad = gstkit::thunk<&IngestSelector::release_pad>;
  for (auto& pad_template : tarn::ingest::templates)
    gst_element_class_add_static_pad_template(element, &pad_template);
  gst_element_class_set_static_metadata(element, "Ingest selector", "Generic",
                                        "Merges two redundant inputs into one gapless timeline",
                                        "The Tarn authors");
}
