#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "control/call.h"
#include "control/oidc/login_ticket.h"
#include "control/oidc/oidc_settings.h"
#include "control/oidc/provider_sign_in.h"
#include "io/blocking_pool.h"
#include "oidc/provider.h"
#include "store/database.h"
#include "store/sealer.h"
#include "store/session_store.h"

namespace yz::control {

/// Logins at an identity provider: sends browsers there, and makes sessions for those who come back. Called on the
/// reactor's thread; what blocks runs on threads of its own, so that a slow provider keeps nothing else waiting.
class OidcDesk final {
 public:
  /// `secret` is the client's; `ca_pem` the roots to trust, empty: the system's. `database` outlives this.
  OidcDesk(OidcSettings settings, std::string secret, std::string ca_pem, store::Database& database,
           store::Sealer sealer, store::SessionLimits limits, const Clock& clock);
  ~OidcDesk();

  /// Ends what runs on its threads; afterwards it may only be destroyed. Blocks. Idempotent.
  void stop();

  [[nodiscard]] const OidcSettings& settings() const { return settings_; }
  /// Where the button leads: at `public_url`, where the cookie will be wanted.
  [[nodiscard]] std::string start_url() const { return settings_.public_url + "/api/v1/oidc/start"; }

  /// Redirects to the provider. Never fails: what goes wrong redirects to the sign-in page.
  [[nodiscard]] io::Task<Outcome> begin(Call call);
  /// The provider's redirect: begins a session, or says on the sign-in page why not.
  [[nodiscard]] io::Task<Outcome> finish(Call call);

 private:
  // These block.
  [[nodiscard]] Reply send_to_provider(const Call& call);
  [[nodiscard]] Reply take_back(const Call& call);
  [[nodiscard]] tl::expected<SignedIn, LoginRefusal> judge(const Call& call, const std::optional<LoginTicket>& ticket);
  [[nodiscard]] LoginTicket make_ticket(const Call& call);

  [[nodiscard]] std::optional<LoginTicket> ticket_of(const Call& call) const;
  /// To the sign-in page of the portal that `path` is in.
  [[nodiscard]] Reply send_away(std::string_view path, LoginRefusal why) const;

  const OidcSettings settings_;
  store::Database& database_;
  const store::Sealer sealer_;
  const store::SessionLimits limits_;
  const std::shared_ptr<std::atomic<bool>> is_stopping_ = std::make_shared<std::atomic<bool>>(false);
  oidc::Provider provider_;
  std::unique_ptr<io::BlockingPool> pool_;  // null once stopped
};

}  // namespace yz::control
