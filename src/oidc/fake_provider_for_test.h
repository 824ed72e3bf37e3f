#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/fd.h"
#include "base/openssl.h"

namespace yz::oidc::test {

/// One of the test's signing keys, as a provider has and shows it.
class SigningKey final {
 public:
  enum class Kind : std::uint8_t { kRsa, kP256 };
  SigningKey(Kind kind, std::string id);

  [[nodiscard]] nlohmann::json jwk() const;
  /// header "." body "." signature; the header's "alg" is what it says, the signature of the key's kind.
  [[nodiscard]] std::string sign(const nlohmann::json& header, const nlohmann::json& claims) const;
  [[nodiscard]] std::string public_pem() const;
  [[nodiscard]] std::string algorithm() const { return kind_ == Kind::kRsa ? "RS256" : "ES256"; }
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  const Kind kind_;
  const std::string id_;
  KeyPtr key_;
};

/// An unsigned part of a token, or all of it: base64url(header) "." base64url(claims).
[[nodiscard]] std::string unsigned_token(const nlohmann::json& header, const nlohmann::json& claims);

/// The parameters of a query or a form.
[[nodiscard]] std::map<std::string, std::string> parameters_of(std::string_view query);

/// An identity provider on a port of this machine, with a thread of its own: strict where OpenID Connect is, wrong
/// where it is told to be.
class FakeProvider final {
 public:
  explicit FakeProvider(const Clock& clock = SystemClock::instance());
  ~FakeProvider();

  [[nodiscard]] std::string issuer() const;

  // What it does from now on; change under `set`.
  struct Behaviour {
    std::string client_id = "yizhan";
    std::string client_secret = "open sesame & more";
    bool names_issuer = true;
    bool takes_basic_auth = true;
    bool is_down = false;                                                      ///< connections are closed
    std::chrono::milliseconds delay{0};                                        ///< before each answer
    std::string rubbish;                                                       ///< in place of any answer; empty: none
    std::string metadata_issuer;                                               ///< empty: its own
    bool is_p256 = false;                                                      ///< which key signs
    bool tells_at_userinfo = false;                                            ///< addresses: not in ID tokens
    bool shows_no_keys = false;                                                ///
    std::function<void(nlohmann::json& header, nlohmann::json& claims)> edit;  ///< before it is signed
    std::function<std::string(const std::string& token)> replace;              ///< after
  };
  void set(const std::function<void(Behaviour&)>& change);

  /// Somebody signs in at the URL that a browser was sent to: the code and the rest of the query of the redirect, or
  /// "" when the request is not what OpenID Connect and PKCE want. `claims` are added to the ID token.
  [[nodiscard]] std::string authorize(const std::string& url, const nlohmann::json& claims);
  /// Signs with a new RSA key from now on, which it shows in place of the old one.
  void change_keys();

  [[nodiscard]] const SigningKey& rsa() const { return *rsa_; }
  [[nodiscard]] int reads_of_keys() const { return reads_of_keys_; }
  [[nodiscard]] int reads_of_metadata() const { return reads_of_metadata_; }
  [[nodiscard]] int exchanges() const { return exchanges_; }

 private:
  struct Grant {
    std::string redirect_uri;
    std::string challenge;
    std::string nonce;
    nlohmann::json claims;
  };
  struct Request {
    std::string target;
    std::string authorization;
    std::string body;
  };

  void serve();
  void answer(UniqueFd connection);
  [[nodiscard]] std::pair<int, std::string> respond(const Request& request);
  [[nodiscard]] static std::pair<int, std::string> tell(const Request& request);
  [[nodiscard]] std::pair<int, std::string> exchange(const Request& request, const Behaviour& how);

  const Clock& clock_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  Behaviour behaviour_;                 // guarded by mutex_
  std::map<std::string, Grant> codes_;  // guarded by mutex_
  int next_code_ = 1;                   // guarded by mutex_
  std::unique_ptr<SigningKey> rsa_;     // guarded by mutex_ once serving
  const SigningKey p256_;
  std::atomic<int> reads_of_keys_{0};
  std::atomic<int> reads_of_metadata_{0};
  std::atomic<int> exchanges_{0};
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace yz::oidc::test
