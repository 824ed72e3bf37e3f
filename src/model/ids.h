#pragma once

#include "base/strong_id.h"

namespace yz::model {

using TenantId = StrongId<struct TenantTag>;
using DomainId = StrongId<struct DomainTag>;
using OriginGroupId = StrongId<struct OriginGroupTag>;
using NodeId = StrongId<struct NodeTag>;
using NodeGroupId = StrongId<struct NodeGroupTag>;
using PolicyId = StrongId<struct PolicyTag>;
using CertificateId = StrongId<struct CertificateTag>;
using ChallengeId = StrongId<struct ChallengeTag>;
using SuspensionId = StrongId<struct SuspensionTag>;
using TaskId = StrongId<struct TaskTag>;

/// The number of a configuration change: given in commit order without gaps; 0 is the empty configuration.
using ConfigSeq = StrongId<struct ConfigSeqTag>;
/// The number of a purge record: given in commit order without gaps; 0 is before the first.
using PurgeSeq = StrongId<struct PurgeSeqTag>;

}  // namespace yz::model
