#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "control/settings.h"
#include "rpc/ca.h"
#include "store/database.h"

namespace yz::control {

/// The folder that keeps what must not be lost beside the database: `ca.pem` and `ca.key` (0600), `seal.key`
/// (0600; seals secrets in the database, so that its copies alone do not show them), `instance` (this
/// instance's name as a lease holder), `operator.token` and `admin.password` (0600) after a first start. Locked while
/// in use.
class StateFolder final {
 public:
  /// Creates the folder and what is missing in it. Fails with kConflict when another process uses it, kCorrupt when
  /// the CA's files do not belong together.
  [[nodiscard]] static Result<StateFolder> open(const std::filesystem::path& path, WallTime now);

  /// Sees to it that all instances on one database have one CA: the folder's, or, in a folder that had none, the
  /// database's. Fails with kConflict when they differ. Before ca() is used.
  [[nodiscard]] Status settle_ca(store::Database& database, WallTime now);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const rpc::KeyPair& ca() const { return ca_; }
  [[nodiscard]] const std::string& instance() const { return instance_; }
  /// The key that seals secrets in the database: 32 bytes.
  [[nodiscard]] const std::string& seal_key() const { return seal_key_; }
  [[nodiscard]] std::filesystem::path token_file() const { return path_ / "operator.token"; }
  [[nodiscard]] std::filesystem::path password_file() const { return path_ / "admin.password"; }

 private:
  StateFolder() = default;
  [[nodiscard]] Status lock();
  [[nodiscard]] Status load_ca(WallTime now);
  [[nodiscard]] Status save_ca() const;
  [[nodiscard]] Status load_instance();
  [[nodiscard]] Status load_seal_key();

  std::filesystem::path path_;
  UniqueFd lock_;
  rpc::KeyPair ca_;
  bool is_ca_new_ = false;  // made just now, not yet on disk
  std::string instance_;
  std::string seal_key_;
};

/// What a first start made for the operator to get in with; each is shown once.
struct FirstSecrets {
  std::optional<std::string> token;     ///< also in `operator.token`
  std::optional<std::string> password;  ///< of the user `admin_email`, also in `admin.password`
};

/// What a new cluster starts with: settings with a key of its own, an operator's token and an administrator. What there
/// is already stays as it is. With `bootstrap_token_file` or `admin_password_file` the secret is the one in that file
/// and is not returned.
[[nodiscard]] Result<FirstSecrets> bootstrap(store::Database& database, const StateFolder& folder,
                                             const ControlSettings& settings, WallTime now);

}  // namespace yz::control
