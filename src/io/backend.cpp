#include "io/backend.h"

#include <cstdlib>

#include "io/uring_poller.h"

namespace yz::io {

std::string_view to_string(Backend backend) { return backend == Backend::kUring ? "io_uring" : "epoll"; }

Status probe_uring() {
  YZ_CHECK(UringPoller::make(-1));
  return {};
}

Backend fastest_backend() { return probe_uring() ? Backend::kUring : Backend::kEpoll; }

Backend default_backend() {
  const char* const wanted = std::getenv("YZ_IO");
  return wanted != nullptr && std::string_view(wanted) == "uring" ? Backend::kUring : Backend::kEpoll;
}

}  // namespace yz::io
