#include "net/dns_udp.h"

#include <array>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/log.h"

namespace yz::net {

namespace {

/// How long a receive blocks before the thread goes to sleep in poll(), where it also hears of the end.
constexpr timeval kReceiveWait{0, 250'000};
constexpr std::size_t kMaxMessage = 4096;

}  // namespace

struct DnsUdpServer::Worker {
  Worker(io::UdpSocket s, std::unique_ptr<DnsHandler> h, std::size_t size)
      : socket(std::move(s)), handler(std::move(h)), batch(size, kMaxMessage), wake(::eventfd(0, EFD_CLOEXEC)) {}
  io::UdpSocket socket;
  std::unique_ptr<DnsHandler> handler;
  io::UdpBatch batch;
  UniqueFd wake;
  // Written by the worker's thread only.
  std::atomic<std::uint64_t> queries{0};
  std::atomic<std::uint64_t> replies{0};
  std::thread thread;
};

Result<std::unique_ptr<DnsUdpServer>> DnsUdpServer::start(const Endpoint& endpoint, const Options& options,
                                                          const MakeHandler& make) {
  std::unique_ptr<DnsUdpServer> server(new DnsUdpServer);
  server->local_ = endpoint;
  for (unsigned i = 0; i < options.threads; ++i) {
    io::UdpSocket::Options socket_options;
    socket_options.reuse_port = true;
    socket_options.non_blocking = false;
    YZ_TRY(auto socket, io::UdpSocket::bind(server->local_, socket_options));
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &kReceiveWait, sizeof kReceiveWait);
    server->local_.port = socket.local().port;
    server->workers_.push_back(std::make_unique<Worker>(std::move(socket), make(i), options.batch));
    if (!server->workers_.back()->wake) return fail_errno("eventfd", errno);
  }
  for (auto& worker : server->workers_) {
    worker->thread = std::thread([&server = *server, &worker = *worker] { server.run(worker); });
  }
  return server;
}

DnsUdpServer::~DnsUdpServer() {
  is_stopping_.store(true);
  for (auto& worker : workers_) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(worker->wake.get(), &one, sizeof one);
  }
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void DnsUdpServer::run(Worker& worker) {
  ::pthread_setname_np(::pthread_self(), "dns-udp");
  io::UdpBatch& batch = worker.batch;
  while (!is_stopping_.load(std::memory_order_relaxed)) {
    const auto count = worker.socket.receive(batch);
    if (!count) log::error("dns: {}", count.error().message);
    if (!count || *count == 0) {
      std::array<pollfd, 2> waits{pollfd{worker.socket.fd(), POLLIN, 0}, pollfd{worker.wake.get(), POLLIN, 0}};
      ::poll(waits.data(), waits.size(), -1);
      continue;
    }
    for (std::size_t i = 0; i < *count; ++i) {
      if (batch.is_truncated(i)) continue;
      batch.set_reply(
          i, worker.handler->answer(batch.payload(i), batch.peer(i), DnsTransport::kUdp, batch.reply_buffer(i)));
    }
    const std::size_t sent = worker.socket.send_replies(batch);
    worker.queries.store(worker.queries.load(std::memory_order_relaxed) + *count, std::memory_order_relaxed);
    worker.replies.store(worker.replies.load(std::memory_order_relaxed) + sent, std::memory_order_relaxed);
  }
}

std::uint64_t DnsUdpServer::queries() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->queries.load(std::memory_order_relaxed);
  return sum;
}

std::uint64_t DnsUdpServer::replies() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->replies.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace yz::net
