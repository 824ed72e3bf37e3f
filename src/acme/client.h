#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acme/account_key.h"
#include "acme/messages.h"
#include "acme/transport.h"
#include "base/clock.h"
#include "base/result.h"

namespace yz::acme {

/// What an authority gave out of band so that accounts belong to its customer (RFC 8555 §7.3.4).
struct ExternalAccount {
  std::string key_id;
  std::string mac_key;  ///< raw bytes
};

/// One account at one authority (RFC 8555). Each call is one or a few blocking HTTP exchanges; nonces are kept and a
/// refused one is tried again with a fresh one. One thread at a time; `transport` and `clock` outlive it.
///
/// Errors: those of Transport; kCorrupt for answers that are not what the RFC says; and for refusals a code by their
/// type, with what the authority said in `refusal()`.
class Client final {
 public:
  /// Reads the authority's directory.
  [[nodiscard]] static Result<Client> open(Transport& transport, const Clock& clock, std::string_view directory_url,
                                           AccountKey key, std::string account_url = {});

  [[nodiscard]] const Directory& directory() const { return directory_; }
  [[nodiscard]] const std::string& account_url() const { return account_url_; }

  /// Creates the account, or finds the one this key has; its URL, which calls from now on use. Agrees to the terms of
  /// service: whoever calls has done so.
  Result<std::string> register_account(const std::vector<std::string>& contacts,
                                       const std::optional<ExternalAccount>& external);
  /// §7.3.6; nothing else can be done with the account afterwards.
  Status deactivate_account();
  /// §7.3.5: from now on the account is known by `key`.
  Status change_key(const AccountKey& key);

  /// §7.4. `replaces` is the ARI id of the certificate that this one renews (RFC 9773 §5); empty: none. Given only to
  /// authorities that offer renewal information.
  Result<AcmeOrder> new_order(const std::vector<std::string>& names, std::string_view replaces = {});
  Result<AcmeOrder> order(const std::string& url);
  Result<Authorization> authorization(const std::string& url);
  /// §7.5.1: the challenge can be met now.
  Status answer(const OfferedChallenge& challenge);
  Result<AcmeOrder> finalize(const AcmeOrder& order, std::string_view request_der);
  /// The chain in PEM, leaf first. With `preferred_root` (a common name) the first chain that ends below such a root,
  /// of the one offered and its alternates (§7.4.2); the one offered when there is none.
  Result<std::string> download(const std::string& url, std::string_view preferred_root = {});
  /// §7.6, by the account that ordered it. `reason` is of RFC 5280 §5.3.1. One that is revoked already is a success.
  Status revoke(std::string_view certificate_der, int reason);
  /// RFC 9773 §4. Fails with kUnsupported where it is not offered.
  Result<RenewalInfo> renewal_info(std::string_view ari_id);

  /// What the authority said when the last call failed; none when it failed otherwise.
  [[nodiscard]] const std::optional<AcmeProblem>& refusal() const { return refusal_; }

 private:
  Client(Transport& transport, const Clock& clock, AccountKey key, std::string account_url);

  enum class Identity : std::uint8_t { kAccount, kKey };
  /// A signed POST, with another nonce as often as needed; the answer when its status is 2xx.
  Result<HttpResponse> post(const std::string& url, std::string_view payload, Identity identity = Identity::kAccount,
                            std::string_view accept = {});
  Result<HttpResponse> get(const std::string& url);
  Result<std::string> take_nonce();
  Result<AcmeOrder> read(const HttpResponse& response, std::string url);
  void keep_nonce(const HttpResponse& response);
  tl::unexpected<Error> refuse(const HttpResponse& response, std::string_view url);

  Transport& transport_;
  const Clock& clock_;
  AccountKey key_;
  std::string account_url_;
  Directory directory_;
  std::deque<std::string> nonces_;
  std::optional<AcmeProblem> refusal_;
};

}  // namespace yz::acme
