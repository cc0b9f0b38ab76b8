#include "runtime/scheduling/slot_table.hpp"

#include <algorithm>
#include <set>

namespace flott {
namespace {

using namespace msg;

constexpr std::size_t most_jobs_remembered = 10'000;

std::string epoch_text(std::uint64_t epoch) {
  return "epoch " + std::to_string(epoch);
}

}  // namespace

slot_table::slot_table(slot_table_config config) : config_(config), slots_(config.slots) {}

result<std::vector<job_up_to>> slot_table::allocate(const std::string& job_id, std::uint64_t epoch,
                                                    const std::vector<std::string>& allocation_ids, time_point now) {
  if (epoch < epoch_of(job_id))
    return internal_failure("job " + job_id, "slots were asked for under " + epoch_text(epoch) + ", which is stale: " +
                                                 epoch_text(epoch_of(job_id)) + " has been seen");
  std::set<std::string> fresh;
  for (const auto& id : allocation_ids) {
    const auto* known = find(id);
    if (known == nullptr)
      fresh.insert(id);
    else if (known->job_id != job_id || known->epoch != epoch || known->state == SLOT_STATE_RELEASING)
      return internal_failure("slot allocation " + id, "it belongs to job " + known->job_id + ", " +
                                                           epoch_text(known->epoch) + ", or is being released");
  }
  // Slots of lower epochs that hold no tasks are free for this one at once.
  std::uint32_t available = free_slots();
  for (const auto& s : slots_)
    available += s.state == SLOT_STATE_ALLOCATED && s.job_id == job_id && s.epoch < epoch ? 1 : 0;
  if (fresh.size() > available)
    return resource_failure("job " + job_id, std::to_string(fresh.size()) + " slots were asked for and " +
                                                 std::to_string(available) + " are free");

  std::vector<job_up_to> superseded;
  for (auto& s : slots_) {
    if (s.state == SLOT_STATE_FREE || s.job_id != job_id || s.epoch >= epoch)
      continue;
    if (!s.tasks.empty() && superseded.empty())
      superseded.push_back({job_id, epoch - 1});
    release(s);
  }
  auto& job = jobs_[job_id];
  job.epoch = epoch;
  job.heard = std::max(job.heard, now);
  auto next = slots_.begin();
  for (const auto& id : fresh) {
    next = std::find_if(next, slots_.end(), [](const slot& s) { return s.state == SLOT_STATE_FREE; });
    *next = slot{SLOT_STATE_ALLOCATED, id, job_id, epoch, {}, now};
    ++version_;
  }
  forget_old_jobs();
  return superseded;
}

std::vector<std::string> slot_table::free(const std::vector<std::string>& allocation_ids) {
  std::vector<std::string> tasks;
  for (const auto& id : allocation_ids) {
    auto* s = find(id);
    if (s == nullptr)
      continue;
    tasks.insert(tasks.end(), s->tasks.begin(), s->tasks.end());
    release(*s);
  }
  return tasks;
}

result<void> slot_table::task_deployed(const std::string& allocation_id, const std::string& job_id, std::uint64_t epoch,
                                       const std::string& task) {
  auto* s = find(allocation_id);
  const auto where = "slot allocation " + allocation_id;
  if (s == nullptr)
    return resource_failure(where, "it is not known here: freed, timed out, or of another TaskManager");
  if (s->job_id != job_id || s->epoch != epoch)
    return resource_failure(where, "it belongs to job " + s->job_id + ", " + epoch_text(s->epoch) + ", not to job " +
                                       job_id + ", " + epoch_text(epoch));
  if (s->state == SLOT_STATE_RELEASING || epoch < epoch_of(job_id))
    return resource_failure(where, "it is being released");
  if (std::find(s->tasks.begin(), s->tasks.end(), task) == s->tasks.end())
    s->tasks.push_back(task);
  if (s->state != SLOT_STATE_ACTIVE) {
    s->state = SLOT_STATE_ACTIVE;
    ++version_;
  }
  return {};
}

void slot_table::task_ended(const std::string& allocation_id, const std::string& task, time_point now) {
  auto* s = find(allocation_id);
  if (s == nullptr || std::erase(s->tasks, task) == 0 || !s->tasks.empty())
    return;
  ++version_;
  if (s->state == SLOT_STATE_RELEASING) {
    *s = {};
    return;
  }
  s->state = SLOT_STATE_ALLOCATED;
  s->since = now;
}

std::vector<std::string> slot_table::tasks_in(const std::string& allocation_id) const {
  const auto* s = find(allocation_id);
  return s == nullptr ? std::vector<std::string>{} : s->tasks;
}

bool slot_table::touch(const std::string& job_id, std::uint64_t epoch, time_point now) {
  if (epoch < epoch_of(job_id))
    return false;
  auto& job = jobs_[job_id];
  job.epoch = epoch;
  job.heard = std::max(job.heard, now);
  forget_old_jobs();
  return true;
}

slot_table::expired slot_table::expire(time_point now) {
  expired out;
  std::set<job_up_to> orphans;
  for (auto& s : slots_) {
    if (s.state == SLOT_STATE_FREE || s.state == SLOT_STATE_RELEASING)
      continue;
    const auto job = jobs_.find(s.job_id);
    const bool superseded = job != jobs_.end() && job->second.epoch > s.epoch;
    const auto heard = std::max(s.since, job == jobs_.end() || superseded ? time_point{} : job->second.heard);
    if (s.tasks.empty()) {
      if (!superseded && now - heard < config_.slot_timeout)
        continue;
      out.freed.push_back(s.allocation_id);
    } else {
      if (!superseded && now - heard < config_.orphan_timeout)
        continue;
      orphans.insert({s.job_id, s.epoch});
    }
    release(s);
  }
  out.orphans.assign(orphans.begin(), orphans.end());
  return out;
}

std::uint64_t slot_table::epoch_of(const std::string& job_id) const {
  const auto job = jobs_.find(job_id);
  return job == jobs_.end() ? 0 : job->second.epoch;
}

std::vector<msg::SlotReport> slot_table::report() const {
  std::vector<SlotReport> all;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto& r = all.emplace_back();
    r.set_index(static_cast<std::uint32_t>(i));
    r.set_state(slots_[i].state);
    r.set_allocation_id(slots_[i].allocation_id);
    r.set_job_id(slots_[i].job_id);
    r.set_epoch(slots_[i].epoch);
  }
  return all;
}

std::uint32_t slot_table::free_slots() const {
  return static_cast<std::uint32_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const slot& s) { return s.state == SLOT_STATE_FREE; }));
}

slot_table::slot* slot_table::find(const std::string& allocation_id) {
  const auto s = std::find_if(slots_.begin(), slots_.end(), [&](const slot& candidate) {
    return candidate.state != SLOT_STATE_FREE && candidate.allocation_id == allocation_id;
  });
  return s == slots_.end() ? nullptr : &*s;
}

const slot_table::slot* slot_table::find(const std::string& allocation_id) const {
  return const_cast<slot_table*>(this)->find(allocation_id);
}

void slot_table::release(slot& s) {
  ++version_;
  if (s.tasks.empty())
    s = {};
  else
    s.state = SLOT_STATE_RELEASING;
}

// Epochs outlive their slots, but not without bound: the jobs silent for longest go first.
void slot_table::forget_old_jobs() {
  while (jobs_.size() > most_jobs_remembered) {
    auto oldest = jobs_.end();
    for (auto job = jobs_.begin(); job != jobs_.end(); ++job) {
      const bool in_use = std::any_of(slots_.begin(), slots_.end(), [&](const slot& s) { return s.job_id == job->first; });
      if (!in_use && (oldest == jobs_.end() || job->second.heard < oldest->second.heard))
        oldest = job;
    }
    if (oldest == jobs_.end())
      return;
    jobs_.erase(oldest);
  }
}

}  // namespace flott
