#include "runtime/supervision/spec.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace flott::supervision {
namespace {

constexpr milliseconds default_worker_shutdown{5'000};
constexpr milliseconds default_worker_start_limit{30'000};
constexpr unsigned most_restarts = 1'000'000;      // each within the period is remembered
constexpr milliseconds longest_period = std::chrono::hours{24 * 366};

failure bad(const std::string& child, const char* field, std::string why) {
  return user_failure(child.empty() ? std::string("supervisor spec") : "child spec '" + child + "'",
                      std::string(field) + " " + std::move(why));
}

result<void> validate(const std::string& id, const backoff& b) {
  if (b.initial.count() <= 0)
    return bad(id, "restart_backoff.initial", "must be more than 0 ms");
  if (b.maximum < b.initial)
    return bad(id, "restart_backoff.maximum", "must not be less than initial");
  if (!(b.multiplier >= 1) || !std::isfinite(b.multiplier))
    return bad(id, "restart_backoff.multiplier", "must be a number of at least 1");
  if (!(b.jitter >= 0 && b.jitter < 1))
    return bad(id, "restart_backoff.jitter", "must be at least 0 and less than 1");
  if (b.reset_after.count() < 0)
    return bad(id, "restart_backoff.reset_after", "must not be negative");
  return {};
}

}  // namespace

shutdown_limit child_options::effective_shutdown() const {
  if (shutdown)
    return *shutdown;
  return kind == child_kind::supervisor ? shutdown_limit::infinite() : shutdown_limit{default_worker_shutdown};
}

std::optional<milliseconds> child_options::effective_start_limit() const {
  if (start_limit)
    return start_limit;
  return kind == child_kind::supervisor ? std::nullopt : std::optional{default_worker_start_limit};
}

result<void> validate(const child_options& child) {
  if (child.id.empty())
    return bad("", "id", "of a child must not be empty");
  if (child.id.find('/') != std::string::npos)
    return bad(child.id, "id", "must not contain '/'");
  if (static_cast<unsigned>(child.kind) > static_cast<unsigned>(child_kind::supervisor))
    return bad(child.id, "kind", "is none of worker, supervisor");
  if (static_cast<unsigned>(child.restart) > static_cast<unsigned>(restart_policy::temporary))
    return bad(child.id, "restart", "is none of permanent, transient, temporary");
  if (child.shutdown && !child.shutdown->is_infinite() && child.shutdown->limit().count() < 0)
    return bad(child.id, "shutdown", "must not be negative");
  if (child.start_limit && child.start_limit->count() <= 0)
    return bad(child.id, "start_limit", "must be more than 0 ms");
  if (child.significant && child.restart == restart_policy::permanent)
    return bad(child.id, "significant", "contradicts restart: permanent");
  if (child.retry_first_start && child.restart == restart_policy::temporary)
    return bad(child.id, "retry_first_start", "contradicts restart: temporary");
  if (child.restart_backoff) {
    if (child.restart == restart_policy::temporary)
      return bad(child.id, "restart_backoff", "contradicts restart: temporary");
    FLOTT_TRY(validate(child.id, *child.restart_backoff));
  }
  return {};
}

result<void> validate(const child_options& child, const supervisor_options& under) {
  FLOTT_TRY(validate(child));
  if (child.significant && under.auto_shutdown == auto_shutdown::never)
    return bad(child.id, "significant", "contradicts auto_shutdown: never of its supervisor");
  return {};
}

result<void> validate(const supervisor_options& options, const std::vector<child_options>& children) {
  if (static_cast<unsigned>(options.strategy) > static_cast<unsigned>(strategy::pool))
    return bad("", "strategy", "is none of one_for_one, one_for_all, rest_for_one, pool");
  if (static_cast<unsigned>(options.auto_shutdown) > static_cast<unsigned>(auto_shutdown::all_significant))
    return bad("", "auto_shutdown", "is none of never, any_significant, all_significant");
  if (options.strategy == strategy::pool && options.auto_shutdown != auto_shutdown::never)
    return bad("", "auto_shutdown", "contradicts strategy: pool");
  if (options.strategy == strategy::pool && children.size() != 1)
    return bad("", "children", "of a pool must be one spec, of which all its children are made");
  if (static_cast<unsigned>(options.stopping) > static_cast<unsigned>(stop_order::parallel))
    return bad("", "stopping", "is none of reverse, parallel");
  if (options.intensity.restarts > most_restarts)
    return bad("", "intensity.restarts", "must be at most " + std::to_string(most_restarts));
  if (options.intensity.period.count() <= 0 || options.intensity.period > longest_period)
    return bad("", "intensity.period", "must be more than 0 ms and at most " + std::to_string(longest_period.count()) + " ms");
  if (options.kill_grace.count() < 0)
    return bad("", "kill_grace", "must not be negative");
  std::set<std::string> ids;
  for (const auto& child : children) {
    FLOTT_TRY(validate(child, options));
    if (!ids.insert(child.id).second)
      return bad(child.id, "id", "is used twice under the same supervisor");
  }
  return {};
}

milliseconds backoff_delay(const backoff& how, unsigned failures, double random) {
  const auto maximum = static_cast<double>(how.maximum.count());
  const double exponent = failures > 0 ? static_cast<double>(failures - 1) : 0.0;
  const double plain = std::min(maximum, static_cast<double>(how.initial.count()) * std::pow(how.multiplier, exponent));
  const double spread = plain * (1 + how.jitter * (2 * random - 1));
  return milliseconds{std::llround(std::clamp(spread, 0.0, maximum))};
}

const char* to_string(strategy x) {
  switch (x) {
    case strategy::one_for_one: return "one_for_one";
    case strategy::one_for_all: return "one_for_all";
    case strategy::rest_for_one: return "rest_for_one";
    case strategy::pool: return "pool";
  }
  return "unknown";
}

const char* to_string(auto_shutdown x) {
  switch (x) {
    case auto_shutdown::never: return "never";
    case auto_shutdown::any_significant: return "any_significant";
    case auto_shutdown::all_significant: return "all_significant";
  }
  return "unknown";
}

const char* to_string(restart_policy x) {
  switch (x) {
    case restart_policy::permanent: return "permanent";
    case restart_policy::transient: return "transient";
    case restart_policy::temporary: return "temporary";
  }
  return "unknown";
}

const char* to_string(child_kind x) {
  switch (x) {
    case child_kind::worker: return "worker";
    case child_kind::supervisor: return "supervisor";
  }
  return "unknown";
}

const char* to_string(restart_cause x) {
  switch (x) {
    case restart_cause::exit: return "exit";
    case restart_cause::failure: return "failure";
    case restart_cause::start_failed: return "start_failed";
    case restart_cause::restart_limit: return "restart_limit";
    case restart_cause::group: return "group";
  }
  return "unknown";
}

}  // namespace flott::supervision
