#include "runtime/monitoring/liveness.hpp"

namespace flott {
namespace {

constexpr std::size_t most_lost_remembered = 4096;

}  // namespace

liveness::addition liveness::add(const peer& p, time_point now) {
  if (lost_.contains(p.incarnation))
    return {};
  addition done;
  done.accepted = true;
  auto [known, added] = peers_.try_emplace(p.id, entry{p.incarnation, now});
  if (added)
    return done;
  if (known->second.incarnation != p.incarnation) {
    done.replaced = peer{p.id, known->second.incarnation};
    remember_lost(known->second.incarnation);
  }
  known->second = {p.incarnation, now};
  return done;
}

void liveness::remove(const peer& p) {
  if (alive(p))
    peers_.erase(p.id);
}

bool liveness::touch(const peer& p, time_point now) {
  if (!alive(p))
    return false;
  peers_.at(p.id).heard = now;
  return true;
}

bool liveness::dial_refused(const peer& p) {
  if (!alive(p))
    return false;
  peers_.erase(p.id);
  remember_lost(p.incarnation);
  return true;
}

bool liveness::observe_tick(time_point now) {
  const bool slept = last_tick_ && now - *last_tick_ > timeout_;
  last_tick_ = now;
  if (slept)
    for (auto& [id, known] : peers_)
      known.heard = now;
  return slept;
}

std::vector<peer> liveness::expire(time_point now) {
  std::vector<peer> silent;
  for (const auto& [id, known] : peers_)
    if (now - known.heard > timeout_)
      silent.push_back({id, known.incarnation});
  for (const auto& p : silent)
    dial_refused(p);
  return silent;
}

bool liveness::alive(const peer& p) const {
  const auto known = peers_.find(p.id);
  return known != peers_.end() && known->second.incarnation == p.incarnation;
}

std::optional<liveness::duration> liveness::age(const std::string& id, time_point now) const {
  const auto known = peers_.find(id);
  if (known == peers_.end())
    return std::nullopt;
  return now - known->second.heard;
}

std::vector<peer> liveness::peers() const {
  std::vector<peer> all;
  for (const auto& [id, known] : peers_)
    all.push_back({id, known.incarnation});
  return all;
}

void liveness::remember_lost(const std::string& incarnation) {
  if (!lost_.insert(incarnation).second)
    return;
  lost_order_.push_back(incarnation);
  if (lost_order_.size() > most_lost_remembered) {
    lost_.erase(lost_order_.front());
    lost_order_.pop_front();
  }
}

}  // namespace flott
