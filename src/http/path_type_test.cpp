#include "http/path_type.h"

#include <gtest/gtest.h>

namespace yz::http {
namespace {

TEST(PathType, APageUnderTheNameOfAFileIsAContradiction) {
  struct Case {
    std::string_view path;
    std::string_view type;
    bool contradicts;
  };
  for (const auto& c : {Case{"/account/x.css", "text/html; charset=utf-8", true},
                        {"/account/x.CSS", "Text/HTML", true},
                        {"/api/me/a.js", "application/json", true},
                        {"/api/me/a.png", "application/problem+json", true},
                        {"/a.css", "text/css", false},
                        {"/a.js", "text/plain", false},
                        {"/a.html", "text/html", false},
                        {"/a.json", "application/json", false},
                        {"/account", "text/html", false},
                        {"/v1.2/account", "text/html", false},
                        {"/a.css", "", false},
                        {"/", "text/html", false}}) {
    EXPECT_EQ(contradicts_extension(c.path, c.type), c.contradicts) << c.path << " " << c.type;
  }
}

}  // namespace
}  // namespace yz::http
