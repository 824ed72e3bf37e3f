#include "model/usage.h"

namespace yz::model {

UsageCounts& UsageCounts::operator+=(const UsageCounts& other) {
  requests += other.requests;
  bytes_out += other.bytes_out;
  bytes_in += other.bytes_in;
  origin_requests += other.origin_requests;
  origin_bytes += other.origin_bytes;
  duration_us += other.duration_us;
  return *this;
}

}  // namespace yz::model
