#include "rpc/link.h"

#include <array>
#include <span>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "io/reactor.h"

namespace yz::rpc {
namespace {

/// What the kernel holds of a session unsent; the rest waits in our queue, where a purge overtakes a configuration.
constexpr int kMaxUnsent = 128 << 10;
/// After so many full reads of one connection the others have their turn.
constexpr int kReadsInARow = 8;
/// A peer that takes nothing at all for so long is gone, whatever it says.
constexpr std::chrono::seconds kWriteStall{60};

/// Nothing stays in it between reads.
std::span<char> buffer_of_thread() {
  thread_local std::array<char, 64 << 10> buffer;
  return buffer;
}

}  // namespace

Link::Link(std::unique_ptr<net::TlsStream> stream, std::size_t max_body)
    : stream_(std::move(stream)), frames_(max_body), heard_(stream_->reactor().now()) {
  ::setsockopt(stream_->watch().fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kMaxUnsent, sizeof kMaxUnsent);
}

io::Task<Status> Link::read(FrameReader::OnFrame on_frame) {
  for (;;) {
    YZ_CO_CHECK(co_await stream_->readable(io::kNoDeadline));
    for (int reads = 0; reads < kReadsInARow; ++reads) {
      const std::span<char> buffer = buffer_of_thread();
      const auto got = stream_->read_now(buffer);
      if (!got) break;
      if (!*got && got->error().code == Code::kUnavailable) co_return Status();
      if (!*got) co_return fail(got->error());
      if (**got == 0) co_return Status();
      heard_ = stream_->reactor().now();
      YZ_CO_CHECK(frames_.read({buffer.data(), **got}, on_frame));
    }
    co_await io::yield();
  }
}

io::Task<Status> Link::write(std::vector<OutFrame> frames) {
  std::vector<iovec> parts;
  for (OutFrame& frame : frames) {
    parts.push_back({frame.head.data(), frame.head.size()});
    const std::string_view tail = frame.tail();
    // Nothing writes through it: iovec has no const.
    if (!tail.empty()) parts.push_back({const_cast<char*>(tail.data()), tail.size()});
  }
  co_return co_await stream_->write_all(parts, kWriteStall);
}

io::Task<void> Link::close_gently(std::chrono::milliseconds grace) {
  stream_->shutdown_write();
  const MonoTime until = stream_->reactor().in(grace);
  for (;;) {
    if (!co_await stream_->readable(until)) co_return;
    const auto got = stream_->read_now(buffer_of_thread());
    if (got && (!*got || **got == 0)) co_return;
    co_await io::yield();
  }
}

}  // namespace yz::rpc
