// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <variant>

#include "gstkit/object.h"
#include "gstkit/ref.h"

// One row per property: name, text, and the member of Impl::Settings it stands for. The default is the
// member's initialiser; the GParamSpec, get, set and gst-inspect's text all come from the row.
//
//   class Thing {
//    public:
//     struct Settings { std::string location; std::uint32_t pieces = 3; };
//     gstkit::Guarded<Settings> settings;
//     int active() const;
//     static constexpr std::array properties{
//         gstkit::Property<Thing>{.name = "location", .blurb = "…", .member = &Settings::location, .when =
//         When::ready}, gstkit::Property<Thing>{.name = "active", .blurb = "…", .member = &Thing::active}};
//   };
namespace tarn::gstkit {

// A value and its lock; callers copy it or look at it shortly.
template <class T>
class Guarded {
 public:
  [[nodiscard]] T copy() const {
    const std::lock_guard lock{mutex_};
    return value_;
  }
  template <class Use>
  auto with(Use&& use) const {
    const std::lock_guard lock{mutex_};
    return use(std::as_const(value_));
  }
  template <class Change>
  auto change(Change&& change) {
    const std::lock_guard lock{mutex_};
    return change(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

// An enum setting: conversions to and from the GEnum whose type `type` registers.
template <class Settings>
struct EnumMember {
  int (*get)(const Settings&);
  void (*set)(Settings&, int);
  GType (*type)();
};
namespace detail {
template <class Settings, class Enum>
Settings settings_of(Enum Settings::*);
template <class Settings, class Enum>
Enum enum_of(Enum Settings::*);
}  // namespace detail
// .member = enumeration<&Settings::mode>(thing_mode_get_type)
template <auto member>
constexpr auto enumeration(GType (*type)()) {
  using Settings = decltype(detail::settings_of(member));
  using Enum = decltype(detail::enum_of(member));
  return EnumMember<Settings>{.get = [](const Settings& s) { return static_cast<int>(s.*member); },
                              .set = [](Settings& s, int value) { s.*member = static_cast<Enum>(value); },
                              .type = type};
}

enum class When { always, ready };  // ready: may be set in NULL and READY only; later it is refused
enum class Access { read_write, write_only };  // secrets are write-only

template <class Impl>
struct Property {
  using Settings = typename Impl::Settings;
  using Member = std::variant<
      // settings
      std::string Settings::*, bool Settings::*, std::int32_t Settings::*, std::uint32_t Settings::*,
      std::int64_t Settings::*, std::uint64_t Settings::*, EnumMember<Settings>,
      // read-only, asked of the element when somebody reads it, on that thread
      std::string (Impl::*)() const, bool (Impl::*)() const, std::int32_t (Impl::*)() const,
      std::uint64_t (Impl::*)() const, StructurePtr (Impl::*)() const>;

  const char* name;
  const char* blurb;
  Member member;
  std::int64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();  // clamped to what the type holds
  When when = When::always;
  Access access = Access::read_write;
};

namespace detail {

template <class T>
T most(std::uint64_t max) {
  constexpr auto limit = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  return static_cast<T>(max < limit ? max : limit);
}

template <class Impl>
struct SpecOf {
  using Settings = typename Impl::Settings;
  const Property<Impl>& row;
  const Settings& defaults;

  [[nodiscard]] GParamFlags flags() const {
    int flags = G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS;
    if (row.access == Access::read_write) flags |= G_PARAM_READABLE;
    if (row.when == When::ready) flags |= GST_PARAM_MUTABLE_READY;
    return static_cast<GParamFlags>(flags);
  }
  static constexpr auto read_only = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  GParamSpec* operator()(std::string Settings::*m) const {
    return g_param_spec_string(row.name, row.name, row.blurb, (defaults.*m).c_str(), flags());
  }
  GParamSpec* operator()(bool Settings::*m) const {
    return g_param_spec_boolean(row.name, row.name, row.blurb, defaults.*m, flags());
  }
  GParamSpec* operator()(std::int32_t Settings::*m) const {
    return g_param_spec_int(row.name, row.name, row.blurb, static_cast<gint>(row.min), most<gint>(row.max),
                            defaults.*m, flags());
  }
  GParamSpec* operator()(std::uint32_t Settings::*m) const {
    return g_param_spec_uint(row.name, row.name, row.blurb, static_cast<guint>(row.min), most<guint>(row.max),
                             defaults.*m, flags());
  }
  GParamSpec* operator()(std::int64_t Settings::*m) const {
    return g_param_spec_int64(row.name, row.name, row.blurb, row.min, most<gint64>(row.max), defaults.*m,
                              flags());
  }
  GParamSpec* operator()(std::uint64_t Settings::*m) const {
    return g_param_spec_uint64(row.name, row.name, row.blurb, static_cast<guint64>(row.min), row.max,
                               defaults.*m, flags());
  }
  GParamSpec* operator()(const EnumMember<Settings>& m) const {
    return g_param_spec_enum(row.name, row.name, row.blurb, m.type(), m.get(defaults), flags());
  }
  GParamSpec* operator()(std::string (Impl::*)() const) const {
    return g_param_spec_string(row.name, row.name, row.blurb, nullptr, read_only);
  }
  GParamSpec* operator()(bool (Impl::*)() const) const {
    return g_param_spec_boolean(row.name, row.name, row.blurb, FALSE, read_only);
  }
  GParamSpec* operator()(std::int32_t (Impl::*)() const) const {
    return g_param_spec_int(row.name, row.name, row.blurb, G_MININT, G_MAXINT, 0, read_only);
  }
  GParamSpec* operator()(std::uint64_t (Impl::*)() const) const {
    return g_param_spec_uint64(row.name, row.name, row.blurb, 0, G_MAXUINT64, 0, read_only);
  }
  GParamSpec* operator()(StructurePtr (Impl::*)() const) const {
    return g_param_spec_boxed(row.name, row.name, row.blurb, GST_TYPE_STRUCTURE, read_only);
  }
};

// A value as a GValue and back.
inline void store(GValue* to, const std::string& v) { g_value_set_string(to, v.c_str()); }
inline void store(GValue* to, bool v) { g_value_set_boolean(to, v); }
inline void store(GValue* to, std::int32_t v) { g_value_set_int(to, v); }
inline void store(GValue* to, std::uint32_t v) { g_value_set_uint(to, v); }
inline void store(GValue* to, std::int64_t v) { g_value_set_int64(to, v); }
inline void store(GValue* to, std::uint64_t v) { g_value_set_uint64(to, v); }
inline void store(GValue* to, StructurePtr v) { g_value_take_boxed(to, v.release()); }

inline void load(const GValue* from, std::string& v) {
  const char* text = g_value_get_string(from);
  v = text != nullptr ? text : "";
}
inline void load(const GValue* from, bool& v) { v = g_value_get_boolean(from) != FALSE; }
inline void load(const GValue* from, std::int32_t& v) { v = g_value_get_int(from); }
inline void load(const GValue* from, std::uint32_t& v) { v = g_value_get_uint(from); }
inline void load(const GValue* from, std::int64_t& v) { v = g_value_get_int64(from); }
inline void load(const GValue* from, std::uint64_t& v) { v = g_value_get_uint64(from); }

template <class Impl>
struct Get {
  using Settings = typename Impl::Settings;
  const Impl& impl;
  GValue* value;
  template <class T>
  requires(!std::is_function_v<T>) void operator()(T Settings::*m) const {
    store(value, impl.settings.with([m](const Settings& s) { return s.*m; }));
  }
  void operator()(const EnumMember<Settings>& m) const {
    g_value_set_enum(value, impl.settings.with([&](const Settings& s) { return m.get(s); }));
  }
  template <class T>
  void operator()(T (Impl::*m)() const) const {
    store(value, (impl.*m)());
  }
};

template <class Impl>
struct Set {
  using Settings = typename Impl::Settings;
  Impl& impl;
  const GValue* value;
  template <class T>
  requires(!std::is_function_v<T>) void operator()(T Settings::*m) const {
    impl.settings.change([this, m](Settings& s) { load(value, s.*m); });
  }
  void operator()(const EnumMember<Settings>& m) const {
    impl.settings.change([&](Settings& s) { m.set(s, g_value_get_enum(value)); });
  }
  template <class T>
  void operator()(T (Impl::*)() const) const {}
};

// NOLINTBEGIN(bugprone-exception-escape): variants are never valueless, only a text is allocated
template <class Impl>
void get_property(GObject* object, guint id, GValue* value, GParamSpec* /*spec*/) noexcept {
  std::visit(Get<Impl>{*impl_of<Impl>(object), value}, Impl::properties[id - 1].member);
}

template <class Impl>
void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) noexcept {
  const auto& row = Impl::properties[id - 1];
  if (row.when == When::ready && GST_STATE(object) > GST_STATE_READY) {
    g_warning("%s: property '%s' can be set in NULL and READY only", GST_OBJECT_NAME(object), spec->name);
    return;
  }
  std::visit(Set<Impl>{*impl_of<Impl>(object), value}, row.member);
}
// NOLINTEND(bugprone-exception-escape)

}  // namespace detail

// In class_init, for every row of Impl::properties.
template <class Impl>
void install_properties(GObjectClass* klass) {
  klass->get_property = &detail::get_property<Impl>;
  klass->set_property = &detail::set_property<Impl>;
  const typename Impl::Settings defaults{};
  guint id = 0;
  for (const auto& row : Impl::properties) {
    g_object_class_install_property(klass, ++id, std::visit(detail::SpecOf<Impl>{row, defaults}, row.member));
  }
}

}  // namespace tarn::gstkit
