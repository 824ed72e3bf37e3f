// The JSON form of plans (docs/operate/billing.md): read strictly, written canonically.

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "billing/bill.h"
#include "billing/calendar.h"
#include "billing/plan.h"

namespace yz::billing {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxItems = 64;
constexpr std::size_t kMaxTiers = 32;
constexpr std::size_t kMaxName = 64;
constexpr std::uint64_t kMaxUpTo = 1'000'000'000'000;
constexpr std::uint64_t kMaxCommit = 1'000'000'000;
constexpr std::string_view kPriceKinds[] = {"flat", "progressive", "reach"};
constexpr std::string_view kRoundUps[] = {"never", "month", "day", "hour"};

/// Reads one object; every problem goes to the list with its pointer.
class ObjectReader {
 public:
  ObjectReader(const json& object, std::string pointer, model::Problems& problems,
               std::initializer_list<std::string_view> known)
      : object_(object), pointer_(std::move(pointer)), problems_(problems) {
    if (!object_.is_object()) {
      wrong("", "expected an object");
      return;
    }
    for (const auto& [name, value] : object_.items()) {
      if (std::ranges::find(known, std::string_view(name)) == known.end()) wrong(name, "there is no such field");
    }
  }

  [[nodiscard]] const json* find(std::string_view name, bool required = false) {
    const auto it = object_.is_object() ? object_.find(name) : object_.end();
    if (object_.is_object() && it != object_.end()) return &*it;
    if (required && object_.is_object()) wrong(name, "expected a value");
    return nullptr;
  }
  std::string text(std::string_view name, bool required) {
    const json* value = find(name, required);
    if (value == nullptr) return {};
    if (!value->is_string() || value->get_ref<const std::string&>().size() > kMaxName) {
      wrong(name, fmt::format("expected text of at most {} bytes", kMaxName));
      return {};
    }
    auto out = value->get<std::string>();
    if (required && out.empty()) wrong(name, "expected a value");
    return out;
  }
  std::uint64_t number(std::string_view name, std::uint64_t otherwise, std::uint64_t least, std::uint64_t most) {
    const json* value = find(name);
    if (value == nullptr) return otherwise;
    const bool is_whole =
        value->is_number_unsigned() || (value->is_number_integer() && value->get<std::int64_t>() >= 0);
    if (is_whole && value->get<std::uint64_t>() >= least && value->get<std::uint64_t>() <= most) {
      return value->get<std::uint64_t>();
    }
    wrong(name, fmt::format("expected a whole number from {} to {}", least, most));
    return otherwise;
  }
  bool boolean(std::string_view name) {
    const json* value = find(name);
    if (value == nullptr) return false;
    if (!value->is_boolean()) wrong(name, "expected true or false");
    return value->is_boolean() && value->get<bool>();
  }
  template <typename Names>
  std::size_t choice(std::string_view name, const Names& names, bool required) {
    const json* value = find(name, required);
    if (value == nullptr) return 0;
    const auto it = value->is_string()
                        ? std::ranges::find(names, std::string_view(value->get_ref<const std::string&>()))
                        : std::end(names);
    if (it != std::end(names)) return static_cast<std::size_t>(it - std::begin(names));
    std::string expected;
    for (const std::string_view one : names) expected.append(expected.empty() ? "" : ", ").append(one);
    wrong(name, "expected one of " + expected);
    return 0;
  }
  /// A price of a unit: text, so that no digit is lost on the way.
  Micros money(std::string_view name, bool required) {
    const json* value = find(name, required);
    if (value == nullptr) return {};
    const auto amount = value->is_string() ? parse_money(value->get_ref<const std::string&>())
                                           : fail(Code::kInvalid, "expected an amount as text, such as \"0.21\"");
    if (!amount) return wrong(name, amount.error().message), Micros{};
    if (amount->value < 0 || amount->value > kMaxPrice) return wrong(name, "expected 0 to 1,000,000"), Micros{};
    return *amount;
  }
  /// The elements of an array with their pointers.
  template <typename Visit>
  void each(std::string_view name, std::size_t least, std::size_t most, Visit visit) {
    const json* value = find(name, least > 0);
    if (value == nullptr) return;
    if (!value->is_array() || value->size() < least || value->size() > most) {
      return wrong(name, fmt::format("expected a list of {} to {} entries", least, most));
    }
    for (std::size_t i = 0; i < value->size(); ++i) visit((*value)[i], fmt::format("{}/{}/{}", pointer_, name, i));
  }
  void wrong(std::string_view name, std::string message) {
    problems_.push_back({name.empty() ? pointer_ : fmt::format("{}/{}", pointer_, name), std::move(message)});
  }
  [[nodiscard]] model::Problems& problems() { return problems_; }

 private:
  const json& object_;
  const std::string pointer_;
  model::Problems& problems_;
};

std::string read_text(const json& value, const std::string& pointer, model::Problems& problems) {
  if (value.is_string() && value.get_ref<const std::string&>().size() <= kMaxName) return value.get<std::string>();
  problems.push_back({pointer, "expected a short text"});
  return {};
}

/// "+08:00", "-03:30", "+00:00".
std::chrono::minutes read_offset(ObjectReader& in) {
  const std::string text = in.text("utc_offset", false);
  if (text.empty()) return std::chrono::minutes(480);
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() == 6 && (text[0] == '+' || text[0] == '-') && digit(1) && digit(2) && text[3] == ':' && digit(4) &&
      digit(5)) {
    const int minutes = ((text[1] - '0') * 10 + text[2] - '0') * 60 + (text[4] - '0') * 10 + text[5] - '0';
    if (minutes <= 14 * 60 && minutes % 15 == 0) return std::chrono::minutes(text[0] == '-' ? -minutes : minutes);
  }
  in.wrong("utc_offset", "expected an offset such as +08:00, in quarters of an hour");
  return {};
}

Region read_region(const json& value, const std::string& pointer, model::Problems& problems) {
  ObjectReader in(value, pointer, problems, {"name", "countries"});
  Region out{.name = in.text("name", true), .countries = {}};
  in.each("countries", 1, 300, [&](const json& one, const std::string& at) {
    const std::string country = read_text(one, at, problems);
    const bool is_code =
        country.size() == 2 && std::ranges::all_of(country, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!is_code && country != "*") problems.push_back({at, "expected a country such as CN, or * for all others"});
    out.countries.push_back(country);
  });
  return out;
}

PriceTier read_tier(const json& value, const std::string& pointer, model::Problems& problems) {
  ObjectReader in(value, pointer, problems, {"up_to", "price"});
  PriceTier out;
  if (in.find("up_to") != nullptr) out.up_to = in.number("up_to", 1, 1, kMaxUpTo);
  out.price = in.money("price", true);
  return out;
}

/// "0.21", or {"kind": …, "tiers": […]}.
Price read_price(ObjectReader& item, const std::string& pointer) {
  Price out;
  const json* value = item.find("price", true);
  if (value == nullptr) return out;
  if (!value->is_object()) {
    out.tiers = {{{}, item.money("price", true)}};
    return out;
  }
  ObjectReader in(*value, pointer + "/price", item.problems(), {"kind", "tiers"});
  out.kind = static_cast<PriceKind>(in.choice("kind", kPriceKinds, true));
  out.tiers.clear();
  in.each("tiers", 1, kMaxTiers,
          [&](const json& tier, const std::string& at) { out.tiers.push_back(read_tier(tier, at, item.problems())); });
  for (std::size_t i = 0; i < out.tiers.size(); ++i) {
    const bool is_last = i + 1 == out.tiers.size();
    if (out.tiers[i].up_to.has_value() == is_last) {
      in.wrong(fmt::format("tiers/{}", i), is_last ? "the last tier has no up_to" : "expected up_to");
    } else if (i > 0 && !is_last && *out.tiers[i].up_to <= out.tiers[i - 1].up_to.value_or(0)) {
      in.wrong(fmt::format("tiers/{}/up_to", i), "expected more than in the tier before");
    }
  }
  if (out.kind == PriceKind::kFlat && out.tiers.size() > 1) in.wrong("kind", "a flat price has one tier");
  if (out.tiers.empty()) out.tiers = {{{}, {}}};
  return out;
}

std::optional<Commit> read_commit(ObjectReader& item, const std::string& pointer) {
  const json* value = item.find("commit");
  if (value == nullptr) return std::nullopt;
  ObjectReader in(*value, pointer + "/commit", item.problems(), {"mbps", "overage"});
  Commit out{.mbps = in.number("mbps", 0, 1, kMaxCommit), .overage = {}};
  if (in.find("overage") != nullptr) out.overage = in.money("overage", true);
  return out;
}

std::uint32_t read_minute_of_day(ObjectReader& in, std::string_view name, std::uint32_t otherwise) {
  const std::string text = in.text(name, false);
  if (text.empty()) return otherwise;
  const bool fits = text.size() == 5 && text[2] == ':' &&
                    std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; }) == 4;
  const int minute = fits ? ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0' : -1;
  if (fits && minute <= 24 * 60 && text[3] < '6' && minute % static_cast<int>(kPointMinutes) == 0) {
    return static_cast<std::uint32_t>(minute);
  }
  in.wrong(name, "expected a time of the day such as 08:00, in steps of five minutes");
  return otherwise;
}

/// What makes sense for one mode only.
void check_item(ObjectReader& in, const Item& item) {
  const bool has_bandwidth = is_bandwidth(item.mode);
  if (item.valid_days && !has_bandwidth) in.wrong("valid_days", "only bandwidth has valid days");
  if (item.commit && !has_bandwidth) in.wrong("commit", "only bandwidth has a commitment");
  const bool has_class = std::ranges::find(item.classes, true) != item.classes.end();
  if (item.mode == Mode::kRequests && !has_class) in.wrong("classes", "expected at least one class of requests");
  if (item.mode != Mode::kRequests) {
    for (const std::string_view name : {"classes", "per", "round_up"}) {
      if (in.find(name) != nullptr) in.wrong(name, "only for mode requests");
    }
  }
  if (item.mode != Mode::kMonth95NightHalf) {
    for (const std::string_view name : {"night_from", "night_until"}) {
      if (in.find(name) != nullptr) in.wrong(name, "only for mode month_95_night_half");
    }
  }
  if (item.mode == Mode::kFixed && !item.regions.empty()) in.wrong("regions", "a fee has no region");
  if (item.mode != Mode::kFixed && item.regions.empty()) in.wrong("regions", "expected at least one region");
}

Item read_item(const json& value, const std::string& pointer, model::Problems& problems) {
  ObjectReader in(value, pointer, problems,
                  {"id", "label", "mode", "regions", "price", "commit", "valid_days", "night_from", "night_until",
                   "classes", "per", "round_up"});
  std::array<std::string_view, 10> modes;
  for (std::size_t i = 0; i < modes.size(); ++i) modes[i] = to_string(static_cast<Mode>(i));
  std::array<std::string_view, kRequestClasses> classes;
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = to_string(static_cast<RequestClass>(i));

  Item out;
  out.id = in.text("id", true);
  out.label = in.text("label", false);
  if (out.label.empty()) out.label = out.id;
  out.mode = static_cast<Mode>(in.choice("mode", modes, true));
  in.each("regions", 0, 64,
          [&](const json& one, const std::string& at) { out.regions.push_back(read_text(one, at, problems)); });
  out.price = read_price(in, pointer);
  out.commit = read_commit(in, pointer);
  out.valid_days = in.boolean("valid_days");
  out.night_from = read_minute_of_day(in, "night_from", 0);
  out.night_until = read_minute_of_day(in, "night_until", 480);
  in.each("classes", 0, kRequestClasses, [&](const json& one, const std::string& at) {
    const auto it = std::ranges::find(classes, std::string_view(read_text(one, at, problems)));
    if (it == classes.end()) return problems.push_back({at, "expected a class of requests such as tls_static"});
    out.classes[static_cast<std::size_t>(it - classes.begin())] = true;
  });
  out.per = in.number("per", 10'000, 1, 1'000'000'000);
  out.round_up = static_cast<RoundUp>(in.choice("round_up", kRoundUps, false));
  check_item(in, out);
  return out;
}

/// What must hold between regions and items.
void check_names(const Plan& plan, model::Problems& problems) {
  std::set<std::string> regions, countries, items;
  for (std::size_t i = 0; i < plan.regions.size(); ++i) {
    const std::string pointer = fmt::format("/regions/{}", i);
    if (!regions.insert(plan.regions[i].name).second) problems.push_back({pointer + "/name", "is there twice"});
    for (const std::string& country : plan.regions[i].countries) {
      if (!countries.insert(country).second) problems.push_back({pointer + "/countries", country + " is there twice"});
    }
  }
  if (!plan.regions.empty() && !countries.contains("*")) {
    problems.push_back({"/regions", "one region must have the country *: all that no other has"});
  }
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    const std::string pointer = fmt::format("/items/{}", i);
    if (!items.insert(plan.items[i].id).second) problems.push_back({pointer + "/id", "is there twice"});
    std::set<std::string> own;
    for (const std::string& region : plan.items[i].regions) {
      if (!regions.contains(region)) problems.push_back({pointer + "/regions", "there is no region " + region});
      if (!own.insert(region).second) problems.push_back({pointer + "/regions", region + " is there twice"});
    }
  }
}

json price_json(const Price& price) {
  if (price.kind == PriceKind::kFlat) return to_string(price.tiers[0].price);
  json tiers = json::array();
  for (const PriceTier& tier : price.tiers) {
    json one{{"price", to_string(tier.price)}};
    if (tier.up_to) one["up_to"] = *tier.up_to;
    tiers.push_back(std::move(one));
  }
  return {{"kind", kPriceKinds[static_cast<std::size_t>(price.kind)]}, {"tiers", std::move(tiers)}};
}

std::string show_minute_of_day(std::uint32_t minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); }

json item_json(const Item& item) {
  json out{{"id", item.id}, {"label", item.label}, {"mode", to_string(item.mode)}, {"price", price_json(item.price)}};
  if (!item.regions.empty()) out["regions"] = item.regions;
  if (item.commit) {
    out["commit"] = {{"mbps", item.commit->mbps}};
    if (item.commit->overage) out["commit"]["overage"] = to_string(*item.commit->overage);
  }
  if (item.valid_days) out["valid_days"] = true;
  if (item.mode == Mode::kMonth95NightHalf) {
    out["night_from"] = show_minute_of_day(item.night_from);
    out["night_until"] = show_minute_of_day(item.night_until);
  }
  if (item.mode == Mode::kRequests) {
    out["classes"] = json::array();
    for (std::size_t i = 0; i < kRequestClasses; ++i) {
      if (item.classes[i]) out["classes"].push_back(to_string(static_cast<RequestClass>(i)));
    }
    out["per"] = item.per;
    out["round_up"] = kRoundUps[static_cast<std::size_t>(item.round_up)];
  }
  return out;
}

std::string show_offset(std::chrono::minutes offset) {
  const auto size = std::abs(offset.count());
  return fmt::format("{}{:02}:{:02}", offset.count() < 0 ? '-' : '+', size / 60, size % 60);
}

}  // namespace

tl::expected<Plan, model::Problems> read_plan(const json& document) {
  model::Problems problems;
  ObjectReader in(document, "", problems,
                  {"currency", "gb_base", "utc_offset", "overhead_permille", "regions", "items"});
  Plan out;
  if (const std::string currency = in.text("currency", false); !currency.empty()) out.currency = currency;
  const bool is_code =
      out.currency.size() == 3 && std::ranges::all_of(out.currency, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!is_code) in.wrong("currency", "expected three letters (ISO 4217)");
  out.gb_base = static_cast<std::uint32_t>(in.number("gb_base", 1000, 1000, 1024));
  if (out.gb_base != 1000 && out.gb_base != 1024) in.wrong("gb_base", "expected 1000 or 1024");
  out.utc_offset = read_offset(in);
  out.overhead_permille = static_cast<std::uint32_t>(in.number("overhead_permille", 1000, 1000, 2000));
  in.each("regions", 1, 64,
          [&](const json& one, const std::string& at) { out.regions.push_back(read_region(one, at, problems)); });
  in.each("items", 1, kMaxItems,
          [&](const json& one, const std::string& at) { out.items.push_back(read_item(one, at, problems)); });
  check_names(out, problems);
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return out;
}

json to_json(const Plan& plan) {
  json regions = json::array();
  for (const Region& region : plan.regions) {
    regions.push_back({{"name", region.name}, {"countries", region.countries}});
  }
  json items = json::array();
  for (const Item& item : plan.items) items.push_back(item_json(item));
  return {{"currency", plan.currency},
          {"gb_base", plan.gb_base},
          {"utc_offset", show_offset(plan.utc_offset)},
          {"overhead_permille", plan.overhead_permille},
          {"regions", std::move(regions)},
          {"items", std::move(items)}};
}

}  // namespace yz::billing
