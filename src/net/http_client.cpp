#include "net/http_client.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "http/method.h"
#include "io/tcp_stream.h"
#include "net/client_connection.h"
#include "net/connect_any.h"
#include "net/connection_pool.h"
#include "net/idle_board.h"
#include "net/tls.h"

namespace yz::net {

std::string to_string(const Upstream& upstream) {
  if (!upstream.unix_path.empty()) return "unix:" + upstream.unix_path;
  if (!upstream.tls) return to_string(upstream.endpoint);
  return "https " + to_string(upstream.endpoint) + " (" + upstream.tls_server_name + ")";
}

ClientResponse::ClientResponse(std::unique_ptr<ClientConnection> connection)
    : endpoint_(connection->endpoint()), connection_(std::move(connection)) {}
ClientResponse::ClientResponse(ClientResponse&&) noexcept = default;
ClientResponse& ClientResponse::operator=(ClientResponse&&) noexcept = default;
ClientResponse::~ClientResponse() = default;

const http::ResponseHead& ClientResponse::head() const { return connection_->head(); }
io::Task<Result<std::size_t>> ClientResponse::read(std::span<char> into) { return connection_->read(into); }
std::uint64_t ClientResponse::bytes_in() const { return connection_->bytes_in(); }
std::uint64_t ClientResponse::bytes_out() const { return connection_->bytes_out(); }
bool ClientResponse::was_reused() const { return connection_->was_reused(); }
void ClientResponse::hold(std::shared_ptr<void> guard) { connection_->hold(std::move(guard)); }
std::size_t ClientResponse::take_received(std::span<iovec> pieces) { return connection_->take_received(pieces); }
bool ClientResponse::is_over() const { return connection_->is_over(); }
ClientResponse::Tunnel ClientResponse::tunnel() { return connection_->tunnel(); }

io::Task<Result<std::string>> ClientResponse::read_all(std::size_t limit) {
  std::string body;
  std::array<char, 16 * 1024> buffer;
  while (true) {
    YZ_CO_TRY(const std::size_t n, co_await connection_->read(buffer));
    if (n == 0) co_return body;
    if (body.size() + n > limit) {
      co_return fail(Code::kLimit, fmt::format("the response has more than {} bytes", limit), Fault::kOrigin);
    }
    body.append(buffer.data(), n);
  }
}

HttpClient::HttpClient(io::Reactor& reactor, const Options& options)
    : reactor_(reactor),
      ask_patience_(options.ask_patience),
      pool_(std::make_shared<ConnectionPool>(reactor, options)) {}
HttpClient::~HttpClient() { pool_->close(); }

std::size_t HttpClient::idle_connections() const { return pool_->size(); }
void HttpClient::close_idle() { pool_->clear(); }

Result<std::shared_ptr<TlsClientContext>> HttpClient::tls() {
  if (!tls_) {
    YZ_TRY(tls_, TlsClientContext::make());
  }
  return tls_;
}

/// A connection, secured if asked for; `upstream.endpoint` is then the address that answered.
io::Task<Result<std::unique_ptr<io::Stream>>> HttpClient::connect(Upstream& upstream, ClientTimeouts timeouts) {
  const MonoTime deadline = reactor_.in(timeouts.connect);
  std::vector<Endpoint> endpoints = {upstream.endpoint};
  for (const IpAddress& other : upstream.others) endpoints.push_back({other, upstream.endpoint.port});
  auto connecting = upstream.unix_path.empty() ? connect_any(std::move(endpoints), kStagger, deadline)
                                               : io::connect_unix(upstream.unix_path, deadline);
  YZ_CO_TRY(io::TcpStream connected, co_await std::move(connecting));
  if (upstream.unix_path.empty()) upstream.endpoint = connected.peer();
  if (!upstream.tls) co_return std::unique_ptr<io::Stream>(std::make_unique<io::TcpStream>(std::move(connected)));
  std::shared_ptr<TlsClientContext> context = upstream.tls_context;
  if (!context) {
    YZ_CO_TRY(context, tls());
  }
  const std::string& expected = upstream.tls_verify_name.empty() ? upstream.tls_server_name : upstream.tls_verify_name;
  TlsServerName server{upstream.tls_server_name, expected, upstream.verify_tls};
  YZ_CO_TRY(auto secured, co_await connect_tls(std::move(connected), std::move(context), std::move(server),
                                               reactor_.in(timeouts.connect)));
  co_return std::unique_ptr<io::Stream>(std::move(secured));
}

io::Task<Result<std::unique_ptr<ClientConnection>>> HttpClient::open(Upstream upstream, ClientTimeouts timeouts) {
  ++counts_.connects;
  auto stream = co_await connect(upstream, timeouts);
  if (!stream) {
    co_return fail(std::move(stream)
                       .error()
                       .with_context(kConnecting)
                       .with_context(to_string(upstream))
                       .blamed_on(Fault::kOrigin));
  }
  auto connection = std::make_unique<UpstreamConnection>();
  connection->upstream = std::move(upstream);
  connection->upstream.others.clear();
  connection->stream = *std::move(stream);
  co_return std::make_unique<ClientConnection>(std::move(connection), pool_, timeouts);
}

/// An idle connection of ours to any of the upstream's addresses.
std::unique_ptr<UpstreamConnection> HttpClient::take_own(const Upstream& upstream) {
  auto kept = pool_->take(upstream);
  if (kept || upstream.others.empty()) return kept;
  Upstream other = upstream;
  for (const IpAddress& address : upstream.others) {
    other.endpoint.address = address;
    if (auto found = pool_->take(other)) return found;
  }
  return nullptr;
}

/// One of another reactor's client, where asking it is sooner done than connecting.
io::Task<std::unique_ptr<UpstreamConnection>> HttpClient::take_elsewhere(Upstream upstream) {
  std::vector<IpAddress> addresses = std::move(upstream.others);
  addresses.insert(addresses.begin(), upstream.endpoint.address);
  upstream.others.clear();
  for (const IpAddress& address : addresses) {
    upstream.endpoint.address = address;
    auto taken = co_await board_->take_elsewhere(pool_, upstream, ask_patience_);
    if (!taken) continue;
    ++counts_.taken;
    co_return taken;
  }
  co_return nullptr;
}

bool HttpClient::is_shared(const Upstream& upstream) const {
  if (board_ == nullptr) return false;
  const bool is_near = !upstream.unix_path.empty() || upstream.endpoint.address.is_loopback();
  return upstream.tls || !is_near;
}

void HttpClient::share(IdleBoard& board) {
  board_ = &board;
  board.join(pool_);
}

io::Task<Result<ClientResponse>> HttpClient::send(Upstream upstream, ClientRequest request, ClientTimeouts timeouts) {
  if (request.host.empty()) request.host = upstream.unix_path.empty() ? to_string(upstream.endpoint) : "localhost";
  co_return co_await ask(upstream, request, timeouts);
}

io::Task<Result<ClientResponse>> HttpClient::ask(const Upstream& upstream, const ClientRequest& request,
                                                 ClientTimeouts timeouts) {
  ++counts_.requests;
  YZ_CO_CHECK(check_request(request));
  auto kept = take_own(upstream);
  if (!kept && is_shared(upstream)) kept = co_await take_elsewhere(upstream);
  if (kept) {
    ++counts_.reuses;
    auto connection = std::make_unique<ClientConnection>(std::move(kept), pool_, timeouts);
    Status performed = co_await connection->perform(request);
    if (performed) co_return ClientResponse(std::move(connection));
    const bool died_unanswered = connection->bytes_in() == 0 && performed.error().code == Code::kUnavailable;
    const bool may_repeat = http::is_idempotent(http::parse_method(request.method)) && request.body_source == nullptr;
    if (!died_unanswered || !may_repeat) co_return fail(std::move(performed).error().with_context(to_string(upstream)));
    ++counts_.retries;
  }
  YZ_CO_TRY(auto connection, co_await open(upstream, timeouts));
  Status performed = co_await connection->perform(request);
  if (!performed) co_return fail(std::move(performed).error().with_context(to_string(upstream)));
  co_return ClientResponse(std::move(connection));
}

}  // namespace yz::net
