#include "media/link_list.h"

#include "http/reference.h"

namespace yz::media {
namespace {

constexpr std::size_t kLongest = 8'000;
constexpr std::size_t kMostBytes = 4 << 20;

std::string escaped(std::string_view url) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(url.size());
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7F && c != '"' && c != '<' && c != '>') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace

void LinkList::add(std::string_view base, std::string_view reference) {
  if (reference.size() > kLongest) return;
  const auto resolved = http::resolve_url(base, reference);
  if (!resolved) return;
  std::string url = escaped(*resolved);
  if (url.size() > kLongest || seen_.contains(url)) return;
  if (links_.urls.size() == most_ || bytes_ + url.size() > kMostBytes) return cut();
  bytes_ += url.size();
  seen_.insert(url);
  links_.urls.push_back(std::move(url));
}

}  // namespace yz::media
