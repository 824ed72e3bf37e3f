#pragma once

#include <optional>
#include <utility>

#include "control/call.h"
#include "control/config_state.h"
#include "store/database.h"

namespace yz::control {

/// Runs `body(Transaction&) -> Outcome` in one write transaction; a problem it returns rolls back and is passed on
/// whole.
template <typename Body>
[[nodiscard]] Outcome write_outcome(store::Database& database, Body&& body) {
  std::optional<Problem> refused;
  Result<Reply> done = database.write([&](store::Transaction& tx) -> Result<Reply> {
    refused.reset();
    Outcome outcome = body(tx);
    if (outcome) return *std::move(outcome);
    refused = outcome.error();
    return fail(refused->to_error());
  });
  if (done) return *std::move(done);
  if (refused && !refused->retryable) return refuse(*std::move(refused));
  return refuse(Problem(std::move(done).error()));
}

/// The same for reading.
template <typename Body>
[[nodiscard]] Outcome read_outcome(store::Database& database, Body&& body) {
  std::optional<Problem> refused;
  Result<Reply> done = database.read([&](store::Transaction& tx) -> Result<Reply> {
    refused.reset();
    Outcome outcome = body(tx);
    if (outcome) return *std::move(outcome);
    refused = outcome.error();
    return fail(refused->to_error());
  });
  if (done) return *std::move(done);
  if (refused && !refused->retryable) return refuse(*std::move(refused));
  return refuse(Problem(std::move(done).error()));
}

/// A transaction that changes configuration: after `body`, the whole is validated around `keys()` (422, rolled back),
/// and once committed it becomes current and is published. `body` fills `changed` with the keys it touched.
template <typename Body>
[[nodiscard]] Outcome change_config(store::Database& database, ConfigState& state, Body&& body) {
  model::SnapshotPtr after;
  Outcome outcome = write_outcome(database, [&](store::Transaction& tx) -> Outcome {
    std::vector<model::ResourceKey> changed;
    Outcome result = body(tx, changed);
    if (!result) return result;
    YZ_TRY(after, state.as_of(tx));
    model::Problems problems = find_problems(*after, changed);
    if (!problems.empty()) return refuse(unprocessable(std::move(problems)));
    return result;
  });
  if (outcome && after) state.advance(after);
  return outcome;
}

}  // namespace yz::control
