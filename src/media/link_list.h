#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "media/manifest.h"

namespace yz::media {

/// Gathers a manifest's links, each once.
class LinkList final {
 public:
  explicit LinkList(std::size_t most) : most_(most) {}

  /// `reference` resolved against `base`, with what a URL cannot hold (spaces, letters beyond ASCII) escaped as
  /// browsers do. Left out: one that leads to no http(s) URL, or to one longer than 8,000 bytes.
  void add(std::string_view base, std::string_view reference);
  /// No more are taken: what would come is cut off.
  [[nodiscard]] bool is_full() const { return links_.is_cut; }
  void cut() { links_.is_cut = true; }
  [[nodiscard]] std::size_t most() const { return most_; }
  [[nodiscard]] ManifestLinks take() { return std::move(links_); }

 private:
  std::size_t most_;
  std::size_t bytes_ = 0;  // of the links
  ManifestLinks links_;
  std::unordered_set<std::string> seen_;
};

}  // namespace yz::media
