#include "runtime/scheduling/slot_manager.hpp"

#include <algorithm>
#include <set>

namespace flott {
namespace {

using namespace msg;

constexpr std::size_t most_ended_remembered = 10'000;

bool contains(const std::vector<std::string>& list, const std::string& x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

}  // namespace

slot_manager::slot_manager(std::unique_ptr<placement_strategy> placement, std::function<std::string()> new_allocation_id)
  : placement_(std::move(placement)), new_allocation_id_(std::move(new_allocation_id)) {}

// --- what TaskManagers say -------------------------------------------------------------------------------------------

slot_actions slot_manager::register_task_manager(const msg::RegisterNode& node) {
  slot_actions out;
  const auto known = task_managers_.find(node.node_id());
  if (known != task_managers_.end() && known->second.node.header().incarnation() != node.header().incarnation())
    drop(out, node.node_id());
  auto& tm = task_managers_[node.node_id()];
  tm.node = node;
  slot_came_free(node.node_id());
  reconcile(out, tm, node.slots());
  schedule(out);
  return out;
}

slot_actions slot_manager::report(const std::string& task_manager_id, const std::string& incarnation, const table& slots) {
  slot_actions out;
  if (auto* tm = find(task_manager_id, incarnation)) {
    reconcile(out, *tm, slots);
    schedule(out);
  }
  return out;
}

slot_actions slot_manager::allocated(const std::string& task_manager_id, const std::string& incarnation,
                                     const std::vector<std::string>& allocation_ids, const table& slots) {
  slot_actions out;
  auto* tm = find(task_manager_id, incarnation);
  if (tm == nullptr)
    return out;
  reconcile(out, *tm, slots);
  for (const auto& id : allocation_ids) {
    const auto a = tm->allocations.find(id);
    if (a == tm->allocations.end() || a->second.state != allocation_state::pending)
      continue;
    const auto request = a->second.request;
    tm->allocations.erase(a);
    if (auto* refused = find_request(request))
      refused->refused_by.insert(task_manager_id);
    take_back(out, request);
  }
  schedule(out);
  return out;
}

slot_actions slot_manager::allocation_failed(const std::string& task_manager_id, const std::string& incarnation,
                                             const std::vector<std::string>& allocation_ids) {
  slot_actions out;
  auto* tm = find(task_manager_id, incarnation);
  if (tm == nullptr)
    return out;
  std::set<std::uint64_t> requests;
  for (const auto& id : allocation_ids)
    if (const auto a = tm->allocations.find(id);
        a != tm->allocations.end() && a->second.state == allocation_state::pending)
      requests.insert(a->second.request);
  for (const auto request : requests) {
    if (auto* refused = find_request(request))
      refused->refused_by.insert(task_manager_id);
    take_back(out, request);
  }
  schedule(out);
  return out;
}

slot_actions slot_manager::task_manager_lost(const std::string& task_manager_id, const std::string& incarnation) {
  slot_actions out;
  if (find(task_manager_id, incarnation) != nullptr) {
    drop(out, task_manager_id);
    schedule(out);
  }
  return out;
}

void slot_manager::reconcile(slot_actions& out, task_manager& tm, const table& slots) {
  if (slots.empty())
    return;   // no table: a message that carries only a failure
  const auto& tm_id = tm.node.node_id();
  const auto total = static_cast<std::uint32_t>(slots.size());
  bool came_free = total > tm.total;
  tm.total = total;
  std::set<std::string> reported;
  std::vector<std::string> unwanted;
  for (const auto& r : slots) {
    if (r.state() == SLOT_STATE_FREE || r.allocation_id().empty())
      continue;
    reported.insert(r.allocation_id());
    const auto [known, added] = tm.allocations.try_emplace(r.allocation_id());
    auto& a = known->second;
    if (added) {
      a.job_id = r.job_id();
      a.epoch = r.epoch();
      a.state = allocation_state::freeing;
      if (r.state() == SLOT_STATE_RELEASING)
        continue;
      if (wanted(r)) {
        a.state = allocation_state::held;
        jobs_[r.job_id()].epoch = r.epoch();
      }
    }
    a.active = r.state() == SLOT_STATE_ACTIVE || r.state() == SLOT_STATE_RELEASING;
    if (a.state == allocation_state::freeing) {
      if (r.state() != SLOT_STATE_RELEASING)
        unwanted.push_back(r.allocation_id());   // FreeSlot did not arrive, or has yet to
    } else if (r.state() == SLOT_STATE_RELEASING) {
      const auto request = a.state == allocation_state::pending ? a.request : 0;
      a.state = allocation_state::freeing;       // it gave up the slot by itself
      if (request != 0)
        take_back(out, request);
    } else if (a.state == allocation_state::pending) {
      confirm(out, tm, r.allocation_id(), a);
    }
  }
  // A pending one that is not in the table yet is under way; what else is missing there is free.
  came_free |= std::erase_if(tm.allocations, [&](const auto& known) {
    return known.second.state != allocation_state::pending && !reported.contains(known.first);
  }) > 0;
  if (!unwanted.empty())
    out.push_back(slot_action::free{tm_id, tm.node.rpc(), std::move(unwanted)});
  if (came_free)
    slot_came_free(tm_id);
}

// Not before its job ended, released it, or moved on to a higher epoch.
bool slot_manager::wanted(const msg::SlotReport& reported) const {
  const auto job = jobs_.find(reported.job_id());
  return job == jobs_.end() || (!job->second.ended && reported.epoch() >= job->second.epoch);
}

void slot_manager::confirm(slot_actions& out, task_manager& tm, const std::string& id, allocation& a) {
  a.state = allocation_state::held;
  auto* request = find_request(a.request);
  if (request == nullptr)
    return;
  SlotGrant grant;
  grant.set_allocation_id(id);
  grant.set_task_manager_id(tm.node.node_id());
  grant.set_task_manager_incarnation(tm.node.header().incarnation());
  *grant.mutable_rpc() = tm.node.rpc();
  *grant.mutable_data() = tm.node.data();
  request->confirmed.push_back(std::move(grant));
  if (request->confirmed.size() < request->wanted.count)
    return;
  out.push_back(slot_action::grant{request->wanted.job_id, request->wanted.epoch, request->wanted.job_manager,
                                   std::move(request->confirmed)});
  std::erase_if(queue_, [&](const auto& entry) { return entry.first.second == a.request; });
}

void slot_manager::drop(slot_actions& out, const std::string& task_manager_id) {
  const auto tm = task_managers_.find(task_manager_id);
  std::set<std::uint64_t> requests;
  for (const auto& [id, a] : tm->second.allocations)
    if (find_request(a.request) != nullptr)
      requests.insert(a.request);
  task_managers_.erase(tm);
  for (const auto request : requests)
    take_back(out, request);
}

// --- what jobs say -----------------------------------------------------------------------------------------------------

result<slot_actions> slot_manager::request(const slot_request& request) {
  slot_actions out;
  auto& job = jobs_[request.job_id];
  if (job.ended)
    return internal_failure("job " + request.job_id, "slots were asked for, but it has ended");
  if (request.epoch < job.epoch)
    return internal_failure("job " + request.job_id, "slots were asked for under epoch " + std::to_string(request.epoch) +
                                                         ", but epoch " + std::to_string(job.epoch) + " runs it");
  if (request.epoch > job.epoch) {
    job.epoch = request.epoch;
    erase_requests(request.job_id, request.epoch - 1);
    free_where(out, [&](const std::string&, const allocation& a) {
      return a.job_id == request.job_id && a.epoch < request.epoch;
    });
  }
  const auto same = std::find_if(queue_.begin(), queue_.end(), [&](const auto& entry) {
    return entry.second.wanted.job_id == request.job_id;
  });
  if (same == queue_.end()) {
    queue_[{-std::int64_t{request.priority}, next_sequence_++}].wanted = request;
  } else {
    const auto sequence = same->first.second;
    if (same->second.wanted.count != request.count)
      take_back(out, sequence);
    auto moved = queue_.extract(same);
    moved.key().first = -std::int64_t{request.priority};
    moved.mapped().wanted = request;
    queue_.insert(std::move(moved));
  }
  std::erase_if(queue_, [](const auto& entry) { return entry.second.wanted.count == 0; });
  schedule(out);
  return out;
}

slot_actions slot_manager::release(const std::string& job_id, std::uint64_t epoch,
                                   const std::vector<std::string>& allocation_ids) {
  slot_actions out;
  if (allocation_ids.empty())
    erase_requests(job_id, epoch);
  free_where(out, [&](const std::string& id, const allocation& a) {
    return a.job_id == job_id && a.epoch <= epoch && (allocation_ids.empty() || contains(allocation_ids, id));
  });
  schedule(out);
  return out;
}

slot_actions slot_manager::job_ended(const std::string& job_id) {
  slot_actions out;
  auto& job = jobs_[job_id];
  if (!job.ended) {
    job.ended = true;
    ended_order_.push_back(job_id);
    if (ended_order_.size() > most_ended_remembered) {
      jobs_.erase(ended_order_.front());
      ended_order_.pop_front();
    }
  }
  erase_requests(job_id, ~std::uint64_t{0});
  free_where(out, [&](const std::string&, const allocation& a) { return a.job_id == job_id; });
  schedule(out);
  return out;
}

std::optional<planner_choice> slot_manager::pick_planner(const std::vector<std::string>& avoid) {
  for (const bool any : {false, true}) {
    auto next = task_managers_.upper_bound(last_planner_);
    for (std::size_t i = 0; i < task_managers_.size(); ++i, ++next) {
      if (next == task_managers_.end())
        next = task_managers_.begin();
      if (!any && contains(avoid, next->first))
        continue;
      last_planner_ = next->first;
      return planner_choice{next->first, next->second.node.rpc()};
    }
  }
  return std::nullopt;
}

// --- matching ------------------------------------------------------------------------------------------------------------

void slot_manager::schedule(slot_actions& out) {
  std::vector<std::pair<std::uint64_t, waiting_request*>> waiting;
  for (auto& [key, request] : queue_)
    if (!request.allocating)
      waiting.emplace_back(key.second, &request);
  std::uint32_t total = 0;
  for (const auto& [id, tm] : task_managers_)
    total += tm.total;
  for (const auto& [sequence, request] : waiting) {
    // More than there is: it waits for new nodes, and nobody waits for it.
    if (std::uint64_t{request->wanted.count} + held_by(request->wanted.job_id) > total)
      continue;
    std::vector<placement_candidate> candidates;
    std::uint32_t free = 0;
    for (const auto& [id, tm] : task_managers_)
      if (tm.free() > 0 && !request->refused_by.contains(id)) {
        candidates.push_back({id, tm.free(), tm.total});
        free += tm.free();
      }
    if (free >= request->wanted.count)
      allocate(out, sequence, *request, candidates);
    else if (request->refused_by.empty())
      return;
  }
}

void slot_manager::allocate(slot_actions& out, std::uint64_t sequence, waiting_request& request,
                            const std::vector<placement_candidate>& candidates) {
  request.allocating = true;
  std::map<std::string, slot_action::allocate> by_task_manager;
  for (const auto index : placement_->place(candidates, request.wanted.count)) {
    auto& tm = task_managers_.at(candidates[index].task_manager_id);
    auto id = new_allocation_id_();
    tm.allocations[id] = {allocation_state::pending, false, request.wanted.job_id, request.wanted.epoch, sequence};
    auto& message = by_task_manager[tm.node.node_id()];
    message.task_manager_id = tm.node.node_id();
    message.rpc = tm.node.rpc();
    message.job_id = request.wanted.job_id;
    message.epoch = request.wanted.epoch;
    message.allocation_ids.push_back(std::move(id));
  }
  for (auto& [id, message] : by_task_manager)
    out.push_back(std::move(message));
}

// All or nothing: what the request has got so far goes back, and it waits again in its place.
void slot_manager::take_back(slot_actions& out, std::uint64_t sequence) {
  auto* request = find_request(sequence);
  if (request == nullptr || !request->allocating)
    return;
  request->allocating = false;
  request->confirmed.clear();
  free_where(out, [&](const std::string&, const allocation& a) { return a.request == sequence; });
}

// Frees the allocations for which `which` holds; a request that loses one of its pending ones is taken back.
void slot_manager::free_where(slot_actions& out, const filter& which) {
  std::set<std::uint64_t> broken;
  for (auto& [tm_id, tm] : task_managers_) {
    std::vector<std::string> ids;
    for (auto& [id, a] : tm.allocations) {
      if (a.state == allocation_state::freeing || !which(id, a))
        continue;
      if (find_request(a.request) != nullptr)
        broken.insert(a.request);
      a.state = allocation_state::freeing;
      ids.push_back(id);
    }
    if (!ids.empty())
      out.push_back(slot_action::free{tm_id, tm.node.rpc(), std::move(ids)});
  }
  for (const auto request : broken)
    take_back(out, request);
}

void slot_manager::slot_came_free(const std::string& task_manager_id) {
  for (auto& [key, request] : queue_)
    request.refused_by.erase(task_manager_id);
}

void slot_manager::erase_requests(const std::string& job_id, std::uint64_t up_to_epoch) {
  std::erase_if(queue_, [&](const auto& entry) {
    return entry.second.wanted.job_id == job_id && entry.second.wanted.epoch <= up_to_epoch;
  });
}

slot_manager::waiting_request* slot_manager::find_request(std::uint64_t sequence) {
  if (sequence == 0)
    return nullptr;
  for (auto& [key, request] : queue_)
    if (key.second == sequence)
      return &request;
  return nullptr;
}

slot_manager::task_manager* slot_manager::find(const std::string& task_manager_id, const std::string& incarnation) {
  const auto tm = task_managers_.find(task_manager_id);
  return tm == task_managers_.end() || tm->second.node.header().incarnation() != incarnation ? nullptr : &tm->second;
}

// --- looking ---------------------------------------------------------------------------------------------------------------

slot_manager::counts slot_manager::count() const {
  counts c;
  c.task_managers = static_cast<std::uint32_t>(task_managers_.size());
  for (const auto& [id, tm] : task_managers_) {
    c.slots += tm.total;
    c.free += tm.free();
  }
  c.waiting_requests = static_cast<std::uint32_t>(queue_.size());
  for (const auto& [key, request] : queue_)
    c.waiting_slots += request.wanted.count;
  return c;
}

std::vector<msg::SlotReport> slot_manager::slots_of(const std::string& task_manager_id) const {
  std::vector<SlotReport> all;
  const auto tm = task_managers_.find(task_manager_id);
  if (tm == task_managers_.end())
    return all;
  for (const auto& [id, a] : tm->second.allocations) {
    auto& r = all.emplace_back();
    r.set_index(static_cast<std::uint32_t>(all.size() - 1));
    r.set_state(a.state == allocation_state::freeing ? SLOT_STATE_RELEASING
                : a.active                           ? SLOT_STATE_ACTIVE
                                                     : SLOT_STATE_ALLOCATED);
    r.set_allocation_id(id);
    r.set_job_id(a.job_id);
    r.set_epoch(a.epoch);
  }
  while (all.size() < tm->second.total) {
    auto& r = all.emplace_back();
    r.set_index(static_cast<std::uint32_t>(all.size() - 1));
    r.set_state(SLOT_STATE_FREE);
  }
  return all;
}

std::uint32_t slot_manager::held_by(const std::string& job_id) const {
  std::uint32_t held = 0;
  for (const auto& [id, tm] : task_managers_)
    for (const auto& [allocation_id, a] : tm.allocations)
      held += a.job_id == job_id && a.state != allocation_state::freeing ? 1 : 0;
  return held;
}

}  // namespace flott
