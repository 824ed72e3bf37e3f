#include "http/vary.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace yz::http {
namespace {

struct Weighted {
  std::string_view token;
  int weight = 1000;  ///< q in thousandths
};

/// qvalue (RFC 9110 §12.4.2); unreadable counts as 1.
int parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 1000;
  int value = (text[0] - '0') * 1000;
  int unit = 100;
  for (std::size_t i = 2; i < text.size() && i < 5 && text[1] == '.'; ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') break;
    value += (text[i] - '0') * unit;
  }
  return std::min(value, 1000);
}

Weighted parse_weighted(std::string_view element) {
  Weighted out;
  const auto semicolon = element.find(';');
  out.token = trim(element.substr(0, semicolon));
  while (semicolon != std::string_view::npos && !element.empty()) {
    const auto next = element.find(';');
    if (next == std::string_view::npos) break;
    element.remove_prefix(next + 1);
    const std::string_view parameter = trim(element.substr(0, element.find(';')));
    if (parameter.size() >= 2 && to_lower(parameter[0]) == 'q' && parameter[1] == '=') {
      out.weight = parse_weight(trim(parameter.substr(2)));
    }
  }
  return out;
}

void append_lower(std::string& out, std::string_view text) {
  for (const char c : text) out.push_back(to_lower(c));
}

/// The registered content codings, aliases beside what they stand for. What no origin can answer with does not matter.
struct Coding {
  std::string_view name;
  unsigned bit;
};
constexpr std::array<Coding, 12> kCodings = {{{"gzip", 0},
                                              {"x-gzip", 0},
                                              {"br", 1},
                                              {"zstd", 2},
                                              {"deflate", 3},
                                              {"*", 4},
                                              {"compress", 5},
                                              {"x-compress", 5},
                                              {"dcb", 6},
                                              {"dcz", 7},
                                              {"exi", 8},
                                              {"aes128gcm", 9}}};

/// The set of codings accepted, as a number; "-" behind it when identity is not.
void append_encodings(Fields request, std::string& out) {
  unsigned bits = 0;
  std::optional<bool> identity;
  bool refuses_others = false;
  for_each_element(request, FieldId::kAcceptEncoding, [&](std::string_view element) {
    const Weighted coding = parse_weighted(element);
    if (equals_ignoring_case(coding.token, "identity")) identity = coding.weight > 0;
    if (coding.token == "*" && coding.weight == 0) refuses_others = true;
    if (coding.weight == 0) return;
    for (const Coding& known : kCodings) {
      if (equals_ignoring_case(coding.token, known.name)) bits |= 1U << known.bit;
    }
  });
  out.append(std::to_string(bits));
  if (!identity.value_or(!refuses_others)) out.push_back('-');
}

void append_languages(Fields request, std::string& out) {
  static constexpr std::size_t kMost = 32;
  std::array<Weighted, kMost> languages;
  std::size_t count = 0;
  for_each_element(request, FieldId::kAcceptLanguage, [&](std::string_view element) {
    if (count < kMost) languages[count++] = parse_weighted(element);
  });
  const auto less = [](std::string_view a, std::string_view b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return to_lower(x) < to_lower(y); });
  };
  std::sort(languages.begin(), languages.begin() + static_cast<std::ptrdiff_t>(count),
            [&](const Weighted& a, const Weighted& b) {
              return a.weight != b.weight ? a.weight > b.weight : less(a.token, b.token);
            });
  for (std::size_t i = 0; i < count; ++i) {
    if (languages[i].weight == 0) continue;
    // Equal weights are one group: "," within it, ";" between groups.
    if (i > 0) out.push_back(languages[i].weight == languages[i - 1].weight ? ',' : ';');
    append_lower(out, languages[i].token);
  }
}

void append_joined(std::string_view name, Fields request, std::string& out) {
  bool first = true;
  for (const Field& field : request) {
    if (!equals_ignoring_case(field.name, name)) continue;
    for_each_element(field.value, [&](std::string_view element) {
      if (!first) out.push_back(',');
      out.append(element);
      first = false;
    });
    // An empty line differs from no line at all.
    if (first && field.value.empty()) out.push_back('\x01');
  }
}

}  // namespace

std::string_view preferred_language(Fields request) {
  Weighted best;
  best.weight = 0;
  bool is_alone = false;
  for_each_element(request, FieldId::kAcceptLanguage, [&](std::string_view element) {
    const Weighted language = parse_weighted(element);
    if (language.weight == best.weight) is_alone = false;
    if (language.weight <= best.weight) return;
    best = language;
    is_alone = true;
  });
  return is_alone && best.token != "*" ? best.token : std::string_view();
}

bool varies_on_everything(Fields response) { return lists_token(response, FieldId::kVary, "*"); }

std::vector<std::string> varying_fields(Fields response) {
  std::vector<std::string> names;
  for_each_element(response, FieldId::kVary, [&](std::string_view name) { names.push_back(to_lower(name)); });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void append_normalised(std::string_view name, Fields request, std::string& out) {
  if (request.find(name) == nullptr) return;
  out.push_back('=');
  if (name == "accept-encoding") return append_encodings(request, out);
  if (name == "accept-language") return append_languages(request, out);
  append_joined(name, request, out);
}

std::uint64_t variant_key(const std::vector<std::string>& names, Fields request, std::string& scratch) {
  scratch.clear();
  for (const auto& name : names) {
    scratch.append(name);
    append_normalised(name, request, scratch);
    scratch.push_back('\0');
  }
  return hash64(scratch);
}

}  // namespace yz::http
