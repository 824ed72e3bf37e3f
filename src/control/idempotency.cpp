#include "control/idempotency.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "store/idempotency_store.h"

namespace yz::control {
namespace {

constexpr std::size_t kMaxKey = 128;

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kMaxKey &&
         std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
}

/// The whole answer with its headers as one document.
std::string pack(const Reply& reply, std::string_view secret_field) {
  nlohmann::json body = reply.body;
  if (!secret_field.empty()) {
    nlohmann::json content = nlohmann::json::parse(reply.body, nullptr, false);
    if (content.is_object()) content.erase(std::string(secret_field));
    body = content.dump();
  }
  nlohmann::json headers = nlohmann::json::array();
  for (const auto& [name, value] : reply.headers) headers.push_back({name, value});
  return nlohmann::json{{"headers", headers}, {"body", body}}.dump();
}

Reply unpack(const store::RememberedAnswer& answer) {
  Reply out;
  out.status = answer.status;
  out.content_type = answer.content_type;
  const nlohmann::json packed = nlohmann::json::parse(answer.body, nullptr, false);
  if (packed.is_object()) {
    out.body = packed.value("body", "");
    for (const auto& header : packed.value("headers", nlohmann::json::array())) {
      out.headers.emplace_back(header.at(0).get<std::string>(), header.at(1).get<std::string>());
    }
  }
  out.headers.emplace_back("Idempotency-Replayed", "true");
  return out;
}

}  // namespace

Outcome once(store::Transaction& tx, const Call& call, const std::function<Outcome()>& act,
             std::string_view secret_field) {
  const auto key = call.header("idempotency-key");
  if (!key) return act();
  if (!is_key(*key))
    return refuse(bad_request("Idempotency-Key must be 1 to 128 printable characters without spaces."));

  const std::string scope = call.principal.user_id != 0 ? "user:" + std::to_string(call.principal.user_id)
                                                        : "token:" + std::to_string(call.principal.token_id);
  const std::string request = to_hex(sha256(call.method + ' ' + call.path + '\n' + call.body));
  store::IdempotencyStore store(tx);
  YZ_TRY(const std::optional<store::RememberedAnswer> known, store.begin(scope, *key, request, call.now));
  if (known) return unpack(*known);

  Outcome outcome = act();
  if (!outcome) {
    // Nothing was done. Where the transaction goes on with other calls, the key must not stay claimed.
    if (outcome.error().status < 500) YZ_CHECK(store.forget(scope, *key));
    return outcome;
  }
  store::RememberedAnswer answer;
  answer.status = static_cast<std::uint16_t>(outcome->status);
  answer.content_type = outcome->content_type;
  answer.body = pack(*outcome, secret_field);
  YZ_CHECK(store.finish(scope, *key, answer));
  return outcome;
}

}  // namespace yz::control
