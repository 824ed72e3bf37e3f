// Requests that nobody's client would send, to every operation of api/openapi.yaml: bodies half right and half absurd,
// ids of other tenants, wrong types, huge numbers, deep nesting. Whatever comes, control answers below 500 and shows
// and changes no row of another tenant. YZ_HOSTILE_ROUNDS sets how often each operation is asked, YZ_HOSTILE_SEED by
// which chances; `./dev hostile SECONDS` goes through seeds for as long as it is told.

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/text.h"
#include "control/permission.h"
#include "control/test_cluster.h"
#include "control/test_openapi.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::Operation;
using test::TestControl;

/// In every name that the victim has, and in nothing that is sent.
constexpr std::string_view kMark = "victim";

std::uint64_t asked_for(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

std::string nested(std::string_view open, std::string_view close, std::size_t depth) {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i) out += open;
  for (std::size_t i = 0; i < depth; ++i) out += close;
  return out;
}

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

/// Makes requests by the description, and spoils them.
class Author final {
 public:
  Author(json openapi, std::uint64_t seed) : openapi_(std::move(openapi)), random_(seed) {}

  [[nodiscard]] bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  template <typename T>
  [[nodiscard]] T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + random_.below(choices.size()));
  }

  /// The value of `{id}`: a row's number, mostly one that somebody has.
  std::string id() { return chance(75) ? std::to_string(1 + random_.below(8)) : nobodys_id(); }
  std::string nobodys_id() {
    return one_of<std::string>({"0", "-1", "18446744073709551615", "9223372036854775808", "1e3", "%00", "..%2f1", "x"});
  }

  /// Of the operation, seldom another.
  std::string method(const Operation& operation) {
    return chance(97) ? operation.method : one_of<std::string>({"PUT", "PATCH", "POST", "OPTIONS", "BREW"});
  }

  /// What clients and proxies add.
  std::vector<std::pair<std::string, std::string>> headers() {
    std::vector<std::pair<std::string, std::string>> out;
    if (chance(95)) out.emplace_back("If-Match", "*");
    if (chance(10)) out.emplace_back("Idempotency-Key", "key" + id());
    if (chance(3)) out.emplace_back("Idempotency-Key", std::string(one_of<std::size_t>({0, 1, 300, 4000}), 'k'));
    if (chance(3)) out.emplace_back("If-None-Match", one_of<std::string>({"*", "\"1\"", "W/\"1\", \"2", ",,\""}));
    if (chance(2))
      out.emplace_back("Content-Type", one_of<std::string>({"text/plain", "", "application/json; x=\"", "*"}));
    if (chance(2))
      out.emplace_back("Cookie", one_of<std::string>({"yz_session=", "yz_session=\xff; yz_session=a", "=;=", ";"}));
    if (chance(2)) out.emplace_back("X-Forwarded-For", one_of<std::string>({"x", "::1, 10.0.0.1", ",", "256.1.1.1"}));
    if (chance(2)) out.emplace_back("Last-Event-ID", one_of<std::string>({"-1", "x", "18446744073709551616"}));
    return out;
  }

  std::string query(const Operation& operation) {
    std::string out;
    for (const json& given : operation.description.value("parameters", json::array())) {
      const json& parameter = resolve(given);
      if (parameter.value("in", "") != "query" || chance(50)) continue;
      const json value = make(parameter.value("schema", json::object()), 0);
      const std::string text = value.is_string() ? value.get<std::string>() : text_of(value);
      out += (out.empty() ? "?" : "&") + parameter.value("name", "") + "=" + percent_encode(text);
    }
    if (chance(5))
      out += (out.empty() ? "?" : "&") + one_of<std::string>({"limit=%zz", "&=&&", "cursor=%00", "a[]=1&%"});
    return out;
  }

  std::string body(const Operation& operation) {
    if (chance(4)) {
      return one_of<std::string>({"{", "[]", "null", "\"\xff\xfe\"", R"({"name":"\ud800"})", R"({"a":1e400})",
                                  nested(R"({"name":)", "}", 50'000), nested("[", "]", 100'000),
                                  R"({"name":)" + nested("[", "]", 100'000) + "}"});
    }
    const json* schema = &operation.description;
    for (const char* step : {"requestBody", "content", "application/json", "schema"}) {
      const auto it = schema->find(step);
      if (it == schema->end()) return chance(80) ? "" : text_of(wild(0));
      schema = &*it;
    }
    // Some bodies are right, most are wrong in one place or two, some in most.
    spoilt_ = one_of<std::uint64_t>({0, 3, 3, 20});
    optional_ = one_of<std::uint64_t>({5, 30, 60});
    json made = make(*schema, 0);
    // Nothing out there is asked.
    if (operation.path.ends_with("/origin-check") && made.is_object()) {
      made["host"] = one_of<std::string>({"127.0.0.1", "::1", "[::1]", "0x7f.1", "127.0.0.2", "-", "a b", "\n", ""});
    }
    if (made.is_object() && chance(10)) made[one_of<std::string>({"id", "tenant", "", "\n", "role"})] = wild(0);
    return text_of(made);
  }

 private:
  const json& resolve(const json& schema) const {
    const json* out = &schema;
    while (out->is_object() && out->contains("$ref")) {
      out = &openapi_.at(json::json_pointer(out->at("$ref").get<std::string>().substr(1)));
    }
    return *out;
  }

  /// Something that fits the schema, more often than not.
  json make(const json& given, std::size_t depth, std::string_view name = {}) {
    const json& schema = resolve(given);
    if (chance(spoilt_)) return wild(0);
    for (const char* choices : {"enum", "oneOf", "anyOf"}) {
      const auto it = schema.find(choices);
      if (it == schema.end() || it->empty()) continue;
      const json& chosen = it->at(random_.below(it->size()));
      return std::string_view(choices) == "enum" ? chosen : make(chosen, depth + 1, name);
    }
    const json type = schema.value("type", json("string"));
    const std::string kind = type.is_array() ? type.front().get<std::string>() : type.get<std::string>();
    if (kind == "object") return make_object(schema, depth);
    if (kind == "array") {
      json out = json::array();
      for (std::uint64_t n = depth > 6 ? 0 : random_.below(3); n > 0; --n) {
        out.push_back(make(schema.value("items", json::object()), depth + 1, name));
      }
      return out;
    }
    if (kind == "integer" || kind == "number") return random_.below(9);
    if (kind == "boolean") return chance(50);
    return plausible(name);
  }

  json make_object(const json& schema, std::size_t depth) {
    json out = json::object();
    for (const json& part : schema.value("allOf", json::array())) {
      const json made = make(part, depth + 1);
      if (made.is_object()) out.update(made);
    }
    const json required = schema.value("required", json::array());
    const json properties = schema.value("properties", json::object());
    for (const auto& [name, property] : properties.items()) {
      const bool is_needed = std::find(required.begin(), required.end(), json(name)) != required.end();
      if (chance(is_needed ? 100 - spoilt_ : optional_) && depth < 8) out[name] = make(property, depth + 1, name);
    }
    return out;
  }

  json plausible(std::string_view name) {
    const std::string number = std::to_string(random_.below(50));
    if (chance(70)) {
      if (name == "name") return one_of<std::string>({"x" + number, "www" + number + ".b.com"});
      if (name == "host" || name == "addresses" || name == "address") return "127.0.0." + number;
      if (name == "email") return "o" + number + "@b.com";
      if (name == "month") return "2026-0" + std::to_string(1 + random_.below(9));
      if (name == "from") return one_of<std::string>({"2026-01-01", "2026-11-01T00:00:00Z"});
      if (name == "until" || name == "to") return "2027-01-01T00:00:00Z";
      if (name == "domain" || name == "domains" || name == "names") return "www.a.com";
      if (name == "urls" || name == "prefixes") return "http://www.a.com/" + number;
      if (name == "price" || name == "flat") return "0.10";
    }
    return one_of<std::string>({"x",
                                "www.b.com",
                                "*.b.com",
                                "127.0.0.1",
                                "2001:db8::/32",
                                "10.0.0.0/8",
                                "5m",
                                "250ms",
                                "2026-11-21T03:04:05Z",
                                "2026-11",
                                "^/a(b|c)*$",
                                "/a/*",
                                "CN",
                                "CN-BJ",
                                "unicom",
                                "text/html",
                                "1.50",
                                "GB",
                                "correct horse battery",
                                "x-name",
                                "200",
                                "1"});
  }

  /// Nothing that anybody expects.
  json wild(std::size_t depth) {
    switch (random_.below(depth > 2 ? 6 : 8)) {
      case 0:
        return nullptr;
      case 1:
        return one_of<json>({0, -1, 4294967296, 9223372036854775807, 18446744073709551615U, 1e308, -0.5});
      case 2:
        return chance(50);
      case 3:
        return one_of<std::string>({"", " ", std::string(1, '\0'), "\r\nX: y", "'; DROP TABLE resource; --", "%s%n",
                                    "../../etc/passwd", "\xc3\x28", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
                                    "9999-12", "99999999999999999999", "-1", "(((((a+)+)+)+)+)$", "=1+1", "::", "*"});
      case 4:
        return std::string(chance(90) ? 300 : 70'000, chance(50) ? 'a' : '.');
      case 5:
        return random_.next();
      case 6:
        return json::array({wild(depth + 1), wild(depth + 1)});
      default:
        return json{{"id", wild(depth + 1)}, {"name", wild(depth + 1)}};
    }
  }

  const json openapi_;
  Random random_;
  std::uint64_t spoilt_ = 8;  // per cent of what is made
  std::uint64_t optional_ = 30;
};

class HostileRequests : public testing::Test {
 protected:
  void SetUp() override {
    world_ = control_.make_world(1);
    const std::string mark(kMark);
    victim_ = control_.create("tenants", {{"name", mark}});
    const std::uint64_t origins = control_.create(
        "origin-groups",
        {{"tenant", victim_}, {"name", mark + "-origin"}, {"origins", {{{"host", "127.0.0.1"}, {"port", 9000}}}}});
    control_.create("domains", {{"tenant", victim_}, {"name", "www." + mark + ".com"}, {"origin_group", origins}});
    control_.create("users", {{"tenant", victim_}, {"email", "o@" + mark + ".com"}, {"role", "owner"}});
    control_.create("tokens", {{"tenant", victim_}, {"name", mark + "-token"}, {"role", "tenant"}});
    const std::uint64_t plan =
        control_.create("plans", {{"name", "p"},
                                  {"plan",
                                   {{"regions", {{{"name", "all"}, {"countries", {"*"}}}}},
                                    {"items", {{{"id", "f"}, {"mode", "fixed"}, {"price", "1"}}}}}}});
    control_.create("contracts", {{"tenant", victim_}, {"plan", plan}, {"from", "2024-01-01"}});
    control_.create("statements", {{"tenant", victim_}, {"month", "2024-01"}});
    EXPECT_EQ(control_.post("/api/v1/refresh", {{"domains", {"www." + mark + ".com"}}}).status, 202);
  }

  void TearDown() override { RecordProperty("requests", std::to_string(asked_)); }

  /// All rows of the victim, as its operator sees them.
  std::string victims_rows() {
    std::string out;
    for (const char* list : {"domains", "origin-groups", "users", "tokens", "contracts", "packages", "statements",
                             "tasks", "certificates", "certificates/orders", "caps"}) {
      const json page = control_.get(std::string("/api/v1/") + list + "?limit=500").json();
      for (const json& row : page["items"]) {
        if (row.value("tenant", std::uint64_t{0}) == victim_) out += row.dump() + "\n";
      }
    }
    return out;
  }

  /// Asks every operation again and again.
  template <typename Judge>
  void ask_all(const std::string& token, std::uint64_t seed, Judge judge) {
    const json openapi = test::openapi();
    Author author(openapi, asked_for("YZ_HOSTILE_SEED", 0) * 1000 + seed);
    const std::uint64_t rounds = asked_for("YZ_HOSTILE_ROUNDS", 6);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (const Operation& operation : test::operations_of(openapi)) {
        if (operation.method == "DELETE" && author.chance(80)) continue;  // or nothing would be left to ask for
        // A stream that is always open is read until our patience ends: once.
        const bool is_endless = operation.path.ends_with("/events") && operation.path.find('{') == std::string::npos;
        if (is_endless && round > 0) continue;
        // A stream without an end, and what asks name servers, are asked about nothing that exists.
        const bool waits = operation.path.ends_with("/events") || operation.path.ends_with("/cname-check");
        const std::string id = waits ? author.nobodys_id() : author.id();
        const std::string method = author.method(operation);
        const std::string path = test::fill_path(operation.path, id) + author.query(operation);
        const std::string body = operation.method == "GET" ? "" : author.body(operation);
        const test::Response answer = control_.call(method, path, body, author.headers(), token);
        const std::string asked = method + " " + path + "\n" + body.substr(0, 2000);
        ASSERT_GE(answer.status, 200) << asked;
        EXPECT_LT(answer.status, 500) << asked << "\n" << answer.body;
        judge(operation, path, answer);
        ++asked_;
      }
    }
  }

  TestControl control_;
  TestControl::World world_;
  std::uint64_t victim_ = 0;
  std::uint64_t asked_ = 0;
};

TEST_F(HostileRequests, ShowAndChangeNothingOfAnotherTenant) {
  const std::string before = victims_rows();
  ASSERT_NE(before.find(kMark), std::string::npos);
  std::uint64_t seed = 1;
  for (const char* role : {"owner", "tenant", "member", "billing", "viewer"}) {
    json wish = {{"name", "attacker"}, {"role", role}, {"tenant", world_.tenant}};
    if (std::string_view(role) == "member") wish["domains"] = {world_.domain};
    const std::string token = control_.post("/api/v1/tokens", wish).json().value("token", "");
    ask_all(token, seed++, [&](const Operation& operation, const std::string& path, const test::Response& answer) {
      EXPECT_EQ(answer.body.find(kMark), std::string::npos) << role << ": " << operation.method << " " << path << "\n"
                                                            << answer.body;
    });
    EXPECT_EQ(victims_rows(), before) << role;
    if (HasFatalFailure()) return;
  }
}

TEST_F(HostileRequests, OfOperatorsAreAnsweredToo) {
  std::uint64_t seed = 100;
  for (const char* role : {"operator", "operations"}) {
    const std::string token =
        control_.post("/api/v1/tokens", {{"name", "clumsy"}, {"role", role}}).json().value("token", "");
    ask_all(token, seed++, [](const Operation&, const std::string&, const test::Response&) {});
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(control_.get("/healthz").status, 200);
}

TEST_F(HostileRequests, NeedNoAccountToBeAnswered) {
  ask_all("", 200, [](const Operation& operation, const std::string& path, const test::Response& answer) {
    EXPECT_EQ(answer.body.find(kMark), std::string::npos) << operation.method << " " << path;
  });
}

}  // namespace
}  // namespace yz::control
