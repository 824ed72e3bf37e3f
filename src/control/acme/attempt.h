#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "acme/certificate_request.h"
#include "control/acme/issuer.h"

namespace yz::control {

/// One step of one order; internal to AcmeIssuer.
class AcmeIssuer::Attempt final {
 public:
  Attempt(AcmeIssuer& issuer, store::AcmeOrder order, std::vector<store::AcmeAccount> accounts)
      : i_(issuer), order_(std::move(order)), accounts_(std::move(accounts)) {}

  Step run(bool is_shown);
  Step postpone(std::string reason);

 private:
  /// An authorization that waits for us to say that its challenge can be met.
  struct Open {
    acme::OfferedChallenge offered;
    model::Challenge shown;
  };

  Step proceed(bool is_shown);
  Step prove(const acme::AcmeOrder& at_authority, bool is_shown);
  Step finalize(const acme::AcmeOrder& at_authority);
  Step collect(const acme::AcmeOrder& at_authority);
  Step finish();
  Step invalid(const acme::AcmeOrder& at_authority);

  /// What of the order's challenges is not in force yet is added. The number of the configuration that has all.
  Result<model::ConfigSeq> show(const std::vector<Open>& open);
  Result<model::ConfigSeq> commit_certificate(const std::string& chain, const acme::LeafFacts& leaf);
  Result<std::string> free_name(store::Transaction& tx);
  /// In every transaction that ends an order or an attempt at it.
  Status hide_challenges(store::Transaction& tx);

  // How a step ends.
  Step later(std::chrono::milliseconds wait);
  Step failed(const Error& error);    ///< of the authority, the way to it, or our database
  Step rejected(std::string reason);  ///< the authority looked and did not find what it should
  Step give_up(std::string reason);   ///< this account will not do it: the next one, or none
  Step end(std::string reason);       ///< no account may do it
  Step retry(std::chrono::milliseconds wait, std::string reason);
  bool switch_account();
  Step save(Step::Next next, model::ConfigSeq seq = {});

  [[nodiscard]] store::Author author() const;
  [[nodiscard]] std::string challenge_prefix() const;
  [[nodiscard]] std::uint64_t chance() const;

  AcmeIssuer& i_;
  store::AcmeOrder order_;
  std::vector<store::AcmeAccount> accounts_;  // those enabled, the one to ask first first
  store::AcmeAccount* account_ = nullptr;     // of accounts_
  std::unique_ptr<acme::Transport> way_;
  std::optional<acme::Client> client_;
};

}  // namespace yz::control
