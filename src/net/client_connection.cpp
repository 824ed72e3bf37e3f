#include "net/client_connection.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "http/head_error.h"

namespace yz::net {

namespace {

constexpr std::size_t kBufferSize = 16 * 1024;
constexpr std::size_t kMinBodyRoom = 4 * 1024;
/// Interim responses accepted before the final one.
constexpr int kMaxInterim = 16;

tl::unexpected<Error> closed_early(std::string_view where) {
  return fail(Code::kUnavailable, "the origin closed the connection in the middle of the " + std::string(where),
              Fault::kOrigin);
}

}  // namespace

ClientConnection::ClientConnection(std::unique_ptr<UpstreamConnection> connection, std::weak_ptr<ConnectionPool> pool,
                                   const ClientTimeouts& timeouts)
    : connection_(std::move(connection)),
      pool_(std::move(pool)),
      timeouts_(timeouts),
      was_reused_(connection_->served > 0),
      endpoint_(connection_->upstream.endpoint),
      out_start_(connection_->stream->bytes_written()),
      head_buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)),
      data_(head_buffer_.get()),
      capacity_(kBufferSize) {}

std::uint64_t ClientConnection::bytes_out() const {
  return connection_ ? connection_->stream->bytes_written() - out_start_ : bytes_out_;
}

io::Task<Status> ClientConnection::perform(std::string head, const ClientRequest& request) {
  if (request.accepts_unknown_coding) {
    http::ResponseRules rules;
    rules.unknown_coding = http::ResponseRules::UnknownCoding::kReadUntilClose;
    parser_ = http::ResponseParser(rules);
  }
  Status sent = co_await send_request(std::move(head), request);
  is_sent_ = sent.has_value();
  // An origin that refuses a body may answer and close before it has read it: look for that answer.
  const bool may_have_answered =
      !sent && sent.error().fault == Fault::kOrigin && sent.error().code == Code::kUnavailable;
  if (!sent && !may_have_answered) co_return sent;
  Status answered = co_await read_head(http::parse_method(request.method), request.interim);
  if (!answered) co_return sent ? std::move(answered) : std::move(sent);
  if (head_.status == 101 && request.upgrade.empty()) {
    co_return fail(Code::kInvalid, "the origin switches protocols, though nobody asked it to", Fault::kOrigin);
  }
  body_left_ = head_.content_length;
  const bool has_body = head_.framing != http::Framing::kNone && head_.status != 101;
  if (!has_body || (head_.framing == http::Framing::kLength && body_left_ == 0)) {
    if (head_.status != 101) finish();
  }
  co_return Status();
}

io::Task<Status> ClientConnection::send_request(std::string head, const ClientRequest& request) {
  std::array<iovec, 2> pieces{iovec{head.data(), head.size()},
                              iovec{const_cast<char*>(request.body.data()), request.body.size()}};
  const std::size_t count = request.body_source != nullptr || request.body.empty() ? 1 : 2;
  if (Status sent = co_await stream().write_soon(std::span(pieces).first(count), timeouts_.write_stall); !sent) {
    co_return fail(std::move(sent).error().with_context("sending the request").blamed_on(Fault::kOrigin));
  }
  if (request.body_source == nullptr) co_return Status();
  co_return co_await send_body(*request.body_source);
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
  stream().expect_messages();
  for (int interims = 0; interims <= kMaxInterim;) {
    const auto progress = parser_.parse({data_ + begin_, end_ - begin_}, method, head_);
    if (progress.state == http::Progress::kBad) {
      co_return fail(Code::kInvalid,
                     "the origin's response is not valid HTTP: " + std::string(http::rule(progress.error)),
                     Fault::kOrigin);
    }
    if (progress.state == http::Progress::kComplete) {
      begin_ += progress.consumed;
      parser_.reset();
      if (!http::is_informational(head_.status) || head_.status == 101) co_return Status();
      // 100 answers an Expect, which is ours alone.
      if (interim != nullptr && head_.status != 100) co_await interim->on_interim(head_);
      ++interims;
      continue;
    }
    make_head_room();
    YZ_CO_TRY(const std::size_t n, co_await receive({data_ + end_, capacity_ - end_}, deadline));
    if (n == 0) co_return closed_early(bytes_in_ == 0 ? "request" : "response head");
    end_ += n;
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
  head_buffer_ = std::move(larger);
  data_ = head_buffer_.get();
  capacity_ *= 2;
}

io::Task<Result<std::size_t>> ClientConnection::receive(std::span<char> into, MonoTime deadline) {
  auto got = co_await stream().read(into, deadline);
  if (!got) co_return fail(std::move(got).error().with_context("waiting for the origin").blamed_on(Fault::kOrigin));
  bytes_in_ += *got;
  co_return *got;
}

io::Task<Result<std::size_t>> ClientConnection::read(std::span<char> into) {
  if (is_done_ || into.empty()) co_return 0;
  if (!connection_) co_return fail(Code::kUnavailable, "the response failed before", Fault::kOrigin);
  if (head_.framing == http::Framing::kChunked) co_return co_await read_chunked(into);

  const bool is_counted = head_.framing == http::Framing::kLength;
  const std::uint64_t wanted = is_counted ? std::min<std::uint64_t>(into.size(), body_left_) : into.size();
  into = into.first(static_cast<std::size_t>(wanted));
  std::size_t n = std::min(into.size(), end_ - begin_);
  if (n > 0) {
    std::memcpy(into.data(), data_ + begin_, n);
    begin_ += n;
  } else {
    auto got = co_await receive(into, in(timeouts_.idle));
    if (!got) {
      let_go();
      co_return got;
    }
    n = *got;
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

io::Task<Result<std::size_t>> ClientConnection::read_chunked(std::span<char> into) {
  while (true) {
    if (begin_ == end_) {
      make_body_room();
      auto got = co_await receive({data_ + end_, capacity_ - end_}, in(timeouts_.idle));
      if (!got || *got == 0) {
        let_go();
        if (!got) co_return got;
        co_return closed_early("chunked body");
      }
      end_ += *got;
    }
    const auto step = chunks_.decode(std::string_view(data_ + begin_, end_ - begin_).substr(0, into.size()));
    begin_ += step.consumed;
    if (step.state == http::ChunkedDecoder::State::kBad) {
      let_go();
      co_return fail(Code::kInvalid, "the origin's chunked body is malformed", Fault::kOrigin);
    }
    const std::size_t n = step.data.size();
    if (n > 0) std::memcpy(into.data(), step.data.data(), n);
    if (step.state == http::ChunkedDecoder::State::kDone) finish();
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
  const bool is_clean = head_.keep_alive && is_sent_ && begin_ == end_ && head_.framing != http::Framing::kUntilClose;
  if (auto pool = pool_.lock(); pool && is_clean) pool->give(std::move(connection_));
  let_go();
}

ClientResponse::Tunnel ClientConnection::tunnel() {
  YZ_ASSERT(connection_ && head_.status == 101);
  return {stream(), {data_ + begin_, end_ - begin_}};
}

}  // namespace yz::net
