#pragma once

#include <string_view>

#include "control/call.h"
#include "store/database.h"
#include "store/session_store.h"

namespace yz::control {

/// Finds out who calls and whether they may: by "Authorization: Bearer <token>", or by the session's cookie. Sets
/// `call.principal`. A change made with a cookie needs the session's CSRF token in X-Csrf-Token. Refuses with 401 or
/// 403. Blocks; any thread.
[[nodiscard]] tl::expected<void, Problem> admit(store::Database& database, const store::SessionLimits& limits,
                                                Permission wanted, Call& call);

/// The token of "Authorization: Bearer <token>" (RFC 6750 §2.1), or empty.
[[nodiscard]] std::string_view bearer_token(std::string_view authorization);

}  // namespace yz::control
