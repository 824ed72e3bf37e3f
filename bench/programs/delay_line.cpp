#include "delay_line.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <queue>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace yz::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr std::uint32_t kFirstAddress = 0x7f400000;  // 127.64.0.0
constexpr std::uint32_t kPaths = 1U << 22;           // up to 127.127.255.255
constexpr std::size_t kMaxHeld = 4U << 20;           // bytes on their way in one direction before reading stops
constexpr std::size_t kReadAtOnce = 64U << 10;

sockaddr_in loopback(std::uint32_t address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address);
  out.sin_port = htons(port);
  return out;
}

void send_at_once(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

struct Connection;

/// One direction of a connection: what was read from one end and is not yet due at the other.
struct Lane {
  Connection* connection = nullptr;
  int from = -1;
  int to = -1;
  std::chrono::microseconds delay{0};
  struct Held {
    Time due;
    std::string bytes;  // empty: the end
  };
  std::deque<Held> held;
  std::size_t bytes = 0;
  bool is_blocked = false;  // the receiver takes no more for now
  bool has_ended = false;   // nothing more is read
};

struct Connection {
  UniqueFd client;
  UniqueFd server;
  Time opened;
  std::chrono::microseconds set_up{0};
  bool is_connected = false;  // to the server
  Lane up;
  Lane down;
};
using ConnectionPtr = std::shared_ptr<Connection>;  // shared with what is due later

class Line final : public DelayLine {
 public:
  Line(std::uint16_t server_port, std::function<PathDelay(std::uint32_t)> delay_of)
      : server_port_(server_port), delay_of_(std::move(delay_of)) {}
  ~Line() override {
    stopping_ = true;
    const std::uint64_t one = 1;
    if (thread_.joinable() && ::write(wake_.get(), &one, sizeof one) > 0) thread_.join();
  }

  Status listen();
  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  void run();
  void accept_all();
  void open(UniqueFd client, std::uint32_t path);
  void on_ready(int fd, std::uint32_t events);
  void read(Connection& connection, Lane& lane);
  void hold(Lane& lane, std::string bytes);
  void deliver(Lane& lane, Time now);
  void watch(Connection& connection);
  void close(Connection& connection);
  [[nodiscard]] int next_timeout() const;

  const std::uint16_t server_port_;
  const std::function<PathDelay(std::uint32_t)> delay_of_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  UniqueFd poll_;
  UniqueFd wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;

  std::unordered_map<int, ConnectionPtr> by_fd_;
  struct Due {
    Time when;
    ConnectionPtr connection;
    bool is_up = false;
    friend bool operator>(const Due& a, const Due& b) { return a.when > b.when; }
  };
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::array<char, kReadAtOnce> buffer_{};
};

Status Line::listen() {
  listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  poll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  sockaddr_in address = loopback(INADDR_ANY, 0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener_ || !poll_ || !wake_ || ::bind(listener_.get(), generic, size) != 0 ||
      ::listen(listener_.get(), SOMAXCONN) != 0 || ::getsockname(listener_.get(), generic, &size) != 0) {
    return fail(Code::kUnavailable, "the delay line cannot listen");
  }
  port_ = ntohs(address.sin_port);
  for (const int fd : {listener_.get(), wake_.get()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

void Line::run() {
  std::array<epoll_event, 256> events{};
  while (!stopping_) {
    const int count = ::epoll_wait(poll_.get(), events.data(), events.size(), next_timeout());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == listener_.get()) {
        accept_all();
      } else if (event.data.fd != wake_.get()) {
        on_ready(event.data.fd, event.events);
      }
    }
    const Time now = Clock::now();
    while (!due_.empty() && due_.top().when <= now) {
      const Due due = due_.top();
      due_.pop();
      deliver(due.is_up ? due.connection->up : due.connection->down, now);
    }
  }
}

int Line::next_timeout() const {
  if (due_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_.top().when - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

void Line::accept_all() {
  for (;;) {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client) return;
    sockaddr_in own{};
    socklen_t size = sizeof own;
    if (::getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) continue;
    const std::uint32_t address = ntohl(own.sin_addr.s_addr);
    if (address < kFirstAddress || address - kFirstAddress >= kPaths) continue;
    open(std::move(client), address - kFirstAddress);
  }
}

void Line::open(UniqueFd client, std::uint32_t path) {
  UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in target = loopback(INADDR_LOOPBACK, server_port_);
  if (!server || (::connect(server.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0 &&
                  errno != EINPROGRESS)) {
    return;
  }
  send_at_once(client.get());
  send_at_once(server.get());
  const PathDelay delay = delay_of_(path);
  auto connection = std::make_shared<Connection>();
  connection->opened = Clock::now();
  connection->set_up = delay.round_trip();
  connection->up = {.connection = connection.get(), .from = client.get(), .to = server.get(), .delay = delay.up};
  connection->down = {.connection = connection.get(), .from = server.get(), .to = client.get(), .delay = delay.down};
  for (const int fd : {client.get(), server.get()}) {
    by_fd_[fd] = connection;
    epoll_event event{.events = EPOLLIN | (fd == server.get() ? EPOLLOUT : 0U), .data = {.fd = fd}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  connection->client = std::move(client);
  connection->server = std::move(server);
}

void Line::on_ready(int fd, std::uint32_t events) {
  const auto it = by_fd_.find(fd);
  if (it == by_fd_.end()) return;
  const ConnectionPtr connection = it->second;
  const bool is_client = fd == connection->client.get();
  Lane& in = is_client ? connection->up : connection->down;
  Lane& out = is_client ? connection->down : connection->up;
  if ((events & EPOLLOUT) != 0) {
    if (!is_client) connection->is_connected = true;
    out.is_blocked = false;
    deliver(out, Clock::now());
  }
  if (!by_fd_.contains(fd)) return;  // closed by what was delivered
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(*connection, in);
  // A broken end would be reported for ever while its last bytes are on their way.
  if (in.has_ended && (events & (EPOLLHUP | EPOLLERR)) != 0) ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watch(*connection);
}

void Line::read(Connection& connection, Lane& lane) {
  while (!lane.has_ended && lane.bytes < kMaxHeld) {
    const ssize_t got = ::read(lane.from, buffer_.data(), buffer_.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // The end, or an error: either way nothing more comes from there.
    if (got <= 0) lane.has_ended = true;
    if (got < 0 && &lane == &connection.down) connection.is_connected = true;  // refused: nothing waits to be sent
    hold(lane, std::string(buffer_.data(), got > 0 ? static_cast<std::size_t>(got) : 0));
  }
}

void Line::hold(Lane& lane, std::string bytes) {
  Connection& connection = *lane.connection;
  const Time when = std::max(Clock::now(), connection.opened + connection.set_up) + lane.delay;
  lane.bytes += bytes.size();
  lane.held.push_back({when, std::move(bytes)});
  due_.push({when, by_fd_.at(lane.from), &lane == &connection.up});
}

/// Writes what is due. The end of a lane closes the connection: neither side of ours half-closes.
void Line::deliver(Lane& lane, Time now) {
  Connection& connection = *lane.connection;
  if (!by_fd_.contains(lane.to) || by_fd_.at(lane.to).get() != &connection) return;  // closed since
  const bool is_up = &lane == &connection.up;
  if (lane.is_blocked || (is_up && !connection.is_connected)) return;
  const bool was_full = lane.bytes >= kMaxHeld;
  while (!lane.held.empty() && lane.held.front().due <= now) {
    Lane::Held& first = lane.held.front();
    if (first.bytes.empty()) return close(connection);
    const ssize_t sent = ::send(lane.to, first.bytes.data(), first.bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return close(connection);
    const std::size_t taken = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    lane.bytes -= taken;
    if (taken < first.bytes.size()) {
      first.bytes.erase(0, taken);
      lane.is_blocked = true;
      break;
    }
    lane.held.pop_front();
  }
  if (lane.is_blocked || was_full) watch(connection);
}

void Line::watch(Connection& connection) {
  const auto set = [this](int fd, const Lane& in, const Lane& out, bool is_connecting) {
    epoll_event event{.events = 0, .data = {.fd = fd}};
    if (!in.has_ended && in.bytes < kMaxHeld) event.events |= EPOLLIN;
    if (out.is_blocked || is_connecting) event.events |= EPOLLOUT;
    ::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, fd, &event);
  };
  set(connection.client.get(), connection.up, connection.down, false);
  set(connection.server.get(), connection.down, connection.up, !connection.is_connected);
}

void Line::close(Connection& connection) {
  const ConnectionPtr keep = by_fd_.at(connection.client.get());
  by_fd_.erase(connection.client.get());
  by_fd_.erase(connection.server.get());
  keep->client.reset();
  keep->server.reset();
}

}  // namespace

Result<std::unique_ptr<DelayLine>> DelayLine::start(std::uint16_t server_port,
                                                    std::function<PathDelay(std::uint32_t)> delay_of) {
  auto line = std::make_unique<Line>(server_port, std::move(delay_of));
  YZ_CHECK(line->listen());
  return Result<std::unique_ptr<DelayLine>>(std::move(line));
}

std::string path_address(std::uint32_t index) {
  const std::uint32_t address = kFirstAddress + index;
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

}  // namespace yz::bench
