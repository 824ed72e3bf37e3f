#pragma once

#include <filesystem>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace yz {

/// Makes the folder, if it is not there, private (0700) and this process's alone for as long as what is returned lives.
/// `who` uses such folders ("agent"), for the message. Fails with kIo, kPermission, and kUnavailable when another
/// process has it.
[[nodiscard]] Result<UniqueFd> own_folder(const std::filesystem::path& folder, std::string_view who);

}  // namespace yz
