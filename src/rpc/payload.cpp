#include "rpc/payload.h"

#include <utility>

namespace yz::rpc {

Result<SharedBytes> PieceAssembler::add(std::uint64_t size, std::uint64_t offset, std::string&& data) {
  if (size > max_size_) {
    return fail(Code::kLimit, "payload of " + std::to_string(size) + " bytes, at most " + std::to_string(max_size_));
  }
  if (offset == 0) {
    bytes_.clear();
    expected_ = size;
  }
  if (size != expected_ || offset != bytes_.size() || data.size() > size - offset ||
      (data.empty() && offset + data.size() != size)) {
    bytes_.clear();
    expected_ = 0;
    return fail(Code::kInvalid, "a piece that does not continue its payload");
  }
  if (offset == 0) {
    bytes_ = std::move(data);
  } else {
    bytes_.append(data);
  }
  if (bytes_.size() < size) return SharedBytes{};
  expected_ = 0;
  return std::make_shared<const std::string>(std::exchange(bytes_, {}));
}

}  // namespace yz::rpc
