#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/blocking_pool.h"
#include "io/task.h"
#include "io/waiters.h"
#include "rpc/node_client.h"

namespace yz::rpc {

/// How a program becomes and stays a member of its cluster.
struct Membership {
  std::vector<std::string> controls;  ///< host:port each
  std::string join_token;             ///< needed once, until there is an identity
  Role role = Role::kEdge;
  std::string name;
  std::filesystem::path identity;  ///< the file (save_identity) that keeps it
};

/// The identity in the file, or a new one for the join token, tried until control answers. Fails at once with
/// kPermission or kInvalid when the token is refused, kCancelled when `stop` is set meanwhile.
[[nodiscard]] io::Task<Result<NodeIdentity>> obtain_identity(const Membership& membership, io::BlockingPool& pool,
                                                             io::Event& stop);

/// Renews the certificate at half its life, for ever, and says so; while control is away it goes on trying. The scope
/// it runs in ends it.
[[nodiscard]] io::Task<void> keep_identity_fresh(NodeIdentity identity, const Membership& membership,
                                                 io::BlockingPool& pool,
                                                 std::function<void(const NodeIdentity&)> on_renewed);

/// When to renew a certificate valid in this period.
[[nodiscard]] WallTime renewal_time(const PeerIdentity& validity);

/// The identity in a file that save_identity() wrote; none when there is no file. Fails with kCorrupt when what is in
/// it does not belong together.
[[nodiscard]] Result<std::optional<NodeIdentity>> load_identity(const std::filesystem::path& path);
/// Key, certificate and CA in one file (0600), so that a crash never leaves the key of one certificate beside another.
[[nodiscard]] Status save_identity(const std::filesystem::path& path, const NodeIdentity& identity);

}  // namespace yz::rpc
