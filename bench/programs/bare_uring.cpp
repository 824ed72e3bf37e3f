/// The yardstick on io_uring: one thread, a ring whose work is deferred to its wait, multishot accept and receive with
/// provided buffers, one send per answer. What io_uring costs at the least; compare with bare_epoll.cpp.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <vector>

#include <liburing.h>

#include "fixed_answer.h"

namespace yz::bench {
namespace {

constexpr unsigned kEntries = 4096;
constexpr unsigned kBuffers = 1024;
constexpr unsigned kBufferSize = 2048;
constexpr int kBufferGroup = 1;

struct Connection {
  RequestEnds ends;
  unsigned owed = 0;     ///< answers not yet written out
  std::size_t sent = 0;  ///< of the first of them
  bool is_over = false;  ///< the peer has gone: closed once the send in flight is back
};

class Responder {
 public:
  explicit Responder(const ResponderOptions& options)
      : answer_(make_answer(options)), count_(options.count_file), listener_(listen_on(options.port)) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = kEntries * 4;
    if (io_uring_queue_init_params(kEntries, &ring_, &params) != 0)
      give_up("io_uring is not to be had on this machine");
    give_buffers();
    accept_more();
  }

  [[noreturn]] void run() {
    for (;;) {
      io_uring_submit_and_wait(&ring_, 1);
      io_uring_cqe* done = nullptr;
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_for_each_cqe(&ring_, head, done) {
        ++seen;
        take(*done);
      }
      io_uring_cq_advance(&ring_, seen);
    }
  }

 private:
  enum Deed : std::uint32_t { kAccept, kReceive, kSend };
  static std::uint64_t tag(Deed deed, int fd) {
    return static_cast<std::uint64_t>(deed) << 32 | static_cast<std::uint32_t>(fd);
  }

  io_uring_sqe* next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
      io_uring_submit(&ring_);
      entry = io_uring_get_sqe(&ring_);
    }
    return entry;
  }

  void give_buffers() {
    const std::size_t ring_size = kBuffers * sizeof(io_uring_buf);
    void* ring = ::mmap(nullptr, ring_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    buffer_ring_ = static_cast<io_uring_buf_ring*>(ring);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(ring);
    registration.ring_entries = kBuffers;
    registration.bgid = kBufferGroup;
    if (io_uring_register_buf_ring(&ring_, &registration, 0) != 0) give_up("this kernel has no buffer rings");
    io_uring_buf_ring_init(buffer_ring_);
    buffers_.resize(std::size_t{kBuffers} * kBufferSize);
    for (unsigned i = 0; i < kBuffers; ++i) give_back(i, i);
    io_uring_buf_ring_advance(buffer_ring_, kBuffers);
  }

  char* buffer(unsigned id) { return buffers_.data() + std::size_t{id} * kBufferSize; }
  void give_back(unsigned id, unsigned offset) {
    io_uring_buf_ring_add(buffer_ring_, buffer(id), kBufferSize, static_cast<std::uint16_t>(id),
                          io_uring_buf_ring_mask(kBuffers), static_cast<int>(offset));
  }

  void accept_more() {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_multishot_accept(entry, listener_, nullptr, nullptr, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(entry, tag(kAccept, listener_));
  }

  void receive(int fd) {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_recv(entry, fd, nullptr, 0, 0);
    entry->ioprio |= IORING_RECV_MULTISHOT;
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = kBufferGroup;
    io_uring_sqe_set_data64(entry, tag(kReceive, fd));
  }

  void send(int fd, const Connection& connection) {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_send(entry, fd, answer_.data() + connection.sent, answer_.size() - connection.sent,
                       MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data64(entry, tag(kSend, fd));
  }

  void take(const io_uring_cqe& done) {
    const auto fd = static_cast<int>(done.user_data & 0xffffffffU);
    switch (static_cast<Deed>(done.user_data >> 32)) {
      case kAccept:
        if (done.res >= 0) accepted(done.res);
        if ((done.flags & IORING_CQE_F_MORE) == 0) accept_more();
        break;
      case kReceive:
        received(fd, done);
        break;
      case kSend:
        sent(fd, done.res);
        break;
    }
  }

  void accepted(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto slot = static_cast<std::size_t>(fd);
    if (connections_.size() <= slot) connections_.resize(slot + 1);
    connections_[slot] = std::make_unique<Connection>();
    receive(fd);
  }

  void received(int fd, const io_uring_cqe& done) {
    Connection& connection = *connections_[static_cast<std::size_t>(fd)];
    if (done.res > 0) {
      const unsigned id = done.flags >> IORING_CQE_BUFFER_SHIFT;
      const unsigned ends = connection.ends.count({buffer(id), static_cast<std::size_t>(done.res)});
      give_back(id, 0);
      io_uring_buf_ring_advance(buffer_ring_, 1);
      count_.add(ends);
      if (connection.owed == 0 && ends > 0) send(fd, connection);
      connection.owed += ends;
      if ((done.flags & IORING_CQE_F_MORE) == 0) receive(fd);
    } else if (done.res == -ENOBUFS) {
      receive(fd);
    } else {
      connection.is_over = true;
      if (connection.owed == 0) close(fd);
    }
  }

  void sent(int fd, int result) {
    Connection& connection = *connections_[static_cast<std::size_t>(fd)];
    if (result < 0 || connection.is_over) {
      // With a receive still armed its end of stream closes the descriptor.
      connection.owed = 0;
      if (connection.is_over)
        close(fd);
      else
        ::shutdown(fd, SHUT_RDWR);
      return;
    }
    connection.sent += static_cast<std::size_t>(result);
    if (connection.sent == answer_.size()) {
      connection.sent = 0;
      --connection.owed;
    }
    if (connection.owed > 0) send(fd, connection);
  }

  void close(int fd) {
    ::close(fd);
    connections_[static_cast<std::size_t>(fd)].reset();
  }

  const std::string answer_;
  SharedCount count_;
  const int listener_;
  io_uring ring_{};
  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::vector<char> buffers_;
  std::vector<std::unique_ptr<Connection>> connections_;  ///< by descriptor
};

}  // namespace
}  // namespace yz::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  yz::bench::Responder(yz::bench::read_responder_options(argc, argv)).run();
}
