#include "control/acme/issuer.h"

#include <algorithm>
#include <utility>

#include "acme/certificate_request.h"
#include "acme/curl_transport.h"
#include "base/log.h"
#include "control/acme/attempt.h"
#include "store/audit_log.h"
#include "store/certificate_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::hours kAskAgainAfterFailure{6};
constexpr std::chrono::seconds kSoonestAsk{60};
constexpr std::chrono::seconds kLatestAsk{86'400};

AcmeIssuer::Options complete(AcmeIssuer::Options options, const std::shared_ptr<std::atomic<bool>>& is_stopping) {
  if (options.connect) return options;
  options.connect = [is_stopping](const store::AcmeAccount& account) {
    acme::CurlTransport::Options curl;
    curl.ca_pem = account.ca_pem;
    curl.is_stopping = is_stopping;
    return std::make_unique<acme::CurlTransport>(std::move(curl));
  };
  return options;
}

}  // namespace

AcmeIssuer::AcmeIssuer(store::Database& database, ConfigState& state, const Clock& clock, Options options)
    : database_(database), state_(state), clock_(clock), options_(complete(std::move(options), is_stopping_)) {}

/// A client for the account, registered before at most once.
Result<acme::Client> AcmeIssuer::open(acme::Transport& way, store::AcmeAccount& account) {
  YZ_TRY(acme::AccountKey key, acme::AccountKey::from_pem(account.key_pem));
  YZ_TRY(acme::Client client, acme::Client::open(way, clock_, account.directory, std::move(key), account.url));
  if (!account.url.empty()) return client;
  std::optional<acme::ExternalAccount> external;
  if (!account.external_key_id.empty()) external = acme::ExternalAccount{account.external_key_id, account.mac_key};
  YZ_TRY(account.url, client.register_account(account.contacts, external));
  YZ_CHECK(database_.write(
      [&](store::Transaction& tx) { return store::AcmeAccountStore(tx).set_url(account.id, account.url); }));
  return client;
}

AcmeIssuer::Step AcmeIssuer::advance(store::AcmeOrderId id, bool is_shown) {
  struct Found {
    store::AcmeOrder order;
    std::vector<store::AcmeAccount> accounts;
  };
  auto found = database_.read([&](store::Transaction& tx) -> Result<Found> {
    Found out;
    YZ_TRY(out.order, store::AcmeOrderStore(tx).get(id));
    YZ_TRY(out.accounts, store::AcmeAccountStore(tx).list());
    return out;
  });
  if (!found) {
    log::warn("order {} could not be read: {}", id.value, found.error().message);
    return {Step::Next::kLater, {}};
  }
  std::erase_if(found->accounts, [](const store::AcmeAccount& one) { return !one.enabled; });
  return Attempt(*this, std::move(found->order), std::move(found->accounts)).run(is_shown);
}

void AcmeIssuer::postpone(store::AcmeOrderId id, std::string reason) {
  auto order = database_.read([&](store::Transaction& tx) { return store::AcmeOrderStore(tx).get(id); });
  if (!order) return log::warn("order {} could not be read: {}", id.value, order.error().message);
  (void)Attempt(*this, *std::move(order), {}).postpone(std::move(reason));
}

Status AcmeIssuer::revoke(const store::Author& author, model::CertificateId id, int reason) {
  struct Found {
    model::Certificate certificate;
    store::AcmeUpkeep upkeep;
    store::AcmeAccount account;
  };
  YZ_TRY(Found found, database_.read([&](store::Transaction& tx) -> Result<Found> {
    Found out;
    YZ_TRY(auto row, store::CertificateStore(tx).get(id));
    out.certificate = std::move(row.value);
    YZ_TRY(auto upkeep, store::AcmeUpkeepStore(tx).get(id));
    if (!upkeep) return fail(Code::kNotFound, "this certificate was not ordered here", Fault::kClient);
    out.upkeep = *std::move(upkeep);
    YZ_TRY(out.account, store::AcmeAccountStore(tx).get(out.upkeep.account));
    return out;
  }));
  YZ_TRY(const acme::LeafFacts leaf, acme::read_leaf(found.certificate.chain_pem));
  const auto way = options_.connect(found.account);
  YZ_TRY(acme::Client client, open(*way, found.account));
  YZ_CHECK(client.revoke(leaf.der, reason));
  return database_.write([&](store::Transaction& tx) -> Status {
    store::AcmeUpkeepStore upkeeps(tx);
    YZ_TRY(auto upkeep, upkeeps.get(id));
    if (upkeep) {  // not removed meanwhile
      upkeep->revoked = clock_.wall();
      YZ_CHECK(upkeeps.put(*upkeep));
    }
    store::Author owner = author;
    owner.tenant = found.certificate.tenant;
    return store::AuditLog(tx).add(owner, "revoke", "certificate", to_string(id),
                                   R"({"reason":)" + std::to_string(reason) + '}');
  });
}

void AcmeIssuer::ask_renewal_info(store::AcmeUpkeep upkeep) {
  const auto ask = [&]() -> Result<acme::RenewalInfo> {
    YZ_TRY(store::AcmeAccount account,
           database_.read([&](store::Transaction& tx) { return store::AcmeAccountStore(tx).get(upkeep.account); }));
    const auto way = options_.connect(account);
    YZ_TRY(acme::AccountKey key, acme::AccountKey::from_pem(account.key_pem));
    YZ_TRY(acme::Client client, acme::Client::open(*way, clock_, account.directory, std::move(key), account.url));
    return client.renewal_info(upkeep.ari_id);
  };
  const auto info = ask();
  const WallTime now = clock_.wall();
  const std::string asked = upkeep.ari_id;
  if (info) {
    upkeep.window_start = info->start;
    upkeep.window_end = info->end;
    upkeep.ask_at = now + std::clamp(info->ask_again, kSoonestAsk, kLatestAsk);
  } else {
    if (info.error().code == Code::kUnsupported) upkeep.ari_id.clear();
    upkeep.ask_at = now + kAskAgainAfterFailure;
  }
  auto done = database_.write([&](store::Transaction& tx) -> Status {
    store::AcmeUpkeepStore upkeeps(tx);
    YZ_TRY(const auto present, upkeeps.get(upkeep.certificate));
    if (!present || present->ari_id != asked) return {};  // renewed meanwhile
    upkeep.enabled = present->enabled;
    upkeep.revoked = present->revoked;
    upkeep.retry_at = present->retry_at;
    return upkeeps.put(upkeep);
  });
  if (!done) log::warn("renewal information could not be kept: {}", done.error().message);
}

}  // namespace yz::control
