// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <new>
#include <type_traits>
#include <utility>

// The shell and the Impl. A GObject shell of two fields owns one C++ object that holds all state:
//
//   struct _TarnThing { GstElement parent; Thing* impl; };
//   G_DEFINE_FINAL_TYPE(TarnThing, tarn_thing, GST_TYPE_ELEMENT)
//   static void tarn_thing_init(TarnThing* self) { self->impl = new Thing{self}; }
//   static void tarn_thing_class_init(TarnThingClass* klass) {
//     gstkit::finalize_with<Thing>(G_OBJECT_CLASS(klass));
//     gstkit::install_properties<Thing>(G_OBJECT_CLASS(klass));
//     GST_ELEMENT_CLASS(klass)->change_state = gstkit::thunk<&Thing::change_state>;
//   }
//
// The Impl names its shell: `using Shell = TarnThing;`. It is deleted in finalize, after the pads are gone.
namespace tarn::gstkit {

// REQUIRES: `object` is an Impl::Shell (or a pointer to its first member) that is not finalized.
template <class Impl>
Impl* impl_of(void* object) {
  return static_cast<typename Impl::Shell*>(object)->impl;
}

template <class T>
using CType = std::conditional_t<std::is_same_v<T, bool>, gboolean, T>;

// What a callback answers when it could not do its work: FLOW_ERROR, STATE_CHANGE_FAILURE, FALSE, nullptr.
template <class R>
constexpr R failure_value() {
  if constexpr (std::is_same_v<R, GstFlowReturn>) {
    return GST_FLOW_ERROR;
  } else if constexpr (std::is_same_v<R, GstStateChangeReturn>) {
    return GST_STATE_CHANGE_FAILURE;
  } else {
    static_assert(std::is_void_v<R> || std::is_integral_v<R> || std::is_pointer_v<R>,
                  "say here how this type means failure");
    return R();
  }
}

// No exception crosses C: memory that cannot be had is the callback's failure. Any other exception is a
// defect and ends the process.
template <class R, class Call>
R or_failure(GstObject* object, Call call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    g_warning("out of memory");
    // Who returns FLOW_ERROR is to post the error.
    if constexpr (std::is_same_v<R, GstFlowReturn>) {
      GST_ELEMENT_ERROR(GST_ELEMENT(object), RESOURCE, FAILED, ("out of memory"), (nullptr));
    }
    return failure_value<R>();
  }
}

template <auto method>
struct Thunk;

// A class vfunc, action signal handler or other C callback whose first argument is the object. Deduces
// the C signature from the member function: a wrong arity or pointer type does not compile.
template <class Impl, class R, class... Args, R (Impl::*method)(Args...)>
struct Thunk<method> {
  template <class Self>
  static CType<R> call(Self* self, Args... args) noexcept {
    return or_failure<CType<R>>(reinterpret_cast<GstObject*>(self),
                                [&]() -> CType<R> { return (impl_of<Impl>(self)->*method)(args...); });
  }
  template <class Self>
  using Function = CType<R> (*)(Self*, Args...);
  template <class Self>
  // NOLINTNEXTLINE(google-explicit-constructor): assigning it to a vfunc is the point
  constexpr operator Function<Self>() const {
    return &call<Self>;
  }
};
template <auto method>
inline constexpr Thunk<method> thunk{};

// The same for a GCallback (action signals), where there is no type to deduce from.
template <auto method>
GCallback callback() {
  return reinterpret_cast<GCallback>(&Thunk<method>::template call<void>);
}

template <auto method>
struct PadThunk;

// A pad function, `R method(GstPad*, Args...)`: C gets (GstPad*, GstObject* parent, Args...).
template <class Impl, class R, class... Args, R (Impl::*method)(GstPad*, Args...)>
struct PadThunk<method> {
  static CType<R> call(GstPad* pad, GstObject* parent, Args... args) noexcept {
    return or_failure<CType<R>>(parent,
                                [&]() -> CType<R> { return (impl_of<Impl>(parent)->*method)(pad, args...); });
  }
};
// gst_pad_set_chain_function(pad, pad_thunk<&Thing::chain>);
template <auto method>
inline constexpr auto pad_thunk = &PadThunk<method>::call;

namespace detail {
template <class Impl>
struct Finalize {
  static inline void (*parent)(GObject*) = nullptr;
  static void call(GObject* object) noexcept {
    delete std::exchange(reinterpret_cast<typename Impl::Shell*>(object)->impl, nullptr);
    parent(object);
  }
};
}  // namespace detail

// In class_init. The Impl dies with the shell, before the parent class's finalize.
template <class Impl>
void finalize_with(GObjectClass* klass) {
  detail::Finalize<Impl>::parent = klass->finalize;
  klass->finalize = &detail::Finalize<Impl>::call;
}

}  // namespace tarn::gstkit
