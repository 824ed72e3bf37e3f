#include "http/path_type.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace yz::http {
namespace {

/// Files whose content is never HTML, and never JSON.
constexpr std::array<std::string_view, 46> kStatic = {
    "7z",   "aac", "apk", "avi", "avif", "bin",  "bmp",  "bz2",  "class", "css",  "dll", "dmg",
    "docx", "eot", "exe", "flv", "gif",  "gz",   "ico",  "iso",  "jar",   "jpeg", "jpg", "js",
    "m4a",  "m4s", "mid", "mjs", "mp3",  "mp4",  "mpd",  "m3u8", "ogg",   "otf",  "pdf", "png",
    "rar",  "svg", "tar", "ts",  "ttf",  "webm", "webp", "woff", "woff2", "zip"};

}  // namespace

bool contradicts_extension(std::string_view path, std::string_view content_type) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view extension = name.substr(dot + 1);
  const bool is_static = std::any_of(kStatic.begin(), kStatic.end(),
                                     [&](std::string_view known) { return equals_ignoring_case(known, extension); });
  if (!is_static) return false;
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  return equals_ignoring_case(type, "text/html") || equals_ignoring_case(type, "application/xhtml+xml") ||
         equals_ignoring_case(type, "application/json") ||
         (type.size() > 5 && equals_ignoring_case(type.substr(type.size() - 5), "+json"));
}

}  // namespace yz::http
