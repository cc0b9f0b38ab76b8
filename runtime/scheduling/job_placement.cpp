#include "runtime/scheduling/job_placement.hpp"

namespace flott {

std::vector<std::string> job_placement::join(const msg::RegisterNode& node) {
  std::vector<std::string> orphaned;
  if (const auto* known = find(node.node_id());
      known != nullptr && known->header().incarnation() != node.header().incarnation())
    orphaned = leave(node.node_id(), known->header().incarnation());
  nodes_[node.node_id()].node = node;
  return orphaned;
}

std::vector<std::string> job_placement::leave(const std::string& node_id, const std::string& incarnation) {
  const auto known = nodes_.find(node_id);
  if (known == nodes_.end() || known->second.node.header().incarnation() != incarnation)
    return {};
  std::vector<std::string> orphaned(known->second.jobs.begin(), known->second.jobs.end());
  for (const auto& job : orphaned)
    node_of_.erase(job);
  nodes_.erase(known);
  return orphaned;
}

std::optional<std::string> job_placement::pick(const std::string& avoid) const {
  const std::pair<const std::string, entry>* best = nullptr;
  for (const auto& candidate : nodes_)
    if (candidate.first != avoid && candidate.second.jobs.size() < max_jobs_ &&
        (best == nullptr || candidate.second.jobs.size() < best->second.jobs.size()))
      best = &candidate;
  return best == nullptr ? std::nullopt : std::optional(best->first);
}

void job_placement::assign(const std::string& job_id, const std::string& node_id) {
  unassign(job_id);
  if (const auto node = nodes_.find(node_id); node != nodes_.end()) {
    node->second.jobs.insert(job_id);
    node_of_[job_id] = node_id;
  }
}

void job_placement::unassign(const std::string& job_id) {
  const auto assigned = node_of_.find(job_id);
  if (assigned == node_of_.end())
    return;
  nodes_.at(assigned->second).jobs.erase(job_id);
  node_of_.erase(assigned);
}

std::optional<std::string> job_placement::node_of(const std::string& job_id) const {
  const auto assigned = node_of_.find(job_id);
  return assigned == node_of_.end() ? std::nullopt : std::optional(assigned->second);
}

const msg::RegisterNode* job_placement::find(const std::string& node_id) const {
  const auto known = nodes_.find(node_id);
  return known == nodes_.end() ? nullptr : &known->second.node;
}

std::vector<const msg::RegisterNode*> job_placement::nodes() const {
  std::vector<const msg::RegisterNode*> all;
  for (const auto& [id, known] : nodes_)
    all.push_back(&known.node);
  return all;
}

std::size_t job_placement::jobs_on(const std::string& node_id) const {
  const auto known = nodes_.find(node_id);
  return known == nodes_.end() ? 0 : known->second.jobs.size();
}

}  // namespace flott
