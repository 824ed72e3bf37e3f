#include "model/problem.h"

#include <fmt/format.h>

namespace yz::model {

Error to_error(const Problems& problems) {
  std::string text;
  for (const Problem& p : problems) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {}", p.pointer.empty() ? "(document)" : p.pointer, p.message);
  }
  return Error{Code::kInvalid, Fault::kClient, false, std::move(text)};
}

}  // namespace yz::model
