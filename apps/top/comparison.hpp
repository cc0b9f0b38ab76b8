#pragma once

#include "apps/cli/tree_document.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flott::cli::top {

/// By what rows are sorted: the greatest first, those without the number last, equals as in the tree. `path`: as in the tree.
enum class order { busy, mailbox, oldest, handled, restarts, path };
[[nodiscard]] std::string_view to_string(order x);
[[nodiscard]] std::optional<order> parse_order(std::string_view name);
/// Of a key: the first letter of the name.
[[nodiscard]] std::optional<order> order_of_key(char key);

/// One actor, as it is and as it came along since the look before. What is not known is absent.
struct row {
  std::size_t place = 0;                         ///< in the tree
  std::string where;                             ///< its path, in a cluster "NODE:PATH"
  std::string state;                             ///< "restarting in 250 ms", "running, no answer"
  std::optional<std::uint64_t> waiting;          ///< messages in its mailbox
  std::optional<std::uint64_t> oldest_ms;        ///< for at least so long has the oldest of them been waiting
  std::optional<double> handled_per_s, busy_percent;
  std::uint64_t restarts = 0;
  std::optional<std::uint64_t> in_handler_ms;    ///< how long it has been busy without a pause
  std::string handling;                          ///< with what; empty: not known
  std::string last_failure;
};

struct totals {
  std::size_t supervisors = 0, actors = 0;
  std::size_t restarting = 0, stopping = 0, abandoned = 0;   ///< by state
  std::uint64_t given_up = 0;                    ///< lives that were abandoned, so far
  std::optional<double> handled_per_s;
};

struct blocker {
  std::string where, handling;
  std::uint64_t in_handler_ms = 0;
};

struct comparison {
  std::vector<row> rows;
  totals all;
  std::vector<blocker> blockers;                 ///< of a process's shutdown: who is to end and is still in a handler
  std::vector<std::string> silent;               ///< "NODE: WHY" of processes that did not answer
  std::vector<std::string> gone;                 ///< processes that were there at the look before
};

/// What two looks, `apart` from each other, say together. Rates are of the time between them. An actor whose incarnation is
/// new has done all it did since; one that was not there before, or whose counters went back (its process began anew), has
/// no rates yet, and without `before` nobody has.
[[nodiscard]] comparison compare(const tree_document* before, const tree_document& now, std::chrono::milliseconds apart,
                                 order by);
void sort(std::vector<row>& rows, order by);

}  // namespace flott::cli::top
