// SPDX-License-Identifier: Apache-2.0
#include "gstkit/structure_io.h"

#include <concepts>
#include <type_traits>

namespace tarn::gstkit {
namespace {

// Appends one GValue per item, filled by `fill`.
template <class Items, class Fill>
void set_array(GstStructure* structure, const char* name, const Items& items, GType type, Fill fill) {
  GValue array = G_VALUE_INIT;
  g_value_init(&array, GST_TYPE_ARRAY);
  for (const auto& item : items) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, type);
    fill(&value, item);
    gst_value_array_append_and_take_value(&array, &value);
  }
  gst_structure_take_value(structure, name, &array);
}

void fields_of(auto& use,
               auto& io) requires std::same_as<std::remove_cvref_t<decltype(use)>, timeline::VariantUse> {
  io("variant", use.variant);
  io("bandwidth", use.bandwidth);
  io("average-bandwidth", use.average_bandwidth);
}
void fields_of(auto& captions,
               auto& io) requires std::same_as<std::remove_cvref_t<decltype(captions)>, timeline::Captions> {
  io("instream-id", captions.instream_id);
  io("language", captions.language);
  io("name", captions.name);
  io("default", captions.is_default);
  io("autoselect", captions.is_autoselect);
}

// A list of structures with the fields of each.
template <class T>
void set_items(GstStructure* structure, const char* name, const std::vector<T>& items,
               const char* item_name) {
  set_array(structure, name, items, GST_TYPE_STRUCTURE, [item_name](GValue* to, const T& value) {
    const StructurePtr item{gst_structure_new_empty(item_name)};
    StructureWriter io{item.get()};
    fields_of(value, io);
    gst_value_set_structure(to, item.get());
  });
}

template <class T>
bool get_items(const GValue* items, std::vector<T>& value) {
  value.clear();
  for (guint i = 0; items != nullptr && i < gst_value_array_get_size(items); ++i) {
    const GValue* item = gst_value_array_get_value(items, i);
    if (!GST_VALUE_HOLDS_STRUCTURE(item)) return false;
    StructureReader io{gst_value_get_structure(item)};
    fields_of(value.emplace_back(), io);
    if (!io.ok()) return false;
  }
  return items != nullptr;
}

}  // namespace

void StructureWriter::operator()(const char* name, std::uint32_t value) {
  gst_structure_set(structure_, name, G_TYPE_UINT, value, nullptr);
}
void StructureWriter::operator()(const char* name, std::uint64_t value) {
  gst_structure_set(structure_, name, G_TYPE_UINT64, value, nullptr);
}
void StructureWriter::operator()(const char* name, std::int64_t value) {
  gst_structure_set(structure_, name, G_TYPE_INT64, value, nullptr);
}
void StructureWriter::operator()(const char* name, bool value) {
  gst_structure_set(structure_, name, G_TYPE_BOOLEAN, static_cast<gboolean>(value), nullptr);
}
void StructureWriter::operator()(const char* name, const std::string& value) {
  gst_structure_set(structure_, name, G_TYPE_STRING, value.c_str(), nullptr);
}
void StructureWriter::operator()(const char* name, Utc value) {
  (*this)(name, static_cast<std::int64_t>(value.time_since_epoch().count()));
}
void StructureWriter::operator()(const char* name, const Ref<GstCaps>& value) {
  gst_structure_set(structure_, name, GST_TYPE_CAPS, value.get(), nullptr);
}
void StructureWriter::operator()(const char* name, const std::vector<std::uint32_t>& value) {
  set_array(structure_, name, value, G_TYPE_UINT,
            [](GValue* to, std::uint32_t v) { g_value_set_uint(to, v); });
}
void StructureWriter::operator()(const char* name, const std::vector<std::string>& value) {
  set_array(structure_, name, value, G_TYPE_STRING,
            [](GValue* to, const std::string& v) { g_value_set_string(to, v.c_str()); });
}
void StructureWriter::operator()(const char* name, const std::vector<timeline::VariantUse>& value) {
  set_items(structure_, name, value, "variant-use");
}
void StructureWriter::operator()(const char* name, const std::vector<timeline::Captions>& value) {
  set_items(structure_, name, value, "captions");
}

void StructureReader::operator()(const char* name, std::uint32_t& value) {
  guint read = 0;
  if (gst_structure_get_uint(structure_, name, &read)) {
    value = read;
  } else {
    ok_ = false;
  }
}
void StructureReader::operator()(const char* name, std::uint64_t& value) {
  guint64 read = 0;
  if (gst_structure_get_uint64(structure_, name, &read)) {
    value = read;
  } else {
    ok_ = false;
  }
}
void StructureReader::operator()(const char* name, std::int64_t& value) {
  gint64 read = 0;
  if (gst_structure_get_int64(structure_, name, &read)) {
    value = read;
  } else {
    ok_ = false;
  }
}
void StructureReader::operator()(const char* name, bool& value) {
  gboolean read = FALSE;
  if (gst_structure_get_boolean(structure_, name, &read)) {
    value = read != FALSE;
  } else {
    ok_ = false;
  }
}
void StructureReader::operator()(const char* name, std::string& value) {
  if (const char* read = gst_structure_get_string(structure_, name)) {
    value = read;
  } else {
    ok_ = false;
  }
}
void StructureReader::operator()(const char* name, Utc& value) {
  std::int64_t microseconds = value.time_since_epoch().count();
  (*this)(name, microseconds);
  value = Utc{Microseconds{microseconds}};
}
void StructureReader::operator()(const char* name, Ref<GstCaps>& value) {
  const GValue* read = gst_structure_get_value(structure_, name);
  if (read != nullptr && GST_VALUE_HOLDS_CAPS(read)) {
    value = Ref<GstCaps>::share(const_cast<GstCaps*>(gst_value_get_caps(read)));
  } else {
    ok_ = false;
  }
}

const GValue* StructureReader::array(const char* name) {
  const GValue* value = gst_structure_get_value(structure_, name);
  if (value != nullptr && GST_VALUE_HOLDS_ARRAY(value)) return value;
  ok_ = false;
  return nullptr;
}

void StructureReader::operator()(const char* name, std::vector<std::uint32_t>& value) {
  const GValue* items = array(name);
  value.clear();
  for (guint i = 0; items != nullptr && i < gst_value_array_get_size(items); ++i) {
    const GValue* item = gst_value_array_get_value(items, i);
    ok_ = ok_ && G_VALUE_HOLDS_UINT(item);
    if (ok_) value.push_back(g_value_get_uint(item));
  }
}
void StructureReader::operator()(const char* name, std::vector<std::string>& value) {
  const GValue* items = array(name);
  value.clear();
  for (guint i = 0; items != nullptr && i < gst_value_array_get_size(items); ++i) {
    const GValue* item = gst_value_array_get_value(items, i);
    ok_ = ok_ && G_VALUE_HOLDS_STRING(item) && g_value_get_string(item) != nullptr;
    if (ok_) value.emplace_back(g_value_get_string(item));
  }
}
void StructureReader::operator()(const char* name, std::vector<timeline::VariantUse>& value) {
  ok_ = get_items(array(name), value) && ok_;
}
void StructureReader::operator()(const char* name, std::vector<timeline::Captions>& value) {
  ok_ = get_items(array(name), value) && ok_;
}

}  // namespace tarn::gstkit
