#include "store/stored.h"

#include <fmt/format.h>

namespace yz::store {

namespace {
constexpr std::string_view kMismatch = "version mismatch: ";
}  // namespace

tl::unexpected<Error> version_mismatch(std::uint64_t stored, std::uint64_t expected) {
  return fail(Code::kConflict, fmt::format("{}it is {} now, not {}", kMismatch, stored, expected), Fault::kClient);
}

bool is_version_mismatch(const Error& error) {
  return error.code == Code::kConflict && error.message.find(kMismatch) != std::string::npos;
}

}  // namespace yz::store
