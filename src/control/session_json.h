#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "control/call.h"
#include "store/session_store.h"
#include "store/transaction.h"

namespace yz::control {

/// The permissions of a caller, as the API lists them.
[[nodiscard]] nlohmann::json permissions_json(const Principal& principal);

/// Whose session it is and what they may do, with the CSRF token: what a portal starts from. Never stored by caches.
[[nodiscard]] Outcome describe_session(store::Transaction& tx, const store::User& user, const store::Session& session,
                                       std::string_view secret, int status);

/// A user as the API shows it.
[[nodiscard]] nlohmann::json user_json(const store::Stored<store::User>& user);
/// A session as a list shows it; `current` is the caller's own.
[[nodiscard]] nlohmann::json session_json(const store::Session& session, std::uint64_t current);

}  // namespace yz::control
