#pragma once

#include <string>

#include "base/clock.h"
#include "base/ip.h"
#include "io/task.h"

namespace yz::cli {

/// What a server on `port` of 127.0.0.1 says first; empty when it cannot be reached or says nothing.
[[nodiscard]] io::Task<std::string> greeting_of(std::uint16_t port, MonoTime deadline);

}  // namespace yz::cli
