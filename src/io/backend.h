#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace yz::io {

/// How a reactor asks the system what happened (docs/decisions/0013-io-uring.md).
enum class Backend : std::uint8_t {
  kEpoll,  ///< readiness, then a system call for each operation; works everywhere
  kUring,  ///< io_uring: receives, short sends and accepts go to the kernel together, one system call a turn
};

[[nodiscard]] std::string_view to_string(Backend backend);
/// Whether this kernel, and what confines this process (seccomp, sysctl), allow io_uring as we use it (Linux 6.1).
/// Fails with kUnavailable and the reason. Tries it out; costs a few system calls.
[[nodiscard]] Status probe_uring();
/// The fastest that works: io_uring when probe_uring() says so, else epoll.
[[nodiscard]] Backend fastest_backend();
/// What reactors use unless told: epoll, or what the environment variable YZ_IO names ("epoll", "uring"; for tests).
[[nodiscard]] Backend default_backend();

}  // namespace yz::io
