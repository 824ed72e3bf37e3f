#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/strong_id.h"
#include "billing/statement.h"
#include "model/usage.h"
#include "store/statistics_store.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

using PlanId = StrongId<struct PlanTag>;
using ContractId = StrongId<struct ContractTag>;
using PackageId = StrongId<struct PackageTag>;
using StatementId = StrongId<struct StatementTag>;

/// A plan's version: never changed, never removed.
struct StoredPlan {
  PlanId id;
  std::string name;
  std::uint64_t version = 1;
  billing::Plan plan;
  WallTime created;
};

/// From this day on the tenant is billed by this version of this plan, until a later contract begins.
struct Contract {
  ContractId id;
  model::TenantId tenant;
  std::string from_day;           ///< "2026-11-06", in the plan's time
  std::uint32_t from_minute = 0;  ///< the same in UTC
  PlanId plan;
  std::uint64_t version = 1;
  WallTime created;
};

struct StoredPackage {
  PackageId id;
  model::TenantId tenant;
  std::string item;
  std::uint64_t bytes = 0;
  std::uint32_t from_minute = 0;
  std::uint32_t until_minute = 0;
  WallTime created;
};

struct StoredStatement {
  StatementId id;
  model::TenantId tenant;
  std::string month;
  std::string body;  ///< the document, JSON
  WallTime created;
  std::optional<WallTime> closed;  ///< none: a draft
};

/// A month that can be closed.
struct OpenMonth {
  model::TenantId tenant;
  std::string month;
  billing::Period period;
};

/// Usage as it is billed, plans, contracts, packages and statements. Usage of a month whose statement is closed is put
/// aside and charged by the next one, so that a closed statement can be made again from what is here.
class BillingStore final {
 public:
  explicit BillingStore(Transaction& tx) : tx_(tx) {}

  /// Counts batches (those that were found new, in the same transaction) towards the domains' tenants. Tier l1 only.
  Status count(std::span<const CountedBatch> batches, const UsageOwners& owners);

  Result<StoredPlan> create_plan(const Author& author, std::string name, const billing::Plan& plan);
  /// A further version; earlier ones stay as they are. Fails with kNotFound.
  Result<StoredPlan> add_version(const Author& author, PlanId id, const billing::Plan& plan);
  /// The newest version, or that one. Fails with kNotFound.
  Result<StoredPlan> plan(PlanId id, std::optional<std::uint64_t> version = {});
  /// Newest versions, by id.
  Result<Listing<StoredPlan>> plans(Page page);

  /// Fails with kConflict when the day lies in a closed month, kAlreadyExists when a contract begins on that day.
  Result<Contract> create_contract(const Author& author, Contract contract);
  Result<std::optional<Contract>> contract(ContractId id);
  Result<Listing<Contract>> contracts(Page page, std::optional<model::TenantId> tenant);
  /// A contract no statement was closed under. Fails with kConflict otherwise, kNotFound.
  Status remove_contract(const Author& author, ContractId id);
  /// A tenant's contracts with their plans, ascending by day.
  Result<std::vector<billing::PlanStart>> plan_starts(model::TenantId tenant);

  Result<StoredPackage> create_package(const Author& author, StoredPackage package);
  Result<Listing<StoredPackage>> packages(Page page, std::optional<model::TenantId> tenant);

  Result<std::optional<StoredStatement>> statement(StatementId id);
  Result<std::optional<StoredStatement>> statement(model::TenantId tenant, const std::string& month);
  Result<Listing<StoredStatement>> statements(Page page, std::optional<model::TenantId> tenant);
  /// Draws a month up from what is here. A closed statement's month is not drawn again: its document comes back.
  /// Fails with kInvalid when no contract holds in it.
  Result<StoredStatement> draw(const Author& author, model::TenantId tenant, const std::string& month);
  /// Draws once more and closes: from then on usage of the month counts as late. Months close in order.
  /// Fails with kConflict when an earlier month with a contract is open.
  Result<StoredStatement> close(const Author& author, StatementId id);
  /// What the month costs as things stand; stores nothing. Fails with kInvalid when no contract holds in it.
  Result<billing::Micros> due(model::TenantId tenant, const std::string& month);
  /// The document as it comes out of what is stored today. Fails with kNotFound.
  Result<nlohmann::json> recompute(StatementId id);

  /// The earliest month of each tenant that is over and not closed.
  Result<std::vector<OpenMonth>> open_months(WallTime now);
  /// What is billed of a stretch of time, late usage left out.
  Result<billing::Usage> usage(model::TenantId tenant, std::uint32_t from_minute, std::uint32_t until_minute);
  /// The end of the tenant's last closed month; 0 when there is none.
  Result<std::uint32_t> closed_until(model::TenantId tenant, bool for_update = false);

 private:
  /// A month that is not closed, under the tenant's lock.
  Result<StoredStatement> draw_draft(WallTime now, model::TenantId tenant, const std::string& month);
  /// `is_closed`: late usage that this month's statement took on, not what waits for the next.
  Result<billing::StatementInput> gather(model::TenantId tenant, const std::string& month, bool is_closed);
  Result<std::vector<billing::Correction>> corrections(model::TenantId tenant, const std::string& month, bool is_closed,
                                                       const std::vector<billing::PlanStart>& starts);
  Result<std::vector<billing::Package>> packages_before(model::TenantId tenant, const std::string& month,
                                                        const billing::Period& period);

  Transaction& tx_;
};

}  // namespace yz::store
