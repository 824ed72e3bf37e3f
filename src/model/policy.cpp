#include "model/policy.h"

namespace yz::model {

std::vector<ChainStep> default_chain() {
  return {ChainStep::kProvinceIsp, ChainStep::kRegionIsp,  ChainStep::kCountryIsp, ChainStep::kProvinceMulti,
          ChainStep::kProvinceAny, ChainStep::kCountryAny, ChainStep::kDefault};
}

}  // namespace yz::model
