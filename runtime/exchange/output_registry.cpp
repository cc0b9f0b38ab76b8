#include "runtime/exchange/output_registry.hpp"

#include <string>
#include <utility>
#include <vector>

namespace flott {
namespace {

std::string name_of(const channel_key& key) {
  return "output " + std::to_string(key.edge) + " of vertex " + key.producer.hex() + ", subtask " +
         std::to_string(key.subtask) + ", attempt " + std::to_string(key.attempt) + " of job " + key.job.hex();
}

failure taken(const channel_key& key) {
  return transient_failure(name_of(key), "subtask " + std::to_string(key.consumer) + " reads it already");
}

}  // namespace

void output_registry::add(const channel_key& key, std::shared_ptr<channel> output) {
  on_open done;
  std::vector<on_open> late;
  {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = waiting_.equal_range(key);
    for (auto at = first; at != last; ++at) {
      if (!done)
        done = std::move(at->second.done);
      else
        late.push_back(std::move(at->second.done));
    }
    waiting_.erase(first, last);
    outputs_[key] = done ? nullptr : output;
  }
  if (done)
    done(std::move(output));
  for (auto& other : late)
    other(taken(key));
}

void output_registry::remove(const channel_key& key) {
  const std::lock_guard lock(mutex_);
  outputs_.erase(key);
}

output_registry::ticket output_registry::open(const channel_key& key, time_point deadline, on_open done) {
  std::shared_ptr<channel> found;
  {
    const std::lock_guard lock(mutex_);
    const auto at = outputs_.find(key);
    if (at == outputs_.end()) {
      waiting_.emplace(key, waiting{++last_ticket_, deadline, std::move(done)});
      return last_ticket_;
    }
    found = std::exchange(at->second, nullptr);
  }
  if (found)
    done(std::move(found));
  else
    done(taken(key));
  return 0;
}

void output_registry::forget(ticket id) {
  on_open dropped;                       // destroyed without the lock
  const std::lock_guard lock(mutex_);
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    if (at->second.id == id) {
      dropped = std::move(at->second.done);
      waiting_.erase(at);
      return;
    }
  }
}

std::optional<output_registry::time_point> output_registry::expire(time_point now) {
  std::vector<std::pair<channel_key, on_open>> expired;
  std::optional<time_point> next;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (at->second.deadline <= now) {
        expired.emplace_back(at->first, std::move(at->second.done));
        at = waiting_.erase(at);
        continue;
      }
      if (!next || at->second.deadline < *next)
        next = at->second.deadline;
      ++at;
    }
  }
  for (auto& [key, done] : expired)
    done(transient_failure(name_of(key), "there is no such producer here"));
  return next;
}

}  // namespace flott
