// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gio/gio.h>

#include <list>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "server/front/body_sink.h"
#include "server/front/connection_clock.h"
#include "server/front/gate.h"
#include "server/front/message_reader.h"
#include "server/front/output_queue.h"

namespace tarn::server::front {

// An accepted socket. Requests are read here and nowhere else; one that no FastLane answers is written anew
// and handed to libsoup, which gets one message at a time and takes the turn with it until it asks for the
// next. A connection that has nothing to do is not libsoup's: it is lent a stream at the first request, and
// gives it back when it has been idle for a while. Lives on its loop's thread.
class Connection : public Watched, public Deadline, public std::enable_shared_from_this<Connection> {
 public:
  // All that are open, to be ended together.
  using Set = std::set<std::shared_ptr<Connection>>;

  // Takes the descriptor and the TLS that is spoken on it, null for none, and a place in gate's admission
  // that leave() gives back. Both outlive it.
  Connection(Gate& gate, Set& open, int descriptor, std::unique_ptr<TlsSession> tls, GSocketAddress* remote,
             std::string peer, bool ingest_only);
  ~Connection() override;
  // After an error it is to be taken out of `open`.
  Status start();

  // ---- for the handlers' side, while they have a message of it
  [[nodiscard]] const MessageHead& head() const { return reader_.head(); }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  // The answer to the current message is to say `Connection: close`.
  [[nodiscard]] bool is_last() const;
  // What this layer has answered in their place; 0: nothing.
  [[nodiscard]] int refused_status() const { return refused_status_; }
  // The client is an encoder, with the right credentials.
  void set_ingest();
  // For the current body, from its first byte to its last, where that is less than the limit.
  void set_body_time(Microseconds most);
  // What comes of the current body from here on goes to `sink`; libsoup learns only that it has ended, or
  // that it never will. REQUIRES: called while libsoup reports the head
  void set_body_sink(std::shared_ptr<BodySink> sink) { sink_ = std::move(sink); }
  // What has not been read of the current body never will be; the handlers have answered.
  void abandon_body();

  // The answer to the current message has no end of its own: a client that closes its side has gone, and
  // `call` is to make libsoup write, which fails.
  void set_hang_up(std::function<void()> call) { on_hang_up_ = std::move(call); }

  // ---- for the stream that libsoup has
  [[nodiscard]] bool is_readable() const { return given_at_ < given_.size() || fails_; }
  [[nodiscard]] bool is_writable() const { return may_write_ || broken_ || mute_; }
  enum class Io { done, blocked, failed };
  Io read(std::span<std::uint8_t> into, std::size_t& count);
  Io write(Bytes bytes, std::size_t& count);
  // libsoup has nothing to do but wait for input.
  void wants_input();
  void stream_closed();

  // ---- for the server
  // No more requests: the ones that come are turned away, and an idle connection is closed after a moment.
  void drain();
  void close_now();
  // Closes a connection of gate's `idle` or `begun`, to make room; false: it has only just come.
  bool give_way();

  void on_ready(std::uint32_t events) override;
  void on_flush() override;
  // Closes the connection, whatever it is doing.
  void on_out_of_memory() noexcept override;

 protected:
  void on_deadline(Monotonic now) override;

 private:
  void check_deadlines(Monotonic now);

  enum class Turn {
    ours,  // at a boundary or within a head
    soup,  // libsoup has the current message
  };

  // connection_input.cpp
  void advance();
  bool step();
  Bytes input();
  bool read_head();
  bool read_body();
  void finish_input();
  void begin_message();
  bool answer_at_once();
  [[nodiscard]] bool is_for_viewer() const;
  void lend_to_soup();

  // connection.cpp, connection_stream.cpp
  void enter(ConnectionClock::Phase phase);
  void move_to(std::list<Connection*>& list);
  void refuse(int status, std::string_view line, std::string_view reason);
  void part_with_soup();
  void begin_closing();
  void lose_client();
  void linger();
  void abort(std::string_view reason);
  void settle();
  void reschedule();
  [[nodiscard]] Monotonic now() const { return gate_.loop->now(); }
  [[nodiscard]] std::uint64_t taken_by_client() const;

  Gate& gate_;
  Set& open_;
  int descriptor_;
  Transport transport_;
  GSocketAddress* remote_;
  std::string peer_;
  MessageReader reader_;
  ConnectionClock clock_;
  // This connection's place in gate_.idle, in gate_.begun, or here.
  std::list<Connection*> place_{this};
  std::list<Connection*>* in_ = &place_;
  const std::list<Connection*>::iterator at_ = place_.begin();

  // The socket's input. `rest_`: of what was read last, in scratch memory, while advance() runs; else in
  // unread_.
  Bytes rest_;
  std::string unread_;
  bool may_read_ = true;
  bool hung_up_ = false;  // the last byte is in the socket, or has been read
  bool ended_ = false;    // the client has sent its last byte
  bool broken_ = false;   // neither direction works
  bool advancing_ = false;

  // What libsoup reads.
  std::string given_;
  std::size_t given_at_ = 0;
  Turn turn_ = Turn::ours;
  std::shared_ptr<BodySink> sink_;    // of the current message; may be null
  std::function<void()> on_hang_up_;  // likewise
  bool head_taken_ = false;           // libsoup has read the current message's
  bool gave_all_ = false;             // of the current message
  bool fails_ = false;                // libsoup gets an error instead of more
  bool parting_ = false;              // it has been given the parting request
  bool mute_ = false;                 // what it writes is dropped
  bool lent_ = false;                 // it has a stream
  bool abandoned_ = false;            // the current body

  OutputQueue out_;
  bool may_write_ = true;
  std::uint64_t sent_ = 0;
  bool closing_ = false;
  bool shut_ = false;  // our side, after the last answer
  bool closed_ = false;
  std::uint64_t lingered_ = 0;  // bytes read while closing
  std::uint64_t requests_ = 0;
  int refused_status_ = 0;
  bool ingest_only_;
  bool settled_ = true;
};

// The connection that libsoup's remote address belongs to; null for an address of other origin.
Connection* connection_of(GSocketAddress* remote);

}  // namespace tarn::server::front
