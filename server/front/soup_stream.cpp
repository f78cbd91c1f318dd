// SPDX-License-Identifier: Apache-2.0
#include "server/front/soup_stream.h"

#include <new>

#include "core/base/out_of_memory.h"

namespace tarn::server::front {
namespace {

using Held = std::shared_ptr<Connection>;

// The three objects of a stream. Each holds the connection; the members behind `parent` live from init to
// finalize.
struct Input {
  GInputStream parent;
  Held connection;
};
struct InputClass {
  GInputStreamClass parent;
};
struct Output {
  GOutputStream parent;
  Held connection;
};
struct OutputClass {
  GOutputStreamClass parent;
};
struct Stream {
  GIOStream parent;
  Held connection;
  Input* input;
  Output* output;
  bool closed;
};
struct StreamClass {
  GIOStreamClass parent;
};

void input_pollable(GPollableInputStreamInterface* interface);
void output_pollable(GPollableOutputStreamInterface* interface);

#define TARN_POLLABLE(type, init) \
  G_IMPLEMENT_INTERFACE(type, reinterpret_cast<GInterfaceInitFunc>(reinterpret_cast<void*>(init)))
G_DEFINE_TYPE_WITH_CODE(Input, tarn_front_input, G_TYPE_INPUT_STREAM,
                        TARN_POLLABLE(G_TYPE_POLLABLE_INPUT_STREAM, input_pollable))
G_DEFINE_TYPE_WITH_CODE(Output, tarn_front_output, G_TYPE_OUTPUT_STREAM,
                        TARN_POLLABLE(G_TYPE_POLLABLE_OUTPUT_STREAM, output_pollable))
G_DEFINE_TYPE(Stream, tarn_front_stream, G_TYPE_IO_STREAM)
#undef TARN_POLLABLE

// libsoup is C, and no exception goes through it.
template <class Call>
void guarded(Connection& connection, Call call) {
  unless_out_of_memory(call, [&] { connection.on_out_of_memory(); });
}

gssize outcome(Connection::Io io, std::size_t count, GError** error) {
  if (io == Connection::Io::done) return static_cast<gssize>(count);
  const bool blocked = io == Connection::Io::blocked;
  g_set_error_literal(error, G_IO_ERROR, blocked ? G_IO_ERROR_WOULD_BLOCK : G_IO_ERROR_PARTIAL_INPUT,
                      blocked ? "nothing at the moment" : "the connection is broken");
  return -1;
}

// ---- sources: ready when a flag of the connection says so

struct FlagSource {
  GSource base;
  Connection* connection;
  GObject* stream;  // held, and with it the connection
  bool output;
};

gboolean flag_is_set(GSource* source) {
  const auto* flag = reinterpret_cast<FlagSource*>(source);
  return (flag->output ? flag->connection->is_writable() : flag->connection->is_readable()) ? TRUE : FALSE;
}

gboolean flag_prepare(GSource* source, gint* timeout) {
  *timeout = -1;
  return flag_is_set(source);
}

// It is always the child of another one, which has the callback.
gboolean flag_dispatch(GSource*, GSourceFunc, gpointer) { return G_SOURCE_CONTINUE; }

void flag_finalize(GSource* source) { g_object_unref(reinterpret_cast<FlagSource*>(source)->stream); }

// g_source_set_dummy_callback() insists on one.
gboolean flag_closure(gpointer) { return G_SOURCE_CONTINUE; }

GSource* flag_source(Connection& connection, gpointer stream, bool output) {
  static GSourceFuncs functions{flag_prepare,  flag_is_set,  flag_dispatch,
                                flag_finalize, flag_closure, nullptr};
  GSource* source = g_source_new(&functions, sizeof(FlagSource));
  auto* flag = reinterpret_cast<FlagSource*>(source);
  flag->connection = &connection;
  flag->stream = G_OBJECT(g_object_ref(stream));
  flag->output = output;
  return source;
}

// ---- input

Connection& of_input(gpointer stream) { return *static_cast<Input*>(stream)->connection; }

gssize input_read_nonblocking(GPollableInputStream* stream, void* buffer, gsize size, GError** error) {
  std::size_t count = 0;
  auto io = Connection::Io::failed;
  Connection& connection = of_input(stream);
  guarded(connection, [&] { io = connection.read({static_cast<std::uint8_t*>(buffer), size}, count); });
  return outcome(io, count, error);
}

gssize input_read(GInputStream* stream, void* buffer, gsize size, GCancellable*, GError** error) {
  return input_read_nonblocking(G_POLLABLE_INPUT_STREAM(stream), buffer, size, error);
}

GSource* input_source(GPollableInputStream* stream, GCancellable*) {
  Connection& connection = of_input(stream);
  guarded(connection, [&] { connection.wants_input(); });
  return flag_source(connection, stream, false);
}

void input_pollable(GPollableInputStreamInterface* interface) {
  interface->is_readable = [](GPollableInputStream* stream) -> gboolean {
    return of_input(stream).is_readable() ? TRUE : FALSE;
  };
  interface->create_source = input_source;
  interface->read_nonblocking = input_read_nonblocking;
}

void tarn_front_input_init(Input* self) { new (&self->connection) Held; }
void tarn_front_input_class_init(InputClass* type) {
  type->parent.read_fn = input_read;
  G_OBJECT_CLASS(type)->finalize = [](GObject* object) {
    reinterpret_cast<Input*>(object)->connection.~Held();
    G_OBJECT_CLASS(tarn_front_input_parent_class)->finalize(object);
  };
}

// ---- output

Connection& of_output(gpointer stream) { return *static_cast<Output*>(stream)->connection; }

gssize output_write_nonblocking(GPollableOutputStream* stream, const void* data, gsize size, GError** error) {
  std::size_t count = 0;
  auto io = Connection::Io::failed;
  Connection& connection = of_output(stream);
  guarded(connection, [&] { io = connection.write({static_cast<const std::uint8_t*>(data), size}, count); });
  return outcome(io, count, error);
}

gssize output_write(GOutputStream* stream, const void* data, gsize size, GCancellable*, GError** error) {
  return output_write_nonblocking(G_POLLABLE_OUTPUT_STREAM(stream), data, size, error);
}

void output_pollable(GPollableOutputStreamInterface* interface) {
  interface->is_writable = [](GPollableOutputStream* stream) -> gboolean {
    return of_output(stream).is_writable() ? TRUE : FALSE;
  };
  interface->create_source = [](GPollableOutputStream* stream, GCancellable*) {
    return flag_source(of_output(stream), stream, true);
  };
  interface->write_nonblocking = output_write_nonblocking;
}

void tarn_front_output_init(Output* self) { new (&self->connection) Held; }
void tarn_front_output_class_init(OutputClass* type) {
  type->parent.write_fn = output_write;
  G_OBJECT_CLASS(type)->finalize = [](GObject* object) {
    reinterpret_cast<Output*>(object)->connection.~Held();
    G_OBJECT_CLASS(tarn_front_output_parent_class)->finalize(object);
  };
}

// ---- both

gboolean stream_close(GIOStream* stream, GCancellable*, GError**) {
  auto* self = reinterpret_cast<Stream*>(stream);
  if (self->closed) return TRUE;
  self->closed = true;
  Connection& connection = *self->connection;
  guarded(connection, [&] { connection.stream_closed(); });
  return TRUE;
}

// GIOStream's own would close in another thread.
void stream_close_async(GIOStream* stream, int, GCancellable* cancellable, GAsyncReadyCallback callback,
                        gpointer data) {
  GTask* task = g_task_new(stream, cancellable, callback, data);
  stream_close(stream, nullptr, nullptr);
  g_task_return_boolean(task, TRUE);
  g_object_unref(task);
}

void tarn_front_stream_init(Stream* self) { new (&self->connection) Held; }
void tarn_front_stream_class_init(StreamClass* type) {
  type->parent.get_input_stream = [](GIOStream* stream) {
    return G_INPUT_STREAM(reinterpret_cast<Stream*>(stream)->input);
  };
  type->parent.get_output_stream = [](GIOStream* stream) {
    return G_OUTPUT_STREAM(reinterpret_cast<Stream*>(stream)->output);
  };
  type->parent.close_fn = stream_close;
  type->parent.close_async = stream_close_async;
  type->parent.close_finish = [](GIOStream*, GAsyncResult* result, GError** error) {
    return g_task_propagate_boolean(G_TASK(result), error);
  };
  G_OBJECT_CLASS(type)->finalize = [](GObject* object) {
    auto* self = reinterpret_cast<Stream*>(object);
    stream_close(G_IO_STREAM(object), nullptr, nullptr);
    g_object_unref(self->input);
    g_object_unref(self->output);
    self->connection.~Held();
    G_OBJECT_CLASS(tarn_front_stream_parent_class)->finalize(object);
  };
}

}  // namespace

GIOStream* new_soup_stream(std::shared_ptr<Connection> connection) {
  auto* stream = static_cast<Stream*>(g_object_new(tarn_front_stream_get_type(), nullptr));
  stream->input = static_cast<Input*>(g_object_new(tarn_front_input_get_type(), nullptr));
  stream->output = static_cast<Output*>(g_object_new(tarn_front_output_get_type(), nullptr));
  stream->input->connection = connection;
  stream->output->connection = connection;
  stream->connection = std::move(connection);
  return G_IO_STREAM(stream);
}

void register_soup_stream() {
  for (const GType type :
       {tarn_front_input_get_type(), tarn_front_output_get_type(), tarn_front_stream_get_type()}) {
    g_type_class_unref(g_type_class_ref(type));
  }
}

}  // namespace tarn::server::front
