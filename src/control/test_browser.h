#pragma once

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/test_cluster.h"

namespace yz::control::test {

/// Signs in and keeps cookie and CSRF token, as a portal in a browser does.
class Browser final {
 public:
  explicit Browser(TestControl& control) : control_(control) {}

  Response sign_in(const std::string& email, const std::string& password, const std::string& code = "") {
    nlohmann::json body = {{"email", email}, {"password", password}};
    if (!code.empty()) body["code"] = code;
    return keep(call("POST", "/api/v1/session", body.dump()));
  }
  Response call(const std::string& method, const std::string& path, const std::string& body = "",
                std::vector<std::pair<std::string, std::string>> headers = {}) {
    if (!cookie_.empty()) headers.emplace_back("Cookie", cookie_);
    if (!csrf_.empty()) headers.emplace_back("X-Csrf-Token", csrf_);
    return control_.call(method, path, body, std::move(headers), "");
  }
  Response get(const std::string& path) { return call("GET", path); }
  Response post(const std::string& path, const nlohmann::json& body) { return call("POST", path, body.dump()); }
  Response put(const std::string& path, const nlohmann::json& body) { return keep(call("PUT", path, body.dump())); }
  void forget_csrf() { csrf_.clear(); }
  [[nodiscard]] bool is_signed_in() { return get("/api/v1/session").status == 200; }

 private:
  Response keep(Response answer) {
    const auto set = answer.headers.find("set-cookie");
    if (set != answer.headers.end()) cookie_ = set->second.substr(0, set->second.find(';'));
    if (set != answer.headers.end()) csrf_ = answer.json().value("csrf", "");
    return answer;
  }

  TestControl& control_;
  std::string cookie_;
  std::string csrf_;
};

/// Makes a user and chooses their password, so that they can work at once.
inline Browser signed_in_user(TestControl& control, nlohmann::json user) {
  user["password"] = "chosen by an admin";
  const Response made = control.post("/api/v1/users", user);
  EXPECT_EQ(made.status, 201) << made.body;
  Browser browser(control);
  EXPECT_EQ(browser.sign_in(user["email"], "chosen by an admin").status, 201);
  const Response changed =
      browser.put("/api/v1/account/password", {{"current", "chosen by an admin"}, {"password", "chosen by the user"}});
  EXPECT_EQ(changed.status, 200) << changed.body;
  return browser;
}

}  // namespace yz::control::test
