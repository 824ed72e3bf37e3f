#include "media/manifest.h"

#include <algorithm>

#include "base/text.h"
#include "media/dash.h"
#include "media/hls.h"

namespace yz::media {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::ranges::any_of(list, [&](std::string_view one) { return equals_ignoring_case(text, one); });
}

}  // namespace

std::optional<ManifestKind> manifest_kind(std::string_view content_type, std::string_view path) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  // RFC 8216 §10 and what servers sent before it.
  if (is_one_of(type, {"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"})) {
    return ManifestKind::kHls;
  }
  if (is_one_of(type, {"application/dash+xml"})) return ManifestKind::kDash;
  if (!is_one_of(
          type, {"", "text/plain", "text/xml", "application/xml", "application/octet-stream", "binary/octet-stream"})) {
    return std::nullopt;
  }
  path = path.substr(0, path.find('?'));
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view extension = path.substr(dot + 1);
  if (equals_ignoring_case(extension, "m3u8")) return ManifestKind::kHls;
  if (equals_ignoring_case(extension, "mpd")) return ManifestKind::kDash;
  return std::nullopt;
}

Result<ManifestLinks> read_links(ManifestKind kind, std::string_view text, std::string_view url, std::size_t most) {
  return kind == ManifestKind::kHls ? read_playlist(text, url, most) : read_mpd(text, url, most);
}

}  // namespace yz::media
