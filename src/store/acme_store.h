#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/challenge.h"
#include "model/ids.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

using AcmeAccountId = StrongId<struct AcmeAccountTag>;
using AcmeOrderId = StrongId<struct AcmeOrderTag>;

/// An account at a certificate authority, and how we use that authority.
struct AcmeAccount {
  AcmeAccountId id;
  std::string name;
  std::string directory;              ///< URL of the authority's directory
  std::vector<std::string> contacts;  ///< mail addresses
  std::string external_key_id;        ///< RFC 8555 §7.3.4; empty: none
  std::string mac_key;                ///< secret of the external account; raw bytes
  std::string ca_pem;                 ///< roots to trust the authority's server by; empty: the system's
  std::string preferred_root;         ///< common name of the root to choose a chain by; empty: the one offered first
  std::vector<std::string> blocked;   ///< names, and all below them, that it is never asked for
  std::uint64_t priority = 100;       ///< the lowest is asked first, the next when that one fails
  bool enabled = true;
  std::string key_pem;     ///< secret: what the account is known by
  std::string url;         ///< of the account; empty: not registered yet
  WallTime blocked_until;  ///< a rate limit of all orders; the epoch: none
  std::uint64_t version = 1;
  WallTime created;
  WallTime updated;
};

/// Rows of acme_account. Errors: kAlreadyExists for a name, kConflict for a version, kNotFound.
class AcmeAccountStore final {
 public:
  explicit AcmeAccountStore(Transaction& tx) : tx_(tx) {}

  Result<AcmeAccount> create(const Author& author, AcmeAccount account);
  Result<AcmeAccount> get(AcmeAccountId id);
  /// The one asked first comes first.
  Result<std::vector<AcmeAccount>> list();
  /// What people set; key, URL and limits stay as they are.
  Result<AcmeAccount> update(const Author& author, AcmeAccount account, std::uint64_t expected);
  /// Fails with kConflict while an order that is not over uses it.
  Status remove(const Author& author, AcmeAccountId id, std::uint64_t expected);

  Status set_url(AcmeAccountId id, std::string_view url);
  Status set_blocked_until(AcmeAccountId id, WallTime until);

 private:
  Result<std::vector<AcmeAccount>> select(std::string_view where, const std::vector<Value>& parameters);
  Transaction& tx_;
};

/// Where an order stands; what is to be done next follows from it and from what the authority says.
enum class AcmeOrderState : std::uint8_t {
  kPending,     ///< nothing was asked yet, or all is to be asked anew
  kValidating,  ///< ordered: the names are being proved
  kIssuing,     ///< finalized: the authority signs
  kDeploying,   ///< the certificate is committed: edges take it up
  kValid,
  kFailed,
};
[[nodiscard]] std::string_view to_string(AcmeOrderState state);
[[nodiscard]] std::optional<AcmeOrderState> parse_order_state(std::string_view text);

enum class AcmeCause : std::uint8_t { kPerson, kRenewal };
enum class CertificateKey : std::uint8_t { kEcdsaP256, kRsa2048 };

/// One certificate on its way, from the wish to the edges. Kept afterwards for people to see.
struct AcmeOrder {
  AcmeOrderId id;
  model::TenantId tenant;
  AcmeAccountId account;             ///< in use now
  bool pinned = false;               ///< asked of this account and no other
  model::CertificateId certificate;  ///< the one it renews, or made; zero: not yet
  std::string certificate_name;      ///< of the one to make
  std::vector<std::string> names;
  model::ChallengeKind challenge = model::ChallengeKind::kHttp;
  CertificateKey key_kind = CertificateKey::kEcdsaP256;
  AcmeCause cause = AcmeCause::kPerson;
  AcmeOrderState state = AcmeOrderState::kPending;
  std::string url;               ///< at the authority; empty: not ordered
  std::string key_pem;           ///< secret; from just before it is finalized until the certificate is there
  std::string replaces;          ///< ARI id of the certificate it renews
  std::uint64_t attempts = 0;    ///< failures so far
  std::uint64_t rejections = 0;  ///< failures of validation among them
  WallTime next_at;              ///< not before
  std::string error;             ///< of the last failure
  WallTime created;
  WallTime finished;  ///< the epoch: not over

  [[nodiscard]] bool is_over() const { return state >= AcmeOrderState::kValid; }
};

struct AcmeOrderFilter {
  std::optional<model::TenantId> tenant;
  std::optional<AcmeOrderState> state;
  std::optional<model::CertificateId> certificate;
};

class AcmeOrderStore final {
 public:
  explicit AcmeOrderStore(Transaction& tx) : tx_(tx) {}

  /// Sets id and `created`; with an audit entry.
  Result<AcmeOrder> create(const Author& author, AcmeOrder order);
  Result<AcmeOrder> get(AcmeOrderId id);
  /// Newest first; `page.after` is the last id seen.
  Result<Listing<AcmeOrder>> list(const AcmeOrderFilter& filter, Page page);
  /// Those that are not over and whose time has come, the longest due first.
  Result<std::vector<AcmeOrder>> due(WallTime now, std::size_t limit);
  /// Whether an order for this certificate is under way.
  Result<bool> is_under_way(model::CertificateId certificate);
  /// Everything but id, tenant, names and `created`.
  Status save(const AcmeOrder& order);
  /// Removes those that were over before then. How many.
  Result<std::uint64_t> drop_before(WallTime finished_before);

 private:
  Result<std::vector<AcmeOrder>> select(std::string_view rest, const std::vector<Value>& parameters);
  Transaction& tx_;
};

/// What renews one certificate: how it was ordered, and when its authority wants it to be renewed (RFC 9773).
struct AcmeUpkeep {
  model::CertificateId certificate;
  AcmeAccountId account;
  std::vector<std::string> names;
  model::ChallengeKind challenge = model::ChallengeKind::kHttp;
  CertificateKey key_kind = CertificateKey::kEcdsaP256;
  bool enabled = true;    ///< false: people renew it, or let it end
  std::string ari_id;     ///< empty: its authority cannot be asked
  WallTime window_start;  ///< suggested; the epoch: nothing was said
  WallTime window_end;
  WallTime ask_at;    ///< renewal information is asked for again then
  WallTime retry_at;  ///< after a renewal that failed, the next one is not made before
  WallTime revoked;   ///< the epoch: it is not
};

class AcmeUpkeepStore final {
 public:
  explicit AcmeUpkeepStore(Transaction& tx) : tx_(tx) {}

  /// Adds or replaces.
  Status put(const AcmeUpkeep& upkeep);
  Result<std::optional<AcmeUpkeep>> get(model::CertificateId id);
  Result<std::vector<AcmeUpkeep>> all();
  Status remove(model::CertificateId id);

 private:
  Result<std::vector<AcmeUpkeep>> select(std::string_view rest, const std::vector<Value>& parameters);
  Transaction& tx_;
};

}  // namespace yz::store
