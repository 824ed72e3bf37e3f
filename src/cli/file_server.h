#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "net/exchange.h"

namespace yz::cli {

/// An origin over a folder: GET and HEAD of its files with ETag, Last-Modified, conditional requests and one range
/// (RFC 9110 §13, §14), Cache-Control, and a Cache-Tag that is the path's first folder. A folder serves its index.html.
/// A response is of the file as it was when the request came, also when it is replaced meanwhile. One reactor's thread.
class FileServer final : public net::HttpHandler {
 public:
  struct Options {
    std::filesystem::path root;
    std::chrono::seconds max_age{3600};
    /// Bytes per second for a path, 0 for as fast as it goes; for origins that are to be slow.
    std::function<std::uint64_t(std::string_view path)> rate;
  };

  explicit FileServer(Options options) : options_(std::move(options)) {}

  [[nodiscard]] io::Task<void> handle(net::Exchange& exchange) override;

  /// How often a path was asked for with GET, and how often all were.
  [[nodiscard]] std::uint64_t fetches_of(const std::string& path) const;
  [[nodiscard]] std::uint64_t fetches() const { return fetches_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  void forget_counts();

 private:
  struct File;
  [[nodiscard]] Result<File> open(const std::string& path) const;
  io::Task<void> send_body(net::Exchange& exchange, int fd, std::uint64_t offset, std::uint64_t size,
                           std::uint64_t rate);

  Options options_;
  std::map<std::string, std::uint64_t, std::less<>> fetches_by_path_;
  std::uint64_t fetches_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Writes a small site of a page, a style and a picture into an empty or new folder, for `yz up` without --site.
[[nodiscard]] Status write_sample_site(const std::filesystem::path& folder);

}  // namespace yz::cli
