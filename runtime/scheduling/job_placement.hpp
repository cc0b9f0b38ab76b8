#pragma once

#include "messages/cluster.pb.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace flott {

/// The JobManager nodes a DISPATCHER knows, and which jobs it has given to each.
class job_placement {
 public:
  explicit job_placement(std::uint32_t max_jobs_per_node) : max_jobs_(max_jobs_per_node) {}

  /// Also again, and after a restart of either side. Another incarnation under the same id is another node: returns
  /// the jobs that the former one had.
  std::vector<std::string> join(const msg::RegisterNode& node);
  /// The jobs it had, which nobody runs now. Nothing happens for an unknown node or another incarnation.
  std::vector<std::string> leave(const std::string& node_id, const std::string& incarnation);

  /// The node with the fewest jobs that has room for one more, ties by id.
  [[nodiscard]] std::optional<std::string> pick(const std::string& avoid = {}) const;
  void assign(const std::string& job_id, const std::string& node_id);
  void unassign(const std::string& job_id);

  [[nodiscard]] std::optional<std::string> node_of(const std::string& job_id) const;
  [[nodiscard]] const msg::RegisterNode* find(const std::string& node_id) const;
  [[nodiscard]] std::vector<const msg::RegisterNode*> nodes() const;   ///< by id
  [[nodiscard]] std::size_t jobs_on(const std::string& node_id) const;

 private:
  struct entry {
    msg::RegisterNode node;
    std::set<std::string> jobs;
  };
  std::uint32_t max_jobs_;
  std::map<std::string, entry> nodes_;
  std::map<std::string, std::string> node_of_;
};

}  // namespace flott
