#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// The words of supervision are Erlang/OTP's, and mean here what they mean there; where the rules differ, the
/// declaration says so.
namespace flott::supervision {

using time_point = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

/// Who is restarted along with a failed child.
enum class strategy : std::uint8_t {
  one_for_one,    ///< nobody
  one_for_all,    ///< all children
  rest_for_one,   ///< those started after it
  pool,           ///< nobody; all children are of one spec and added while running (OTP: simple_one_for_one)
};

/// When a child that ended by itself is started again.
enum class restart_policy : std::uint8_t {
  permanent,   ///< always
  transient,   ///< only after an abnormal end
  temporary,   ///< never; its spec goes with it
};

enum class child_kind : std::uint8_t { worker, supervisor };

/// In which order a supervisor that ends stops its children.
enum class stop_order : std::uint8_t {
  reverse,    ///< one after another, the last started first
  parallel,   ///< all at once: for many like children that do not depend on one another
};

/// Whether a supervisor ends, with reason `shutdown`, once its significant children have ended for good by themselves:
/// a transient one normally, a temporary one in any way; one that was stopped does not count.
enum class auto_shutdown : std::uint8_t {
  never,
  any_significant,   ///< with the first of them
  all_significant,   ///< with the last of them
};

/// How an actor ended. `normal` and `shutdown` do not restart a transient child.
enum class exit_kind : std::uint8_t { normal, shutdown, abnormal };

/// Why a child was started again; the bounded label of restart counters.
enum class restart_cause : std::uint8_t {
  exit,            ///< a permanent child ended normally
  failure,         ///< an abnormal end: an exception, an error, a kill
  start_failed,    ///< the restart before this one failed
  restart_limit,   ///< a supervisor that had used up its own budget
  group,           ///< another child failed, and the strategy took this one along
};
inline constexpr std::size_t restart_cause_count = 5;

/// Why an actor ended, with whatever text survived.
struct exit_reason {
  exit_kind kind = exit_kind::normal;
  /// A supervisor ended because its restarts exceeded its intensity. Abnormal (in OTP it counts as `shutdown`, so
  /// that a transient supervisor would not come back).
  bool restart_limit = false;
  std::string text;

  static exit_reason normal() { return {exit_kind::normal, false, "normal"}; }
  static exit_reason shutdown(std::string why = "shutdown") { return {exit_kind::shutdown, false, std::move(why)}; }
  static exit_reason abnormal(std::string why) { return {exit_kind::abnormal, false, std::move(why)}; }

  bool operator==(const exit_reason&) const = default;
};

/// Delay before the restarts of one child: `initial`, then `multiplier` times more for each further failure, up to
/// `maximum`; spread by plus or minus `jitter` of itself. A child that has run for `reset_after` begins anew.
struct backoff {
  milliseconds initial{100};         ///< more than 0
  milliseconds maximum{10'000};      ///< at least `initial`; no delay is longer, jitter included
  double multiplier = 2;             ///< at least 1
  double jitter = 0.1;               ///< at least 0, less than 1
  milliseconds reset_after{30'000};
};

/// At most `restarts` restarts within `period`; one more ends the supervisor. One incident of a group counts once.
struct intensity {
  unsigned restarts = 1;             ///< at most 1,000,000; 0: the first failure ends it
  milliseconds period{5'000};        ///< more than 0, at most 366 days
};

/// How long a child may take to end once asked.
class shutdown_limit {
 public:
  /// Asked, and waited for so long; then killed; then abandoned.
  template <class Rep, class Period>
  shutdown_limit(std::chrono::duration<Rep, Period> limit)                                    // NOLINT: implicit
      : limit_(std::chrono::ceil<milliseconds>(limit)) {}
  /// Not asked but killed.
  static shutdown_limit at_once() { return milliseconds{0}; }
  /// Waited for without limit. For supervisors, whose children have limits of their own.
  static shutdown_limit infinite() { return shutdown_limit{}; }

  [[nodiscard]] bool is_infinite() const { return !limit_; }
  [[nodiscard]] bool is_at_once() const { return limit_ && limit_->count() == 0; }
  [[nodiscard]] milliseconds limit() const { return limit_.value(); }

 private:
  shutdown_limit() = default;
  std::optional<milliseconds> limit_;
};

/// What the rules need to know of a child.
struct child_options {
  std::string id;                                  ///< unique under its supervisor; no '/'; of a pool: its children are numbered
  child_kind kind = child_kind::worker;
  restart_policy restart = restart_policy::permanent;
  /// Default: 5 s for workers, infinite for supervisors.
  std::optional<shutdown_limit> shutdown;
  std::optional<backoff> restart_backoff;          ///< default: restarts follow at once
  /// Its end may end the supervisor (see auto_shutdown). Not for permanent children, nor in a pool.
  bool significant = false;
  /// A failing first start is repeated like a failing restart, instead of being reported.
  bool retry_first_start = false;
  /// A start that takes longer has failed. Default: 30 s for workers, no limit for supervisors.
  std::optional<milliseconds> start_limit;

  [[nodiscard]] shutdown_limit effective_shutdown() const;
  [[nodiscard]] std::optional<milliseconds> effective_start_limit() const;
};

/// What the rules need to know of a supervisor.
struct supervisor_options {
  supervision::strategy strategy = strategy::one_for_one;
  supervision::intensity intensity;
  supervision::auto_shutdown auto_shutdown = auto_shutdown::never;
  stop_order stopping = stop_order::reverse;       ///< a pool's children are stopped in parallel always
  /// How long a killed child may take to be gone before it is abandoned. Not negative.
  milliseconds kill_grace{500};
};

/// Every invalid field, combination or duplicate id is refused by name; nothing is started. A pool has one child spec,
/// of which all its children are made.
[[nodiscard]] result<void> validate(const child_options& child);
[[nodiscard]] result<void> validate(const child_options& child, const supervisor_options& under);
[[nodiscard]] result<void> validate(const supervisor_options& options, const std::vector<child_options>& children);

/// The delay before restart number `failures` (1 is the first) in a row. `random` is in [0, 1).
[[nodiscard]] milliseconds backoff_delay(const backoff& how, unsigned failures, double random);

[[nodiscard]] const char* to_string(strategy x);
[[nodiscard]] const char* to_string(auto_shutdown x);
[[nodiscard]] const char* to_string(restart_policy x);
[[nodiscard]] const char* to_string(child_kind x);
[[nodiscard]] const char* to_string(restart_cause x);

}  // namespace flott::supervision
