// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <memory>
#include <utility>

// Ownership in sight: `Ref<T>::adopt(x)` takes a transfer-full pointer, `Ref<T>::share(x)` a
// transfer-none one, `.release()` feeds a transfer-full parameter. A bare pointer is always borrowed.
namespace tarn::gstkit {

template <class T>
concept mini_object = requires(T* object) {
  object->mini_object;
};

// GObjects; a floating reference is sunk, so that a new element is owned like anything else.
template <class T>
struct RefTraits {
  static T* adopt(T* object) {
    return g_object_is_floating(object) ? static_cast<T*>(g_object_ref_sink(object)) : object;
  }
  static T* ref(T* object) { return static_cast<T*>(g_object_ref_sink(object)); }
  static void unref(T* object) { g_object_unref(object); }
};

struct MiniObjectTraits {
  static auto* adopt(auto* object) { return object; }
  static auto* ref(auto* object) {
    gst_mini_object_ref(reinterpret_cast<GstMiniObject*>(object));
    return object;
  }
  static void unref(auto* object) { gst_mini_object_unref(reinterpret_cast<GstMiniObject*>(object)); }
};
template <mini_object T>
struct RefTraits<T> : MiniObjectTraits {};
// Opaque, so that the concept cannot see that they are mini objects.
template <>
struct RefTraits<GstBufferList> : MiniObjectTraits {};
template <>
struct RefTraits<GstSample> : MiniObjectTraits {};
template <>
struct RefTraits<GstContext> : MiniObjectTraits {};
// A clock id is a plain pointer to GStreamer; `ClockEntry` gives it a type.
struct ClockEntry;
template <>
struct RefTraits<ClockEntry> {
  static ClockEntry* adopt(ClockEntry* id) { return id; }
  static ClockEntry* ref(ClockEntry* id) { return static_cast<ClockEntry*>(gst_clock_id_ref(id)); }
  static void unref(ClockEntry* id) { gst_clock_id_unref(id); }
};
template <>
struct RefTraits<GBytes> {
  static GBytes* adopt(GBytes* bytes) { return bytes; }
  static GBytes* ref(GBytes* bytes) { return g_bytes_ref(bytes); }
  static void unref(GBytes* bytes) { g_bytes_unref(bytes); }
};

template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(const Ref& other) : pointer_(other.pointer_) {
    if (pointer_ != nullptr) RefTraits<T>::ref(pointer_);
  }
  Ref(Ref&& other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }
  ~Ref() {
    if (pointer_ != nullptr) RefTraits<T>::unref(pointer_);
  }

  static Ref adopt(T* pointer) {
    Ref result;
    if (pointer != nullptr) result.pointer_ = RefTraits<T>::adopt(pointer);
    return result;
  }
  static Ref share(T* pointer) {
    Ref result;
    if (pointer != nullptr) result.pointer_ = RefTraits<T>::ref(pointer);
    return result;
  }
  // The reference is the caller's now; usually handed straight to a transfer-full parameter.
  [[nodiscard]] T* release() { return std::exchange(pointer_, nullptr); }

  [[nodiscard]] T* get() const { return pointer_; }
  T* operator->() const { return pointer_; }
  explicit operator bool() const { return pointer_ != nullptr; }
  bool operator==(const Ref&) const = default;

 private:
  T* pointer_ = nullptr;
};

// Mini objects that will be changed: the same object when it is not shared, else a shallow copy.
template <mini_object T>
Ref<T> writable(Ref<T> object) {
  auto* raw = reinterpret_cast<GstMiniObject*>(object.release());
  return Ref<T>::adopt(reinterpret_cast<T*>(gst_mini_object_make_writable(raw)));
}

struct StructureDeleter {
  void operator()(GstStructure* structure) const { gst_structure_free(structure); }
};
using StructurePtr = std::unique_ptr<GstStructure, StructureDeleter>;

struct TextDeleter {
  void operator()(char* text) const { g_free(text); }
};
using TextPtr = std::unique_ptr<char, TextDeleter>;

struct ErrorDeleter {
  void operator()(GError* error) const { g_error_free(error); }
};
using ErrorPtr = std::unique_ptr<GError, ErrorDeleter>;

}  // namespace tarn::gstkit
