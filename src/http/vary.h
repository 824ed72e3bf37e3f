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
/// Accept-Encoding as the set of registered codings accepted (weights dropped, q=0 out), Accept-Language in lower case
/// ordered by weight, then name; others with their lines joined and white space around commas removed. Total: never
/// fails.
/// `name` in lower case.
void append_normalised(std::string_view name, Fields request, std::string& out);

/// The language an Accept-Language puts above all others; empty when it names several equally, any, or none. A response
/// whose Content-Language is just that answers such a request, whoever it was first made for (RFC 9110 §12.5.4).
[[nodiscard]] std::string_view preferred_language(Fields request);

/// The key of the variant that a request selects among those that vary by `names`. `scratch` is reused to save
/// allocations.
[[nodiscard]] std::uint64_t variant_key(const std::vector<std::string>& names, Fields request, std::string& scratch);

}  // namespace yz::http
