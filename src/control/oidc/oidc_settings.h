#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "model/ids.h"

namespace yz::control {

class BodyReader;

/// `oidc:` an identity provider that people may sign in at (docs/operate/accounts.md).
struct OidcSettings {
  std::string issuer;     ///< as the provider names itself; empty: there is none
  std::string client_id;  ///< what the provider calls us
  /// Empty, and no file: a public client. Never logged, never answered.
  std::string client_secret;
  std::filesystem::path client_secret_file;  ///< in its place; empty: none
  std::filesystem::path ca_file;             ///< PEM: roots to trust instead of the system's; empty: those
  std::string public_url;                    ///< where browsers reach the portals: scheme, host, port
  std::string display_name;                  ///< on the button
  std::string email_claim = "email";
  std::string new_user_role;                 ///< of people whom nobody has made a user; empty: they are refused
  model::TenantId new_user_tenant;           ///< whose they become; zero: the operator's
  std::chrono::milliseconds timeout{5'000};  ///< of one exchange with the provider; not of the file

  [[nodiscard]] bool is_set() const { return !issuer.empty(); }
  [[nodiscard]] bool is_over_tls() const { return public_url.starts_with("https://"); }
};

/// Reads `oidc:`; what is wrong goes to `outer`.
[[nodiscard]] OidcSettings read_oidc_settings(const nlohmann::json& json, BodyReader& outer);
/// The secret, from its file where one is named. Fails with a sentence that names the file.
[[nodiscard]] Result<std::string> read_client_secret(const OidcSettings& settings);

}  // namespace yz::control
