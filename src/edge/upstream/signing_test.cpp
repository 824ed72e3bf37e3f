#include "edge/upstream/signing.h"

#include <gtest/gtest.h>

namespace yz::edge {
namespace {

WallTime at(std::string_view text) { return parse_rfc3339(text).value(); }

model::OriginGroup aws_group() {
  model::OriginGroup group;
  group.auth = model::OriginAuth::kAwsV4;
  group.auth_key = "AKIAIOSFODNN7EXAMPLE";
  group.auth_secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  group.auth_region = "us-east-1";
  return group;
}

net::ClientRequest aws_request() {
  net::ClientRequest request;
  request.host = "examplebucket.s3.amazonaws.com";
  request.target = "/a b/%c3%A9.txt?x=%7e&prefix&marker=a/b";
  return request;
}

TEST(AwsSigning, WritesPathAndQueryInOneWay) {
  net::ClientRequest request = aws_request();
  request.headers.add("X-Amz-Date", "20130524T000000Z");
  request.headers.add("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  EXPECT_EQ(aws_canonical_request(request),
            "GET\n/a%20b/%C3%A9.txt\nmarker=a%2Fb&prefix=&x=~\nhost:examplebucket.s3.amazonaws.com\n"
            "x-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:20130524T000000Z\n\n"
            "host;x-amz-content-sha256;x-amz-date\nUNSIGNED-PAYLOAD");
}

// The credentials and the day of the example in the S3 documentation; the signature was computed by a script that also
// gives the documented one for the documented request.
TEST(AwsSigning, SignsAsAnIndependentScriptDoes) {
  net::ClientRequest request = aws_request();
  request.headers.add("Authorization", "Basic of the viewer");
  sign_for_origin(request, aws_group(), at("2013-05-24T00:00:00Z"));
  EXPECT_EQ(request.headers.value("Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
            "Signature=043d11ba880691a603f177d072833fb9b82500e61074ff084201f85a80059447");
}

TEST(AwsSigning, AFieldOfTheServiceFromOutsideIsSignedToo) {
  net::ClientRequest request = aws_request();
  request.headers.add("X-Amz-Request-Payer", "requester");
  sign_for_origin(request, aws_group(), at("2013-05-24T00:00:00Z"));
  EXPECT_NE(request.headers.value("Authorization")->find("x-amz-date;x-amz-request-payer,"), std::string_view::npos);
}

// The example of the OSS documentation ("Include signatures in the Authorization header").
TEST(OssSigning, SignsAsTheDocumentationDoes) {
  net::ClientRequest request;
  request.method = "PUT";
  request.target = "/nelson";
  request.headers = {{"Content-MD5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="},
                     {"Content-Type", "text/html"},
                     {"X-OSS-Meta-Author", "foo@bar.com"},
                     {"X-OSS-Magic", "abracadabra"}};
  EXPECT_EQ(oss_string_to_sign(request, "Thu, 17 Nov 2005 18:49:58 GMT", "oss-example"),
            "PUT\nODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=\ntext/html\nThu, 17 Nov 2005 18:49:58 GMT\n"
            "x-oss-magic:abracadabra\nx-oss-meta-author:foo@bar.com\n/oss-example/nelson");
}

TEST(OssSigning, NamesTheBucketOfTheHostAndTheProcessing) {
  model::OriginGroup group;
  group.auth = model::OriginAuth::kAliOss;
  group.auth_key = "id";
  group.auth_secret = "secret";
  net::ClientRequest request;
  request.host = "pics.oss-cn-hangzhou.aliyuncs.com";
  request.target = "/a.jpg?v=7&x-oss-process=style/s";
  sign_for_origin(request, group, at("2013-05-24T00:00:00Z"));
  EXPECT_EQ(request.headers.value("Date"), "Fri, 24 May 2013 00:00:00 GMT");
  EXPECT_EQ(request.headers.value("Authorization"), "OSS id:pRZ/Rc/v8yVnpe54UPcoiRcep24=");
}

TEST(Signing, NobodyWritesThroughOurKey) {
  for (const char* method : {"PUT", "POST", "DELETE"}) {
    net::ClientRequest request = aws_request();
    request.method = method;
    sign_for_origin(request, aws_group(), at("2013-05-24T00:00:00Z"));
    EXPECT_EQ(request.headers.size(), 0U) << method;
  }
}

}  // namespace
}  // namespace yz::edge
