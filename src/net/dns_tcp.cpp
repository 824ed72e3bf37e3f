#include "net/dns_tcp.h"

#include <array>
#include <string>

#include "base/log.h"

namespace yz::net {

namespace {

constexpr std::size_t kMaxMessage = 65'535;
constexpr std::size_t kPrefix = 2;
/// Answers gathered before they are written, so that a flood of pipelined queries cannot take memory without end.
constexpr std::size_t kMaxGathered = 256 * 1024;
constexpr auto kAcceptPause = std::chrono::milliseconds(20);

std::size_t length_at(const char* bytes) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8 | static_cast<unsigned char>(bytes[1]);
}

}  // namespace

/// The bytes of one connection.
struct DnsTcpServer::Session {
  explicit Session(DnsHandler& to_ask, const Endpoint& who) : handler(to_ask), client(who) {}

  /// Answers the complete queries in `in` until `out` is large.
  void answer() {
    std::size_t at = 0;
    while (in.size() - at >= kPrefix && out.size() < kMaxGathered) {
      const std::size_t size = length_at(in.data() + at);
      if (in.size() - at < kPrefix + size) break;
      const std::size_t place = out.size();
      out.resize(place + kPrefix + kMaxMessage);
      const std::size_t replied = handler.answer(std::string_view(in).substr(at + kPrefix, size), client,
                                                 DnsTransport::kTcp, {out.data() + place + kPrefix, kMaxMessage});
      out[place] = static_cast<char>(replied >> 8);
      out[place + 1] = static_cast<char>(replied & 0xff);
      out.resize(replied == 0 ? place : place + kPrefix + replied);
      at += kPrefix + size;
    }
    in.erase(0, at);
  }

  [[nodiscard]] bool has_query() const { return in.size() >= kPrefix && in.size() >= kPrefix + length_at(in.data()); }

  DnsHandler& handler;
  Endpoint client;
  std::string in;
  std::string out;
};

DnsTcpServer::DnsTcpServer(io::Reactor& reactor, DnsHandler& handler, const Options& options)
    : reactor_(reactor), handler_(handler), options_(options) {}

Result<Endpoint> DnsTcpServer::listen(const Endpoint& endpoint) {
  io::TcpListener::Options options;
  options.reuse_port = options_.reuse_port;
  YZ_TRY(io::TcpListener listener, io::TcpListener::bind(reactor_, endpoint, options));
  const Endpoint local = listener.local();
  reactor_.spawn_into(acceptors_, accept_loop(std::move(listener)));
  return local;
}

io::Task<void> DnsTcpServer::accept_loop(io::TcpListener listener) {
  while (true) {
    auto stream = co_await listener.accept(io::kNoDeadline);
    if (!stream) {
      log::warn("dns accept: {}", stream.error().message);
      co_await io::sleep_for(kAcceptPause);
    } else if (connections_.size() < options_.max_connections) {
      reactor_.spawn_into(connections_, serve(*std::move(stream)));
    }
  }
}

io::Task<void> DnsTcpServer::serve(io::TcpStream stream) {
  Session session(handler_, stream.peer());
  std::array<char, 4096> buffer;
  MonoTime query_deadline{};
  while (true) {
    if (session.in.empty()) query_deadline = reactor_.in(options_.idle_timeout);
    const auto got = co_await stream.read(buffer, query_deadline);
    if (!got || *got == 0) co_return;
    if (session.in.empty()) query_deadline = reactor_.in(options_.query_timeout);
    session.in.append(buffer.data(), *got);
    while (session.has_query()) {
      session.answer();
      if (session.out.empty()) continue;
      if (!co_await stream.write_all(session.out, options_.write_stall)) co_return;
      session.out.clear();
      query_deadline = reactor_.in(options_.query_timeout);
    }
    if (session.in.empty()) session.out = {};  // an idle connection holds no buffer
  }
}

}  // namespace yz::net
