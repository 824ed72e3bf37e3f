#pragma once

#include <string_view>

namespace yz::http {

/// True when a path ends like a static file ("/account/x.css") and its response is plainly something made for one user:
/// HTML or JSON. Then a rule that goes by the extension was led astray (web cache deception), for origins often ignore
/// what follows a path they know. `content_type` empty: the response names none, which proves nothing.
[[nodiscard]] bool contradicts_extension(std::string_view path, std::string_view content_type);

}  // namespace yz::http
