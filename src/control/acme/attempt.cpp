#include "control/acme/attempt.h"

#include <algorithm>

#include <fmt/format.h>

#include "acme/certificate_request.h"
#include "base/log.h"
#include "base/random.h"
#include "control/acme/name_check.h"
#include "control/acme/renewal.h"
#include "control/certificate_check.h"
#include "control/transact.h"
#include "model/enum_names.h"
#include "store/certificate_store.h"
#include "store/challenge_store.h"

namespace yz::control {
namespace {

using store::AcmeOrderState;
constexpr std::chrono::seconds kLeastLimit{60};
constexpr std::chrono::milliseconds kLeastPoll{200};

/// Runs a change of the configuration whose body says only whether it went well; the number it led to.
template <typename Body>
Result<model::ConfigSeq> change(store::Database& database, ConfigState& state, Body&& body) {
  const Outcome done =
      change_config(database, state, [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Outcome {
        YZ_CHECK(body(tx, changed));
        return Reply{};
      });
  if (!done) return fail(done.error().to_error());
  return state.current()->seq;
}

}  // namespace

store::Author AcmeIssuer::Attempt::author() const {
  return {.actor = fmt::format("acme order {}", order_.id.value),
          .address = {},
          .request_id = {},
          .tenant = order_.tenant,
          .at = i_.clock_.wall()};
}

std::string AcmeIssuer::Attempt::challenge_prefix() const { return fmt::format("order/{}/", order_.id.value); }

std::uint64_t AcmeIssuer::Attempt::chance() const { return Random::from_entropy().next(); }

AcmeIssuer::Step AcmeIssuer::Attempt::save(Step::Next next, model::ConfigSeq seq) {
  const bool has_failed = order_.state == AcmeOrderState::kFailed;
  const auto done = i_.database_.write([&](store::Transaction& tx) -> Status {
    YZ_CHECK(store::AcmeOrderStore(tx).save(order_));
    if (!has_failed || order_.cause != store::AcmeCause::kRenewal) return {};
    store::AcmeUpkeepStore upkeeps(tx);
    YZ_TRY(auto upkeep, upkeeps.get(order_.certificate));
    if (!upkeep) return {};
    upkeep->retry_at = i_.clock_.wall() + i_.options_.longest_backoff;
    return upkeeps.put(*upkeep);
  });
  if (!done) {
    log::error("order {} could not be saved: {}", order_.id.value, done.error().message);
    return {Step::Next::kLater, {}};
  }
  return {next, seq};
}

AcmeIssuer::Step AcmeIssuer::Attempt::later(std::chrono::milliseconds wait) {
  order_.next_at = i_.clock_.wall() + wait;
  return save(Step::Next::kLater);
}

/// Another try from the start, at whichever account is set now.
AcmeIssuer::Step AcmeIssuer::Attempt::retry(std::chrono::milliseconds wait, std::string reason) {
  log::warn("certificate order {} ({}): {}; next try in {} s", order_.id.value, order_.names.front(), reason,
            std::chrono::duration_cast<std::chrono::seconds>(wait).count());
  order_.error = std::move(reason);
  return later(wait);
}

AcmeIssuer::Step AcmeIssuer::Attempt::postpone(std::string reason) {
  ++order_.attempts;
  if (order_.attempts >= i_.options_.most_attempts) return give_up(std::move(reason));
  return retry(backoff(order_.attempts, i_.options_.first_backoff, i_.options_.longest_backoff, chance()),
               std::move(reason));
}

/// The next account by priority, around; false: there is no other.
bool AcmeIssuer::Attempt::switch_account() {
  if (order_.pinned || accounts_.size() < 2) return false;
  const auto present = std::ranges::find(accounts_, order_.account, &store::AcmeAccount::id);
  const auto next = present == accounts_.end() || present + 1 == accounts_.end() ? accounts_.begin() : present + 1;
  order_.account = next->id;
  order_.url.clear();
  order_.key_pem.clear();
  order_.state = AcmeOrderState::kPending;
  return true;
}

AcmeIssuer::Step AcmeIssuer::Attempt::failed(const Error& error) {
  const auto& refusal = client_ ? client_->refusal() : std::optional<acme::AcmeProblem>{};
  if (refusal && refusal->type == "accountDoesNotExist") {
    order_.url.clear();
    (void)i_.database_.write(
        [&](store::Transaction& tx) { return store::AcmeAccountStore(tx).set_url(order_.account, ""); });
    ++order_.attempts;
    return retry(i_.options_.poll, error.message);
  }
  if (!error.retryable && error.fault == Fault::kOrigin) return give_up(error.message);
  ++order_.attempts;
  if (order_.attempts >= i_.options_.most_attempts) return give_up(error.message);
  std::chrono::milliseconds wait =
      backoff(order_.attempts, i_.options_.first_backoff, i_.options_.longest_backoff, chance());
  bool is_limited = false;
  if (refusal && refusal->retry_after) {
    wait = std::max<std::chrono::milliseconds>(*refusal->retry_after, kLeastLimit);
    is_limited = true;
    if (error.code == Code::kUnavailable) {  // all of the authority is busy, not this order
      (void)i_.database_.write([&](store::Transaction& tx) {
        return store::AcmeAccountStore(tx).set_blocked_until(order_.account, i_.clock_.wall() + wait);
      });
    }
  }
  const bool has_had_enough = is_limited || order_.attempts % i_.options_.switch_after == 0;
  if (has_had_enough && switch_account()) wait = i_.options_.poll;
  return retry(wait, error.message);
}

AcmeIssuer::Step AcmeIssuer::Attempt::rejected(std::string reason) {
  ++order_.attempts;
  ++order_.rejections;
  order_.url.clear();
  order_.key_pem.clear();
  order_.state = AcmeOrderState::kPending;
  auto hidden = change(i_.database_, i_.state_,
                       [&](store::Transaction& tx, std::vector<model::ResourceKey>&) { return hide_challenges(tx); });
  if (!hidden) log::warn("challenges of order {} could not be removed: {}", order_.id.value, hidden.error().message);
  if (order_.rejections >= i_.options_.most_rejections) return give_up(std::move(reason));
  return retry(backoff(order_.rejections, i_.options_.first_rejection, i_.options_.longest_backoff, chance()),
               std::move(reason));
}

AcmeIssuer::Step AcmeIssuer::Attempt::give_up(std::string reason) {
  auto hidden = change(i_.database_, i_.state_,
                       [&](store::Transaction& tx, std::vector<model::ResourceKey>&) { return hide_challenges(tx); });
  if (!hidden) return retry(i_.options_.first_backoff, hidden.error().message);
  const store::AcmeAccountId before = order_.account;
  // What one authority will not do another may; each is asked once, in their order.
  const bool was_last = !accounts_.empty() && accounts_.back().id == before;
  if (!was_last && order_.attempts < i_.options_.most_attempts && switch_account()) {
    order_.rejections = 0;
    return retry(i_.options_.poll, std::move(reason));
  }
  return end(std::move(reason));
}

AcmeIssuer::Step AcmeIssuer::Attempt::end(std::string reason) {
  log::error("certificate order {} ({}) has failed: {}", order_.id.value, order_.names.front(), reason);
  order_.error = std::move(reason);
  order_.state = AcmeOrderState::kFailed;
  order_.finished = i_.clock_.wall();
  order_.key_pem.clear();
  return save(Step::Next::kOver);
}

Status AcmeIssuer::Attempt::hide_challenges(store::Transaction& tx) {
  YZ_TRY(const model::SnapshotPtr config, i_.state_.as_of(tx));
  const std::string prefix = challenge_prefix();
  for (const auto& [id, entry] : config->challenges) {
    if (!entry.value->name.starts_with(prefix)) continue;
    auto removed = store::ChallengeStore(tx).remove(author(), id);
    if (!removed) return fail(std::move(removed).error());
  }
  return {};
}

AcmeIssuer::Step AcmeIssuer::Attempt::run(bool is_shown) {
  if (order_.is_over()) return {Step::Next::kOver, {}};
  if (order_.state == AcmeOrderState::kDeploying) {
    if (is_shown) return finish();
    const model::SnapshotPtr config = i_.state_.current();
    return {Step::Next::kBarrier, config->certificates.seq_of(order_.certificate)};
  }
  const auto found = std::ranges::find(accounts_, order_.account, &store::AcmeAccount::id);
  if (found == accounts_.end()) {
    if (order_.pinned || !switch_account()) return give_up("the account is gone or switched off");
    return later(i_.options_.poll);
  }
  account_ = &*found;
  const WallTime now = i_.clock_.wall();
  if (account_->blocked_until > now) {
    const auto wait = account_->blocked_until - now;
    return later(switch_account() ? i_.options_.poll : wait);
  }
  if (const auto name = blocked_name(order_.names, account_->blocked); !name.empty()) {
    return give_up(fmt::format("{} is blocked for account {}", name, account_->name));
  }
  way_ = i_.options_.connect(*account_);
  auto client = i_.open(*way_, *account_);
  if (!client) return failed(client.error());
  client_.emplace(*std::move(client));
  return proceed(is_shown);
}

AcmeIssuer::Step AcmeIssuer::Attempt::proceed(bool is_shown) {
  acme::AcmeOrder at_authority;
  if (order_.url.empty()) {
    // A name can have gone since it was first ordered, to another tenant even: edges would prove that one's name.
    const auto config = i_.database_.read([&](store::Transaction& tx) { return i_.state_.as_of(tx); });
    if (!config) return failed(config.error());
    const auto gone = problems_of_names(**config, order_.tenant, order_.names, order_.challenge);
    if (!gone.empty()) return end(fmt::format("{}: {}", gone.front().pointer, gone.front().message));
    auto made = client_->new_order(order_.names, order_.replaces);
    if (!made && client_->refusal() && !order_.replaces.empty() &&
        (client_->refusal()->type == "alreadyReplaced" || client_->refusal()->type == "malformed")) {
      made = client_->new_order(order_.names);  // RFC 9773 §5: an order without it is as good
    }
    if (!made) return failed(made.error());
    at_authority = *std::move(made);
    order_.url = at_authority.url;
    order_.state = AcmeOrderState::kValidating;
    if (const Step saved = save(Step::Next::kOver); saved.next != Step::Next::kOver) return saved;
  } else {
    auto read = client_->order(order_.url);
    if (!read && read.error().code == Code::kNotFound && client_->refusal()->type != "accountDoesNotExist") {
      order_.url.clear();  // it has expired there
      order_.state = AcmeOrderState::kPending;
      return postpone(read.error().message);
    }
    if (!read) return failed(read.error());
    at_authority = *std::move(read);
  }
  switch (at_authority.status) {
    case acme::OrderStatus::kPending:
      return prove(at_authority, is_shown);
    case acme::OrderStatus::kReady:
      return finalize(at_authority);
    case acme::OrderStatus::kProcessing: {
      const auto wait = at_authority.retry_after.value_or(std::chrono::seconds(0));
      return later(std::max<std::chrono::milliseconds>(wait, i_.options_.poll));
    }
    case acme::OrderStatus::kValid:
      return collect(at_authority);
    case acme::OrderStatus::kInvalid:
      return invalid(at_authority);
  }
  return postpone("the authority's order has no status");
}

AcmeIssuer::Step AcmeIssuer::Attempt::invalid(const acme::AcmeOrder& at_authority) {
  std::string reason = at_authority.problem ? at_authority.problem->text() : "";
  for (const std::string& url : at_authority.authorizations) {
    const auto one = client_->authorization(url);
    if (one && one->problem() != nullptr) reason = fmt::format("{}: {}", one->host, one->problem()->text());
  }
  return rejected(reason.empty() ? "the authority's order is invalid" : std::move(reason));
}

AcmeIssuer::Step AcmeIssuer::Attempt::prove(const acme::AcmeOrder& at_authority, bool is_shown) {
  std::vector<Open> open;
  for (const std::string& url : at_authority.authorizations) {
    auto one = client_->authorization(url);
    if (!one) return failed(one.error());
    if (one->status == acme::AuthorizationStatus::kValid) continue;
    if (one->status != acme::AuthorizationStatus::kPending) {
      const acme::AcmeProblem* why = one->problem();
      return rejected(fmt::format("{}: {}", one->host, why != nullptr ? why->text() : "the authorization has ended"));
    }
    const acme::OfferedChallenge* offered = one->find(model::name_of(order_.challenge));
    if (offered == nullptr) {
      return give_up(fmt::format("the authority offers no {} for {}", model::name_of(order_.challenge), one->host));
    }
    if (offered->status == "processing") continue;
    YZ_ASSERT(account_ != nullptr);
    const auto key = acme::AccountKey::from_pem(account_->key_pem);
    if (!key) return failed(key.error());
    const std::string authorization = acme::key_authorization(offered->token, *key);
    model::Challenge shown;
    shown.tenant = order_.tenant;
    shown.name = challenge_prefix() + offered->token;
    shown.kind = order_.challenge;
    shown.host = one->host;
    shown.token = offered->token;
    shown.value = order_.challenge == model::ChallengeKind::kDns ? acme::dns_value(authorization) : authorization;
    open.push_back({*offered, std::move(shown)});
  }
  if (open.empty()) {
    const auto wait = at_authority.retry_after.value_or(std::chrono::seconds(0));
    return later(std::max<std::chrono::milliseconds>(wait, std::max(i_.options_.poll, kLeastPoll)));
  }
  const auto seq = show(open);
  if (!seq) return failed(seq.error());
  if (!is_shown) return {Step::Next::kBarrier, *seq, order_.challenge};
  for (const Open& one : open) {
    if (auto told = client_->answer(one.offered); !told) return failed(told.error());
  }
  return later(std::max(i_.options_.poll, kLeastPoll));
}

Result<model::ConfigSeq> AcmeIssuer::Attempt::show(const std::vector<Open>& open) {
  const auto is_there = [](const model::ConfigSnapshot& config, const model::Challenge& one) {
    return std::any_of(config.challenges.begin(), config.challenges.end(),
                       [&](const auto& item) { return item.second.value->name == one.name; });
  };
  const model::SnapshotPtr now = i_.state_.current();
  if (std::ranges::all_of(open, [&](const Open& one) { return is_there(*now, one.shown); })) return now->seq;
  return change(i_.database_, i_.state_,
                [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Status {
                  YZ_TRY(const model::SnapshotPtr config, i_.state_.as_of(tx));
                  for (const Open& one : open) {
                    if (is_there(*config, one.shown)) continue;
                    YZ_TRY(const auto row, store::ChallengeStore(tx).create(author(), one.shown));
                    changed.push_back({model::ResourceKind::kChallenge, row.value.id.value});
                  }
                  return {};
                });
}

AcmeIssuer::Step AcmeIssuer::Attempt::finalize(const acme::AcmeOrder& at_authority) {
  if (order_.key_pem.empty()) {
    auto key = acme::make_certificate_key(order_.key_kind == store::CertificateKey::kRsa2048
                                              ? acme::CertificateKeyKind::kRsa2048
                                              : acme::CertificateKeyKind::kEcdsaP256);
    if (!key) return failed(key.error());
    order_.key_pem = *std::move(key);
  }
  order_.state = AcmeOrderState::kIssuing;
  // The key is safe before the authority signs for it: after a kill the certificate can still be used.
  if (const Step saved = save(Step::Next::kOver); saved.next != Step::Next::kOver) return saved;
  const auto request = acme::make_certificate_request(order_.key_pem, order_.names);
  if (!request) return failed(request.error());
  auto done = client_->finalize(at_authority, *request);
  if (!done) return failed(done.error());
  if (done->status == acme::OrderStatus::kValid) return collect(*done);
  const auto wait = done->retry_after.value_or(std::chrono::seconds(0));
  return later(std::max<std::chrono::milliseconds>(wait, std::min(i_.options_.poll, kLeastPoll * 5)));
}

AcmeIssuer::Step AcmeIssuer::Attempt::collect(const acme::AcmeOrder& at_authority) {
  if (order_.key_pem.empty() || at_authority.certificate.empty()) {
    order_.url.clear();
    order_.state = AcmeOrderState::kPending;
    return postpone("the authority has a certificate for a key that is not known here");
  }
  const auto chain = client_->download(at_authority.certificate, account_->preferred_root);
  if (!chain) return failed(chain.error());
  const auto leaf = acme::read_leaf(*chain);
  if (!leaf) return failed(leaf.error());
  const auto seq = commit_certificate(*chain, *leaf);
  if (!seq) {
    if (seq.error().retryable) return failed(seq.error());
    return give_up("the certificate cannot be used: " + seq.error().message);
  }
  return {Step::Next::kBarrier, *seq};
}

/// The name of a new certificate that no other of the tenant has.
Result<std::string> AcmeIssuer::Attempt::free_name(store::Transaction& tx) {
  store::ListFilter filter;
  filter.tenant = order_.tenant;
  filter.name = order_.certificate_name;
  YZ_TRY(const auto same, store::CertificateStore(tx).list({.after = 0, .limit = 1}, filter));
  if (same.items.empty()) return order_.certificate_name;
  return fmt::format("{} (order {})", order_.certificate_name, order_.id.value);
}

Result<model::ConfigSeq> AcmeIssuer::Attempt::commit_certificate(const std::string& chain,
                                                                 const acme::LeafFacts& leaf) {
  store::AcmeOrder next = order_;
  auto seq =
      change(i_.database_, i_.state_, [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Status {
        next = order_;
        model::Certificate made;
        store::CertificateStore certificates(tx);
        if (order_.certificate) {
          YZ_TRY(auto before, certificates.get(order_.certificate));
          made = std::move(before.value);
        } else {
          made.tenant = order_.tenant;
          YZ_TRY(made.name, free_name(tx));
        }
        made.chain_pem = chain;
        made.key_pem = order_.key_pem;
        made.source = model::CertificateSource::kAcme;
        if (auto read = read_certificate(made); !read) return fail(read.error().to_error());
        for (const std::string& name : order_.names) {
          if (std::ranges::find(made.names, name) != made.names.end()) continue;
          return fail(Code::kCorrupt, fmt::format("the certificate is not for {}", name), Fault::kOrigin);
        }
        auto row = order_.certificate ? certificates.update(author(), made) : certificates.create(author(), made);
        if (!row) return fail(std::move(row).error());
        changed.push_back({model::ResourceKind::kCertificate, row->value.id.value});
        YZ_CHECK(hide_challenges(tx));
        next.certificate = row->value.id;
        next.state = AcmeOrderState::kDeploying;
        next.key_pem.clear();
        next.next_at = i_.clock_.wall();
        YZ_CHECK(store::AcmeOrderStore(tx).save(next));
        return store::AcmeUpkeepStore(tx).put({.certificate = row->value.id,
                                               .account = order_.account,
                                               .names = order_.names,
                                               .challenge = order_.challenge,
                                               .key_kind = order_.key_kind,
                                               .ari_id = leaf.ari_id,
                                               .ask_at = i_.clock_.wall()});
      });
  if (seq) order_ = std::move(next);
  return seq;
}

AcmeIssuer::Step AcmeIssuer::Attempt::finish() {
  order_.state = AcmeOrderState::kValid;
  order_.finished = i_.clock_.wall();
  order_.error.clear();
  log::info("certificate {} for {} is in force (order {})", order_.certificate.value, order_.names.front(),
            order_.id.value);
  return save(Step::Next::kOver);
}

}  // namespace yz::control
