#include "net/exchange.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "http/chunked.h"
#include "http/date.h"
#include "http/status.h"
#include "io/socket.h"
#include "net/http_session.h"

namespace yz::net {

namespace {

constexpr std::string_view kEnd = "\r\n";
constexpr std::string_view kCloseEnd = "Connection: close\r\n\r\n";
constexpr std::string_view kKeepAliveEnd = "Connection: keep-alive\r\n\r\n";

std::size_t total_size(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

}  // namespace

const Endpoint& Exchange::peer() const { return stream_ != nullptr ? stream_->peer() : session_->peer_; }
Endpoint Exchange::local() const {
  if (stream_ != nullptr) return stream_->local();
  return io::local_endpoint(session_->stream_.watch().fd()).value_or(Endpoint{});
}
bool Exchange::is_tls() const { return stream_ != nullptr ? stream_->is_tls() : session_->is_tls_; }
std::string_view Exchange::tls_server_name() const {
  return stream_ != nullptr ? stream_->tls_server_name() : session_->server_name_;
}
io::Reactor& Exchange::reactor() const { return stream_ != nullptr ? stream_->reactor() : session_->reactor(); }
std::uint64_t Exchange::bytes_out() const {
  return stream_ != nullptr ? stream_->bytes_out() : session_->stream_.bytes_written() - out_start_;
}

void Exchange::reset(MonoTime now) {
  started_at_ = now;
  answered_at_ = {};
  state_ = State::kWaiting;
  closes_ = is_aborted_ = is_chunked_ = is_tunnel_ = false;
  is_body_done_ = head_.framing == http::Framing::kNone;
  status_ = 0;
  body_left_ = bytes_in_ = 0;
  out_start_ = out_expected_ = stream_ != nullptr ? 0 : session_->stream_.bytes_written();
  piece_count_ = 0;
}

io::Task<Result<std::size_t>> Exchange::read_body(std::span<char> into) {
  return stream_ != nullptr ? stream_->read_body(into) : session_->read_body(into);
}

io::Task<Result<std::string>> Exchange::read_body_all(std::size_t limit) {
  const auto too_large = [limit] {
    return fail(Code::kLimit, fmt::format("the body has more than {} bytes", limit), Fault::kClient);
  };
  if (head_.framing == http::Framing::kLength && head_.content_length > limit) co_return too_large();
  std::string body;
  std::array<char, 8192> buffer;
  while (true) {
    YZ_CO_TRY(const std::size_t n, co_await read_body(buffer));
    if (n == 0) co_return body;
    if (body.size() + n > limit) co_return too_large();
    body.append(buffer.data(), n);
  }
}

io::Task<Status> Exchange::send_interim(http::StatusCode status, http::HeaderMap headers) {
  YZ_ASSERT(state_ == State::kWaiting && http::is_informational(status) && status != 101);
  if (head_.version == http::Version::kHttp10) co_return Status();
  head_text_.clear();
  http::write_status_line(head_text_, status);
  headers.write_to(head_text_);
  if (stream_ != nullptr) {
    const iovec head{head_text_.data(), head_text_.size()};
    stream_->send_head(status, {&head, 1}, std::nullopt, false);
    co_return Status();
  }
  head_text_.append(kEnd);
  add_piece(head_text_);
  co_return co_await write_pieces();
}

bool Exchange::sends_no_body() const { return head_.method == http::Method::kHead || http::forbids_body(status_); }

void Exchange::add_piece(const void* data, std::size_t size) {
  if (size == 0) return;
  YZ_ASSERT(piece_count_ < pieces_.size());
  pieces_[piece_count_++] = {const_cast<void*>(data), size};
}

std::string_view Exchange::head_end() const {
  if (closes_) return kCloseEnd;
  return head_.version == http::Version::kHttp10 ? kKeepAliveEnd : kEnd;
}

SendOp Exchange::write_pieces() {
  // With its last bytes written it is the client's turn to speak.
  return write_pieces(state_ == State::kDone && !closes_ ? io::WriteOp::When::kSoon : io::WriteOp::When::kNow);
}

SendOp Exchange::write_pieces(io::WriteOp::When when) {
  const std::span pieces(pieces_.data(), piece_count_);
  piece_count_ = 0;
  out_expected_ += total_size(pieces);
  return {session_->stream_, pieces, session_->options().write_stall, when};
}

SendOp Exchange::respond_raw(http::StatusCode status, std::span<const iovec> head, std::span<const iovec> body) {
  YZ_ASSERT(state_ == State::kWaiting && head.size() + body.size() <= kMaxPieces);
  status_ = status;
  answered_at_ = reactor().now();
  state_ = State::kDone;
  if (stream_ != nullptr) {
    const bool has_content = !sends_no_body() && total_size(body) > 0;
    stream_->send_head(status, head, std::nullopt, !has_content);
    if (has_content) {
      for (const iovec& piece : body) add_piece(piece.iov_base, piece.iov_len);
    }
    return send_pieces_on_stream(true);
  }
  if (session_->server_.is_draining()) closes_ = true;
  for (const iovec& piece : head) add_piece(piece.iov_base, piece.iov_len);
  add_piece(head_end());
  if (!sends_no_body()) {
    for (const iovec& piece : body) add_piece(piece.iov_base, piece.iov_len);
  }
  return write_pieces();
}

io::Task<Status> Exchange::respond(http::StatusCode status, http::HeaderMap headers, std::string body) {
  body_text_ = std::move(body);
  begin(status, headers, {body_text_.size()});
  if (stream_ != nullptr) {
    Status sent = co_await send(body_text_);
    state_ = State::kDone;
    co_return sent;
  }
  add_due_head();
  if (!sends_no_body()) add_piece(body_text_);
  state_ = State::kDone;
  co_return co_await write_pieces();
}

io::Task<Status> Exchange::respond_text(http::StatusCode status, std::string_view content_type, std::string body) {
  return respond(status, http::HeaderMap{{"Content-Type", content_type}}, std::move(body));
}

void Exchange::begin(http::StatusCode status, const http::HeaderMap& headers, BodyLength length) {
  begin_head(status, length);
  http::write_status_line(head_text_, status);
  if (!headers.has(http::FieldId::kDate)) {
    const auto now = std::chrono::floor<std::chrono::seconds>(reactor().wall_now());
    head_text_.append("Date: ").append(http::DateText(now).text()).append("\r\n");
  }
  headers.write_to(head_text_);
  end_head();
}

void Exchange::begin_raw(http::StatusCode status, std::span<const iovec> head, BodyLength length) {
  begin_head(status, length);
  for (const iovec& piece : head) head_text_.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  end_head();
}

void Exchange::begin_head(http::StatusCode status, BodyLength length) {
  YZ_ASSERT(state_ == State::kWaiting);
  if (stream_ == nullptr && session_->server_.is_draining()) closes_ = true;
  state_ = State::kHeadDue;
  status_ = status;
  answered_at_ = reactor().now();
  head_text_.clear();
  is_chunked_ = !length.known && head_.version == http::Version::kHttp11 && !sends_no_body();
  if (!length.known && head_.version == http::Version::kHttp10 && !sends_no_body()) closes_ = true;
  body_left_ = length.known.value_or(0);
  if (!length.known && !is_chunked_) body_left_ = UINT64_MAX;  // ends with the connection
  is_length_known_ = length.known.has_value();
}

void Exchange::end_head() {
  if (stream_ != nullptr) return;
  // 1xx and 204 never have Content-Length; a HEAD or 304 answer may tell that of the GET (RFC 9110 §8.6).
  if (is_chunked_) {
    head_text_ += "Transfer-Encoding: chunked\r\n";
  } else if (is_length_known_ && !http::is_informational(status_) && status_ != 204 && status_ != 304) {
    http::append_field(head_text_, "Content-Length", std::string_view(fmt::format_int(body_left_).c_str()));
  }
  head_text_.append(status_ == 101 ? kEnd : head_end());
}

void Exchange::add_due_head() {
  if (state_ != State::kHeadDue) return;
  add_piece(head_text_);
  state_ = State::kBody;
}

SendOp Exchange::send(std::string_view piece) {
  const iovec vector{const_cast<char*>(piece.data()), piece.size()};
  return send({&vector, 1});
}

SendOp Exchange::send(std::span<const iovec> pieces) {
  YZ_ASSERT(state_ == State::kHeadDue || state_ == State::kBody);
  YZ_ASSERT(pieces.size() <= kMaxPieces - 3);
  const std::size_t size = total_size(pieces);
  if (stream_ != nullptr) {
    send_due_head();
    if (sends_no_body() || size == 0) return SendOp(*stream_);
    YZ_ASSERT(size <= body_left_);
    if (is_length_known_) body_left_ -= size;
    for (const iovec& piece : pieces) add_piece(piece.iov_base, piece.iov_len);
    return send_pieces_on_stream(is_length_known_ && body_left_ == 0);
  }
  add_body(pieces);
  return write_pieces();
}

void Exchange::add_body(std::span<const iovec> pieces) {
  const std::size_t size = total_size(pieces);
  add_due_head();
  if (sends_no_body() || size == 0) return;
  if (is_chunked_) {
    const http::ChunkHead line(size);
    std::memcpy(chunk_line_.data(), line.text().data(), line.text().size());
    add_piece(chunk_line_.data(), line.text().size());
  } else {
    YZ_ASSERT(size <= body_left_);
    if (is_length_known_) body_left_ -= size;
  }
  for (const iovec& piece : pieces) add_piece(piece.iov_base, piece.iov_len);
  if (is_chunked_) add_piece(http::kChunkTail);
}

void Exchange::send_due_head() {
  if (state_ != State::kHeadDue) return;
  state_ = State::kBody;
  const iovec head{head_text_.data(), head_text_.size()};
  const bool tells_length = is_length_known_ && status_ != 204 && status_ != 304;
  stream_->send_head(status_, {&head, 1}, tells_length ? std::optional(body_left_) : std::nullopt,
                     sends_no_body() || (is_length_known_ && body_left_ == 0));
}

SendOp Exchange::send_pieces_on_stream(bool ends) {
  const std::span pieces(pieces_.data(), piece_count_);
  piece_count_ = 0;
  if (!pieces.empty()) stream_->send_body(pieces, ends);
  return SendOp(*stream_);
}

io::Task<Status> Exchange::send_file_on_stream(int file, std::uint64_t offset, std::uint64_t size) {
  constexpr std::size_t kBlock = 64 * 1024;
  const auto block = std::make_unique_for_overwrite<char[]>(kBlock);
  while (size > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, kBlock));
    const ssize_t n = ::pread(file, block.get(), wanted, static_cast<off_t>(offset));
    if (n < 0) co_return fail_errno("pread", errno);
    if (n == 0) co_return fail(Code::kIo, "the file ended early");
    const std::string_view piece(block.get(), static_cast<std::size_t>(n));
    YZ_CO_CHECK(co_await send(piece));
    offset += piece.size();
    size -= piece.size();
  }
  co_return Status();
}

io::Task<Status> Exchange::send_file(int file, std::uint64_t offset, std::uint64_t size, const char* mapped) {
  YZ_ASSERT(state_ == State::kHeadDue || state_ == State::kBody);
  if (stream_ != nullptr) co_return co_await send_file_on_stream(file, offset, size);
  add_due_head();
  const bool sends = !sends_no_body() && size > 0;
  if (sends && is_chunked_) {
    const http::ChunkHead line(size);
    std::memcpy(chunk_line_.data(), line.text().data(), line.text().size());
    add_piece(chunk_line_.data(), line.text().size());
  }
  YZ_CO_CHECK(co_await write_pieces(sends ? io::WriteOp::When::kWithMore : io::WriteOp::When::kNow));
  if (!sends) co_return Status();
  if (!is_chunked_) {
    YZ_ASSERT(size <= body_left_);
    if (is_length_known_) body_left_ -= size;
  }
  out_expected_ += size;
  YZ_CO_CHECK(co_await session_->stream_.send_file(file, offset, size, session_->options().write_stall, mapped));
  if (!is_chunked_) co_return Status();
  add_piece(http::kChunkTail);
  co_return co_await write_pieces();
}

SendOp Exchange::flush() {
  YZ_ASSERT(state_ == State::kHeadDue || state_ == State::kBody);
  if (stream_ != nullptr) {
    send_due_head();
    return SendOp(*stream_);
  }
  add_due_head();
  return write_pieces();
}

SendOp Exchange::finish(std::span<const iovec> last) {
  YZ_ASSERT(state_ == State::kHeadDue || state_ == State::kBody);
  YZ_ASSERT(last.size() <= kMaxPieces - 3);
  if (stream_ != nullptr) {
    send_due_head();
    if (!sends_no_body()) {
      for (const iovec& piece : last) add_piece(piece.iov_base, piece.iov_len);
      YZ_ASSERT(!is_length_known_ || total_size(last) <= body_left_);
      if (is_length_known_) body_left_ -= total_size(last);
    }
  } else {
    add_body(last);
  }
  const bool is_short = is_length_known_ && body_left_ != 0 && !sends_no_body();
  if (is_short) is_aborted_ = true;  // less than was promised
  state_ = State::kDone;
  if (stream_ != nullptr) {
    const std::span pieces(pieces_.data(), piece_count_);
    piece_count_ = 0;
    if (!pieces.empty() || !is_short) stream_->send_body(pieces, !is_short);
    return SendOp(*stream_);
  }
  if (is_chunked_) add_piece(http::kLastChunk);
  return write_pieces();
}

Exchange::Tunnel Exchange::tunnel() {
  YZ_ASSERT(stream_ == nullptr);
  is_tunnel_ = true;
  return {session_->stream_, session_->in_.bytes()};
}

}  // namespace yz::net
