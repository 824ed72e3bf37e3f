#include <nlohmann/json.hpp>

#include "acme/account_key.h"
#include "control/body.h"
#include "control/idempotency.h"
#include "control/live.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "model/domain.h"
#include "store/acme_store.h"

namespace yz::control {
namespace {

using store::AcmeAccount;

constexpr std::size_t kMostContacts = 10;
constexpr std::size_t kMostBlocked = 1000;
constexpr std::size_t kLongestText = 4096;
constexpr std::size_t kLongestPem = 1 << 20;

nlohmann::json render(const AcmeAccount& account) {
  nlohmann::json out{{"id", account.id.value},
                     {"name", account.name},
                     {"directory", account.directory},
                     {"contacts", account.contacts},
                     {"external_key_id", account.external_key_id},
                     {"ca_pem", account.ca_pem},
                     {"preferred_root", account.preferred_root},
                     {"blocked", account.blocked},
                     {"priority", account.priority},
                     {"enabled", account.enabled},
                     {"registered", !account.url.empty()},
                     {"created", format_rfc3339(account.created)},
                     {"updated", format_rfc3339(account.updated)}};
  if (!account.url.empty()) out["url"] = account.url;
  if (account.blocked_until != WallTime{}) out["blocked_until"] = format_rfc3339(account.blocked_until);
  return out;
}

Reply answer(const AcmeAccount& account, int status) {
  Reply reply = json_reply(render(account), status);
  reply.headers.emplace_back("ETag", etag_of(account.version));
  return reply;
}

std::vector<std::string> read_blocked(BodyReader& reader) {
  std::vector<std::string> out;
  for (const std::string& text : reader.texts("blocked", kMostBlocked)) {
    auto host = model::canonical_host(text);
    if (!host) {
      reader.wrong("/blocked/" + std::to_string(out.size()), host.error().message);
    } else {
      out.push_back(*std::move(host));
    }
  }
  return out;
}

/// The fields a body names, onto `account`.
tl::expected<AcmeAccount, Problem> read(const nlohmann::json& body, AcmeAccount account, bool is_new) {
  BodyReader reader(body, {"name", "directory", "contacts", "external_key_id", "external_mac_key", "ca_pem",
                           "preferred_root", "blocked", "priority", "enabled"});
  const auto text = [&](std::string_view name, std::string& into, std::size_t longest, bool required = false) {
    if (auto value = reader.text(name, required)) into = *std::move(value);
    if (into.size() > longest) reader.wrong('/' + std::string(name), "is too long");
  };
  text("name", account.name, 128, is_new);
  text("directory", account.directory, kLongestText, is_new);
  text("external_key_id", account.external_key_id, kLongestText);
  text("ca_pem", account.ca_pem, kLongestPem);
  text("preferred_root", account.preferred_root, 256);
  if (account.name.empty()) reader.wrong("/name", "expected a name");
  if (!account.directory.starts_with("https://")) reader.wrong("/directory", "expected an https URL");
  if (!account.ca_pem.empty() && account.ca_pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    reader.wrong("/ca_pem", "expected certificates in PEM");
  }
  if (auto mac = reader.text("external_mac_key")) {
    while (mac->ends_with('=')) mac->pop_back();
    auto raw = from_base64url(*mac);
    if (!raw) reader.wrong("/external_mac_key", "expected base64url, as the authority gave it");
    if (raw) account.mac_key = *std::move(raw);
  }
  if (account.external_key_id.empty() != account.mac_key.empty()) {
    reader.wrong("/external_mac_key", "expected a key id and its key, or neither");
  }
  if (body.contains("contacts")) account.contacts = reader.texts("contacts", kMostContacts);
  if (body.contains("blocked")) account.blocked = read_blocked(reader);
  if (const auto priority = reader.number("priority")) account.priority = *priority;
  if (account.priority > 1'000'000) reader.wrong("/priority", "expected at most 1000000");
  if (const auto enabled = reader.boolean("enabled")) account.enabled = *enabled;
  if (!reader.ok()) return refuse(reader.problem());
  return account;
}

Outcome list(const RouteContext& context, const Call& /*call*/) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const auto all, store::AcmeAccountStore(tx).list());
    nlohmann::json items = nlohmann::json::array();
    for (const AcmeAccount& account : all) items.push_back(render(account));
    return page_reply(std::move(items), 0);
  });
}

Outcome create(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  auto wanted = read(*body, {}, true);
  if (!wanted) return refuse(wanted.error());
  YZ_TRY(const acme::AccountKey key, acme::AccountKey::generate());
  YZ_TRY(wanted->key_pem, key.to_pem());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      YZ_TRY(const AcmeAccount made, store::AcmeAccountStore(tx).create(call.author(), *wanted));
      Reply reply = answer(made, 201);
      reply.headers.emplace_back("Location", call.path + '/' + std::to_string(made.id.value));
      return reply;
    });
  });
}

tl::expected<AcmeAccount, Problem> find(store::Transaction& tx, const Call& call) {
  auto found = store::AcmeAccountStore(tx).get({call.id()});
  if (!found && found.error().code == Code::kNotFound) return refuse(not_found("ACME account"));
  if (!found) return refuse(Problem(found.error()));
  return *std::move(found);
}

Outcome get(const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto found = find(tx, call);
    if (!found) return refuse(found.error());
    return answer(*found, 200);
  });
}

Outcome change(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto found = find(tx, call);
    if (!found) return refuse(found.error());
    const std::uint64_t version = found->version;
    if (auto matched = check_if_match(call, version); !matched) return refuse(matched.error());
    auto wanted = read(*body, *std::move(found), false);
    if (!wanted) return refuse(wanted.error());
    YZ_TRY(const AcmeAccount updated, store::AcmeAccountStore(tx).update(call.author(), *wanted, version));
    return answer(updated, 200);
  });
}

Outcome remove(const RouteContext& context, const Call& call) {
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto found = find(tx, call);
    if (!found) return refuse(found.error());
    if (auto matched = check_if_match(call, found->version); !matched) return refuse(matched.error());
    YZ_CHECK(store::AcmeAccountStore(tx).remove(call.author(), found->id, found->version));
    Reply reply;
    reply.status = 204;
    return reply;
  });
}

}  // namespace

Routes acme_account_routes(const RouteContext& context) {
  const auto bind = [&context](Outcome (*handler)(const RouteContext&, const Call&)) {
    return BlockingHandler([context, handler](const Call& call) { return handler(context, call); });
  };
  const std::string collection = "/api/v1/settings/acme-accounts";
  return {{"GET", collection, "settings:read", bind(&list)},
          {"POST", collection, "settings:write", bind(&create)},
          {"GET", collection + "/{id}", "settings:read", bind(&get)},
          {"PATCH", collection + "/{id}", "settings:write", bind(&change)},
          {"DELETE", collection + "/{id}", "settings:write", bind(&remove)}};
}

}  // namespace yz::control
