#include "billing/money.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"

namespace yz::billing {

std::optional<Micros> round_half_up(const Ratio& amount) {
  const Wide whole = amount.num / amount.den;
  const Wide rest = amount.num % amount.den;
  const Wide rounded = whole + (rest >= amount.den - rest ? 1 : 0);
  if (rounded > static_cast<Wide>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return Micros{static_cast<std::int64_t>(rounded)};
}

Result<Micros> parse_money(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::kInvalid,
                fmt::format("expected an amount such as 0.21 with at most six decimals, got '{}'", text),
                Fault::kClient);
  };
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative) rest.remove_prefix(1);
  const std::size_t point = rest.find('.');
  const auto units = parse_u64(rest.substr(0, point));
  if (!units || *units > 1'000'000'000'000ULL) return wrong();
  std::uint64_t micros = 0;
  if (point != std::string_view::npos) {
    std::string decimals(rest.substr(point + 1));
    if (decimals.empty() || decimals.size() > 6) return wrong();
    decimals.resize(6, '0');
    const auto parsed = parse_u64(decimals);
    if (!parsed) return wrong();
    micros = *parsed;
  }
  const auto value = static_cast<std::int64_t>(*units * kMicrosPerUnit + micros);
  return Micros{is_negative ? -value : value};
}

std::string to_string(Micros amount) {
  const bool is_negative = amount.value < 0;
  const std::uint64_t size =
      is_negative ? ~static_cast<std::uint64_t>(amount.value) + 1 : static_cast<std::uint64_t>(amount.value);
  std::string text = fmt::format("{}{}.{:06}", is_negative ? "-" : "", size / kMicrosPerUnit, size % kMicrosPerUnit);
  std::size_t shown = text.size();
  const std::size_t least = text.size() - 4;
  while (shown > least && text[shown - 1] == '0') --shown;
  text.resize(shown);
  return text;
}

std::string show_ratio(const Ratio& ratio, unsigned decimals) {
  Wide whole = ratio.num / ratio.den;
  Wide rest = ratio.num % ratio.den;
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(whole % 10)));
    whole /= 10;
  } while (whole > 0);
  std::ranges::reverse(digits);
  if (decimals > 0) digits.push_back('.');
  for (unsigned i = 0; i < decimals; ++i) {
    rest *= 10;
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest / ratio.den)));
    rest %= ratio.den;
  }
  return digits;
}

}  // namespace yz::billing
