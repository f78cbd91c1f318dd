// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <new>

#include "core/base/text.h"
#include "gstkit/error.h"
#include "gstkit/object.h"
#include "gstkit/pads.h"
#include "gstkit/properties.h"
#include "media.h"

namespace tarn::gstkit {
class Sample;
}  // namespace tarn::gstkit

G_BEGIN_DECLS
G_DECLARE_FINAL_TYPE(TarnSample, tarn_sample, TARN, SAMPLE, GstElement)
G_END_DECLS
struct _TarnSample {
  GstElement parent;
  tarn::gstkit::Sample* impl;
};

namespace tarn::gstkit {
namespace {
int living_impls = 0;
}  // namespace

class Sample {
 public:
  using Shell = TarnSample;
  struct Settings {
    std::string text = "some";
    bool flag = true;
    std::int32_t number = -3;
    std::uint64_t big = 7;
    GstState mode = GST_STATE_PAUSED;
    std::string secret;
  };
  Guarded<Settings> settings;
  std::uint64_t doubled() const {
    return settings.with([](const Settings& s) { return s.big * 2; });
  }
  static constexpr std::array properties{
      Property<Sample>{.name = "text", .blurb = "", .member = &Settings::text, .when = When::ready},
      Property<Sample>{.name = "flag", .blurb = "", .member = &Settings::flag},
      Property<Sample>{.name = "number", .blurb = "", .member = &Settings::number, .min = -10, .max = 10},
      Property<Sample>{.name = "big", .blurb = "", .member = &Settings::big},
      Property<Sample>{
          .name = "mode", .blurb = "", .member = enumeration<&Settings::mode>(gst_state_get_type)},
      Property<Sample>{
          .name = "secret", .blurb = "", .member = &Settings::secret, .access = Access::write_only},
      Property<Sample>{.name = "doubled", .blurb = "", .member = &Sample::doubled}};

  // Callbacks that get no memory, once for each kind of answer.
  GstStateChangeReturn change_state(GstStateChange /*change*/) { throw std::bad_alloc{}; }
  GstStructure* structure() { throw std::bad_alloc{}; }
  bool flag() { throw std::bad_alloc{}; }
  void nothing() { throw std::bad_alloc{}; }
  GstFlowReturn chain(GstPad* /*pad*/, GstBuffer* buffer) {
    gst_buffer_unref(buffer);
    throw std::bad_alloc{};
  }

  explicit Sample(TarnSample* /*shell*/) { ++living_impls; }
  ~Sample() { --living_impls; }
};

}  // namespace tarn::gstkit

G_DEFINE_FINAL_TYPE(TarnSample, tarn_sample, GST_TYPE_ELEMENT)
static void tarn_sample_init(TarnSample* self) { self->impl = new tarn::gstkit::Sample{self}; }
static void tarn_sample_class_init(TarnSampleClass* klass) {
  tarn::gstkit::finalize_with<tarn::gstkit::Sample>(G_OBJECT_CLASS(klass));
  tarn::gstkit::install_properties<tarn::gstkit::Sample>(G_OBJECT_CLASS(klass));
}

namespace tarn::gstkit {
namespace {

Ref<GstElement> new_sample() {
  return Ref<GstElement>::adopt(GST_ELEMENT(g_object_new(tarn_sample_get_type(), nullptr)));
}

TEST(Object, ImplDiesWithItsShell) {
  {
    const auto first = new_sample();
    const auto second = new_sample();
    EXPECT_EQ(living_impls, 2);
  }
  EXPECT_EQ(living_impls, 0);
}

TEST(Object, ACallbackWithoutMemoryFails) {
  const auto element = new_sample();
  const auto said = [] { g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "out of memory"); };
  const auto heard = [] { g_test_assert_expected_messages(); };
  auto* shell = reinterpret_cast<TarnSample*>(element.get());
  said();
  EXPECT_EQ(Thunk<&Sample::change_state>::call(shell, GST_STATE_CHANGE_NULL_TO_READY),
            GST_STATE_CHANGE_FAILURE);
  heard();
  said();
  EXPECT_EQ(Thunk<&Sample::structure>::call(shell), nullptr);
  heard();
  said();
  EXPECT_EQ(Thunk<&Sample::flag>::call(shell), FALSE);
  heard();
  said();
  Thunk<&Sample::nothing>::call(shell);
  heard();
  said();
  EXPECT_EQ(PadThunk<&Sample::chain>::call(nullptr, GST_OBJECT(element.get()), gst_buffer_new()),
            GST_FLOW_ERROR);
  heard();
}

TEST(Properties, DefaultsAreTheMembersInitialisers) {
  const auto* text =
      G_PARAM_SPEC_STRING(g_object_class_find_property(G_OBJECT_GET_CLASS(new_sample().get()), "text"));
  EXPECT_STREQ(text->default_value, "some");
  gint number = 0;
  gboolean flag = FALSE;
  GstState mode = GST_STATE_NULL;
  g_object_get(new_sample().get(), "number", &number, "flag", &flag, "mode", &mode, nullptr);
  EXPECT_EQ(number, -3);
  EXPECT_EQ(flag, TRUE);
  EXPECT_EQ(mode, GST_STATE_PAUSED);
}

TEST(Properties, SetAndGetGoThroughTheRow) {
  const auto sample = new_sample();
  g_object_set(sample.get(), "text", "other", "number", 9, "big", G_GUINT64_CONSTANT(21), "mode",
               GST_STATE_READY, nullptr);
  char* text = nullptr;
  gint number = 0;
  guint64 doubled = 0;
  GstState mode = GST_STATE_NULL;
  g_object_get(sample.get(), "text", &text, "number", &number, "doubled", &doubled, "mode", &mode, nullptr);
  EXPECT_STREQ(TextPtr{text}.get(), "other");
  EXPECT_EQ(number, 9);
  EXPECT_EQ(doubled, 42U);
  EXPECT_EQ(mode, GST_STATE_READY);
}

TEST(Properties, SecretsCannotBeReadAndGettersCannotBeSet) {
  auto* klass = G_OBJECT_GET_CLASS(new_sample().get());
  EXPECT_EQ(g_object_class_find_property(klass, "secret")->flags & G_PARAM_READABLE, 0);
  EXPECT_EQ(g_object_class_find_property(klass, "doubled")->flags & G_PARAM_WRITABLE, 0);
  EXPECT_NE(g_object_class_find_property(klass, "text")->flags & GST_PARAM_MUTABLE_READY, 0);
}

TEST(Properties, ReadyOnlyOnesAreRefusedLater) {
  const auto sample = new_sample();
  ASSERT_EQ(gst_element_set_state(sample.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  g_object_set(sample.get(), "text", "too late", "flag", FALSE, nullptr);
  char* text = nullptr;
  gboolean flag = TRUE;
  g_object_get(sample.get(), "text", &text, "flag", &flag, nullptr);
  EXPECT_STREQ(TextPtr{text}.get(), "some");
  EXPECT_EQ(flag, FALSE);
  gst_element_set_state(sample.get(), GST_STATE_NULL);
}

TEST(Ref, AdoptTakesTheReferenceAndShareAddsOne) {
  GstBuffer* buffer = gst_buffer_new();
  const auto adopted = Ref<GstBuffer>::adopt(buffer);
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(buffer), 1);
  {
    const auto shared = Ref<GstBuffer>::share(buffer);
    const auto copied = shared;
    EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(buffer), 3);
  }
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(buffer), 1);
}

TEST(Ref, ANewElementIsSunk) {
  const auto sample = new_sample();
  EXPECT_FALSE(g_object_is_floating(sample.get()));
  EXPECT_EQ(GST_OBJECT_REFCOUNT_VALUE(sample.get()), 1);
}

TEST(Memory, ABlobCrossesBothWaysWithoutBeingCopied) {
  const Blob blob = Blob::copy_of(as_bytes("payload"));
  auto buffer = buffer_of(blob);
  const auto back = blobs_of(buffer.get());
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 1U);
  EXPECT_EQ((*back)[0].data(), blob.data());
  buffer = {};
  EXPECT_EQ(as_text((*back)[0].bytes()), "payload");  // the blob keeps the memory
}

TEST(Memory, ABlobOfABufferOutlivesItsMaker) {
  auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, 3, nullptr));
  gst_buffer_fill(buffer.get(), 0, "abc", 3);
  auto blobs = blobs_of(buffer.get());
  ASSERT_TRUE(blobs);
  buffer = {};
  EXPECT_EQ(as_text(blobs->front().bytes()), "abc");
}

TEST(Memory, NeighbouringRangesBecomeOneSpan) {
  const Blob blob = Blob::copy_of(as_bytes("0123456789"));
  const auto memory = memory_of(blob);
  PayloadSpans spans;
  for (const auto& [offset, size] : std::array<std::pair<int, int>, 3>{{{1, 2}, {3, 3}, {6, 1}}}) {
    spans.add(buffer_of_range(memory.get(), static_cast<std::size_t>(offset), static_cast<std::size_t>(size))
                  .get());
  }
  EXPECT_EQ(spans.size_bytes(), 6U);
  const auto joined = spans.take();
  ASSERT_EQ(joined.size(), 1U);
  const auto back = blob_of(joined[0].get());
  ASSERT_TRUE(back);
  EXPECT_EQ(as_text(back->bytes()), "123456");
  EXPECT_EQ(back->data(), blob.data() + 1);
}

TEST(Memory, AGapOrAnotherMemoryBeginsANewSpan) {
  const auto first = memory_of(Blob::copy_of(as_bytes("0123456789")));
  const auto second = memory_of(Blob::copy_of(as_bytes("abc")));
  PayloadSpans spans;
  spans.add(buffer_of_range(first.get(), 0, 2).get());
  spans.add(buffer_of_range(first.get(), 3, 2).get());
  spans.add(buffer_of_range(second.get(), 0, 3).get());
  spans.add(buffer_of_range(first.get(), 5, 1).get());
  const auto joined = spans.take();
  ASSERT_EQ(joined.size(), 4U);
  EXPECT_EQ(joined[2]->size, 3U);
  EXPECT_TRUE(spans.take().empty());
}

TEST(Memory, TooManySpansAreGatheredOnceNotMergedSilently) {
  std::vector<Ref<GstMemory>> spans;
  std::string expected = "front";
  for (int i = 0; i < 40; ++i) {
    spans.push_back(memory_of(Blob::copy_of(as_bytes(std::to_string(i)))));
    expected += std::to_string(i);
  }
  const auto buffer = buffer_of_spans(Blob::copy_of(as_bytes("front")), std::move(spans));
  EXPECT_EQ(gst_buffer_n_memory(buffer.get()), 2U);
  EXPECT_EQ(as_text(test::bytes_of(buffer.get())), expected);
}

constexpr std::pair<codecs::Codec, const char*> records[]{
    {codecs::Codec::hevc,
     "0102200000009000000000003cf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003c95980"
     "9a1"
     "0001002c42010102200000030090000003000003003ca00a480b9d5365959a4932bc39a84880482000007d20000ea601a200010"
     "007"
     "4401c172b46240"},
    {codecs::Codec::av1, "81000c000a0b000000043d16d4daf90040"},
    {codecs::Codec::vp9, "01000000000b820202020000"},
    {codecs::Codec::aac, "2b118800"},
    {codecs::Codec::mp3, "fffb9000"},
    {codecs::Codec::ac3, "103de0"},
    {codecs::Codec::eac3, "0800200f000110"},
    {codecs::Codec::opus, "000201380000bb80000000"}};

TEST(Caps, OfOtherParsersDescribeMp3AndOpusWithoutARecord) {
  const auto read = [](const char* text) {
    const auto info = stream_info_of(Ref<GstCaps>::adopt(gst_caps_from_string(text)).get());
    EXPECT_TRUE(info) << (info ? "" : info.error().message);
    return info ? *info : codecs::StreamInfo{};
  };
  const auto mp3 =
      read("audio/mpeg, mpegversion=1, mpegaudioversion=2, layer=3, parsed=true, rate=24000, channels=1");
  EXPECT_EQ(mp3.samples_per_frame, 576U);
  EXPECT_EQ(mp3.channels, 1U);
  const auto opus = read(
      "audio/x-opus, rate=48000, channels=2, channel-mapping-family=0, "
      "streamheader=(buffer)<4f707573486561640102380180bb0000000000>");
  EXPECT_EQ(hex(opus.config), "000201380000bb80000000");
}

TEST(Caps, AStreamInfoComesBackFromItsCaps) {
  auto video = test::h264_info();
  video.sar_width = 4;
  video.sar_height = 3;
  video.frame_rate_numerator = 30000;
  video.frame_rate_denominator = 1001;
  std::vector<codecs::StreamInfo> all{video, test::aac_info()};
  for (const auto& [codec, record] : records) {
    all.push_back(codecs::stream_info_from_config(codec, *parse_hex(record)).value());
    if (codecs::kind_of(codec) != codecs::Kind::video) continue;
    all.back().width = 326;
    all.back().height = 182;
  }
  for (const auto& info : all) {
    SCOPED_TRACE(info.codec_string);
    const auto caps = caps_of(info);
    ASSERT_TRUE(caps);
    EXPECT_TRUE(gst_caps_is_subset(caps->get(),
                                   Ref<GstCaps>::adopt(gst_caps_from_string(elementary_stream_caps)).get()));
    const auto back = stream_info_of(caps->get());
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, info);
  }
}

TEST(Caps, StreamsThatAreNotCarriedAreErrors) {
  for (const char* text : {"video/x-vp8", "video/x-h264, stream-format=avc", "audio/mpeg, mpegversion=4",
                           "video/x-h264, codec_data=(buffer)00", "audio/x-ac3, framed=true", "audio/x-opus",
                           "audio/mpeg, mpegversion=1, layer=2, rate=48000, channels=2"}) {
    const auto caps = Ref<GstCaps>::adopt(gst_caps_from_string(text));
    const auto info = stream_info_of(caps.get());
    ASSERT_FALSE(info) << text;
    EXPECT_FALSE(info.error().message.empty());
  }
}

template <class Event>
Event through_an_event(const Event& event) {
  const auto made = to_event(event);
  const auto flags = gst_event_type_get_flags(GST_EVENT_TYPE(made.get()));
  EXPECT_EQ((flags & GST_EVENT_TYPE_STICKY) != 0, Event::sticky);
  EXPECT_TRUE(flags & GST_EVENT_TYPE_SERIALIZED);
  const auto back = parse<Event>(made.get());
  EXPECT_TRUE(back) << Event::name;
  return back.value_or(Event{});
}

TEST(Events, ATrackComesBackWhole) {
  timeline::TrackDescription track;
  track.key = "a1";
  track.language = "deu";
  track.name = "Deutsch \"laut\"";
  track.is_default = true;
  track.is_forced = true;
  track.characteristics = "public.accessibility.describes-video";
  track.captions = {{"CC1", "en", "a", true, false}, {"SERVICE2", "", "", false, true}};
  track.variants = {{.variant = 0, .bandwidth = 1'500'000, .average_bandwidth = 1'400'000},
                    {.variant = 2, .bandwidth = 0, .average_bandwidth = 0}};
  EXPECT_EQ(through_an_event(TrackAnnounced{track}).track, track);
  EXPECT_EQ(through_an_event(TracksAnnounced{{"v0", "a0"}}).keys, (std::vector<std::string>{"v0", "a0"}));
}

TEST(Events, AStretchAPartAndASlotComeBackWhole) {
  const auto stretch = through_an_event(StretchBegin{.id = 7,
                                                     .first_slot = 1ULL << 40U,
                                                     .start_utc = Utc{Microseconds{1'700'000'000'123'456}},
                                                     .start_time = -5,
                                                     .reference = 3,
                                                     .tracks = {3, 4},
                                                     .keys = {"v0", "a0"},
                                                     .reason = "outage of 12.0 s"});
  EXPECT_EQ(stretch.id, 7U);
  EXPECT_EQ(stretch.first_slot, 1ULL << 40U);
  EXPECT_EQ(stretch.start_utc, Utc{Microseconds{1'700'000'000'123'456}});
  EXPECT_EQ(stretch.start_time, -5);
  EXPECT_EQ(stretch.tracks, (std::vector<timeline::TrackId>{3, 4}));
  EXPECT_EQ(stretch.keys[1], "a0");
  EXPECT_EQ(stretch.reason, "outage of 12.0 s");

  const auto part = through_an_event(PartBegin{.slot = 9,
                                               .track = 3,
                                               .start = std::numeric_limits<std::int64_t>::max(),
                                               .independent = false,
                                               .input = 1,
                                               .late = true});
  EXPECT_TRUE(part.late);
  EXPECT_EQ(part.start, std::numeric_limits<std::int64_t>::max());
  EXPECT_FALSE(part.independent);
  EXPECT_EQ(part.input, 1U);

  const auto slot = through_an_event(
      SlotComplete{{.number = 9, .stretch = 7, .start = 1, .end = 2, .utc = {}, .missing = {4}}});
  EXPECT_EQ(slot.slot.number, 9U);
  EXPECT_EQ(slot.slot.missing, std::vector<timeline::TrackId>{4});
}

TEST(Events, OtherAndIncompleteEventsAreNotRead) {
  const auto part = to_event(PartBegin{});
  EXPECT_FALSE(parse<SlotComplete>(part.get()));
  const auto incomplete = Ref<GstEvent>::adopt(gst_event_new_custom(
      GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new("tarn/part", "slot", G_TYPE_STRING, "nine", nullptr)));
  EXPECT_FALSE(parse<PartBegin>(incomplete.get()));
  EXPECT_FALSE(parse<PartBegin>(Ref<GstEvent>::adopt(gst_event_new_eos()).get()));
}

TEST(Time, TicksSurviveTheWayThroughNanoseconds) {
  for (const std::uint32_t timescale : {90'000U, 44'100U, 48'000U, 11'025U}) {
    for (std::int64_t ticks = 0; ticks < 3'000'000'000'000; ticks = ticks * 3 + 1) {
      ASSERT_EQ(to_ticks(to_clock_time(ticks, timescale), timescale), ticks) << timescale;
    }
  }
}

Ref<GstEvent> seek() {
  return Ref<GstEvent>::adopt(gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                                                 0, GST_SEEK_TYPE_NONE, 0));
}

// A source pad that writes down the types of the events that come to it, and takes them.
struct UpstreamPad {
  UpstreamPad() : pad{Ref<GstPad>::adopt(gst_pad_new("src", GST_PAD_SRC))} {
    gst_pad_set_element_private(pad.get(), this);
    gst_pad_set_event_function(
        pad.get(), +[](GstPad* of, GstObject*, GstEvent* event) -> gboolean {
          const auto taken = Ref<GstEvent>::adopt(event);
          static_cast<UpstreamPad*>(gst_pad_get_element_private(of))
              ->came.emplace_back(GST_EVENT_TYPE_NAME(event));
          return TRUE;
        });
    gst_pad_set_active(pad.get(), TRUE);
  }
  Ref<GstPad> pad;
  std::vector<std::string> came;
};

TEST(Pads, ASinkSendsWhatGoesUpstreamOutOfItsLinkedPads) {
  UpstreamPad upstream;
  const auto sink = Ref<GstElement>::adopt(gst_element_factory_make("fakesink", nullptr));
  EXPECT_FALSE(send_upstream(sink.get(), seek().release())) << "nobody is there";
  const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(sink.get(), "sink"));
  gst_pad_set_active(pad.get(), TRUE);
  ASSERT_EQ(gst_pad_link(upstream.pad.get(), pad.get()), GST_PAD_LINK_OK);
  upstream.came.clear();  // linking asks for caps anew
  EXPECT_TRUE(send_upstream(sink.get(), seek().release()));
  EXPECT_TRUE(send_upstream(sink.get(), gst_event_new_latency(GST_SECOND)));
  EXPECT_FALSE(send_upstream(sink.get(), gst_event_new_eos()));
  EXPECT_EQ(upstream.came, (std::vector<std::string>{"seek", "latency"}));
}

TEST(Pads, ASeekThatNobodyCanDoIsRefused) {
  const auto pad = Ref<GstPad>::adopt(gst_pad_new("src", GST_PAD_SRC));
  gst_pad_set_event_function(pad.get(), refuse_seeks);
  gst_pad_set_active(pad.get(), TRUE);
  EXPECT_FALSE(gst_pad_send_event(pad.get(), seek().release()));
  EXPECT_TRUE(gst_pad_send_event(pad.get(), gst_event_new_latency(GST_SECOND)));
}

TEST(ErrorMessages, CarryTheDomainThatFits) {
  const auto sample = new_sample();
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(sample.get(), bus.get());
  EXPECT_EQ(post_error(sample.get(), {ErrorCode::no_space, "volume 3 is full"}), GST_FLOW_ERROR);
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop(bus.get()));
  ASSERT_TRUE(message);
  GError* raw = nullptr;
  gst_message_parse_error(message.get(), &raw, nullptr);
  const ErrorPtr error{raw};
  EXPECT_TRUE(g_error_matches(error.get(), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT));
  EXPECT_STREQ(error->message, "volume 3 is full");
  gst_element_set_bus(sample.get(), nullptr);
}

}  // namespace
}  // namespace tarn::gstkit
