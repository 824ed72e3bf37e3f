#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace yz {

/// Up to `size` bytes of the file from `offset` on; fewer only at its end. Fails with kNotFound, kPermission, kIo.
[[nodiscard]] Result<std::string> read_range(const std::filesystem::path& file, std::uint64_t offset,
                                             std::uint64_t size);
/// The same of an open file.
[[nodiscard]] Result<std::string> read_range(int fd, std::uint64_t offset, std::uint64_t size);

}  // namespace yz
