#include "io/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/sendfile.h>
#include <sys/socket.h>

#include "io/reactor.h"

namespace yz::io {

namespace {

/// iovecs of one system call; IOV_MAX is 1024, and more than a few dozen gain nothing.
constexpr std::size_t kMaxVectors = 64;
/// Bytes of one sendfile call, so that one fast reader cannot hold a worker.
constexpr std::uint64_t kMaxSendFile = 1 << 20;

/// Drops the first `written` bytes, and the entries that are empty then.
std::span<iovec> after_writing(std::span<iovec> from, std::size_t written) {
  while (!from.empty() && written >= from.front().iov_len) {
    written -= from.front().iov_len;
    from = from.subspan(1);
  }
  if (!from.empty()) {
    from.front().iov_base = static_cast<char*>(from.front().iov_base) + written;
    from.front().iov_len -= written;
  }
  return from;
}

}  // namespace

ReadOp::ReadOp(Stream& stream, std::span<char> into, MonoTime deadline)
    : FdOp(stream.watch(), Half::kRead, deadline), stream_(stream), into_(into) {}

bool ReadOp::attempt() {
  auto outcome = stream_.read_now(into_);
  if (!outcome) return false;
  result_ = *std::move(outcome);
  return true;
}

std::optional<Result<std::size_t>> Stream::read_now(std::span<char> into) {
  if (!watch_->may_be_ready(Half::kRead) && !has_buffered()) return std::nullopt;
  const ssize_t n = try_read(into);
  if (n == -EAGAIN) {
    watch_->set_unready(Half::kRead);
    return std::nullopt;
  }
  if (n < 0) return fail_errno("read", static_cast<int>(-n));
  const auto size = static_cast<std::size_t>(n);
  if (n > 0 && size < into.size() && short_means_unready()) watch_->set_unready(Half::kRead);
  bytes_read_ += size;
  return size;
}

WriteOp::WriteOp(Stream& stream, std::span<iovec> from, std::chrono::milliseconds stall, When when)
    : FdOp(stream.watch(), Half::kWrite, stream.reactor().in(stall)),
      stream_(stream),
      from_(from),
      stall_(stall),
      since_(stream.reactor().now()),
      when_(when) {
  from_ = after_writing(from_, 0);
}

WriteOp::WriteOp(Stream& stream, std::string_view from, std::chrono::milliseconds stall)
    : FdOp(stream.watch(), Half::kWrite, stream.reactor().in(stall)),
      stream_(stream),
      single_{const_cast<char*>(from.data()), from.size()},
      stall_(stall),
      since_(stream.reactor().now()) {
  from_ = after_writing({&single_, 1}, 0);
}

ssize_t Stream::try_write_when(WriteOp::When when, std::span<const iovec> from) noexcept {
  switch (when) {
    case WriteOp::When::kSoon:
      return try_write_soon(from);
    case WriteOp::When::kWithMore:
      return try_write_with_more(from);
    case WriteOp::When::kNow:
      break;
  }
  return try_write(from);
}

bool WriteOp::attempt() {
  while (!from_.empty()) {
    if (!watch().may_be_ready(Half::kWrite)) return false;
    const auto vectors = from_.first(std::min(from_.size(), kMaxVectors));
    const ssize_t n = stream_.try_write_when(when_, vectors);
    if (n == -EAGAIN) {
      watch().set_unready(Half::kWrite);
      return false;
    }
    if (n < 0) {
      fail_with(fail_errno("write", static_cast<int>(-n)).value());
      return true;
    }
    stream_.bytes_written_ += static_cast<std::uint64_t>(n);
    from_ = after_writing(from_, static_cast<std::size_t>(n));
    if (from_.empty()) return true;
    written_ += static_cast<std::uint64_t>(n);
    extend(stream_.write_deadline(since_, written_, stall_));
    if (vectors.data() + vectors.size() != from_.data() && stream_.short_means_unready()) {
      watch().set_unready(Half::kWrite);
    }
  }
  return true;
}

SendFileOp::SendFileOp(Stream& stream, int file, std::uint64_t offset, std::uint64_t size,
                       std::chrono::milliseconds stall, const char* mapped)
    : FdOp(stream.watch(), Half::kWrite, stream.reactor().in(stall)),
      stream_(stream),
      file_(file),
      mapped_(mapped),
      offset_(offset),
      left_(size),
      stall_(stall),
      since_(stream.reactor().now()) {}

ssize_t SendFileOp::try_once(std::uint64_t size) noexcept {
  if (mapped_ == nullptr) return stream_.try_send_file(file_, offset_, size);
  const auto sent = stream_.try_send_mapped({mapped_, size});
  if (!sent) {
    mapped_ = nullptr;
    return stream_.try_send_file(file_, offset_, size);
  }
  if (*sent > 0) mapped_ += *sent;
  return *sent;
}

bool SendFileOp::attempt() {
  while (left_ > 0) {
    if (!watch().may_be_ready(Half::kWrite)) return false;
    const ssize_t n = try_once(std::min(left_, kMaxSendFile));
    if (n == -EAGAIN) {
      watch().set_unready(Half::kWrite);
      return false;
    }
    if (n < 0) {
      fail_with(fail_errno("sendfile", static_cast<int>(-n)).value());
      return true;
    }
    if (n == 0) {
      fail_with(Error{Code::kIo, Fault::kSelf, false, "sendfile: the file ended early"});
      return true;
    }
    stream_.bytes_written_ += static_cast<std::uint64_t>(n);
    offset_ += static_cast<std::uint64_t>(n);
    left_ -= static_cast<std::uint64_t>(n);
    written_ += static_cast<std::uint64_t>(n);
    extend(stream_.write_deadline(since_, written_, stall_));
  }
  return true;
}

MonoTime Stream::write_deadline(MonoTime since, std::uint64_t written, std::chrono::milliseconds stall) const {
  const MonoTime next = watch_->reactor().in(stall);
  if (least_rate_ == 0) return next;
  return std::min(next, since + stall + std::chrono::milliseconds(written * 1000 / least_rate_));
}

void Stream::shutdown_both() noexcept {
  if (watch_) ::shutdown(watch_->fd(), SHUT_RDWR);
}

ssize_t Stream::try_send_file(int file, std::uint64_t offset, std::size_t size) noexcept {
  std::array<char, 16 * 1024> buffer;
  const ssize_t n = ::pread(file, buffer.data(), std::min(size, buffer.size()), static_cast<off_t>(offset));
  if (n <= 0) return n < 0 ? -errno : 0;
  const iovec vector{buffer.data(), static_cast<std::size_t>(n)};
  return try_write({&vector, 1});
}

UniqueFd Stream::detach() {
  UniqueFd fd = watch_->release_fd();
  watch_.reset();
  return fd;
}

void Stream::attach(Reactor& reactor, UniqueFd fd) { watch_ = std::make_unique<Watch>(reactor, std::move(fd)); }

}  // namespace yz::io
