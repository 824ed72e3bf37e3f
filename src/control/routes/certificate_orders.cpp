#include <algorithm>

#include <nlohmann/json.hpp>

#include "control/acme/name_check.h"
#include "control/acme/renewal.h"
#include "control/body.h"
#include "control/find_tenant.h"
#include "control/idempotency.h"
#include "control/live.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "model/enum_names.h"
#include "store/acme_store.h"
#include "store/audit_log.h"
#include "store/certificate_store.h"

namespace yz::control {
namespace {

using store::AcmeAccount;
using store::AcmeOrder;
using store::AcmeUpkeep;

constexpr std::uint64_t kHighestReason = 10;  // RFC 5280 §5.3.1
constexpr std::uint64_t kUnusedReason = 7;

std::string_view name_of(store::CertificateKey kind) {
  return kind == store::CertificateKey::kRsa2048 ? "rsa2048" : "ecdsa_p256";
}

nlohmann::json render_account(const std::vector<AcmeAccount>& accounts, store::AcmeAccountId id) {
  const auto it = std::ranges::find(accounts, id, &AcmeAccount::id);
  nlohmann::json out{{"id", id.value}};
  if (it != accounts.end()) out["name"] = it->name;
  return out;
}

/// For dns-01, the CNAME that the owner of each host sets once.
nlohmann::json delegations(const std::vector<std::string>& names, const model::ConfigSnapshot& config) {
  nlohmann::json out = nlohmann::json::array();
  std::string last;
  for (const std::string& name : names) {
    const std::string base = name.starts_with("*.") ? name.substr(2) : name;
    if (base == last) continue;
    out.push_back(
        {{"name", "_acme-challenge." + base}, {"cname", model::challenge_name(base, config.settings.cdn_zone)}});
    last = base;
  }
  return out;
}

nlohmann::json render(const AcmeOrder& order, const std::vector<AcmeAccount>& accounts,
                      const model::ConfigSnapshot& config) {
  nlohmann::json out{{"id", order.id.value},
                     {"tenant", order.tenant.value},
                     {"account", render_account(accounts, order.account)},
                     {"name", order.certificate_name},
                     {"names", order.names},
                     {"challenge", model::name_of(order.challenge)},
                     {"key", name_of(order.key_kind)},
                     {"cause", order.cause == store::AcmeCause::kRenewal ? "renewal" : "person"},
                     {"state", store::to_string(order.state)},
                     {"attempts", order.attempts},
                     {"error", order.error},
                     {"created", format_rfc3339(order.created)}};
  if (order.certificate) out["certificate"] = order.certificate.value;
  if (!order.is_over()) out["next_try"] = format_rfc3339(order.next_at);
  if (order.finished != WallTime{}) out["finished"] = format_rfc3339(order.finished);
  if (order.challenge == model::ChallengeKind::kDns) out["delegations"] = delegations(order.names, config);
  return out;
}

tl::expected<std::vector<AcmeAccount>, Problem> accounts_of(store::Transaction& tx) {
  auto accounts = store::AcmeAccountStore(tx).list();
  if (!accounts) return refuse(Problem(accounts.error()));
  return *std::move(accounts);
}

Reply accepted(const AcmeOrder& order, const std::vector<AcmeAccount>& accounts, const model::ConfigSnapshot& config) {
  Reply reply = json_reply(render(order, accounts, config), 202);
  reply.headers.emplace_back("Location", "/api/v1/certificates/orders/" + std::to_string(order.id.value));
  return reply;
}

/// What a body asks for; the tenant and the account are settled by the caller.
tl::expected<AcmeOrder, Problem> read_order(const nlohmann::json& body, const Call& call) {
  BodyReader reader(body, {"names", "name", "tenant", "account", "challenge", "key"});
  AcmeOrder out;
  for (const std::string& name : reader.texts("names", kMostNames)) out.names.push_back(to_lower(name));
  out.certificate_name = reader.text("name").value_or(out.names.empty() ? "" : out.names.front());
  if (out.certificate_name.size() > 100) reader.wrong("/name", "expected at most 100 bytes");
  if (const auto challenge = reader.choice("challenge", {"http-01", "dns-01"})) {
    out.challenge = *model::from_name<model::ChallengeKind>(*challenge);
  } else if (std::ranges::any_of(out.names, [](const std::string& name) { return name.starts_with("*."); })) {
    out.challenge = model::ChallengeKind::kDns;
  }
  if (reader.choice("key", {"ecdsa_p256", "rsa2048"}).value_or("") == "rsa2048") {
    out.key_kind = store::CertificateKey::kRsa2048;
  }
  out.account = {reader.number("account").value_or(0)};
  const model::TenantId wanted{reader.number("tenant").value_or(0)};
  out.tenant = call.principal.is_operator() ? wanted : call.principal.tenant;
  if (!out.tenant) reader.wrong("/tenant", "an operator must say whose it is");
  if (wanted && wanted != out.tenant) reader.wrong("/tenant", "cannot be another tenant");
  if (!reader.ok()) return refuse(reader.problem());
  return out;
}

/// The account asked for, or the first that is enabled.
tl::expected<void, Problem> settle_account(const std::vector<AcmeAccount>& accounts, AcmeOrder& order) {
  if (order.account) {
    const auto it = std::ranges::find(accounts, order.account, &AcmeAccount::id);
    if (it == accounts.end() || !it->enabled)
      return refuse(unprocessable("/account", "there is no such account in use"));
    order.pinned = true;
    return {};
  }
  const auto it = std::ranges::find(accounts, true, &AcmeAccount::enabled);
  if (it == accounts.end()) {
    return refuse(conflict("No certificate authority is set up: an operator adds one under settings/acme-accounts."));
  }
  order.account = it->id;
  return {};
}

Outcome create(Live& live, const RouteContext& context, const Call& call) {
  if (call.principal.is_bound_to_domains()) return refuse(bound_to_domains());
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  auto wanted = read_order(*body, call);
  if (!wanted) return refuse(wanted.error());
  Outcome outcome = write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      AcmeOrder order = *wanted;
      if (auto known = check_tenant(tx, order.tenant); !known) return refuse(known.error());
      YZ_TRY(const model::SnapshotPtr config, context.state.as_of(tx));
      if (auto wrong = problems_of_names(*config, order.tenant, order.names, order.challenge); !wrong.empty()) {
        return refuse(unprocessable(std::move(wrong)));
      }
      const auto accounts = accounts_of(tx);
      if (!accounts) return refuse(accounts.error());
      if (auto settled = settle_account(*accounts, order); !settled) return refuse(settled.error());
      order.next_at = call.now;
      YZ_TRY(const AcmeOrder made, store::AcmeOrderStore(tx).create(call.author(order.tenant), order));
      return accepted(made, *accounts, *config);
    });
  });
  live.certificates().wake();
  return outcome;
}

Outcome list(Live& /*live*/, const RouteContext& context, const Call& call) {
  auto page = read_page(call);
  if (!page) return refuse(page.error());
  if (call.principal.is_bound_to_domains()) return page_reply(nlohmann::json::array(), 0);
  store::AcmeOrderFilter filter;
  const auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  filter.tenant = *tenant;
  if (const auto state = call.parameter("state")) {
    filter.state = store::parse_order_state(*state);
    if (!filter.state) return refuse(bad_request("state must be that of an order."));
  }
  const auto certificate = read_number(call, "certificate");
  if (!certificate) return refuse(certificate.error());
  if (*certificate) filter.certificate = model::CertificateId{**certificate};
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    if (auto known = check_asked_tenant(tx, filter.tenant); !known) return refuse(known.error());
    YZ_TRY(const auto found, store::AcmeOrderStore(tx).list(filter, *page));
    const auto accounts = accounts_of(tx);
    if (!accounts) return refuse(accounts.error());
    const model::SnapshotPtr config = context.state.current();
    nlohmann::json items = nlohmann::json::array();
    for (const AcmeOrder& order : found.items) items.push_back(render(order, *accounts, *config));
    return page_reply(std::move(items), found.next);
  });
}

Outcome get(Live& /*live*/, const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto order = store::AcmeOrderStore(tx).get({call.id()});
    if (!order && order.error().code != Code::kNotFound) return refuse(Problem(order.error()));
    if (!order || !call.principal.may_see(order->tenant)) return refuse(not_found("order"));
    const auto accounts = accounts_of(tx);
    if (!accounts) return refuse(accounts.error());
    return json_reply(render(*order, *accounts, *context.state.current()));
  });
}

struct Kept {
  model::Certificate certificate;
  AcmeUpkeep upkeep;
};

/// A certificate of the caller's that was ordered here.
tl::expected<Kept, Problem> find_kept(store::Transaction& tx, const Call& call) {
  auto row = store::CertificateStore(tx).get({call.id()});
  if (!row && row.error().code != Code::kNotFound) return refuse(Problem(row.error()));
  if (!row || !call.principal.may_see(row->value.tenant)) return refuse(not_found("certificate"));
  auto upkeep = store::AcmeUpkeepStore(tx).get({call.id()});
  if (!upkeep) return refuse(Problem(upkeep.error()));
  if (row->value.source != model::CertificateSource::kAcme) {
    return refuse(conflict("This certificate was uploaded; who uploaded it renews it."));
  }
  if (!*upkeep) return refuse(conflict("This certificate was removed and brought back; order it anew."));
  return Kept{std::move(row->value), **std::move(upkeep)};
}

/// An order that replaces the certificate; none when one is under way.
Result<AcmeOrder> order_again(store::Transaction& tx, const Call& call, const Kept& kept) {
  AcmeOrder order;
  order.tenant = kept.certificate.tenant;
  order.account = kept.upkeep.account;
  order.certificate = kept.certificate.id;
  order.certificate_name = kept.certificate.name;
  order.names = kept.upkeep.names;
  order.challenge = kept.upkeep.challenge;
  order.key_kind = kept.upkeep.key_kind;
  order.replaces = kept.upkeep.ari_id;
  order.next_at = call.now;
  const store::Author author = call.author(order.tenant);
  return store::AcmeOrderStore(tx).create(author, std::move(order));
}

Outcome renew(Live& live, const RouteContext& context, const Call& call) {
  Outcome outcome = write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      const auto kept = find_kept(tx, call);
      if (!kept) return refuse(kept.error());
      YZ_TRY(const bool is_under_way, store::AcmeOrderStore(tx).is_under_way(kept->certificate.id));
      if (is_under_way) return refuse(conflict("An order for this certificate is under way."));
      YZ_TRY(const AcmeOrder made, order_again(tx, call, *kept));
      const auto accounts = accounts_of(tx);
      if (!accounts) return refuse(accounts.error());
      return accepted(made, *accounts, *context.state.current());
    });
  });
  live.certificates().wake();
  return outcome;
}

nlohmann::json render_renewal(const Kept& kept, const std::vector<AcmeAccount>& accounts,
                              const model::ConfigSnapshot& config) {
  const AcmeUpkeep& upkeep = kept.upkeep;
  nlohmann::json out{{"certificate", upkeep.certificate.value},
                     {"enabled", upkeep.enabled},
                     {"account", render_account(accounts, upkeep.account)},
                     {"names", upkeep.names},
                     {"challenge", model::name_of(upkeep.challenge)},
                     {"key", name_of(upkeep.key_kind)},
                     {"not_after", format_rfc3339(kept.certificate.not_after)}};
  if (upkeep.revoked != WallTime{}) out["revoked"] = format_rfc3339(upkeep.revoked);
  if (upkeep.enabled && upkeep.revoked == WallTime{}) {
    const WallTime due = renewal_time(kept.certificate.not_before, kept.certificate.not_after, upkeep);
    out["due"] = format_rfc3339(std::max(due, upkeep.retry_at));
  }
  if (upkeep.window_end != WallTime{}) {
    out["suggested"] = {{"start", format_rfc3339(upkeep.window_start)}, {"end", format_rfc3339(upkeep.window_end)}};
  }
  if (upkeep.challenge == model::ChallengeKind::kDns) out["delegations"] = delegations(upkeep.names, config);
  return out;
}

Outcome show_renewal(Live& /*live*/, const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto kept = find_kept(tx, call);
    if (!kept) return refuse(kept.error());
    const auto accounts = accounts_of(tx);
    if (!accounts) return refuse(accounts.error());
    return json_reply(render_renewal(*kept, *accounts, *context.state.current()));
  });
}

Outcome change_renewal(Live& /*live*/, const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto kept = find_kept(tx, call);
    if (!kept) return refuse(kept.error());
    BodyReader reader(*body, {"enabled"});
    const auto enabled = reader.boolean("enabled", true);
    if (!reader.ok()) return refuse(reader.problem());
    kept->upkeep.enabled = *enabled;
    YZ_CHECK(store::AcmeUpkeepStore(tx).put(kept->upkeep));
    YZ_CHECK(store::AuditLog(tx).add(call.author(kept->certificate.tenant), "update", "certificate_renewal",
                                     to_string(kept->certificate.id), nlohmann::json{{"enabled", *enabled}}.dump()));
    const auto accounts = accounts_of(tx);
    if (!accounts) return refuse(accounts.error());
    return json_reply(render_renewal(*kept, *accounts, *context.state.current()));
  });
}

/// Asks the authority, so it may take as long as that.
io::Task<Outcome> revoke(Live& live, RouteContext context, io::BlockingPool& pool, Call call) {
  auto body = call.body.empty() ? tl::expected<nlohmann::json, Problem>(nlohmann::json::object()) : read_body(call);
  if (!body) co_return refuse(body.error());
  const auto look = [&context, &call]() -> Outcome {
    return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
      const auto kept = find_kept(tx, call);
      if (!kept) return refuse(kept.error());
      return Reply{};
    });
  };
  auto seen = co_await pool.run(look, io::kNoDeadline);
  if (!seen) co_return refuse(Problem(std::move(seen).error()));
  if (!*seen) co_return refuse(seen->error());
  BodyReader reader(*body, {"reason"});
  const std::uint64_t reason = reader.number("reason").value_or(0);
  if (reason > kHighestReason || reason == kUnusedReason) reader.wrong("/reason", "expected one of RFC 5280 5.3.1");
  if (!reader.ok()) co_return refuse(reader.problem());
  auto done =
      co_await live.certificates().revoke(call.author(), model::CertificateId{call.id()}, static_cast<int>(reason));
  if (!done) {
    Error error = std::move(done).error();
    if (error.fault == Fault::kOrigin && !error.retryable) {
      co_return refuse(conflict("The authority refused: " + error.message));
    }
    co_return refuse(Problem(std::move(error)));
  }
  Reply reply;
  reply.status = 204;
  co_return reply;
}

}  // namespace

Routes certificate_order_routes(Live& live, const RouteContext& context, io::BlockingPool& pool) {
  const auto bind = [&](Outcome (*handler)(Live&, const RouteContext&, const Call&)) {
    return BlockingHandler([&live, context, handler](const Call& call) { return handler(live, context, call); });
  };
  const std::string orders = "/api/v1/certificates/orders";
  const std::string item = "/api/v1/certificates/{id}";
  return {{"GET", orders, "certificate:read", bind(&list)},
          {"POST", orders, "certificate:write", bind(&create)},
          {"GET", orders + "/{id}", "certificate:read", bind(&get)},
          {"GET", item + "/renewal", "certificate:read", bind(&show_renewal)},
          {"PATCH", item + "/renewal", "certificate:write", bind(&change_renewal)},
          {"POST", item + "/renew", "certificate:write", bind(&renew)},
          {"POST", item + "/revoke", "certificate:write",
           LoopHandler([&live, context, &pool](Call call) { return revoke(live, context, pool, std::move(call)); })}};
}

}  // namespace yz::control
