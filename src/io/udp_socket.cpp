#include "io/udp_socket.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "io/socket.h"

namespace yz::io {

namespace {

/// Room for one IP_PKTINFO or IPV6_PKTINFO message.
constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(in6_pktinfo));

struct alignas(cmsghdr) Control {
  char bytes[kControlSize];
};

/// So that the kernel picks the way out by its routes, not by the interface the query came in on.
void clear_interface(msghdr& header) {
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr; message = CMSG_NXTHDR(&header, message)) {
    if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_PKTINFO) {
      reinterpret_cast<in_pktinfo*>(CMSG_DATA(message))->ipi_ifindex = 0;
    } else if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_PKTINFO) {
      reinterpret_cast<in6_pktinfo*>(CMSG_DATA(message))->ipi6_ifindex = 0;
    }
  }
}

}  // namespace

struct UdpBatch::Impl {
  Impl(std::size_t slots, std::size_t size)
      : max_size(size),
        received(slots),
        replies(slots),
        receive_vectors(slots),
        reply_vectors(slots),
        addresses(slots),
        controls(slots),
        receive_bytes(slots * size),
        reply_bytes(slots * size) {
    for (std::size_t i = 0; i < slots; ++i) receive_vectors[i] = {receive_bytes.data() + i * size, size};
  }

  /// Puts back what the last receive overwrote.
  void prepare(std::size_t slot) {
    msghdr& header = received[slot].msg_hdr;
    header.msg_name = &addresses[slot];
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_iov = &receive_vectors[slot];
    header.msg_iovlen = 1;
    header.msg_control = controls[slot].bytes;
    header.msg_controllen = kControlSize;
    header.msg_flags = 0;
  }

  std::size_t max_size;
  std::size_t count = 0;
  std::size_t prepared = 0;  // slots used by the last receive: only these need prepare(); all of them at first
  std::vector<mmsghdr> received;
  std::vector<mmsghdr> replies;
  std::vector<iovec> receive_vectors;
  std::vector<iovec> reply_vectors;
  std::vector<sockaddr_storage> addresses;
  std::vector<Control> controls;
  std::vector<char> receive_bytes;
  std::vector<char> reply_bytes;
};

UdpBatch::UdpBatch(std::size_t slots, std::size_t max_size) : impl_(std::make_unique<Impl>(slots, max_size)) {
  for (std::size_t i = 0; i < slots; ++i) impl_->prepare(i);
}
UdpBatch::~UdpBatch() = default;

std::size_t UdpBatch::capacity() const { return impl_->received.size(); }
std::size_t UdpBatch::size() const { return impl_->count; }

std::string_view UdpBatch::payload(std::size_t slot) const {
  return {static_cast<const char*>(impl_->receive_vectors[slot].iov_base), impl_->received[slot].msg_len};
}

bool UdpBatch::is_truncated(std::size_t slot) const {
  return (impl_->received[slot].msg_hdr.msg_flags & MSG_TRUNC) != 0;
}

Endpoint UdpBatch::peer(std::size_t slot) const {
  SocketAddress address;
  std::memcpy(&address.storage, &impl_->addresses[slot], sizeof(sockaddr_in6));
  return address.endpoint();
}

std::span<char> UdpBatch::reply_buffer(std::size_t slot) {
  return {impl_->reply_bytes.data() + slot * impl_->max_size, impl_->max_size};
}

void UdpBatch::set_reply(std::size_t slot, std::size_t size) {
  impl_->reply_vectors[slot] = {impl_->reply_bytes.data() + slot * impl_->max_size, size};
}

Result<UdpSocket> UdpSocket::bind(const Endpoint& endpoint, const Options& options) {
  const SocketAddress address = SocketAddress::of(endpoint);
  YZ_TRY(UniqueFd fd, make_socket(address.family(), SOCK_DGRAM));
  const int on = 1;
  if (options.reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
  if (address.family() == AF_INET) {
    ::setsockopt(fd.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    // Never fragment at a size an attacker talked us into (RFC 9715 §3.1): the path MTU is not believed.
    const int omit = IP_PMTUDISC_OMIT;
    ::setsockopt(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof omit);
  } else {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    const int omit = IPV6_PMTUDISC_OMIT;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit, sizeof omit);
  }
  if (::bind(fd.get(), address.data(), address.size) != 0) return fail_errno("bind udp " + to_string(endpoint), errno);
  if (!options.non_blocking) {
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) return fail_errno("fcntl", errno);
  }
  YZ_TRY(const Endpoint local, local_endpoint(fd.get()));
  return UdpSocket(std::move(fd), local);
}

Result<std::size_t> UdpSocket::receive(UdpBatch& batch) {
  UdpBatch::Impl& impl = *batch.impl_;
  for (std::size_t i = 0; i < impl.prepared; ++i) impl.prepare(i);
  impl.count = impl.prepared = 0;
  const int count =
      ::recvmmsg(fd_.get(), impl.received.data(), static_cast<unsigned>(impl.received.size()), MSG_WAITFORONE, nullptr);
  if (count < 0) {
    // A refused reply of ours may come back as an error of the socket; it concerns no query.
    if (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED || errno == EHOSTUNREACH) return 0;
    return fail_errno("recvmmsg", errno);
  }
  impl.count = impl.prepared = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < impl.count; ++i) impl.reply_vectors[i].iov_len = 0;
  return impl.count;
}

std::size_t UdpSocket::send_replies(UdpBatch& batch) {
  UdpBatch::Impl& impl = *batch.impl_;
  std::size_t count = 0;
  for (std::size_t i = 0; i < impl.count; ++i) {
    if (impl.reply_vectors[i].iov_len == 0) continue;
    msghdr& header = impl.replies[count].msg_hdr;
    header = impl.received[i].msg_hdr;  // the address, its length and the control message as received
    header.msg_iov = &impl.reply_vectors[i];
    header.msg_flags = 0;
    clear_interface(header);
    ++count;
  }
  std::size_t sent = 0;
  for (std::size_t next = 0; next < count;) {
    const int n = ::sendmmsg(fd_.get(), impl.replies.data() + next, static_cast<unsigned>(count - next), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      ++next;  // this one is refused; the others may pass
      continue;
    }
    next += static_cast<std::size_t>(n);
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

Status UdpSocket::send_to(const Endpoint& peer, std::string_view payload) {
  const SocketAddress address = SocketAddress::of(peer);
  const ssize_t n = ::sendto(fd_.get(), payload.data(), payload.size(), MSG_NOSIGNAL, address.data(), address.size);
  if (n < 0) return fail_errno("sendto " + to_string(peer), errno);
  return {};
}

}  // namespace yz::io
