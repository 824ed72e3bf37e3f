#pragma once

#include <memory>
#include <string>

#include "base/block_pool.h"
#include "http/chunked.h"
#include "http/message.h"
#include "http/response_parser.h"
#include "net/connection_pool.h"
#include "net/http_client.h"

namespace yz::net {

/// Whether the parts of a request's head stay on their lines; kInvalid when one would break out.
[[nodiscard]] Status check_request(const ClientRequest& request);

/// One request on one connection: sends it, reads the response. Gives the connection back when the response has been
/// read. Itself, its buffer and its parsed head come from what earlier requests left.
class ClientConnection {
 public:
  ClientConnection(std::unique_ptr<UpstreamConnection> connection, std::shared_ptr<ConnectionPool> pool,
                   const ClientTimeouts& timeouts);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  static void* operator new(std::size_t size) { return BlockPool::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { BlockPool::release(block, size); }

  /// Sends the request, which check_request() accepted and which outlives the call, and reads the final response's
  /// head.
  [[nodiscard]] io::Task<Status> perform(const ClientRequest& request);
  [[nodiscard]] io::Task<Result<std::size_t>> read(std::span<char> into);
  /// See ClientResponse::take_received.
  [[nodiscard]] std::size_t take_received(std::span<iovec> pieces);
  [[nodiscard]] bool is_over() const { return is_done_; }
  [[nodiscard]] const http::ResponseHead& head() const { return scratch_->head; }
  [[nodiscard]] bool was_reused() const { return was_reused_; }
  /// The address of the other side.
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }
  [[nodiscard]] std::uint64_t bytes_out() const;
  [[nodiscard]] ClientResponse::Tunnel tunnel();
  /// Keeps `guard` until the response has been read to its end or failed.
  void hold(std::shared_ptr<void> guard);

 private:
  [[nodiscard]] io::Task<Status> send_body(BodySource& source);
  [[nodiscard]] io::Task<Status> read_head(http::Method method, InterimSink* interim);
  [[nodiscard]] Error while_waiting(Error error) const;
  [[nodiscard]] io::Task<Result<std::size_t>> read_chunked(std::span<char> into);
  [[nodiscard]] std::size_t take_chunks(std::span<iovec> pieces);
  [[nodiscard]] http::ChunkedDecoder::Step decode(std::size_t most);
  void make_head_room();
  void make_body_room();
  void finish();
  void let_go();
  [[nodiscard]] io::Stream& stream() { return *connection_->stream; }
  [[nodiscard]] MonoTime in(std::chrono::milliseconds time) { return stream().reactor().in(time); }

  std::shared_ptr<void> guard_;                     // goes after the connection
  std::unique_ptr<UpstreamConnection> connection_;  // null once given back or closed
  const std::shared_ptr<ConnectionPool> pool_;      // where connection and scratch go back to
  std::unique_ptr<ClientScratch> scratch_;          // never null
  const ClientTimeouts timeouts_;
  const bool was_reused_;
  const Endpoint endpoint_;
  bool is_sent_ = false;       // the whole request
  bool is_done_ = false;       // the whole response
  bool is_malformed_ = false;  // its chunks
  http::ResponseParser parser_;
  http::ChunkedDecoder chunks_;
  std::uint64_t body_left_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t out_start_;
  std::uint64_t bytes_out_ = 0;  // once the connection is gone
  // Received and not used up: data_[begin_, end_). data_ is the scratch's buffer, larger_ or body_buffer_.
  std::unique_ptr<char[]> larger_;  // of a head that did not fit
  std::unique_ptr<char[]> body_buffer_;
  char* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace yz::net
