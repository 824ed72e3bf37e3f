// Configuration files from untrusted text: YAML to JSON to a snapshot to its problems; every problem must have a place.
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "model/json.h"
#include "model/validate.h"
#include "model/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace m = yz::model;
  const auto document = m::YamlDocument::parse({reinterpret_cast<const char*>(data), size}, "f");
  if (!document) return 0;
  const auto snapshot = m::from_json<m::ConfigSnapshot>(document->json());
  if (!snapshot) {
    (void)document->to_error(snapshot.error());
    return 0;
  }
  (void)document->to_error(m::by_position(m::validate(*snapshot), document->json()));
  return 0;
}
