#include "control/problem.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace yz::control {
namespace {

TEST(Problem, TakesItsStatusFromTheErrorsCode) {
  EXPECT_EQ(Problem(Error{Code::kInvalid, {}, false, "x"}).status, 400);
  EXPECT_EQ(Problem(Error{Code::kUnauthenticated, {}, false, "x"}).status, 401);
  EXPECT_EQ(Problem(Error{Code::kPermission, {}, false, "x"}).status, 403);
  EXPECT_EQ(Problem(Error{Code::kNotFound, {}, false, "x"}).status, 404);
  EXPECT_EQ(Problem(Error{Code::kAlreadyExists, {}, false, "x"}).status, 409);
  EXPECT_EQ(Problem(Error{Code::kUnavailable, {}, true, "x"}).status, 503);
  EXPECT_EQ(Problem(Error{Code::kCorrupt, {}, false, "x"}).status, 500);
}

TEST(Problem, NamesEveryWrongFieldByPointer) {
  const Problem wrong = unprocessable(model::Problems{{"/a/0", "expected x"}, {"/b", "expected y"}});
  const auto json = nlohmann::json::parse(wrong.to_json("/api/v1/domains", "r1"));
  EXPECT_EQ(json["status"], 422);
  EXPECT_EQ(json["type"], "urn:yizhan:problem:unprocessable");
  EXPECT_EQ(json["instance"], "/api/v1/domains");
  EXPECT_EQ(json["request_id"], "r1");
  EXPECT_EQ(json["errors"][1]["pointer"], "/b");
}

TEST(Problem, DoesNotTellClientsAboutFaultsOfOurs) {
  const Problem fault(Error{Code::kIo, Fault::kSelf, false, "/secret/path: disk gone"});
  EXPECT_EQ(fault.to_json("/", "r").find("secret"), std::string::npos);
}

}  // namespace
}  // namespace yz::control
