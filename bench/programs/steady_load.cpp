/// Asks one URL at a steady rate over keep-alive connections and prints how long answers took, in microseconds, as
/// JSON. Open loop: request i is due at its time whether or not the answers before it are in, and its time counts from
/// when it was due; a server that stalls is charged for all that were due meanwhile (no coordinated omission).
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <sys/epoll.h>
#include <time.h>

#include "fixed_answer.h"

namespace yz::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

struct LoadOptions {
  std::uint16_t port = 0;
  std::string path = "/";
  std::string host = "localhost";
  std::size_t size = 1024;  ///< bytes of each body
  double rate = 1000;       ///< requests a second, over all connections
  double seconds = 3;
  std::size_t connections = 64;
};

LoadOptions read_load_options(int argc, char** argv) {
  LoadOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--port") {
      options.port = static_cast<std::uint16_t>(std::strtoul(value, nullptr, 10));
    } else if (name == "--path") {
      options.path = value;
    } else if (name == "--host") {
      options.host = value;
    } else if (name == "--size") {
      options.size = std::strtoul(value, nullptr, 10);
    } else if (name == "--rate") {
      options.rate = std::strtod(value, nullptr);
    } else if (name == "--seconds") {
      options.seconds = std::strtod(value, nullptr);
    } else if (name == "--connections") {
      options.connections = std::strtoul(value, nullptr, 10);
    } else {
      give_up("usage: --port N --path P --host H --size BYTES --rate R --seconds S --connections N");
    }
  }
  if (options.port == 0 || options.rate <= 0 || options.connections == 0)
    give_up("expected --port, --rate and --connections");
  return options;
}

struct Connection {
  int fd = -1;
  Clock::time_point due;
  std::string received;
};

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options),
        request_("GET " + options.path + " HTTP/1.1\r\nHost: " + options.host + "\r\n\r\n"),
        gap_(static_cast<nanoseconds::rep>(1e9 / options.rate)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        connections_(options.connections) {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      open(i);
      idle_.push_back(i);
    }
  }

  void run() {
    const Clock::time_point start = Clock::now();
    const auto all = static_cast<std::uint64_t>(options_.rate * options_.seconds);
    micros_.reserve(all);
    std::array<epoll_event, 64> events;
    std::uint64_t next = 0;
    const Clock::time_point give_up_at =
        start + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(options_.seconds + 2));
    while (micros_.size() < all) {
      Clock::time_point now = Clock::now();
      if (now > give_up_at)
        give_up("it does not keep up with the rate: answers are missing two seconds after the last was due");
      while (next < all && !idle_.empty() && start + gap_ * static_cast<nanoseconds::rep>(next) <= now) {
        ask(idle_.front(), start + gap_ * static_cast<nanoseconds::rep>(next++));
        idle_.pop_front();
      }
      // Without an idle connection the next request waits for one; its time is running.
      nanoseconds pause = next < all && !idle_.empty() ? start + gap_ * static_cast<nanoseconds::rep>(next) - now
                                                       : nanoseconds(100'000'000);
      if (pause < nanoseconds::zero()) pause = nanoseconds::zero();
      const timespec timeout{.tv_sec = 0,
                             .tv_nsec = static_cast<long>(std::min<nanoseconds::rep>(pause.count(), 999'999'999))};
      const int ready = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
      now = Clock::now();
      for (int i = 0; i < ready; ++i) receive(events[static_cast<std::size_t>(i)].data.u64, now);
    }
  }

  void print() {
    std::sort(micros_.begin(), micros_.end());
    const auto at = [this](double share) {
      return micros_[std::min(micros_.size() - 1,
                              static_cast<std::size_t>(static_cast<double>(micros_.size()) * share))];
    };
    std::printf("{\"requests\": %zu, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}\n", micros_.size(),
                at(0.5), at(0.99), at(0.999), micros_.back());
  }

 private:
  void open(std::size_t which) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("cannot connect");
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = which;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    connections_[which].fd = fd;
  }

  void ask(std::size_t which, Clock::time_point due) {
    Connection& connection = connections_[which];
    connection.due = due;
    connection.received.clear();
    if (::send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
      give_up("a request could not be sent whole");
  }

  void receive(std::size_t which, Clock::time_point now) {
    Connection& connection = connections_[which];
    char bytes[65536];
    const ssize_t got = ::read(connection.fd, bytes, sizeof bytes);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) give_up("the server closed a connection that was to be kept");
    connection.received.append(bytes, static_cast<std::size_t>(got));
    const std::size_t head = connection.received.find("\r\n\r\n");
    if (head == std::string::npos || connection.received.size() < head + 4 + options_.size) return;
    if (connection.received.size() != head + 4 + options_.size || !connection.received.starts_with("HTTP/1.1 200"))
      give_up("an answer has another status or length than expected");
    micros_.push_back(std::chrono::duration<double, std::micro>(now - connection.due).count());
    idle_.push_back(which);
  }

  const LoadOptions options_;
  const std::string request_;
  const nanoseconds gap_;
  const int epoll_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;
  std::vector<double> micros_;
};

}  // namespace
}  // namespace yz::bench

int main(int argc, char** argv) {
  yz::bench::Load load(yz::bench::read_load_options(argc, argv));
  load.run();
  load.print();
}
