#pragma once

#include <cstdint>

#include "http/message.h"
#include "http/range.h"
#include "http/strong_validator.h"

namespace yz::http {

/// What the answer to a request for part of a known version is good for.
enum class PartVerdict : std::uint8_t {
  kPart,      ///< a 206 with bytes of that version from the first one asked for on
  kWhole,     ///< a 200 with all of that version: Range was ignored
  kChanged,   ///< the representation is another now, or gone
  kUnusable,  ///< not what was asked for (several parts, other bytes, no proof of its version): ask without Range
  kFailed,    ///< the server could not answer (5xx, 408, 429)
};

struct Part {
  PartVerdict verdict = PartVerdict::kFailed;
  ByteRange range;  ///< of kPart and kWhole: what the body holds; a part may end before what was asked for
};

/// Judges an answer to `Range: asked` with If-Range on `version` (RFC 9110 §14.2, §15.3.7; RFC 9111 §3.4: parts are
/// joined only where a strong validator proves them equal). `total`: the length of that version.
[[nodiscard]] Part judge_part(const ResponseHead& head, const StrongValidator& version, std::uint64_t total,
                              const ByteRange& asked);

}  // namespace yz::http
