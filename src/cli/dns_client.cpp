#include "cli/dns_client.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "io/reactor.h"
#include "io/watch.h"

namespace yz::cli {
namespace {

constexpr std::uint16_t kTypeA = 1, kTypeAaaa = 28, kTypeOpt = 41, kClassIn = 1, kOptionSubnet = 8;

void put16(std::string& out, unsigned v) {
  out += static_cast<char>(v >> 8 & 0xff);
  out += static_cast<char>(v & 0xff);
}

/// Big-endian reads with bounds; a failed one makes ok() false for good.
class Packet {
 public:
  explicit Packet(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t number(std::size_t width) {
    const std::string_view part = take(width);
    std::uint32_t v = 0;
    for (const char c : part) v = v << 8 | static_cast<std::uint8_t>(c);
    return v;
  }
  std::string_view take(std::size_t size) {
    if (bytes_.size() - at_ < size) {
      ok_ = false;
      at_ = bytes_.size();
      return {};
    }
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  /// Past a name, compressed or not (RFC 1035 §4.1.4).
  void skip_name() {
    while (ok_) {
      const std::uint32_t length = number(1);
      if (length == 0) return;
      if (length >= 0xc0) return void(number(1));
      take(length);
    }
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

IpAddress address_of(std::string_view raw, bool is_v6) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(raw.begin(), raw.end(), bytes.begin());
  if (is_v6) return IpAddress::v6(bytes);
  return IpAddress::v4(std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
                       bytes[3]);
}

/// The client subnet option of an OPT record's data: the block of SCOPE PREFIX-LENGTH around the address sent.
std::optional<IpPrefix> scope_of(std::string_view options) {
  Packet in(options);
  while (in.ok()) {
    const std::uint32_t code = in.number(2);
    const std::string_view value = in.take(in.number(2));
    if (!in.ok()) break;
    if (code != kOptionSubnet || value.size() < 4) continue;
    const bool is_v6 = value[1] == 2;
    const auto scope = static_cast<std::uint8_t>(value[3]);
    if (value.size() - 4 > 16) break;
    const IpAddress address = address_of(value.substr(4), is_v6);
    return IpPrefix{address.masked(std::min<int>(scope, address.bit_width())), scope};
  }
  return std::nullopt;
}

class UdpExchange {
 public:
  /// Connected to the server, so that a refusal is told.
  static Result<UdpExchange> open(io::Reactor& reactor, const Endpoint& server) {
    UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail_errno("socket", errno);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port);
    to.sin_addr.s_addr = htonl(server.address.v4_value());
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
      return fail_errno("connect", errno);
    return UdpExchange(std::make_unique<io::Watch>(reactor, std::move(fd)));
  }
  io::Task<Result<std::string>> ask(std::string query, MonoTime deadline) {
    if (::send(watch_->fd(), query.data(), query.size(), 0) < 0) co_return fail_errno("send", errno);
    std::array<char, 4096> buffer;
    while (true) {
      const auto size = ::recv(watch_->fd(), buffer.data(), buffer.size(), 0);
      if (size >= 0) co_return std::string(buffer.data(), static_cast<std::size_t>(size));
      if (errno != EAGAIN && errno != EINTR) co_return fail_errno("recv", errno);
      watch_->set_unready(io::Half::kRead);
      YZ_CO_CHECK(co_await io::ReadableOp(*watch_, deadline));
    }
  }

 private:
  explicit UdpExchange(std::unique_ptr<io::Watch> watch) : watch_(std::move(watch)) {}
  std::unique_ptr<io::Watch> watch_;
};

}  // namespace

std::string dns_query(std::uint16_t id, std::string_view name, const std::optional<IpAddress>& client) {
  std::string out;
  for (const unsigned v : {unsigned{id}, 0u, 1u, 0u, 0u, 1u}) put16(out, v);
  for (const std::string_view label : split(name, '.')) {
    out += static_cast<char>(label.size());
    out += label;
  }
  out += '\0';
  put16(out, kTypeA), put16(out, kClassIn);
  out += '\0';
  put16(out, kTypeOpt), put16(out, 1232), put16(out, 0), put16(out, 0);
  if (!client) {
    put16(out, 0);
    return out;
  }
  const std::size_t octets = client->is_v4() ? 3 : 7;
  put16(out, static_cast<unsigned>(8 + octets));
  put16(out, kOptionSubnet), put16(out, static_cast<unsigned>(4 + octets)), put16(out, client->is_v4() ? 1 : 2);
  out += static_cast<char>(octets * 8);
  out += '\0';
  for (std::size_t i = 0; i < octets; ++i) out += static_cast<char>(client->bytes()[i]);
  return out;
}

Result<DnsAnswer> parse_dns_answer(std::uint16_t id, std::string_view bytes) {
  Packet in(bytes);
  DnsAnswer answer;
  const bool is_ours = in.number(2) == id;
  const std::uint32_t flags = in.number(2);
  answer.rcode = static_cast<int>(flags & 0xf);
  const std::uint32_t questions = in.number(2);
  const std::uint32_t answers = in.number(2);
  const std::uint32_t others = in.number(2) + in.number(2);
  for (std::uint32_t i = 0; i < questions && in.ok(); ++i) in.skip_name(), in.number(4);
  for (std::uint32_t i = 0; i < answers + others && in.ok(); ++i) {
    in.skip_name();
    const std::uint32_t type = in.number(2);
    in.number(2);
    const std::uint32_t ttl = in.number(4);
    const std::string_view data = in.take(in.number(2));
    if (!in.ok()) break;
    if (type == kTypeOpt) answer.scope = scope_of(data);
    const bool is_address = (type == kTypeA && data.size() == 4) || (type == kTypeAaaa && data.size() == 16);
    if (i >= answers || !is_address) continue;
    answer.ttl = answer.addresses.empty() ? ttl : std::min(answer.ttl, ttl);
    answer.addresses.push_back(address_of(data, type == kTypeAaaa));
  }
  if (!in.ok() || !is_ours || (flags & 0x8000) == 0)
    return fail(Code::kInvalid, "that is not a DNS answer to this query");
  return answer;
}

io::Task<Result<DnsAnswer>> resolve_through(Endpoint server, std::string name, std::optional<IpAddress> client) {
  static thread_local Random random = Random::from_entropy();
  Result<std::string> reply = fail(Code::kTimeout, "");
  std::uint16_t id = 0;
  for (int tries = 0; tries < 2 && !reply; ++tries) {
    id = static_cast<std::uint16_t>(random.next());
    YZ_CO_TRY(UdpExchange exchange, UdpExchange::open(io::Reactor::current(), server));
    reply = co_await exchange.ask(dns_query(id, name, client), io::Reactor::current().in(std::chrono::seconds(1)));
  }
  if (!reply) {
    co_return fail(std::move(reply).error().with_context(fmt::format("asking {} for {}", to_string(server), name)));
  }
  co_return parse_dns_answer(id, *reply);
}

}  // namespace yz::cli
