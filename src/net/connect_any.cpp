#include "net/connect_any.h"

#include <algorithm>
#include <optional>

#include "io/reactor.h"
#include "io/scope.h"
#include "io/waiters.h"

namespace yz::net {
namespace {

/// What the attempts of one connect_any() share. The scope goes first, so that no attempt outlives the rest.
struct Race {
  std::optional<io::TcpStream> won;
  Error last;
  std::size_t under_way = 0;
  io::Waiters news;
  io::TaskScope attempts;
};

io::Task<void> attempt(Race& race, Endpoint endpoint, MonoTime deadline) {
  auto connected = co_await io::connect(endpoint, deadline);
  --race.under_way;
  if (connected && !race.won) {
    race.won = *std::move(connected);
  } else if (!connected) {
    race.last = std::move(connected).error();
  }
  race.news.notify_all();
}

}  // namespace

std::vector<IpAddress> connection_order(std::span<const IpAddress> addresses, std::uint64_t draw) {
  std::vector<IpAddress> families[2];
  for (const IpAddress& one : addresses) families[one.is_v4() == addresses.front().is_v4() ? 0 : 1].push_back(one);
  for (auto& family : families) {
    if (family.empty()) continue;
    std::rotate(family.begin(), family.begin() + static_cast<std::ptrdiff_t>(draw % family.size()), family.end());
  }
  std::vector<IpAddress> out;
  for (std::size_t i = 0; out.size() < addresses.size(); ++i) {
    for (const auto& family : families) {
      if (i < family.size()) out.push_back(family[i]);
    }
  }
  return out;
}

io::Task<Result<io::TcpStream>> connect_any(std::vector<Endpoint> endpoints, std::chrono::milliseconds stagger,
                                            MonoTime deadline) {
  if (endpoints.size() == 1) co_return co_await io::connect(endpoints.front(), deadline);
  io::Reactor& reactor = io::Reactor::current();
  Race race;
  for (std::size_t next = 0;;) {
    const auto ticket = race.news.ticket();
    if (race.won) co_return *std::move(race.won);
    if (next < endpoints.size()) {
      ++race.under_way;
      reactor.spawn_into(race.attempts, attempt(race, endpoints[next++], deadline));
    } else if (race.under_way == 0) {
      co_return fail(std::move(race.last));
    }
    const bool is_last = next == endpoints.size();
    (void)co_await race.news.wait(ticket, is_last ? io::kNoDeadline : std::min(deadline, reactor.in(stagger)));
  }
}

}  // namespace yz::net
