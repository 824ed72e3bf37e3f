#include "oidc/fake_provider_for_test.h"

#include <netinet/in.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/text.h"

namespace yz::oidc::test {
namespace {

using nlohmann::json;
using NumberPtr = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

/// Keys by name, made once a process: an RSA key takes a while.
KeyPtr key_named(const std::string& id, SigningKey::Kind kind) {
  static std::mutex mutex;
  static std::map<std::string, KeyPtr> made;
  const std::lock_guard lock(mutex);
  KeyPtr& key = made[id];
  if (!key) key = KeyPtr(kind == SigningKey::Kind::kRsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  EVP_PKEY_up_ref(key.get());
  return KeyPtr(key.get());
}

std::string number_text(EVP_PKEY* key, const char* name, int size) {
  BIGNUM* raw = nullptr;
  EVP_PKEY_get_bn_param(key, name, &raw);
  const NumberPtr number(raw);
  std::string bytes(static_cast<std::size_t>(size == 0 ? BN_num_bytes(raw) : size), '\0');
  BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return to_base64url(bytes);
}

std::string raw_signature(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const SignaturePtr pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::string raw(64, '\0');
  auto* to = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), to, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), to + 32, 32);
  return raw;
}

std::string from_base64(std::string_view text) {
  std::string url;
  for (const char c : text) {
    if (c != '=') url += c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return from_base64url(url).value_or("");
}

std::string value_of(const std::map<std::string, std::string>& parameters, const std::string& name) {
  const auto it = parameters.find(name);
  return it == parameters.end() ? "" : it->second;
}

}  // namespace

SigningKey::SigningKey(Kind kind, std::string id) : kind_(kind), id_(std::move(id)), key_(key_named(id_, kind)) {}

json SigningKey::jwk() const {
  json out = {{"kid", id_}, {"use", "sig"}, {"alg", algorithm()}};
  if (kind_ == Kind::kRsa) {
    out["kty"] = "RSA";
    out["n"] = number_text(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0);
    out["e"] = number_text(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0);
  } else {
    out["kty"] = "EC";
    out["crv"] = "P-256";
    out["x"] = number_text(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, 32);
    out["y"] = number_text(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, 32);
  }
  return out;
}

std::string unsigned_token(const json& header, const json& claims) {
  return to_base64url(header.dump()) + '.' + to_base64url(claims.dump());
}

std::string SigningKey::sign(const json& header, const json& claims) const {
  const std::string text = unsigned_token(header, claims);
  const DigestPtr context(EVP_MD_CTX_new());
  std::string signature(512, '\0');
  std::size_t size = signature.size();
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                 reinterpret_cast<const unsigned char*>(text.data()), text.size());
  signature.resize(size);
  return text + '.' + to_base64url(kind_ == Kind::kRsa ? signature : raw_signature(signature));
}

std::string SigningKey::public_pem() const {
  const BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(out.get(), key_.get());
  return drain(out.get());
}

std::map<std::string, std::string> parameters_of(std::string_view query) {
  std::map<std::string, std::string> out;
  for (const std::string_view pair : split(query, '&')) {
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos) {
      out[std::string(pair.substr(0, equals))] = percent_decode(pair.substr(equals + 1)).value_or("");
    }
  }
  return out;
}

FakeProvider::FakeProvider(const Clock& clock)
    : clock_(clock),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      rsa_(std::make_unique<SigningKey>(SigningKey::Kind::kRsa, "rsa-1")),
      p256_(SigningKey::Kind::kP256, "p256-1") {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
  ::listen(listener_.get(), 16);
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FakeProvider::~FakeProvider() {
  is_stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

std::string FakeProvider::issuer() const { return "http://127.0.0.1:" + std::to_string(port_); }

void FakeProvider::set(const std::function<void(Behaviour&)>& change) {
  const std::lock_guard lock(mutex_);
  change(behaviour_);
}

void FakeProvider::change_keys() {
  const std::lock_guard lock(mutex_);
  rsa_ = std::make_unique<SigningKey>(SigningKey::Kind::kRsa, "rsa-2");
}

std::string FakeProvider::authorize(const std::string& url, const json& claims) {
  const std::string front = issuer() + "/authorize?tenant=a&";
  if (!url.starts_with(front)) return "";
  const auto asked = parameters_of(std::string_view(url).substr(front.size()));
  const std::lock_guard lock(mutex_);
  const bool is_right = value_of(asked, "response_type") == "code" &&
                        value_of(asked, "client_id") == behaviour_.client_id &&
                        value_of(asked, "scope").starts_with("openid") && value_of(asked, "state").size() >= 43 &&
                        value_of(asked, "nonce").size() >= 43 && value_of(asked, "code_challenge").size() == 43 &&
                        value_of(asked, "code_challenge_method") == "S256";
  if (!is_right) return "";
  const std::string code = "code/" + std::to_string(next_code_++);
  codes_[code] = {value_of(asked, "redirect_uri"), value_of(asked, "code_challenge"), value_of(asked, "nonce"), claims};
  std::string query = "code=" + percent_encode(code) + "&state=" + percent_encode(value_of(asked, "state"));
  if (behaviour_.names_issuer) query += "&iss=" + percent_encode(issuer());
  return query;
}

void FakeProvider::serve() {
  while (!is_stopping_) {
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection && !is_stopping_) answer(std::move(connection));
  }
}

void FakeProvider::answer(UniqueFd connection) {
  const timeval patience{5, 0};
  ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string text;
  std::size_t head = std::string::npos;
  std::size_t length = 0;
  Request request;
  char buffer[16384];
  while (head == std::string::npos || text.size() < head + length) {
    const ssize_t n = ::recv(connection.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return;
    text.append(buffer, static_cast<std::size_t>(n));
    const std::size_t end = text.find("\r\n\r\n");
    if (head != std::string::npos || end == std::string::npos) continue;
    head = end + 4;
    for (std::string_view line : split(std::string_view(text).substr(0, end), '\n')) {
      const std::size_t colon = line.find(':');
      const std::string name = colon == std::string_view::npos ? "" : to_lower(line.substr(0, colon));
      if (name == "content-length") length = parse_u64(trim(line.substr(colon + 1))).value_or(0);
      if (name == "authorization") request.authorization = trim(line.substr(colon + 1));
    }
  }
  request.target = split(std::string_view(text), ' ')[1];
  request.body = text.substr(head);
  const auto delay = [this] {
    const std::lock_guard lock(mutex_);
    return behaviour_.is_down || is_stopping_ ? std::chrono::milliseconds(0) : behaviour_.delay;
  };
  constexpr std::chrono::milliseconds kStep{10};
  for (std::chrono::milliseconds waited{0}; waited < delay(); waited += kStep) std::this_thread::sleep_for(kStep);
  {
    const std::lock_guard lock(mutex_);
    if (behaviour_.is_down) return;
  }
  const auto [status, body] = respond(request);
  const std::string reply =
      "HTTP/1.1 " + std::to_string(status) +
      " X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  ::send(connection.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
}

std::pair<int, std::string> FakeProvider::respond(const Request& request) {
  const std::lock_guard lock(mutex_);
  const Behaviour how = behaviour_;
  if (!how.rubbish.empty()) return {200, how.rubbish};
  if (request.target == "/.well-known/openid-configuration") {
    ++reads_of_metadata_;
    const std::string base = issuer();
    return {200, json{{"issuer", how.metadata_issuer.empty() ? base : how.metadata_issuer},
                      {"authorization_endpoint", base + "/authorize?tenant=a"},
                      {"token_endpoint", base + "/token"},
                      {"jwks_uri", base + "/keys"},
                      {"userinfo_endpoint", base + "/userinfo"},
                      {"authorization_response_iss_parameter_supported", how.names_issuer},
                      {"token_endpoint_auth_methods_supported",
                       {how.takes_basic_auth ? "client_secret_basic" : "client_secret_post"}}}
                     .dump()};
  }
  if (request.target == "/keys") {
    ++reads_of_keys_;
    json keys = json::array();
    if (!how.shows_no_keys) keys = {rsa_->jwk(), p256_.jwk()};
    return {200, json{{"keys", keys}}.dump()};
  }
  if (request.target == "/token") return exchange(request, how);
  if (request.target == "/userinfo") return tell(request);
  return {404, "{}"};
}

/// The access token is what there is to tell.
std::pair<int, std::string> FakeProvider::tell(const Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!request.authorization.starts_with(kScheme)) return {401, "{}"};
  return {200, from_base64url(std::string_view(request.authorization).substr(kScheme.size())).value_or("")};
}

std::pair<int, std::string> FakeProvider::exchange(const Request& request, const Behaviour& how) {
  ++exchanges_;
  const auto form = parameters_of(request.body);
  const std::string wanted = percent_encode(how.client_id) + ':' + percent_encode(how.client_secret);
  const bool is_client =
      how.takes_basic_auth
          ? from_base64(request.authorization.substr(std::min<std::size_t>(6, request.authorization.size()))) == wanted
          : value_of(form, "client_id") == how.client_id && value_of(form, "client_secret") == how.client_secret;
  if (!is_client) return {401, R"({"error":"invalid_client"})"};
  const auto grant = codes_.find(value_of(form, "code"));
  if (grant == codes_.end()) return {400, R"({"error":"invalid_grant"})"};
  const Grant given = grant->second;
  codes_.erase(grant);  // good once
  if (value_of(form, "grant_type") != "authorization_code" || value_of(form, "redirect_uri") != given.redirect_uri ||
      to_base64url(sha256(value_of(form, "code_verifier"))) != given.challenge) {
    return {400, R"({"error":"invalid_grant"})"};
  }
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch()).count();
  json claims = {{"iss", issuer()}, {"aud", how.client_id}, {"sub", "subject 1"},    {"nonce", given.nonce},
                 {"iat", now},      {"exp", now + 300},     {"email_verified", true}};
  claims.update(given.claims);
  const std::string info = to_base64url(claims.dump());
  if (how.tells_at_userinfo) claims.erase("email");
  const SigningKey& key = how.is_p256 ? p256_ : *rsa_;
  json header = {{"alg", key.algorithm()}, {"kid", key.id()}, {"typ", "JWT"}};
  if (how.edit) how.edit(header, claims);
  std::string token = key.sign(header, claims);
  if (how.replace) token = how.replace(token);
  return {200, json{{"access_token", info}, {"token_type", "Bearer"}, {"id_token", token}}.dump()};
}

}  // namespace yz::oidc::test
