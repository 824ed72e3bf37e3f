#include "edge/site.h"

namespace yz::edge {

const Site* SiteTable::find(std::string_view lower_host) const {
  const auto it = sites_.find(lower_host);
  return it == sites_.end() ? default_.get() : it->second.get();
}

}  // namespace yz::edge
