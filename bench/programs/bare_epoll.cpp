/// The yardstick on epoll: one thread that answers every request with the same bytes, in one write(). No parsing, no
/// cache, no timers: what any server on epoll pays the kernel at the least. Also the fast origin of the miss path.
#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

#include <sys/epoll.h>

#include "fixed_answer.h"

namespace yz::bench {
namespace {

struct Connection {
  int fd = -1;
  RequestEnds ends;
  unsigned owed = 0;     ///< answers not yet written out
  std::size_t turn = 0;  ///< which of the answers is next
  std::size_t sent = 0;  ///< of the first of them
  bool waits_for_room = false;
};

class Responder {
 public:
  explicit Responder(const ResponderOptions& options)
      : answers_(make_answers(options)),
        count_(options.count_file),
        listener_(listen_on(options.port)),
        epoll_(::epoll_create1(0)) {
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  [[noreturn]] void run() {
    std::vector<epoll_event> events(256);
    for (;;) {
      const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (!serve(*connections_[static_cast<std::size_t>(fd)])) {
          ::close(fd);
          connections_[static_cast<std::size_t>(fd)].reset();
        }
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t what, int how) const {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, how, fd, &event);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const auto slot = static_cast<std::size_t>(fd);
      if (connections_.size() <= slot) connections_.resize(slot + 1);
      connections_[slot] = std::make_unique<Connection>();
      connections_[slot]->fd = fd;
      connections_[slot]->turn = next_turn();
      watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  std::size_t next_turn() {
    next_turn_ = next_turn_ + 1 < answers_.size() ? next_turn_ + 1 : 0;
    return next_turn_;
  }

  /// False once the connection is over.
  bool serve(Connection& connection) {
    if (connection.owed == 0) {
      char bytes[16384];
      const ssize_t got = ::read(connection.fd, bytes, sizeof bytes);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      connection.owed = connection.ends.count({bytes, static_cast<std::size_t>(got)});
      count_.add(connection.owed);
    }
    while (connection.owed > 0) {
      const std::string& answer = answers_[connection.turn];
      const ssize_t put =
          ::send(connection.fd, answer.data() + connection.sent, answer.size() - connection.sent, MSG_NOSIGNAL);
      if (put < 0) {
        if (errno != EAGAIN) return false;
        if (!connection.waits_for_room) watch(connection.fd, EPOLLOUT, EPOLL_CTL_MOD);
        connection.waits_for_room = true;
        return true;
      }
      connection.sent += static_cast<std::size_t>(put);
      if (connection.sent == answer.size()) {
        connection.sent = 0;
        connection.turn = next_turn();
        --connection.owed;
      }
    }
    if (connection.waits_for_room) watch(connection.fd, EPOLLIN, EPOLL_CTL_MOD);
    connection.waits_for_room = false;
    return true;
  }

  const std::vector<std::string> answers_;
  std::size_t next_turn_ = 0;
  SharedCount count_;
  const int listener_;
  const int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;  ///< by descriptor
};

}  // namespace
}  // namespace yz::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  yz::bench::Responder(yz::bench::read_responder_options(argc, argv)).run();
}
