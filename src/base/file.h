#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz {

/// The whole file. Fails with kNotFound, kPermission, kIo, or kLimit when it is larger than `max_size` bytes.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t max_size = 1ULL << 30);

/// Replaces the file as one step: writes beside it, fsyncs, renames, fsyncs the folder. After a crash the file has
/// either its old or its new content. `mode` as in chmod. Fails with kLimit on a full disk; the old file stays.
[[nodiscard]] Status write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                           unsigned mode = 0644);

/// Creates the folder and its parents where missing.
[[nodiscard]] Status make_folder(const std::filesystem::path& path);

/// A new empty folder below the system's temporary folder, removed with all its content at the end of scope.
class TempFolder {
 public:
  explicit TempFolder(std::string_view prefix = "yz");
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace yz
