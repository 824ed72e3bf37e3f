#include "http/storability.h"

#include "http/vary.h"

namespace yz::http {
namespace {

/// Final codes whose caching requirements this room implements (RFC 9111 §5.2.2.3).
bool is_understood(StatusCode status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
    case 400:
    case 401:
    case 403:
    case 404:
    case 405:
    case 410:
    case 414:
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

bool may_share_authorized(const ResponseDirectives& d) { return d.is_public || d.must_revalidate || d.s_maxage; }

}  // namespace

std::string_view to_string(Storability verdict) {
  switch (verdict) {
    case Storability::kStore:
      return "store";
    case Storability::kMethod:
      return "method";
    case Storability::kStatus:
      return "status";
    case Storability::kNoStore:
      return "no-store";
    case Storability::kPrivate:
      return "private";
    case Storability::kAuthorization:
      return "authorization";
    case Storability::kVaryAny:
      return "vary-any";
    case Storability::kSetCookie:
      return "set-cookie";
    case Storability::kClientError:
      return "client-error";
    case Storability::kContentType:
      return "content-type";
    case Storability::kNoFreshness:
      return "no-freshness";
  }
  return "";
}

bool blames_the_request(StatusCode status) {
  switch (status) {
    case 400:
    case 406:
    case 408:
    case 411:
    case 412:
    case 413:
    case 414:
    case 415:
    case 416:
    case 417:
    case 421:
    case 422:
    case 425:
    case 426:
    case 428:
    case 429:
    case 431:
      return true;
    default:
      return false;
  }
}

Storability decide_storability(Method method, Fields request, StatusCode status, Fields response,
                               const ResponseDirectives& directives, const Lifetime& lifetime, Profile profile) {
  if (method != Method::kGet) return Storability::kMethod;
  if (is_informational(status) || status == 206 || status == 304 || status == 416) return Storability::kStatus;
  const bool understood = is_understood(status);
  if (directives.must_understand && !understood) return Storability::kStatus;
  // §5.2.2.3: a cache that understands the code ignores the no-store meant for those that do not.
  if (directives.no_store && !directives.must_understand) return Storability::kNoStore;
  if (profile == Profile::kRfc && request_directives(request).no_store) return Storability::kNoStore;
  if (directives.is_private) return Storability::kPrivate;
  if (request.has(FieldId::kAuthorization) && !may_share_authorized(directives)) return Storability::kAuthorization;
  if (varies_on_everything(response)) return Storability::kVaryAny;
  if (profile == Profile::kSafe) {
    if (response.has(FieldId::kSetCookie)) return Storability::kSetCookie;
    // What an origin tells CDNs in particular it means.
    if (blames_the_request(status) && !(directives.targeted && lifetime.is_explicit)) return Storability::kClientError;
  }
  const bool permitted = lifetime.is_explicit || directives.is_public || is_heuristically_cacheable(status);
  if (!permitted) return Storability::kNoFreshness;
  const bool validator = response.has(FieldId::kEtag) || response.has(FieldId::kLastModified);
  if (lifetime.value <= seconds(0) && !validator) return Storability::kNoFreshness;
  return Storability::kStore;
}

}  // namespace yz::http
