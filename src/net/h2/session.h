#pragma once

#include <array>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "io/list.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "io/stream.h"
#include "net/h2/flood_guard.h"
#include "net/h2/frame.h"
#include "net/h2/head_decoder.h"
#include "net/h2/head_memo.h"
#include "net/h2/out_buffer.h"
#include "net/h2/priority.h"
#include "net/h2/settings.h"
#include "net/h2/stream.h"
#include "net/http_server.h"

namespace yz::net::h2 {

/// Memory that connections of one reactor pass among themselves, so that it is warm and idle ones have none.
struct Spares {
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<char[]>> in;
  OutBuffer::Pool out;
  HeadMemo heads;
};

/// One HTTP/2 connection of a server (RFC 9113): reads frames, runs a handler per stream, sends what they answer by
/// priority (RFC 9218). Two coroutines: run() reads, another writes. What the streams woken by one read have to say
/// goes out in one write. Handlers run on the reader's or the writer's stack, so neither is ever resumed or destroyed
/// by them: they only leave word.
class Session final : private io::ListLink {
 public:
  Session(HttpServer& server, io::Stream& stream, const Endpoint& peer, bool is_tls, std::string_view server_name);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Serves until the connection is done with; the caller closes it then. `early` was read already, from the first byte
  /// of the preface on (at most kInputSize).
  [[nodiscard]] io::Task<void> run(std::string_view early);

  /// The session of an entry of the server's list.
  [[nodiscard]] static Session& of(io::ListLink& link) { return static_cast<Session&>(link); }
  [[nodiscard]] bool is_idle() const { return table_.empty(); }
  /// Graceful end (RFC 9113 §6.8): announces it, refuses what comes after a round trip, ends with the last stream.
  void begin_leaving();
  /// Ends it now: reads see the end.
  void cut() noexcept { stream_.shutdown_both(); }

  static constexpr std::size_t kInputSize = 32 * 1024;

 private:
  friend class Stream;
  friend class HttpServer;
  enum class Block : std::uint8_t { kNone, kRequest, kTrailers, kDiscarded };
  struct Gone {
    std::uint32_t id = 0;
    bool was_reset_by_us = false;
  };
  struct WriterPause;
  struct RoomWait;

  // --- for streams ---
  [[nodiscard]] const Endpoint& peer() const { return peer_; }
  [[nodiscard]] Endpoint local() const;
  [[nodiscard]] bool is_tls() const { return is_tls_; }
  [[nodiscard]] std::string_view server_name() const { return server_name_; }
  [[nodiscard]] io::Reactor& reactor() const;
  [[nodiscard]] const HttpServerOptions& options() const;
  [[nodiscard]] const Limits& limits() const;
  [[nodiscard]] bool is_dead() const { return is_dead_; }
  [[nodiscard]] std::size_t unparsed() const { return in_end_ - in_begin_; }
  void write_head(Stream& stream, http::StatusCode status, std::span<const iovec> head,
                  std::optional<std::uint64_t> length, bool ends);
  /// Sends what the stream has pending, or queues it.
  void send(Stream& stream);
  /// The handler is done. kNoError: the answer was sent whole; else the stream is reset with `code`.
  void end_stream(Stream& stream, ErrorCode code);
  void credit_connection(std::size_t size);
  void write_window_update(std::uint32_t id, std::size_t size);

  // --- reading: session.cpp ---
  [[nodiscard]] io::Task<bool> read_preface();
  [[nodiscard]] io::Task<bool> read_more();
  [[nodiscard]] io::Task<void> linger();
  /// Takes whole frames until none is left or there is no room to answer.
  void process_input();
  [[nodiscard]] MonoTime read_deadline() const;
  [[nodiscard]] bool is_output_full() const;
  void take_input();
  void give_input();
  void look_for_stalls();
  [[nodiscard]] bool is_too_slow(const Stream& stream, MonoTime now) const;

  // --- frames: session_frames.cpp ---
  void on_frame(const Frame& frame);
  void on_data(const Frame& frame);
  void on_headers(const Frame& frame);
  void on_continuation(const Frame& frame);
  void on_settings(const Frame& frame);
  void on_ping(const Frame& frame);
  void on_reset(const Frame& frame);
  void on_window_update(const Frame& frame);
  void on_priority_update(const Frame& frame);
  [[nodiscard]] Block open_block(const Frame& frame);
  void feed_block(const Frame& frame);
  void finish_block();
  void finish_request(Stream& stream, const HeadOutcome& outcome);
  void on_stray_data(const Frame& frame);
  void take_control_token(Flood kind);

  // --- ends ---
  void fail_connection(ErrorCode code);
  void stop_flood(Flood kind);
  /// A rule was broken on this stream: RST_STREAM, and its handler ends.
  void fail_stream(std::uint32_t id, ErrorCode code);
  void refuse_stream(std::uint32_t id);
  /// Destroys the handler and gives the stream back.
  void drop(Stream& stream, bool was_reset_by_us);
  void count_wasted(Flood kind);
  void forget(std::uint32_t id, bool was_reset_by_us);
  [[nodiscard]] const Gone* find_gone(std::uint32_t id) const;
  void write_goaway(std::uint32_t last, ErrorCode code);
  void finish_leaving();

  // --- streams ---
  [[nodiscard]] Stream* find(std::uint32_t id);
  [[nodiscard]] Stream& take_stream(std::uint32_t id);
  /// Takes it out of the table; the object goes to the spares.
  void release(Stream& stream);

  // --- writing: session_output.cpp ---
  [[nodiscard]] io::Task<void> write_loop();
  /// Runs the writer now; only where no handler is on the stack.
  void flush_now();
  /// Runs the writer later in this turn.
  void flush_soon();
  void fill();
  /// Writes one DATA frame as windows and room allow; false when they allow none.
  [[nodiscard]] bool write_data(Stream& stream);
  void requeue(Stream& stream);
  void wake_reader();
  void write_settings();
  void write_frame(FrameType type, std::uint8_t flags, std::uint32_t id, std::string_view payload);
  void write_reset(std::uint32_t id, ErrorCode code);

  HttpServer& server_;
  io::Stream& stream_;
  const Endpoint peer_;
  const std::string_view server_name_;
  const bool is_tls_;

  bool is_dead_ = false;       // the transport failed: nothing can be sent
  bool is_failed_ = false;     // we sent GOAWAY for an error: what comes is not looked at
  bool is_leaving_ = false;    // we announced the end
  bool refuses_ = false;       // … and no longer take new streams
  bool has_settings_ = false;  // the client's first frame came
  bool is_in_reader_ = false;  // the reader flushes when it is done with its input
  MonoTime stuck_since_{};     // when the head or frame began that is not there whole
  MonoTime next_look_{};       // for stalls

  std::unique_ptr<char[]> in_;
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;

  PeerSettings peer_settings_;
  FloodGuard guard_;
  HeadDecoder decoder_;
  Block block_ = Block::kNone;
  std::uint32_t block_stream_ = 0;
  std::uint32_t block_parts_ = 0;
  bool block_ends_stream_ = false;
  ErrorCode block_error_ = ErrorCode::kNoError;  // of the stream, to be told when the block is whole
  Stream* block_request_ = nullptr;              // with kRequest

  std::uint32_t last_id_ = 0;
  std::vector<std::uint32_t> ids_;  // of table_, for searching
  std::vector<Stream*> table_;
  std::array<Gone, 64> gone_;  // streams that ended last
  std::size_t gone_next_ = 0;
  struct Announced {
    std::uint32_t id = 0;
    Priority priority;
  };
  std::vector<Announced> announced_;  // PRIORITY_UPDATE before their stream

  std::int64_t send_window_ = kDefaultWindow;
  std::int64_t receive_window_ = kDefaultWindow;
  std::size_t uncredited_ = 0;
  MonoTime window_moved_at_{};
  SendQueue queue_;
  OutBuffer out_;
  OutBuffer sending_;
  bool is_writing_ = false;
  std::coroutine_handle<> paused_writer_;
  std::coroutine_handle<> waiting_reader_;
  io::Reactor::ReadyNode writer_node_;
  io::Reactor::ReadyNode reader_node_;
  io::TaskScope writer_;
};

}  // namespace yz::net::h2
