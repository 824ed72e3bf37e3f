#pragma once

#include <string>
#include <vector>

namespace yz::cli {

/// Rows of text in aligned columns, for terminals. Numbers (and "-") align right, the rest left; the last column is
/// not padded. Widths count UTF-8 code points.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}

  /// As many cells as heads.
  void add(std::vector<std::string> cells);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool empty() const { return rows_.empty(); }

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

/// "1.2 GB", "980 kB", "12 B": decimal units, as traffic is sold.
[[nodiscard]] std::string human_bytes(double bytes);
/// "1.2 Gbit/s"
[[nodiscard]] std::string human_bits(double bits_per_s);
/// "12.3 ms", "1.24 s", "0.8 ms"
[[nodiscard]] std::string human_ms(double milliseconds);

/// Text in a colour on a terminal, as it is elsewhere (and with NO_COLOR set).
enum class Colour { kGreen, kRed, kYellow, kBold, kDim };
[[nodiscard]] std::string coloured(Colour colour, const std::string& text);

}  // namespace yz::cli
