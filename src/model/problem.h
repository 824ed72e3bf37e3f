#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace yz::model {

/// One thing wrong with a document: where, and what was expected there.
struct Problem {
  std::string pointer;  ///< RFC 6901: "/cache_rules/0/ttl"; empty is the whole document
  std::string message;

  friend bool operator==(const Problem&, const Problem&) = default;
};
using Problems = std::vector<Problem>;

/// kInvalid, the client's fault: "pointer: message; pointer: message".
[[nodiscard]] Error to_error(const Problems& problems);

}  // namespace yz::model
