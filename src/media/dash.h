#pragma once

#include "media/manifest.h"

namespace yz::media {

/// The links of a DASH media presentation description (ISO/IEC 23009-1 §5.3): segment templates with numbers or a
/// timeline, segment lists, base URLs, initialization segments. As read_links.
[[nodiscard]] Result<ManifestLinks> read_mpd(std::string_view text, std::string_view url, std::size_t most);

}  // namespace yz::media
