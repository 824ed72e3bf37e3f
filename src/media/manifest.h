#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace yz::media {

/// A text that names the parts of a film.
enum class ManifestKind : std::uint8_t {
  kHls,   ///< a playlist (RFC 8216)
  kDash,  ///< a media presentation description (ISO/IEC 23009-1)
};

/// By the media type ("application/vnd.apple.mpegurl", "application/dash+xml", …); where that says nothing (none,
/// text/plain, application/octet-stream and the like) by the path's extension, .m3u8 or .mpd. None: no manifest.
[[nodiscard]] std::optional<ManifestKind> manifest_kind(std::string_view content_type, std::string_view path);

struct ManifestLinks {
  std::vector<std::string> urls;  ///< http or https, without fragment, each once, in the manifest's order
  bool is_cut = false;            ///< there are more than were asked for, or than fit
};

/// What a manifest at `url` needs to be played: variants, renditions, initialization segments, keys, segments; at most
/// `most` of them, of 4 MiB together. Of a live presentation that which it lists now; of a DASH template with numbers,
/// those of a static presentation's whole time. What is fetched by other schemes (data:, skd:) is left out. Fails with
/// kCorrupt when the text is not of that kind, kLimit when it is unreasonable (nested too deep, too many elements). Any
/// text; pure.
[[nodiscard]] Result<ManifestLinks> read_links(ManifestKind kind, std::string_view text, std::string_view url,
                                               std::size_t most);

}  // namespace yz::media
