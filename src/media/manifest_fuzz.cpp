// Manifests as origins may send them: the first byte chooses the kind.
#include <cstdint>
#include <set>
#include <string_view>

#include "media/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yz::media;
  if (size == 0) return 0;
  const auto kind = (data[0] & 1) != 0 ? ManifestKind::kDash : ManifestKind::kHls;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::size_t kMost = 50;
  const auto found = read_links(kind, text, "http://a.com/x/y.m3u8?z", kMost);
  if (!found) return 0;
  YZ_ASSERT(found->urls.size() <= kMost);
  YZ_ASSERT(std::set<std::string>(found->urls.begin(), found->urls.end()).size() == found->urls.size());
  for (const std::string& url : found->urls) {
    YZ_ASSERT(url.starts_with("http://") || url.starts_with("https://"));
    for (const char c : url) YZ_ASSERT(c > ' ' && c < 0x7F && c != '#');
  }
  return 0;
}
