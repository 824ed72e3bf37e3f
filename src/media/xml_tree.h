#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace yz::media {

/// An element of an XML document; names are without their prefix.
struct XmlElement {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<std::unique_ptr<XmlElement>> children;
  std::string text;  ///< of this element itself, its pieces joined

  /// Empty when there is none.
  [[nodiscard]] std::optional<std::string_view> attribute(std::string_view wanted) const;
  /// The first of that name, or null.
  [[nodiscard]] const XmlElement* child(std::string_view wanted) const;
};

/// Reads a whole document by libexpat. No document type is taken, so entities are XML's own five. Fails with kCorrupt
/// (line and what is wrong), kLimit: nested deeper than 32, more than 100,000 elements.
[[nodiscard]] Result<std::unique_ptr<XmlElement>> read_xml(std::string_view text);

}  // namespace yz::media
