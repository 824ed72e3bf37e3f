#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/origin.h"
#include "net/http_client.h"

namespace yz::edge {

/// Signs a request to a private origin as its group says, with the fields that go on the wire, after all others were
/// set: `request.host` is the Host that is sent. An Authorization of the viewer's is replaced. Only GET and HEAD are
/// signed: a viewer may read through us, not write. Does nothing for model::OriginAuth::kNone.
void sign_for_origin(net::ClientRequest& request, const model::OriginGroup& group, WallTime now);

/// The canonical request of AWS Signature Version 4 for service s3: method, path, query, the host and all x-amz- fields
/// (in lower case, sorted), their names, and the payload's hash, which x-amz-content-sha256 tells.
[[nodiscard]] std::string aws_canonical_request(const net::ClientRequest& request);

/// What Alibaba Cloud's OSS has signed: verb, empty MD5 and type unless sent, date, x-oss- fields, "/bucket/path" with
/// the query parameters that name a sub-resource.
[[nodiscard]] std::string oss_string_to_sign(const net::ClientRequest& request, std::string_view date,
                                             std::string_view bucket);

}  // namespace yz::edge
