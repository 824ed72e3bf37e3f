#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "acme/client.h"
#include "acme/transport.h"
#include "control/config_state.h"
#include "store/acme_store.h"
#include "store/database.h"

namespace yz::control {

/// A way to the authority of an account.
using AcmeConnect = std::function<std::unique_ptr<acme::Transport>(const store::AcmeAccount&)>;

/// Brings orders forward, one step a call: what was done last is in the database, what is next follows from it and from
/// what the authority says, so a step that a kill cut off is simply done again. Blocks (HTTP and SQL); any thread, but
/// one order on one thread at a time, and by the leader only.
class AcmeIssuer final {
 public:
  struct Options {
    AcmeConnect connect;                                ///< empty: libcurl
    std::chrono::milliseconds poll{2'000};              ///< between looks at what an authority works on
    std::chrono::milliseconds first_backoff{15'000};    ///< after a failure of the authority or the way to it
    std::chrono::milliseconds first_rejection{60'000};  ///< after a failed validation: authorities count those
    std::chrono::milliseconds longest_backoff{std::chrono::hours(6)};
    std::uint64_t most_attempts = 12;  ///< then an order has failed
    std::uint64_t most_rejections = 4;
    std::uint64_t switch_after = 3;  ///< failures of one account before the next is asked
  };
  AcmeIssuer(store::Database& database, ConfigState& state, const Clock& clock, Options options);

  struct Step {
    enum class Next : std::uint8_t {
      kOver,     ///< valid or failed
      kLater,    ///< when its `next_at` has come
      kBarrier,  ///< when every edge and scheduler has configuration `seq`: then again with `is_shown`
    };
    Next next = Next::kLater;
    model::ConfigSeq seq;
    /// Set when an authority will look: the barrier counts only when a node that shows such challenges is connected.
    std::optional<model::ChallengeKind> shows;
  };
  Step advance(store::AcmeOrderId id, bool is_shown);
  /// The barrier was not reached: the order waits a while.
  void postpone(store::AcmeOrderId id, std::string reason);

  /// What is under way with authorities ends soon. Any thread.
  void stop() { is_stopping_->store(true, std::memory_order_relaxed); }

  /// Revokes the certificate at the authority it came from, with a reason of RFC 5280 §5.3.1; it is not renewed by
  /// itself any more. Fails with kNotFound when no account is known for it.
  Status revoke(const store::Author& author, model::CertificateId id, int reason);
  /// Asks when to renew (RFC 9773) and stores it.
  void ask_renewal_info(store::AcmeUpkeep upkeep);

 private:
  class Attempt;
  [[nodiscard]] Result<acme::Client> open(acme::Transport& way, store::AcmeAccount& account);

  store::Database& database_;
  ConfigState& state_;
  const Clock& clock_;
  const std::shared_ptr<std::atomic<bool>> is_stopping_ = std::make_shared<std::atomic<bool>>(false);
  const Options options_;
};

}  // namespace yz::control
