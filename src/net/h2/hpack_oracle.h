#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace yz::net::h2::testing {

/// libnghttp2's decoder of header blocks, to hold ours against.
class HpackOracle {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  HpackOracle() { nghttp2_hd_inflate_new(&inflater_); }
  ~HpackOracle() { nghttp2_hd_inflate_del(inflater_); }
  HpackOracle(const HpackOracle&) = delete;
  HpackOracle& operator=(const HpackOracle&) = delete;

  /// None: no HPACK.
  [[nodiscard]] std::optional<Fields> decode(std::string_view block) {
    Fields out;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    while (true) {
      nghttp2_nv field;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
      if (used < 0) return std::nullopt;
      at += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        out.emplace_back(std::string(reinterpret_cast<const char*>(field.name), field.namelen),
                         std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) continue;
      nghttp2_hd_inflate_end_headers(inflater_);
      return out;
    }
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace yz::net::h2::testing
