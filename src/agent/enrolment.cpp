#include "agent/enrolment.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "io/reactor.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstRetry = 200ms;
constexpr auto kMaxRetry = 10s;
constexpr auto kRenewRetry = 60s;
constexpr auto kCallDeadline = 60s;

bool is_final(const Error& error) {
  return error.code == Code::kPermission || error.code == Code::kInvalid || error.code == Code::kUnauthenticated ||
         error.code == Code::kNotFound;
}

}  // namespace

WallTime renewal_time(const rpc::PeerIdentity& validity) {
  return validity.not_before + (validity.not_after - validity.not_before) / 2;
}

io::Task<Result<rpc::NodeIdentity>> obtain_identity(const Settings& settings, const StateFolder& state,
                                                    io::BlockingPool& pool, io::Event& stop) {
  YZ_CO_TRY(auto stored, state.load_identity());
  if (stored) co_return *std::move(stored);
  if (settings.join_token.empty()) {
    co_return fail(Code::kInvalid, "this node has not joined yet: give --join TOKEN (yz node token prints one)");
  }
  io::Reactor& reactor = io::Reactor::current();
  std::chrono::milliseconds retry = kFirstRetry;
  for (std::size_t attempt = 0; !stop.is_set(); ++attempt) {
    rpc::EnrolOptions options;
    options.control = settings.controls[attempt % settings.controls.size()];
    options.token = settings.join_token;
    options.name = settings.name;
    auto join = [options] { return rpc::enrol(options); };
    auto identity = co_await pool.run(std::move(join), reactor.in(kCallDeadline));
    if (identity) {
      YZ_CO_CHECK(state.save_identity(*identity));
      log::info("joined as node {}", to_string(identity->node));
      co_return identity;
    }
    if (is_final(identity.error())) co_return fail(std::move(identity).error().with_context("join"));
    log::warn("cannot join yet, will try again: {}", identity.error().message);
    (void)co_await stop.wait(reactor.in(retry));
    retry = std::min<std::chrono::milliseconds>(retry * 2, kMaxRetry);
  }
  co_return fail(Code::kCancelled, "stopped before the node had joined");
}

io::Task<void> keep_identity_fresh(rpc::NodeIdentity identity, const Settings& settings, const StateFolder& state,
                                   io::BlockingPool& pool, ControlLink& link) {
  io::Reactor& reactor = io::Reactor::current();
  for (std::size_t attempt = 0;; ++attempt) {
    const auto validity = rpc::identity_of(identity.pair.certificate_pem);
    if (!validity) co_return;  // checked when it was loaded
    // The wall clock may jump: look again at least once a minute.
    while (reactor.wall_now() < renewal_time(*validity)) {
      const auto left = renewal_time(*validity) - reactor.wall_now();
      co_await io::sleep_for(std::clamp<std::chrono::milliseconds>(left, 1ms, 60s));
    }
    const std::string control = settings.controls[attempt % settings.controls.size()];
    auto renew = [control, identity] { return rpc::renew(control, identity); };
    auto renewed = co_await pool.run(std::move(renew), reactor.in(kCallDeadline));
    if (!renewed) {
      log::warn("cannot renew the node's certificate yet: {}", renewed.error().message);
      co_await io::sleep_for(kRenewRetry);
      continue;
    }
    if (const auto saved = state.save_identity(*renewed); !saved) log::error("identity: {}", saved.error().message);
    identity = *std::move(renewed);
    link.set_identity(identity);
    log::info("renewed the node's certificate");
  }
}

}  // namespace yz::agent
