#include "cli/demo/viewer.h"

#include <array>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace yz::cli {
namespace {

constexpr std::size_t kPiece = 128 * 1024;

net::HttpClient::Options many_connections() {
  net::HttpClient::Options options;
  options.max_idle_per_upstream = 1024;
  options.max_idle = 4096;
  return options;
}

}  // namespace

Result<RedirectTarget> parse_location(const std::string& location) {
  std::string_view rest = location;
  if (!rest.starts_with("http://")) return fail(Code::kInvalid, fmt::format("Location '{}' is no http URL", location));
  rest.remove_prefix(7);
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return fail(Code::kInvalid, fmt::format("Location '{}' has no path", location));
  YZ_TRY(const Endpoint edge, Endpoint::parse(rest.substr(0, slash)));
  return RedirectTarget{edge, std::string(rest.substr(slash))};
}

void Ledger::doubt(Row& row, const Completed& one) {
  ++row.doubtful;
  row.doubtful_out += one.out;
  row.doubtful_in += one.in;
}

void Ledger::add(const std::string& host, const Completed& one) {
  Row& row = rows_[host];
  ++row.requests;
  row.bytes_out += one.out;
  row.bytes_in += one.in;
  if (const auto kill = kills_.find(one.edge); kill != kills_.end() && one.begun <= kill->second) {
    doubt(row, one);
    return;
  }
  while (!recent_.empty() && recent_.front().second.ended + kWindow < one.ended) recent_.pop_front();
  recent_.emplace_back(host, one);
}

void Ledger::add_cut(const std::string& host, std::uint64_t sent) {
  ++rows_[host].cut;
  rows_[host].cut_sent += sent;
}

void Ledger::killed(const Endpoint& edge, MonoTime now) {
  kills_[edge] = now;
  for (const auto& [host, one] : recent_) {
    if (one.edge == edge && one.ended + kWindow >= now) doubt(rows_[host], one);
  }
  recent_.clear();
}

bool Reply::is_hit() const {
  const auto comma = cache_status.rfind(',');
  const std::string_view last =
      comma == std::string::npos ? std::string_view(cache_status) : std::string_view(cache_status).substr(comma + 1);
  for (const std::string_view parameter : split(last, ';')) {
    if (trim(parameter) == "hit") return true;
  }
  return false;
}

Viewers::Viewers(io::Reactor& reactor, Ledger& ledger)
    : reactor_(reactor), ledger_(ledger), http_(reactor, many_connections()) {}

io::Task<Result<Reply>> Viewers::get(ViewerRequest request) {
  net::ClientRequest ask;
  ask.target = request.path;
  ask.host = request.host;
  ask.headers.add("X-Forwarded-For", to_string(request.client));
  ask.headers.add("User-Agent", "yz-demo");
  const MonoTime begun = SystemClock::instance().mono();
  net::Upstream upstream;
  upstream.endpoint = request.edge;
  auto response = co_await http_.send(std::move(upstream), std::move(ask));
  if (!response) {
    ledger_.add_cut(request.host, 4096);  // more than any of our request heads
    co_return fail(std::move(response).error());
  }
  Reply reply;
  reply.status = response->status();
  reply.cache_status = response->head().fields.all().combined("Cache-Status");
  reply.location = std::string(response->head().fields.value(http::FieldId::kLocation).value_or(""));
  std::vector<char> buffer(kPiece);
  while (true) {
    const auto size = co_await response->read(buffer);
    if (!size) {
      ledger_.add_cut(request.host, response->bytes_out());
      co_return fail(size.error());
    }
    if (*size == 0) break;
    if (reply.size == 0) reply.first_byte = reactor_.now();
    if (request.expected) {
      const bool fits = reply.size + *size <= request.expected->size();
      reply.matches =
          reply.matches && fits && std::memcmp(buffer.data(), request.expected->data() + reply.size, *size) == 0;
    }
    if (request.keep_body) reply.body.append(buffer.data(), *size);
    reply.size += *size;
  }
  if (request.expected && reply.size != request.expected->size()) reply.matches = false;
  reply.done = reactor_.now();
  ledger_.add(request.host,
              {request.edge, response->bytes_in(), response->bytes_out(), begun, SystemClock::instance().mono()});
  co_return reply;
}

io::Task<Result<Reply>> Viewers::get_following(ViewerRequest request) {
  ViewerRequest first = request;
  first.expected.reset();
  first.keep_body = true;
  YZ_CO_TRY(Reply reply, co_await get(std::move(first)));
  if (reply.status != 302) {
    reply.matches = !request.expected || reply.body == *request.expected;
    co_return reply;
  }
  YZ_CO_TRY(RedirectTarget target, parse_location(reply.location));
  request.edge = target.edge;
  request.path = std::move(target.path);
  co_return co_await get(std::move(request));
}

}  // namespace yz::cli
