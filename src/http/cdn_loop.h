#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/fields.h"
#include "http/header_map.h"
#include "http/message.h"

namespace yz::http {

/// How often `cdn_id` stands in the request's CDN-Loop lines (RFC 8586 §2); parameters do not matter.
[[nodiscard]] std::size_t count_in_loop(Fields request, std::string_view cdn_id);

/// Adds our id to CDN-Loop (RFC 8586 §2) and our entry to Via (RFC 9110 §7.6.3) of a message that is passed on.
/// `pseudonym` stands for our host.
void add_loop_and_via(HeaderMap& request, std::string_view cdn_id, Version received, std::string_view pseudonym);

/// The Via of a response that passed us: the received ones, then "1.1 pseudonym".
[[nodiscard]] std::string via_value(Fields message, Version received, std::string_view pseudonym);

}  // namespace yz::http
