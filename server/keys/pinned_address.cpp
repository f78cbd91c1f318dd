// SPDX-License-Identifier: Apache-2.0
#include "server/keys/pinned_address.h"

struct TarnPinnedAddress {
  GNetworkAddress parent;
  GSocketAddress* address;
};
struct TarnPinnedAddressClass {
  GNetworkAddressClass parent;
};

static void pinned_address_interface_init(GSocketConnectableIface* interface);
static GType tarn_pinned_address_get_type();
// NOLINTNEXTLINE(misc-unused-parameters): the macro's own
G_DEFINE_TYPE_WITH_CODE(TarnPinnedAddress, tarn_pinned_address, G_TYPE_NETWORK_ADDRESS,
                        G_IMPLEMENT_INTERFACE(G_TYPE_SOCKET_CONNECTABLE, pinned_address_interface_init))

static TarnPinnedAddress* pinned(gpointer object) {
  return reinterpret_cast<TarnPinnedAddress*>(object);  // its type says so
}

static GSocketAddressEnumerator* pinned_address_enumerate(GSocketConnectable* connectable) {
  return g_socket_connectable_enumerate(G_SOCKET_CONNECTABLE(pinned(connectable)->address));
}

static gchar* pinned_address_to_string(GSocketConnectable* connectable) {
  return g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(pinned(connectable)->address));
}

static void pinned_address_interface_init(GSocketConnectableIface* interface) {
  interface->enumerate = pinned_address_enumerate;
  interface->proxy_enumerate = pinned_address_enumerate;  // there is no proxy
  interface->to_string = pinned_address_to_string;
}

static void tarn_pinned_address_finalize(GObject* object) {
  g_clear_object(&pinned(object)->address);
  G_OBJECT_CLASS(tarn_pinned_address_parent_class)->finalize(object);
}

static void tarn_pinned_address_init(TarnPinnedAddress*) {}
static void tarn_pinned_address_class_init(TarnPinnedAddressClass* klass) {
  G_OBJECT_CLASS(klass)->finalize = tarn_pinned_address_finalize;
}

namespace tarn::server {

GSocketConnectable* pinned_address_new(const char* host, guint16 port, GInetAddress* address) {
  gpointer object =
      g_object_new(tarn_pinned_address_get_type(), "hostname", host, "port", guint{port}, nullptr);
  pinned(object)->address = g_inet_socket_address_new(address, port);
  return G_SOCKET_CONNECTABLE(object);
}

}  // namespace tarn::server
