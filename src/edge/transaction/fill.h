#pragma once

#include <chrono>
#include <memory>

#include "cache/fill.h"
#include "edge/transaction/phases.h"

namespace yz::edge {

/// How long requests for a response that proved not to be shareable do not queue behind each other (hit-for-miss).
inline constexpr std::chrono::seconds kPassFor{2};

/// Starts the task that brings a response into the cache for everyone who waits for it, on this worker, of its own:
/// what becomes of the viewer whose request began it does not matter. `seen` is the stored response to validate, or
/// none. `handoff` gets the upstream's answer when it must not be shared; null when nobody of this worker waits.
void start_fill(Transaction& tx, cache::FillWriter writer, const cache::CacheKey& key, cache::Ref<cache::Object> seen,
                std::shared_ptr<Handoff> handoff);

/// The same for a response that is here already: a POST's that may answer a later GET (RFC 9110 §9.3.3), or one that
/// was asked for without a fill and can be shared after all.
void start_store(Transaction& tx, cache::FillWriter writer, const cache::CacheKey& key, Answer answer,
                 WallTime asked_at, std::shared_ptr<Handoff> handoff);

}  // namespace yz::edge
