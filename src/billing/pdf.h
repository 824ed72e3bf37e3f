#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace yz::billing {

/// A statement's document as a PDF file (ISO 32000-1): A4, as many pages as its lines need, the same bytes for the same
/// document. `heading` names the tenant. Fonts are those every viewer has, none is embedded: Courier, and for what is
/// not ASCII the song face of Adobe's Simplified Chinese collection.
[[nodiscard]] std::string to_pdf(const nlohmann::json& statement, std::string_view heading);

}  // namespace yz::billing
