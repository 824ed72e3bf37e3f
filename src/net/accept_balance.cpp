#include "net/accept_balance.h"

#include "net/http_server.h"

namespace yz::net {

void AcceptBalance::open(std::size_t seat, HttpServer& server, io::Reactor& reactor) {
  Seat& own = seats_.at(seat);
  YZ_ASSERT(own.server == nullptr);
  own.server = &server;
  own.remote = reactor.remote();
  own.is_open.store(true, std::memory_order_release);
}

void AcceptBalance::close(std::size_t seat) {
  seats_[seat].is_open.store(false, std::memory_order_release);
  seats_[seat].server = nullptr;
}

std::optional<std::size_t> AcceptBalance::better_than(std::size_t seat) const {
  const std::int32_t own = connections(seat);
  std::size_t best = seat;
  std::int32_t fewest = own;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const std::int32_t its = connections(i);
    if (its >= fewest || !seats_[i].is_open.load(std::memory_order_acquire)) continue;
    best = i;
    fewest = its;
  }
  if (own <= fewest + fewest / 8 + 2) return std::nullopt;
  return best;
}

void AcceptBalance::give(std::size_t seat, UniqueFd fd, const Endpoint& peer, std::size_t listener) {
  add(seat, 1);
  // Held by the callback: the server may be gone when it runs.
  auto arrive = [balance = shared_from_this(), seat, fd = std::move(fd), peer, listener]() mutable {
    balance->add(seat, -1);  // it counts itself
    HttpServer* const server = balance->seats_[seat].server;
    if (server != nullptr) server->take_given(std::move(fd), peer, listener);
  };
  if (!seats_[seat].remote->post(std::move(arrive))) add(seat, -1);
}

}  // namespace yz::net
