#include "net/client_connection.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "http/head_error.h"
#include "http/method.h"
#include "http/scan.h"
#include "io/after_others.h"

namespace yz::net {

namespace {

constexpr std::size_t kBufferSize = ClientScratch::kBufferSize;
constexpr std::size_t kMinBodyRoom = 4 * 1024;
/// Interim responses accepted before the final one.
constexpr int kMaxInterim = 16;

tl::unexpected<Error> closed_early(std::string_view where) {
  return fail(Code::kUnavailable, "the origin closed the connection in the middle of the " + std::string(where),
              Fault::kOrigin);
}

bool has_control(std::string_view text) {
  if (http::find_value_end(text, 0, true) == text.size()) return false;
  bool found = false;
  for (const char c : text) found |= c == '\r' || c == '\n' || c == '\0';
  return found;
}

bool is_word(std::string_view text) {
  bool is_clean = !text.empty();
  for (const char c : text) is_clean &= static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  return is_clean;
}

void write_number_field(std::string& out, std::string_view name, std::uint64_t value) {
  http::append_field(out, name, std::string_view(fmt::format_int(value).c_str()));
}

void write_head(std::string& out, const ClientRequest& request) {
  out.assign(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  http::append_field(out, "Host", request.host);
  request.headers.write_to(out);
  if (request.body_source != nullptr) {
    const auto length = request.body_source->length();
    if (length) write_number_field(out, "Content-Length", *length);
    if (!length) out.append("Transfer-Encoding: chunked\r\n");
  } else {
    const auto method = http::parse_method(request.method);
    const bool expects_body =
        method == http::Method::kPost || method == http::Method::kPut || method == http::Method::kPatch;
    if (!request.body.empty() || expects_body) write_number_field(out, "Content-Length", request.body.size());
  }
  if (!request.upgrade.empty()) {
    out.append("Connection: Upgrade\r\n");
    http::append_field(out, "Upgrade", request.upgrade);
  }
  out.append("\r\n");
}

}  // namespace

Status check_request(const ClientRequest& request) {
  if (!is_word(request.method) || !is_word(request.target) || has_control(request.host) ||
      has_control(request.upgrade)) {
    return fail(Code::kInvalid, "the request's method, target or host would break its head");
  }
  for (const http::Field& field : request.headers) {
    // A name that is known is a word.
    const bool is_name = field.id != http::FieldId::kOther || is_word(field.name);
    if (!is_name || has_control(field.value)) {
      return fail(Code::kInvalid, "field '" + std::string(field.name) + "' would break the request's head");
    }
  }
  return {};
}

ClientConnection::ClientConnection(std::unique_ptr<UpstreamConnection> connection, std::shared_ptr<ConnectionPool> pool,
                                   const ClientTimeouts& timeouts)
    : connection_(std::move(connection)),
      pool_(std::move(pool)),
      scratch_(pool_->take_scratch()),
      timeouts_(timeouts),
      was_reused_(connection_->served > 0),
      endpoint_(connection_->upstream.endpoint),
      out_start_(connection_->stream->bytes_written()),
      data_(scratch_->buffer.get()),
      capacity_(ClientScratch::kBufferSize) {}

ClientConnection::~ClientConnection() { pool_->give_scratch(std::move(scratch_)); }

std::uint64_t ClientConnection::bytes_out() const {
  return connection_ ? connection_->stream->bytes_written() - out_start_ : bytes_out_;
}

io::Task<Status> ClientConnection::perform(const ClientRequest& request) {
  if (request.accepts_unknown_coding) {
    http::ResponseRules rules;
    rules.unknown_coding = http::ResponseRules::UnknownCoding::kReadUntilClose;
    parser_ = http::ResponseParser(rules);
  }
  write_head(scratch_->request, request);
  std::array<iovec, 2> pieces{iovec{scratch_->request.data(), scratch_->request.size()},
                              iovec{const_cast<char*>(request.body.data()), request.body.size()}};
  const std::size_t count = request.body_source != nullptr || request.body.empty() ? 1 : 2;
  co_await io::after_others();
  Status sent = co_await stream().write_soon(std::span(pieces).first(count), timeouts_.write_stall);
  if (!sent) {
    sent = fail(std::move(sent).error().with_context("sending the request").blamed_on(Fault::kOrigin));
  } else if (request.body_source != nullptr) {
    sent = co_await send_body(*request.body_source);
  }
  is_sent_ = sent.has_value();
  // An origin that refuses a body may answer and close before it has read it: look for that answer.
  const bool may_have_answered =
      !sent && sent.error().fault == Fault::kOrigin && sent.error().code == Code::kUnavailable;
  if (!sent && !may_have_answered) co_return sent;
  Status answered = co_await read_head(http::parse_method(request.method), request.interim);
  if (!answered) co_return sent ? std::move(answered) : std::move(sent);
  const http::ResponseHead& head = scratch_->head;
  if (head.status == 101 && request.upgrade.empty()) {
    co_return fail(Code::kInvalid, "the origin switches protocols, though nobody asked it to", Fault::kOrigin);
  }
  body_left_ = head.content_length;
  const bool has_body = head.framing != http::Framing::kNone && head.status != 101;
  if (!has_body || (head.framing == http::Framing::kLength && body_left_ == 0)) {
    if (head.status != 101) finish();
  }
  co_return Status();
}

io::Task<Status> ClientConnection::send_body(BodySource& source) {
  const std::optional<std::uint64_t> length = source.length();
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferSize);
  std::uint64_t sent = 0;
  while (true) {
    YZ_CO_TRY(const std::size_t n, co_await source.read({buffer.get(), kBufferSize}));
    sent += n;
    if (length && (sent > *length || (n == 0 && sent < *length))) {
      co_return fail(Code::kInvalid, "the request body is not as long as announced", Fault::kClient);
    }
    const http::ChunkHead line(std::max<std::size_t>(n, 1));
    std::array<iovec, 3> pieces{};
    std::size_t count = 0;
    const auto add = [&](std::string_view text) { pieces[count++] = {const_cast<char*>(text.data()), text.size()}; };
    if (n > 0 && !length) add(line.text());
    if (n > 0) add({buffer.get(), n});
    if (!length) add(n > 0 ? http::kChunkTail : http::kLastChunk);
    if (Status status = co_await stream().write_all(std::span(pieces).first(count), timeouts_.write_stall); !status) {
      co_return fail(std::move(status).error().with_context("sending the body").blamed_on(Fault::kOrigin));
    }
    if (n == 0) co_return Status();
  }
}

io::Task<Status> ClientConnection::read_head(http::Method method, InterimSink* interim) {
  const MonoTime deadline = in(timeouts_.first_byte);
  http::ResponseHead& head = scratch_->head;
  stream().expect_messages();
  for (int interims = 0; interims <= kMaxInterim;) {
    const auto progress = parser_.parse({data_ + begin_, end_ - begin_}, method, head);
    if (progress.state == http::Progress::kBad) {
      co_return fail(Code::kInvalid,
                     "the origin's response is not valid HTTP: " + std::string(http::rule(progress.error)),
                     Fault::kOrigin);
    }
    if (progress.state == http::Progress::kComplete) {
      begin_ += progress.consumed;
      parser_.reset();
      if (!http::is_informational(head.status) || head.status == 101) co_return Status();
      // 100 answers an Expect, which is ours alone.
      if (interim != nullptr && head.status != 100) co_await interim->on_interim(head);
      ++interims;
      continue;
    }
    make_head_room();
    auto got = co_await stream().read({data_ + end_, capacity_ - end_}, deadline);
    if (!got) co_return fail(while_waiting(std::move(got).error()));
    if (*got == 0) co_return closed_early(bytes_in_ == 0 ? "request" : "response head");
    bytes_in_ += *got;
    end_ += *got;
  }
  co_return fail(Code::kInvalid, "the origin sends interim responses without end", Fault::kOrigin);
}

void ClientConnection::make_head_room() {
  if (begin_ > 0) {
    std::memmove(data_, data_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ - end_ >= capacity_ / 4) return;
  auto larger = std::make_unique_for_overwrite<char[]>(capacity_ * 2);
  std::memcpy(larger.get(), data_, end_);
  larger_ = std::move(larger);
  data_ = larger_.get();
  capacity_ *= 2;
}

Error ClientConnection::while_waiting(Error error) const {
  return std::move(error).with_context("waiting for the origin").blamed_on(Fault::kOrigin);
}

io::Task<Result<std::size_t>> ClientConnection::read(std::span<char> into) {
  if (is_done_ || into.empty()) co_return 0;
  if (is_malformed_) co_return fail(Code::kInvalid, "the origin's chunked body is malformed", Fault::kOrigin);
  if (!connection_) co_return fail(Code::kUnavailable, "the response failed before", Fault::kOrigin);
  const http::Framing framing = scratch_->head.framing;
  if (framing == http::Framing::kChunked) co_return co_await read_chunked(into);

  const bool is_counted = framing == http::Framing::kLength;
  const std::uint64_t wanted = is_counted ? std::min<std::uint64_t>(into.size(), body_left_) : into.size();
  into = into.first(static_cast<std::size_t>(wanted));
  std::size_t n = std::min(into.size(), end_ - begin_);
  if (n > 0) {
    std::memcpy(into.data(), data_ + begin_, n);
    begin_ += n;
  } else {
    auto got = co_await stream().read(into, in(timeouts_.idle));
    if (!got) {
      let_go();
      co_return fail(while_waiting(std::move(got).error()));
    }
    n = *got;
    bytes_in_ += n;
  }
  if (n == 0) {
    if (is_counted) {
      let_go();
      co_return closed_early("body");
    }
    finish();
    co_return 0;
  }
  body_left_ -= is_counted ? n : 0;
  if (is_counted && body_left_ == 0) finish();
  co_return n;
}

std::size_t ClientConnection::take_received(std::span<iovec> pieces) {
  if (is_done_ || !connection_ || begin_ == end_ || scratch_->head.status == 101) return 0;
  const http::Framing framing = scratch_->head.framing;
  if (framing == http::Framing::kChunked) return take_chunks(pieces);
  std::size_t size = end_ - begin_;
  if (framing == http::Framing::kLength) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, body_left_));
  pieces[0] = {data_ + begin_, size};
  begin_ += size;
  if (framing != http::Framing::kLength) return 1;
  body_left_ -= size;
  if (body_left_ == 0) finish();
  return 1;
}

std::size_t ClientConnection::take_chunks(std::span<iovec> pieces) {
  std::size_t count = 0;
  while (count < pieces.size() && begin_ < end_ && !is_done_ && connection_) {
    const auto step = decode(end_ - begin_);
    if (!step.data.empty()) pieces[count++] = {const_cast<char*>(step.data.data()), step.data.size()};
  }
  return count;
}

/// Goes on with at most `most` bytes of what was received. Ends the response when they end or break it.
http::ChunkedDecoder::Step ClientConnection::decode(std::size_t most) {
  const auto step = chunks_.decode(std::string_view(data_ + begin_, end_ - begin_).substr(0, most));
  begin_ += step.consumed;
  if (step.state == http::ChunkedDecoder::State::kBad) {
    is_malformed_ = true;
    let_go();
  } else if (step.state == http::ChunkedDecoder::State::kDone) {
    finish();
  }
  return step;
}

io::Task<Result<std::size_t>> ClientConnection::read_chunked(std::span<char> into) {
  while (true) {
    if (begin_ == end_) {
      make_body_room();
      auto got = co_await stream().read({data_ + end_, capacity_ - end_}, in(timeouts_.idle));
      if (!got || *got == 0) {
        let_go();
        if (!got) co_return fail(while_waiting(std::move(got).error()));
        co_return closed_early("chunked body");
      }
      bytes_in_ += *got;
      end_ += *got;
    }
    const auto step = decode(into.size());
    if (is_malformed_) co_return fail(Code::kInvalid, "the origin's chunked body is malformed", Fault::kOrigin);
    const std::size_t n = step.data.size();
    if (n > 0) std::memcpy(into.data(), step.data.data(), n);
    if (n > 0 || is_done_) co_return n;
  }
}

/// Called with an empty window: the head's views stay where they are, the body goes behind them or elsewhere.
void ClientConnection::make_body_room() {
  if (body_buffer_) {
    begin_ = end_ = 0;
    return;
  }
  if (capacity_ - end_ >= kMinBodyRoom) return;
  body_buffer_ = std::make_unique_for_overwrite<char[]>(kBufferSize);
  data_ = body_buffer_.get();
  begin_ = end_ = 0;
  capacity_ = kBufferSize;
}

/// The response is over: closes what was not given back, and ends what lasted as long.
void ClientConnection::let_go() {
  connection_.reset();
  guard_.reset();
}

void ClientConnection::hold(std::shared_ptr<void> guard) {
  if (connection_) guard_ = std::move(guard);
}

/// The response is complete: the connection serves another request, or is closed.
void ClientConnection::finish() {
  is_done_ = true;
  bytes_out_ = bytes_out();
  ++connection_->served;
  const http::ResponseHead& head = scratch_->head;
  const bool is_clean = head.keep_alive && is_sent_ && begin_ == end_ && head.framing != http::Framing::kUntilClose;
  if (is_clean) pool_->give(std::move(connection_));
  let_go();
}

ClientResponse::Tunnel ClientConnection::tunnel() {
  YZ_ASSERT(connection_ && scratch_->head.status == 101);
  return {stream(), {data_ + begin_, end_ - begin_}};
}

}  // namespace yz::net
