#include "rpc/membership.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "io/reactor.h"

namespace yz::rpc {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstRetry = 200ms;
constexpr auto kMaxRetry = 10s;
constexpr auto kRenewRetry = 60s;
constexpr auto kCallDeadline = 60s;

constexpr unsigned kSecretMode = 0600;

std::vector<std::string> pem_blocks(const std::string& text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  std::vector<std::string> blocks;
  for (auto at = text.find(kBegin); at != std::string::npos;) {
    const auto next = text.find(kBegin, at + 1);
    blocks.push_back(text.substr(at, next == std::string::npos ? next : next - at));
    at = next;
  }
  return blocks;
}

bool is_final(const Error& error) {
  return error.code == Code::kPermission || error.code == Code::kInvalid || error.code == Code::kUnauthenticated ||
         error.code == Code::kNotFound;
}

}  // namespace

WallTime renewal_time(const PeerIdentity& validity) {
  return validity.not_before + (validity.not_after - validity.not_before) / 2;
}

io::Task<Result<NodeIdentity>> obtain_identity(const Membership& membership, io::BlockingPool& pool, io::Event& stop) {
  YZ_CO_TRY(auto stored, load_identity(membership.identity));
  if (stored) co_return *std::move(stored);
  if (membership.join_token.empty()) {
    co_return fail(Code::kInvalid,
                   membership.role == Role::kRelay
                       ? "this relay has not joined yet: give --join TOKEN (yz node relay-token prints one)"
                       : "this node has not joined yet: give --join TOKEN (yz node token prints one)");
  }
  io::Reactor& reactor = io::Reactor::current();
  std::chrono::milliseconds retry = kFirstRetry;
  for (std::size_t attempt = 0; !stop.is_set(); ++attempt) {
    EnrolOptions options;
    options.control = membership.controls[attempt % membership.controls.size()];
    options.token = membership.join_token;
    options.role = membership.role;
    options.name = membership.name;
    auto join = [options] { return enrol(options); };
    auto identity = co_await pool.run(std::move(join), reactor.in(kCallDeadline));
    if (identity) {
      YZ_CO_CHECK(save_identity(membership.identity, *identity));
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

io::Task<void> keep_identity_fresh(NodeIdentity identity, const Membership& membership, io::BlockingPool& pool,
                                   std::function<void(const NodeIdentity&)> on_renewed) {
  io::Reactor& reactor = io::Reactor::current();
  for (std::size_t attempt = 0;; ++attempt) {
    const auto validity = identity_of(identity.pair.certificate_pem);
    if (!validity) co_return;  // checked when it was loaded
    // The wall clock may jump: look again at least once a minute.
    while (reactor.wall_now() < renewal_time(*validity)) {
      const auto left = renewal_time(*validity) - reactor.wall_now();
      co_await io::sleep_for(std::clamp<std::chrono::milliseconds>(left, 1ms, 60s));
    }
    const std::string control = membership.controls[attempt % membership.controls.size()];
    auto ask = [control, identity] { return renew(control, identity); };
    auto renewed = co_await pool.run(std::move(ask), reactor.in(kCallDeadline));
    if (!renewed) {
      log::warn("cannot renew the node's certificate yet: {}", renewed.error().message);
      co_await io::sleep_for(kRenewRetry);
      continue;
    }
    if (const auto saved = save_identity(membership.identity, *renewed); !saved) {
      log::error("identity: {}", saved.error().message);
    }
    identity = *std::move(renewed);
    on_renewed(identity);
    log::info("renewed the node's certificate");
  }
}

Result<std::optional<NodeIdentity>> load_identity(const std::filesystem::path& path) {
  const auto text = read_file(path);
  if (!text) {
    if (text.error().code == Code::kNotFound) return std::nullopt;
    return fail(text.error());
  }
  const auto blocks = pem_blocks(*text);
  if (blocks.size() != 3) return fail(Code::kCorrupt, path.string() + " does not hold a key and two certificates");
  NodeIdentity identity;
  identity.pair = {blocks[0], blocks[1]};
  identity.ca_pem = blocks[2];
  const auto named = identity_of(identity.pair.certificate_pem);
  const auto pair = verify_pair(identity.pair, identity.ca_pem);
  if (!named || !pair) {
    return fail(Code::kCorrupt, path.string() + ": " + (named ? pair.error() : named.error()).message);
  }
  identity.node = named->node;
  return identity;
}

Status save_identity(const std::filesystem::path& path, const NodeIdentity& identity) {
  return write_file_atomically(path, identity.pair.key_pem + identity.pair.certificate_pem + identity.ca_pem,
                               kSecretMode);
}

}  // namespace yz::rpc
