#pragma once

#include "testing/faults.hpp"
#include "testing/hierarchy.hpp"
#include "testing/hierarchy_chronicle.hpp"

#include <list>
#include <random>
#include <set>

namespace flott::testing::hierarchy_parts {

/// A leaf and how to reach it.
struct leaf {
  std::string id;
  member* at = nullptr;
  child_ref_ptr ref;
  bool removed = false;                    ///< its supervisor was asked to forget it
};

/// A supervisor and what was put below it.
struct branch {
  supervisor_spec spec;                    ///< as it is in force
  member* at = nullptr;
  child_ref_ptr ref;                       ///< null: the root
  std::vector<leaf> leaves;
  std::uint64_t children = 0;              ///< so far: the next one's order
  [[nodiscard]] bool pool() const { return spec.strategy == supervision::strategy::pool; }
};

/// A random tree, and what may become of its specs. Same random numbers, same tree.
class tree_builder {
 public:
  tree_builder(const hierarchy_options& options, std::mt19937_64& random, chronicle& events, const fault_plan& faults)
      : options_(options), random_(random), events_(events), faults_(faults) {}

  /// The root's spec: one that outlives whatever happens below it.
  supervisor_spec grow();
  /// One leaf more, to be added to a running supervisor.
  child_spec another_leaf(branch& under);
  /// Other values for the flags and children of a running supervisor; the same strategy for a pool.
  supervisor_spec changed(const branch& of);

  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return n < 2 ? 0 : random_() % n; }
  [[nodiscard]] bool one_in(std::uint64_t n) { return below(n) == 0; }

  std::list<branch> branches;              ///< the root first
  std::size_t actors = 0;

 private:
  branch& grow_branch(const std::string& path, std::size_t depth, std::size_t budget, bool root);
  child_spec make_leaf(branch& under, const std::string& id);
  child_factory own_leaf();
  void shape(supervisor_spec& spec, bool root);
  void shape(child_spec& spec, const supervisor_spec& under);

  const hierarchy_options& options_;
  std::mt19937_64& random_;
  chronicle& events_;
  const fault_plan& faults_;
};

}  // namespace flott::testing::hierarchy_parts
