#include "actors/supervisor/board.hpp"

#include <functional>

namespace flott {

actor_group::shard& actor_group::shard_of(const actor_vitals& one) {
  return shards_[(reinterpret_cast<std::uintptr_t>(&one) / sizeof(actor_vitals)) % shards_.size()];
}

void actor_group::join(actor_vitals& one) {
  auto& in = shard_of(one);
  const std::lock_guard lock{in.mutex};
  one.after_ = in.first;
  if (in.first != nullptr)
    in.first->before_ = &one;
  in.first = &one;
  ++in.actors;
}

void actor_group::leave(actor_vitals& one) {
  auto& in = shard_of(one);
  const std::lock_guard lock{in.mutex};
  (one.before_ != nullptr ? one.before_->after_ : in.first) = one.after_;
  if (one.after_ != nullptr)
    one.after_->before_ = one.before_;
  one.before_ = one.after_ = nullptr;
  --in.actors;
  one.add_to(in.gone, coarse_ms());
  in.gone.waiting = in.gone.waiting_bytes = in.gone.oldest_ms = 0;
}

actor_numbers actor_group::read() const {
  actor_numbers sum;
  const auto now = coarse_ms();
  for (const auto& each : shards_) {
    const std::lock_guard lock{each.mutex};
    sum.actors += each.actors;
    sum.handled += each.gone.handled;
    sum.busy_ms += each.gone.busy_ms;
    for (const auto* one = each.first; one != nullptr; one = one->after_)
      one->add_to(sum, now);
  }
  return sum;
}

std::shared_ptr<actor_group> actor_board::group_of(const std::string& supervisor, const std::string& child_class) {
  const std::lock_guard lock{mutex_};
  auto found = groups_.find({supervisor, child_class});
  if (found == groups_.end()) {
    const bool full = groups_.size() + 1 >= most_;
    found = groups_.try_emplace(full ? std::pair<std::string, std::string>{"other", "other"} : std::pair{supervisor, child_class}).first;
    if (!found->second)
      found->second = std::make_shared<actor_group>();
  }
  return found->second;
}

std::vector<actor_board::row> actor_board::read() const {
  std::vector<std::pair<std::pair<std::string, std::string>, std::shared_ptr<actor_group>>> groups;
  {
    const std::lock_guard lock{mutex_};
    groups.assign(groups_.begin(), groups_.end());
  }
  std::vector<row> rows;
  for (const auto& [names, group] : groups)
    rows.push_back({names.first, names.second, group->read()});
  return rows;
}

}  // namespace flott
