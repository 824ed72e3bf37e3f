#pragma once

#include "net/openssl.h"

namespace yz::net {

class TlsStream;

/// A BIO that reads from the stream's socket, without asking it when its watch knows that nothing is there, and hands
/// what is written to the stream (TlsStream decides when it leaves). With TLS 1.3 it takes the sealing of what is sent
/// over from OpenSSL (RecordSealer). The stream outlives it.
[[nodiscard]] BIO* make_socket_bio(TlsStream& stream);

}  // namespace yz::net
