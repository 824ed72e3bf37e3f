#pragma once

#include <functional>
#include <string_view>

#include "control/call.h"
#include "store/transaction.h"

namespace yz::control {

/// Does a POST once for each Idempotency-Key of a caller: runs `act` in `tx` and remembers its answer there, or gives
/// the answer remembered, marked `Idempotency-Replayed: true`. Without the header it just acts. Fails with 400 on a
/// key that is empty, longer than 128 or not printable, 409 when the key was used for another request. What `act`
/// refuses is not remembered: the same call may come again.
/// A member of the answer's object named `secret_field` is not remembered: it is shown once only.
[[nodiscard]] Outcome once(store::Transaction& tx, const Call& call, const std::function<Outcome()>& act,
                           std::string_view secret_field = {});

}  // namespace yz::control
