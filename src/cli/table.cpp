#include "cli/table.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "base/result.h"

namespace yz::cli {
namespace {

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool looks_numeric(const std::string& text) {
  return !text.empty() && (text == "-" || (text[0] >= '0' && text[0] <= '9' && text.find('.') == text.rfind('.') &&
                                           text.find(':') == std::string::npos && text.find('-') == std::string::npos));
}

std::string human(double value, const char* const* units, std::size_t count) {
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < count) value /= 1000, ++unit;
  return unit == 0 || value >= 100 ? fmt::format("{:.0f} {}", value, units[unit])
                                   : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  YZ_ASSERT(cells.size() == heads_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (std::size_t c = 0; c < heads_.size(); ++c) {
    std::size_t width = width_of(heads_[c]);
    bool numeric = !rows_.empty();
    for (const auto& row : rows_) {
      width = std::max(width, width_of(row[c]));
      numeric = numeric && looks_numeric(row[c]);
    }
    widths.push_back(width);
    right.push_back(numeric);
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string pad(widths[c] - width_of(cells[c]), ' ');
      if (c > 0) text += "  ";
      text += right[c] ? pad + cells[c] : cells[c] + pad;
    }
    while (text.ends_with(' ')) text.pop_back();
    out += text + '\n';
  };
  line(heads_);
  for (const auto& row : rows_) line(row);
  return out;
}

std::string human_bytes(double bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  return human(bytes, kUnits, std::size(kUnits));
}

std::string human_bits(double bits_per_s) {
  static constexpr const char* kUnits[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
  return human(bits_per_s, kUnits, std::size(kUnits));
}

std::string human_ms(double milliseconds) {
  if (milliseconds >= 1000) return fmt::format("{:.2f} s", milliseconds / 1000);
  return milliseconds >= 100 ? fmt::format("{:.0f} ms", milliseconds) : fmt::format("{:.1f} ms", milliseconds);
}

std::string coloured(Colour colour, const std::string& text) {
  static const bool is_on = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  if (!is_on) return text;
  static constexpr const char* kCodes[] = {"32", "31", "33", "1", "2"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<int>(colour)], text);
}

}  // namespace yz::cli
