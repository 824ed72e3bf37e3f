#pragma once

#include <cstdint>
#include <memory>

#include "edge/upstream/forward.h"
#include "http/strong_validator.h"
#include "io/task.h"

namespace yz::edge {

/// Asks for the rest of a body that broke off before byte `at` of `total`, a few times, of whichever upstream answers
/// (RFC 9110 §13.1.5). `request` has neither conditions nor ranges. The answer's body is read up to `at` where the
/// origin gives no parts. Fails with kConflict when there is another version now, else with the last upstream's error.
[[nodiscard]] io::Task<Result<Answer>> ask_for_rest(Worker& worker, std::shared_ptr<const ConfigPtr> held,
                                                    const Site& site, Forwarded request, http::StrongValidator version,
                                                    std::uint64_t total, std::uint64_t at);

}  // namespace yz::edge
