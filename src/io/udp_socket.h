#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/ip.h"
#include "io/watch.h"

namespace yz::io {

/// Datagrams received or to be sent by one system call. Slots are reused; the buffers are allocated once.
class UdpBatch {
 public:
  /// `slots` datagrams of up to `max_size` bytes each; a longer one is truncated (see is_truncated).
  UdpBatch(std::size_t slots, std::size_t max_size);
  ~UdpBatch();
  UdpBatch(const UdpBatch&) = delete;
  UdpBatch& operator=(const UdpBatch&) = delete;

  [[nodiscard]] std::size_t capacity() const;
  /// Datagrams received by the last receive.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::string_view payload(std::size_t slot) const;
  [[nodiscard]] bool is_truncated(std::size_t slot) const;
  [[nodiscard]] Endpoint peer(std::size_t slot) const;

  /// A reply to received slot `slot` goes to its sender, from the address it was sent to. Write it here, then
  /// set_reply().
  [[nodiscard]] std::span<char> reply_buffer(std::size_t slot);
  /// 0: no reply to this slot.
  void set_reply(std::size_t slot, std::size_t size);

 private:
  friend class UdpSocket;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A bound UDP socket. Receives and answers in batches (recvmmsg, sendmmsg). Blocking calls for a thread of its own,
/// which is the fastest way to answer DNS: two system calls a batch.
class UdpSocket {
 public:
  struct Options {
    bool reuse_port = false;
    bool non_blocking = true;
    int receive_buffer = 4 << 20;  ///< bytes asked of the kernel, which may give less
  };
  [[nodiscard]] static Result<UdpSocket> bind(const Endpoint& endpoint, const Options& options);

  [[nodiscard]] const Endpoint& local() const { return local_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Waits for at least one datagram when the socket blocks (at most its SO_RCVTIMEO), takes what is there up to the
  /// batch's capacity. Returns how many; 0 when there is none.
  [[nodiscard]] Result<std::size_t> receive(UdpBatch& batch);
  /// Sends every reply that was set. A datagram the system refuses (unreachable, buffer full) is dropped. Returns how
  /// many were sent.
  std::size_t send_replies(UdpBatch& batch);
  /// Sends one datagram. For clients and tests.
  [[nodiscard]] Status send_to(const Endpoint& peer, std::string_view payload);

 private:
  UdpSocket(UniqueFd fd, Endpoint local) : fd_(std::move(fd)), local_(local) {}
  UniqueFd fd_;
  Endpoint local_;
};

}  // namespace yz::io
