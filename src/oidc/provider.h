#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "acme/transport.h"
#include "base/clock.h"
#include "base/result.h"
#include "oidc/id_token.h"
#include "oidc/messages.h"

namespace yz::oidc {

/// What a browser is sent to the provider with, one login long. Each has 256 random bits, base64url.
struct Secrets {
  std::string state;     ///< comes back through the browser
  std::string nonce;     ///< comes back in the ID token
  std::string verifier;  ///< of PKCE (RFC 7636 §4.1); the provider sees its hash first, and it with the code

  [[nodiscard]] static Secrets make();
};

/// What the browser came back with, its `state` checked.
struct Redirected {
  std::string code;
  std::optional<std::string> issuer;  ///< `iss` of RFC 9207
};

/// One identity provider, for one client registered there. Calls block for a few HTTP exchanges at most, each with a
/// deadline; any thread, several at once. What the provider says of itself and its keys are kept for an hour; the keys
/// are read again at most once a minute when a token names one that is not there.
///
/// Errors, all the provider's fault: kTimeout, kUnavailable, kLimit and kCorrupt when it cannot be spoken with;
/// kUnauthenticated when it takes the code back; kPermission and kNotFound when what it said does not stand for
/// anybody.
class Provider final {
 public:
  struct Options {
    std::string issuer;
    std::string client_id;
    std::string client_secret;  ///< empty: a public client, which PKCE alone protects
    std::string redirect_uri;
    std::string email_claim = "email";
    std::string ca_pem;                                  ///< roots to trust instead of the system's; empty: those
    std::chrono::milliseconds timeout{5'000};            ///< of one exchange
    std::chrono::milliseconds kept_for{3'600'000};       ///< metadata and keys
    std::chrono::milliseconds keys_again_after{60'000};  ///< sooner, they are not read again for an unknown key
  };
  /// Exchanges end within a second once `is_stopping` is true.
  Provider(Options options, const Clock& clock, std::shared_ptr<const std::atomic<bool>> is_stopping);

  /// Where to send the browser (Core §3.1.2.1).
  [[nodiscard]] Result<std::string> authorization_url(const Secrets& secrets);
  /// Whom the code stands for: exchanges it, checks the ID token (Core §3.1.3).
  [[nodiscard]] Result<IdToken> redeem(const Redirected& redirected, const Secrets& secrets);

  [[nodiscard]] const Options& options() const { return options_; }

 private:
  template <typename T>
  struct Kept {
    T value;
    MonoTime read_at;
  };

  [[nodiscard]] Result<Metadata> metadata();
  /// Those kept, or, when `known_at` says which ones do not do, newer ones if it is time.
  [[nodiscard]] Result<Kept<KeySet>> keys(const Metadata& metadata, std::optional<MonoTime> known_at);
  /// `token`: an access token to show; empty: none.
  [[nodiscard]] Result<std::string> get(const std::string& url, const std::string& token = {}) const;
  [[nodiscard]] Result<Tokens> exchange_code(const Metadata& metadata, const std::string& code,
                                             const std::string& verifier) const;
  [[nodiscard]] Result<IdToken> judge(const Metadata& metadata, const std::string& token, const std::string& nonce);
  [[nodiscard]] Result<acme::HttpResponse> exchange(const acme::HttpRequest& request) const;

  const Options options_;
  const Clock& clock_;
  const std::shared_ptr<const std::atomic<bool>> is_stopping_;  // shared: exchanges look at it
  std::mutex mutex_;
  std::optional<Kept<Metadata>> metadata_;  // guarded by mutex_
  std::optional<Kept<KeySet>> keys_;        // guarded by mutex_
};

}  // namespace yz::oidc
