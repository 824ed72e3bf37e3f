#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/chunked.h"
#include "http/request_parser.h"
#include "io/list.h"
#include "net/exchange.h"
#include "net/http_server.h"

namespace yz::net {

/// What a connection needs only while it has a request: the buffer and the parsed head. Idle connections have none; the
/// server hands the last one used to the next connection that wakes, so that it is warm.
struct SessionScratch {
  static constexpr std::size_t kBufferSize = 16 * 1024;

  Exchange exchange;
  std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(kBufferSize);
  std::size_t capacity = kBufferSize;
};

/// One server connection: reads requests, has them answered one after the other, decides when it ends.
class HttpSession final : private io::ListLink {
 public:
  HttpSession(HttpServer& server, const ServedConnection& connection);
  ~HttpSession();

  /// Serves until the connection is done with, and the caller closes it then; or until it is to sleep.
  [[nodiscard]] io::Task<void> run();

  /// After run(): what was read when the client turned out to speak HTTP/2, from its preface on; else empty.
  [[nodiscard]] const std::string& http2_start() const { return http2_start_; }

  /// The session of an idle-list entry.
  [[nodiscard]] static HttpSession& of(io::ListLink& link) { return static_cast<HttpSession&>(link); }
  /// Ends an idle connection: its read sees the end.
  void close_idle() noexcept;
  /// Ends the session of an idle connection, which is kept (is_dozing()): run() ends before this returns.
  void doze();
  [[nodiscard]] bool is_dozing() const { return is_dozing_; }
  [[nodiscard]] MonoTime idle_since() const { return idle_since_; }
  /// Requests served on the connection so far.
  [[nodiscard]] std::uint64_t served() const { return served_; }

 private:
  friend class Exchange;
  enum class Next : std::uint8_t { kRequest, kClose, kLinger, kReset };

  // The bytes received and not yet used up: a part of the scratch's buffer, or of body_buffer_ while a body is read
  // behind a head that leaves little room.
  struct Window {
    char* data = nullptr;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t capacity = 0;
    [[nodiscard]] std::string_view bytes() const { return {data + begin, end - begin}; }
    [[nodiscard]] std::span<char> room() const { return {data + end, capacity - end}; }
    [[nodiscard]] bool is_empty() const { return begin == end; }
  };

  [[nodiscard]] io::Task<bool> wait_for_request();
  [[nodiscard]] io::Task<Next> read_rest_of_head(http::HeadProgress& progress);
  [[nodiscard]] io::Task<Next> refuse(http::HeadError error);
  /// Whether the bytes that are no HTTP/1 request begin an HTTP/2 connection; keeps them then.
  [[nodiscard]] bool begins_http2();
  void begin_exchange(std::size_t head_size);
  [[nodiscard]] bool is_settled() const;
  [[nodiscard]] io::Task<Next> settle();
  [[nodiscard]] io::Task<bool> drain_body();
  void end_exchange();
  [[nodiscard]] io::Task<void> linger();

  [[nodiscard]] io::Task<Result<std::size_t>> read_body(std::span<char> into);
  [[nodiscard]] io::Task<Result<std::size_t>> read_chunked(std::span<char> into);
  [[nodiscard]] io::Task<Result<std::size_t>> receive_body(std::span<char> into);
  [[nodiscard]] io::Task<Status> send_continue();
  void make_body_room();
  void make_head_room();

  void take_scratch();
  void give_scratch();
  [[nodiscard]] io::Reactor& reactor() const { return server_.reactor_; }
  [[nodiscard]] const HttpServerOptions& options() const { return server_.options_; }
  [[nodiscard]] Exchange& exchange() { return scratch_->exchange; }
  [[nodiscard]] const Exchange& exchange() const { return scratch_->exchange; }

  HttpServer& server_;
  io::Stream& stream_;
  const Endpoint peer_;
  const std::string_view server_name_;
  const bool is_tls_;
  bool is_busy_ = false;
  bool is_dozing_ = false;
  bool has_continued_ = false;
  http::RequestParser parser_;
  std::uint64_t served_ = 0;
  MonoTime idle_since_{};
  std::unique_ptr<SessionScratch> scratch_;
  Window in_;
  // Of the request's body in work:
  std::uint64_t body_left_ = 0;      // Content-Length framing
  std::uint64_t body_received_ = 0;  // bytes on the wire
  std::chrono::nanoseconds body_waited_{0};
  http::ChunkedDecoder chunks_;
  std::unique_ptr<char[]> body_buffer_;
  std::string http2_start_;
};

}  // namespace yz::net
