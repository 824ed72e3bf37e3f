#pragma once

#include <array>
#include <functional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "control/call.h"
#include "model/access_record.h"

namespace yz::control {

/// The columns of one line of an access log, in the order of model::kAccessColumns. Views into a buffer.
using LogColumns = std::array<std::string_view, model::kAccessColumns.size()>;

/// Gives every line of some zstd frames, as LogDesk::find() names them, to `take`; a line of another shape is left out.
/// Fails with kIo, with kCorrupt on a frame that cannot be read, with kLimit on a line above 64 KiB. Blocks.
[[nodiscard]] Status for_each_line(std::span<const FilePart> parts, const std::function<void(const LogColumns&)>& take);

}  // namespace yz::control
