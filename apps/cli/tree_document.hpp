#pragma once

#include "runtime/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flott::cli {

/// One actor of a tree document (docs/reference/process_pages.md). Text is cleaned for terminals.
struct tree_actor {
  std::string node;                              ///< the id of its process in the cluster; empty: of one process's document
  std::string path;
  std::size_t depth = 0;                         ///< 0: the root of its process
  bool supervisor = false;
  std::string state;
  std::optional<std::uint64_t> restart_in_ms;
  std::uint64_t incarnation = 0, restarts = 0, abandoned = 0;
  std::string last_failure;                      ///< empty: none so far
  struct vitals {
    std::uint64_t waiting = 0, waiting_bytes = 0, oldest_ms = 0;
    std::uint64_t handled = 0, busy_ms = 0, in_handler_ms = 0;
    std::string handling;                        ///< empty between messages
  };
  std::optional<vitals> shown;                   ///< not of supervisors, nor of children that are no supervised actors
  std::uint64_t ledger = 0;
  bool unanswered = false;                       ///< a supervisor that did not answer in time
};

struct tree_document {
  struct process {
    std::string node;                            ///< empty: of one process's document
    std::string trouble;                         ///< why nothing is known of it; empty: it answered
  };
  bool of_cluster = false;
  std::vector<process> processes;
  std::vector<tree_actor> actors;                ///< process by process, each tree from its root, parents first
};

/// What GET /flott/v1/tree of a cluster or of one process says. Members that are missing or of another type read as
/// nothing. The failure says that it is no such document.
[[nodiscard]] result<tree_document> read_tree_document(std::string_view text);

}  // namespace flott::cli
