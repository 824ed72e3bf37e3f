#pragma once

#include "media/manifest.h"

namespace yz::media {

/// The links of an HLS playlist (RFC 8216 §4), master or media: URI lines and the URI attributes of maps, keys,
/// renditions, I-frame playlists and session data. Partial segments and hints of low latency are left out: the segment
/// they make up is listed, or is not there yet. `EXT-X-DEFINE` by name is followed. As read_links.
[[nodiscard]] Result<ManifestLinks> read_playlist(std::string_view text, std::string_view url, std::size_t most);

}  // namespace yz::media
