#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "http/fields.h"

namespace yz::http {

/// True when any element of any Vary line is "*" (RFC 9111 §4.1, RFC 9110 §12.5.5).
[[nodiscard]] bool varies_on_everything(Fields response);

/// The request fields a resource's responses depend on: lower case, sorted, each once. Empty: no variants. Stored once
/// per resource as the variant descriptor.
[[nodiscard]] std::vector<std::string> varying_fields(Fields response);

/// Appends a text that is equal for two requests exactly when we take their fields of this name for equivalent:
/// Accept-Encoding as the set of codings accepted (weights dropped, q=0 out), Accept-Language in lower case ordered by
/// weight, then name; others with their lines joined and white space around commas removed. Total: never fails.
/// `name` in lower case.
void append_normalised(std::string_view name, Fields request, std::string& out);

/// The key of the variant that a request selects among those that vary by `names`. `scratch` is reused to save
/// allocations.
[[nodiscard]] std::uint64_t variant_key(const std::vector<std::string>& names, Fields request, std::string& scratch);

}  // namespace yz::http
