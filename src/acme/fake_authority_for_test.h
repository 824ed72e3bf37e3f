#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "acme/transport.h"
#include "base/clock.h"

namespace yz::acme::test {

/// A certificate authority without a network: RFC 8555 and RFC 9773 from the other side, strict about nonces, URLs and
/// signatures. What it is told to do wrong, it does. Any thread.
class FakeAuthority {
 public:
  /// `base` is the front of its URLs; the directory is at "<base>/dir".
  explicit FakeAuthority(const Clock& clock, std::string base = "https://ca.test");
  ~FakeAuthority();

  /// A way to it, as each client has its own. The authority outlives it.
  [[nodiscard]] std::unique_ptr<Transport> connect();
  [[nodiscard]] std::string directory() const { return base_ + "/dir"; }

  struct Check {
    std::string type;  ///< "http-01", "dns-01"
    std::string host;
    std::string token;
    std::string authorization;  ///< what must be found
  };
  /// Looks whether a challenge is met; by default all are.
  void set_validator(std::function<bool(const Check&)> validator);

  // What it does from now on; change under `set`.
  struct Behaviour {
    bool is_down = false;                                 ///< no answer at all
    int refuse_nonces = 0;                                ///< so many good nonces are refused
    int fail_requests = 0;                                ///< so many POSTs get a 500
    std::optional<int> rate_limited;                      ///< new orders get 429 with this Retry-After
    std::set<std::string> blocked;                        ///< names refused at once
    bool needs_external_account = false;                  ///
    std::string mac_key = "secret of kid-1";              ///< of key id "kid-1"
    bool offers_renewal_info = true;                      ///
    std::chrono::hours lifetime{24 * 90};                 ///< of certificates
    std::optional<std::pair<WallTime, WallTime>> window;  ///< suggested; none: the last third of the life
    int polls_until_valid = 0;                            ///< a finalized order is "processing" for so many looks
    bool forgets_accounts = false;                        ///< every account is unknown
  };
  void set(const std::function<void(Behaviour&)>& change);

  [[nodiscard]] int orders() const;
  [[nodiscard]] int accounts() const;
  [[nodiscard]] int revoked() const;
  [[nodiscard]] int requests() const;
  /// ARI ids that orders said they replace.
  [[nodiscard]] std::vector<std::string> replaced() const;

 private:
  class Way;
  class Desk;
  struct State;
  HttpResponse serve(const HttpRequest& request);
  HttpResponse serve_post(const HttpRequest& request);

  const Clock& clock_;
  const std::string base_;
  mutable std::mutex mutex_;
  std::unique_ptr<State> state_;  // guarded by mutex_
};

}  // namespace yz::acme::test
