#include "control/acme/certificate_desk.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "control/acme/renewal.h"

namespace yz::control {
namespace {

constexpr std::size_t kMostQuestions = 20;  // of renewal information in one go
constexpr std::chrono::hours kWarnBefore{24 * 14};

/// How long before its end a certificate counts as expiring: two weeks, or a sixth of a shorter life.
std::chrono::milliseconds warning_of(const model::Certificate& certificate) {
  if (certificate.not_before == WallTime{}) return kWarnBefore;
  return std::min<std::chrono::milliseconds>(kWarnBefore, (certificate.not_after - certificate.not_before) / 6);
}

}  // namespace

CertificateDesk::CertificateDesk(io::Reactor& reactor, NodeHub& hub, Publisher& publisher, ConfigState& state,
                                 store::Database& database, const Leader& leader, const Clock& clock,
                                 metrics::Registry& metrics, Options options)
    : reactor_(reactor),
      hub_(hub),
      publisher_(publisher),
      state_(state),
      database_(database),
      leader_(leader),
      clock_(clock),
      options_(std::move(options)),
      issuer_(database, state, clock, options_.issuer),
      pool_(std::make_unique<io::BlockingPool>(io::BlockingPool::Options{options_.at_once, 256})) {
  const auto certificates = [&metrics](const char* what) {
    return metrics.gauge("yz_control_certificates", "Certificates by how long they still live.", {{"state", what}});
  };
  valid_ = certificates("valid");
  expiring_ = certificates("expiring");
  expired_ = certificates("expired");
  next_expiry_ = metrics.gauge("yz_control_certificate_next_expiry_seconds",
                               "Until the first certificate ends; negative: it has.");
  const auto orders = [&metrics](const char* result) {
    return metrics.counter("yz_control_certificate_orders_total", "Certificate orders that are over.",
                           {{"result", result}});
  };
  issued_ = orders("valid");
  failed_ = orders("failed");
}

void CertificateDesk::start() {
  reactor_.spawn_into(scope_, take_up());
  reactor_.spawn_into(scope_, keep_renewing());
}

void CertificateDesk::stop() {
  issuer_.stop();
  pool_.reset();
}

io::Task<void> CertificateDesk::take_up() {
  for (;;) {
    const io::Waiters::Ticket ticket = woken_.ticket();
    if (leader_.is_held() && in_work_.size() < options_.at_once) {
      const auto look = [this] {
        return database_.read(
            [&](store::Transaction& tx) { return store::AcmeOrderStore(tx).due(clock_.wall(), 4 * options_.at_once); });
      };
      auto due = co_await pool_->run(look, io::kNoDeadline);
      if (!due) log::warn("certificate orders could not be read: {}", due.error().message);
      for (std::size_t i = 0; due && i < due->size() && in_work_.size() < options_.at_once; ++i) {
        const store::AcmeOrderId id = (*due)[i].id;
        if (in_work_.insert(id).second) reactor_.spawn_into(scope_, lead(id));
      }
    }
    (void)co_await woken_.wait(ticket, reactor_.in(options_.look_every));
  }
}

io::Task<void> CertificateDesk::lead(store::AcmeOrderId id) {
  bool is_shown = false;
  for (;;) {
    const auto work = [this, id, is_shown]() -> Result<AcmeIssuer::Step> { return issuer_.advance(id, is_shown); };
    const auto step = co_await pool_->run(work, io::kNoDeadline);
    if (!step || step->next == AcmeIssuer::Step::Next::kLater) break;
    if (step->next == AcmeIssuer::Step::Next::kOver) {
      const auto look = [this, id] {
        return database_.read([&](store::Transaction& tx) { return store::AcmeOrderStore(tx).get(id); });
      };
      const auto order = co_await pool_->run(look, io::kNoDeadline);
      if (order) (order->state == store::AcmeOrderState::kValid ? issued_ : failed_).add();
      break;
    }
    const Reached reached = co_await barrier(step->seq, step->shows);
    if (reached != Reached::kAll) {
      const std::string why = reached == Reached::kNobody ? "no node is connected that could show the challenge"
                                                          : "not every node has taken up the configuration in time";
      const auto wait = [this, id, why] { issuer_.postpone(id, why); };
      (void)co_await pool_->run(wait, io::kNoDeadline);
      break;
    }
    is_shown = true;
  }
  in_work_.erase(id);
  wake();
}

/// Until every connected edge and scheduler has answered; one that refuses keeps its old configuration and is no reason
/// to wait. Nodes that are away get what they missed before they serve again. kNobody: what the challenge is shown by
/// (edges over HTTP, schedulers over DNS) is not connected at all.
io::Task<CertificateDesk::Reached> CertificateDesk::barrier(model::ConfigSeq seq,
                                                            std::optional<model::ChallengeKind> shows) {
  const MonoTime deadline = reactor_.in(options_.patience);
  for (;;) {
    const io::Waiters::Ticket ticket = publisher_.changed().ticket();
    bool is_shown = !shows;
    bool is_all = true;
    for (const rpc::Role role : {rpc::Role::kEdge, rpc::Role::kScheduler}) {
      const bool is_shower =
          shows && role == (*shows == model::ChallengeKind::kDns ? rpc::Role::kScheduler : rpc::Role::kEdge);
      for (const NodePeer* peer : hub_.connected(role)) {
        is_shown = is_shown || is_shower;
        is_all = is_all && std::max(peer->state.acked_config, peer->config_refused) >= seq;
      }
    }
    if (!is_shown) co_return Reached::kNobody;
    if (is_all) co_return Reached::kAll;
    if (!co_await publisher_.changed().wait(ticket, deadline)) co_return Reached::kNotAll;
  }
}

io::Task<void> CertificateDesk::keep_renewing() {
  for (;;) {
    count_expiring();
    if (leader_.is_held()) {
      const auto work = [this] { return plan_renewals(); };
      auto planned = co_await pool_->run(work, io::kNoDeadline);
      if (!planned) log::warn("renewals could not be planned: {}", planned.error().message);
      if (planned) wake();
    }
    co_await io::sleep_for(options_.renew_every);
  }
}

Status CertificateDesk::plan_renewals() {
  const WallTime now = clock_.wall();
  const model::SnapshotPtr config = state_.current();
  YZ_TRY(const std::vector<store::AcmeUpkeep> all,
         database_.read([](store::Transaction& tx) { return store::AcmeUpkeepStore(tx).all(); }));
  std::size_t asked = 0;
  for (const store::AcmeUpkeep& upkeep : all) {
    const bool wants = upkeep.enabled && upkeep.revoked == WallTime{} && !upkeep.ari_id.empty();
    if (wants && upkeep.ask_at <= now && asked++ < kMostQuestions) issuer_.ask_renewal_info(upkeep);
  }
  return database_.write([&](store::Transaction& tx) -> Status {
    store::AcmeOrderStore orders(tx);
    YZ_CHECK(orders.drop_before(now - options_.order_retention).map([](std::uint64_t) {}));
    YZ_TRY(const std::vector<store::AcmeUpkeep> present, store::AcmeUpkeepStore(tx).all());
    for (const store::AcmeUpkeep& upkeep : present) {
      const model::Certificate* certificate = config->certificates.find(upkeep.certificate);
      if (certificate == nullptr) continue;  // removed, or committed a moment ago
      if (!upkeep.enabled || upkeep.revoked != WallTime{} || upkeep.retry_at > now) continue;
      if (certificate->source != model::CertificateSource::kAcme) continue;  // people have taken it over
      if (renewal_time(certificate->not_before, certificate->not_after, upkeep) > now) continue;
      YZ_TRY(const bool is_under_way, orders.is_under_way(upkeep.certificate));
      if (is_under_way) continue;
      const store::Author author{.actor = "renewal", .address = {}, .request_id = {}, .tenant = {}, .at = now};
      YZ_CHECK(orders
                   .create(author, {.tenant = certificate->tenant,
                                    .account = upkeep.account,
                                    .certificate = upkeep.certificate,
                                    .certificate_name = certificate->name,
                                    .names = upkeep.names,
                                    .challenge = upkeep.challenge,
                                    .key_kind = upkeep.key_kind,
                                    .cause = store::AcmeCause::kRenewal,
                                    .replaces = upkeep.ari_id,
                                    .next_at = now})
                   .map([](const store::AcmeOrder&) {}));
    }
    return {};
  });
}

void CertificateDesk::count_expiring() {
  const WallTime now = clock_.wall();
  std::int64_t valid = 0;
  std::int64_t expiring = 0;
  std::int64_t expired = 0;
  std::optional<WallTime> first;
  const model::SnapshotPtr config = state_.current();
  for (const auto& [id, entry] : config->certificates) {
    const model::Certificate& one = *entry.value;
    first = first ? std::min(*first, one.not_after) : one.not_after;
    ++(one.not_after <= now ? expired : one.not_after - warning_of(one) <= now ? expiring : valid);
  }
  valid_.set(valid);
  expiring_.set(expiring);
  expired_.set(expired);
  next_expiry_.set(first ? std::chrono::duration_cast<std::chrono::seconds>(*first - now).count() : 0);
}

io::Task<Status> CertificateDesk::revoke(store::Author author, model::CertificateId id, int reason) {
  const auto work = [this, author = std::move(author), id, reason] { return issuer_.revoke(author, id, reason); };
  co_return co_await pool_->run(work, io::kNoDeadline);
}

}  // namespace yz::control
