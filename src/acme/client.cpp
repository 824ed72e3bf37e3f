#include "acme/client.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "acme/certificate_request.h"
#include "base/text.h"

namespace yz::acme {
namespace {

using nlohmann::json;

constexpr int kNonceAttempts = 12;
constexpr std::size_t kMaxNonces = 8;
constexpr std::string_view kPemChain = "application/pem-certificate-chain";

/// JSON as text; bytes of a header that are no UTF-8 cannot make it throw.
std::string to_text(const json& document) { return document.dump(-1, ' ', false, json::error_handler_t::replace); }

bool is_success(const HttpResponse& response) { return response.status >= 200 && response.status < 300; }

/// What an error type of RFC 8555 §6.7 means for whoever called.
Error error_of(const AcmeProblem& problem, std::string_view url) {
  const std::string& type = problem.type;
  Code code = Code::kInvalid;
  bool retryable = false;
  if (type == "rateLimited" || problem.status == 429) {
    code = Code::kLimit;
    retryable = true;
  } else if (type == "serverInternal" || problem.status >= 500 || type == "badNonce") {
    code = Code::kUnavailable;
  } else if (type == "accountDoesNotExist" || problem.status == 404) {
    code = Code::kNotFound;
  } else if (type == "orderNotReady" || problem.status == 409 || type == "alreadyRevoked") {
    code = Code::kConflict;
  } else if (type == "unauthorized" || type == "rejectedIdentifier" || type == "caa" ||
             type == "externalAccountRequired" || type == "userActionRequired" || problem.status == 403) {
    code = Code::kPermission;
  }
  Error error = fail(code, fmt::format("{} at {}", problem.text(), url), Fault::kOrigin).value();
  error.retryable = error.retryable || retryable;
  return error;
}

json contacts_of(const std::vector<std::string>& contacts) {
  json out = json::array();
  for (const std::string& one : contacts) {
    out.push_back(one.find(':') == std::string::npos ? "mailto:" + one : one);
  }
  return out;
}

}  // namespace

Client::Client(Transport& transport, const Clock& clock, AccountKey key, std::string account_url)
    : transport_(transport), clock_(clock), key_(std::move(key)), account_url_(std::move(account_url)) {}

Result<Client> Client::open(Transport& transport, const Clock& clock, std::string_view directory_url, AccountKey key,
                            std::string account_url) {
  Client client(transport, clock, std::move(key), std::move(account_url));
  YZ_TRY(const HttpResponse response, client.get(std::string(directory_url)));
  YZ_TRY(client.directory_, read_directory(response.body));
  return client;
}

Result<HttpResponse> Client::get(const std::string& url) {
  refusal_.reset();
  const HttpRequest request{.method = "GET", .url = url, .body = {}};
  YZ_TRY(HttpResponse response, transport_.exchange(request));
  if (!is_success(response)) return refuse(response, url);
  return response;
}

void Client::keep_nonce(const HttpResponse& response) {
  const std::string_view nonce = response.header("replay-nonce");
  if (nonce.empty()) return;
  if (nonces_.size() == kMaxNonces) nonces_.pop_front();
  nonces_.emplace_back(nonce);
}

Result<std::string> Client::take_nonce() {
  if (nonces_.empty()) {
    const HttpRequest request{.method = "HEAD", .url = directory_.new_nonce, .body = {}};
    YZ_TRY(const HttpResponse response, transport_.exchange(request));
    if (!is_success(response)) return refuse(response, directory_.new_nonce);
    keep_nonce(response);
    if (nonces_.empty()) return fail(Code::kCorrupt, "the authority gave no nonce", Fault::kOrigin);
  }
  std::string nonce = std::move(nonces_.back());  // the newest is the least likely to have expired
  nonces_.pop_back();
  return nonce;
}

tl::unexpected<Error> Client::refuse(const HttpResponse& response, std::string_view url) {
  refusal_ = read_problem(response.status, response.body);
  refusal_->retry_after = read_retry_after(response.header("retry-after"), clock_.wall());
  return fail(error_of(*refusal_, url));
}

Result<HttpResponse> Client::post(const std::string& url, std::string_view payload, Identity identity,
                                  std::string_view accept) {
  refusal_.reset();
  for (int attempt = 1;; ++attempt) {
    YZ_TRY(const std::string nonce, take_nonce());
    json header{{"alg", "ES256"}, {"nonce", nonce}, {"url", url}};
    if (identity == Identity::kAccount) {
      header["kid"] = account_url_;
    } else {
      header["jwk"] = json::parse(key_.jwk());
    }
    YZ_TRY(std::string body, sign_jws(key_, to_text(header), payload));
    const HttpRequest request{.method = "POST", .url = url, .body = std::move(body), .accept = std::string(accept)};
    YZ_TRY(HttpResponse response, transport_.exchange(request));
    keep_nonce(response);
    if (is_success(response)) return response;
    tl::unexpected<Error> refused = refuse(response, url);
    if (refusal_->type != "badNonce" || attempt == kNonceAttempts) return refused;
    while (nonces_.size() > 1) nonces_.pop_front();  // others of that age are no better
  }
}

Result<std::string> Client::register_account(const std::vector<std::string>& contacts,
                                             const std::optional<ExternalAccount>& external) {
  if (directory_.needs_external_account && !external) {
    return fail(Code::kPermission, "this authority opens accounts only with an external account binding",
                Fault::kClient);
  }
  json payload{{"termsOfServiceAgreed", true}};
  if (!contacts.empty()) payload["contact"] = contacts_of(contacts);
  if (external) {
    const json header{{"alg", "HS256"}, {"kid", external->key_id}, {"url", directory_.new_account}};
    payload["externalAccountBinding"] = json::parse(mac_jws(external->mac_key, to_text(header), key_.jwk()));
  }
  YZ_TRY(const HttpResponse response, post(directory_.new_account, to_text(payload), Identity::kKey));
  if (response.header("location").empty()) {
    return fail(Code::kCorrupt, "the authority opened an account without saying where", Fault::kOrigin);
  }
  account_url_ = response.header("location");
  return account_url_;
}

Status Client::deactivate_account() {
  YZ_CHECK(post(account_url_, R"({"status":"deactivated"})").map([](const HttpResponse&) {}));
  return {};
}

Status Client::change_key(const AccountKey& key) {
  if (directory_.key_change.empty()) return fail(Code::kUnsupported, "this authority does not change keys");
  const json header{{"alg", "ES256"}, {"jwk", json::parse(key.jwk())}, {"url", directory_.key_change}};
  const json inner{{"account", account_url_}, {"oldKey", json::parse(key_.jwk())}};
  YZ_TRY(const std::string signed_by_new, sign_jws(key, to_text(header), to_text(inner)));
  YZ_CHECK(post(directory_.key_change, signed_by_new).map([](const HttpResponse&) {}));
  key_ = key;
  return {};
}

Result<AcmeOrder> Client::read(const HttpResponse& response, std::string url) {
  YZ_TRY(AcmeOrder order, read_order(response.body));
  order.url = std::move(url);
  order.retry_after = read_retry_after(response.header("retry-after"), clock_.wall());
  return order;
}

Result<AcmeOrder> Client::new_order(const std::vector<std::string>& names, std::string_view replaces) {
  json payload{{"identifiers", json::array()}};
  for (const std::string& name : names) payload["identifiers"].push_back({{"type", "dns"}, {"value", name}});
  if (!replaces.empty() && !directory_.renewal_info.empty()) payload["replaces"] = replaces;
  YZ_TRY(const HttpResponse response, post(directory_.new_order, to_text(payload)));
  if (response.header("location").empty()) {
    return fail(Code::kCorrupt, "the authority took an order without saying where it is", Fault::kOrigin);
  }
  return read(response, std::string(response.header("location")));
}

Result<AcmeOrder> Client::order(const std::string& url) {
  YZ_TRY(const HttpResponse response, post(url, {}));
  return read(response, url);
}

Result<Authorization> Client::authorization(const std::string& url) {
  YZ_TRY(const HttpResponse response, post(url, {}));
  YZ_TRY(Authorization out, read_authorization(response.body));
  out.retry_after = read_retry_after(response.header("retry-after"), clock_.wall());
  return out;
}

Status Client::answer(const OfferedChallenge& challenge) {
  YZ_CHECK(post(challenge.url, "{}").map([](const HttpResponse&) {}));
  return {};
}

Result<AcmeOrder> Client::finalize(const AcmeOrder& order, std::string_view request_der) {
  const json payload{{"csr", to_base64url(request_der)}};
  YZ_TRY(const HttpResponse response, post(order.finalize, to_text(payload)));
  return read(response, order.url);
}

Result<std::string> Client::download(const std::string& url, std::string_view preferred_root) {
  YZ_TRY(HttpResponse offered, post(url, {}, Identity::kAccount, kPemChain));
  YZ_TRY(const LeafFacts facts, read_leaf(offered.body));
  if (preferred_root.empty() || facts.root == preferred_root) return std::move(offered.body);
  for (const auto& [field, value] : offered.headers) {
    if (field != "link") continue;
    for (const std::string& alternate : links_of(value, "alternate")) {
      YZ_TRY(HttpResponse other, post(alternate, {}, Identity::kAccount, kPemChain));
      YZ_TRY(const LeafFacts other_facts, read_leaf(other.body));
      if (other_facts.root == preferred_root) return std::move(other.body);
    }
  }
  return std::move(offered.body);
}

Status Client::revoke(std::string_view certificate_der, int reason) {
  if (directory_.revoke_cert.empty()) return fail(Code::kUnsupported, "this authority does not revoke");
  const json payload{{"certificate", to_base64url(certificate_der)}, {"reason", reason}};
  auto done = post(directory_.revoke_cert, to_text(payload));
  if (!done && refusal_ && refusal_->type == "alreadyRevoked") return {};
  if (!done) return fail(std::move(done).error());
  return {};
}

Result<RenewalInfo> Client::renewal_info(std::string_view ari_id) {
  if (directory_.renewal_info.empty() || ari_id.empty()) {
    return fail(Code::kUnsupported, "this authority offers no renewal information");
  }
  YZ_TRY(const HttpResponse response, get(fmt::format("{}/{}", directory_.renewal_info, ari_id)));
  YZ_TRY(RenewalInfo info, read_renewal_info(response.body));
  if (const auto wait = read_retry_after(response.header("retry-after"), clock_.wall())) info.ask_again = *wait;
  return info;
}

}  // namespace yz::acme
