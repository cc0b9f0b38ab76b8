#pragma once

#include "runtime/supervision/machine.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace flott::supervision::test {

using namespace std::chrono_literals;

inline child_options child(std::string id, restart_policy restart = restart_policy::permanent) {
  child_options options;
  options.id = std::move(id);
  options.restart = restart;
  return options;
}

inline supervisor_options with(strategy how, unsigned restarts = 3, milliseconds period = 5s) {
  supervisor_options options;
  options.strategy = how;
  options.intensity = {restarts, period};
  return options;
}

/// Plays the children of one supervisor: each starts at once and ends when asked, unless a set below says otherwise.
class world {
 public:
  world(supervisor_options options, std::vector<child_options> children, double random = 0.5)
      : machine_(options, std::move(children), [random] { return random; }) {}

  std::set<std::string> fails, declines, slow_to_start, ignores_asking, immortal;
  std::vector<std::string> log;                    // "start a", "stop a", "kill a", "abandon a"
  std::map<request_token, reply> answers;
  std::vector<report> reports;
  std::optional<exit_reason> end;
  std::size_t carried_out = 0;                     // actions

  void boot() { apply(machine_.begin(now)); }
  void stop() { apply(machine_.stop(exit_reason::shutdown(), now)); }
  void crash(const std::string& id, std::string why = "boom") { exits(id, exit_reason::abnormal(std::move(why))); }
  void exits(const std::string& id, exit_reason reason) {
    const auto key = machine_.find(id).value();
    const auto life = lives_.at(key);
    lives_.erase(key);
    apply(machine_.child_exited(key, life, std::move(reason), now));
  }
  /// What a slow start comes to.
  void ready(const std::string& id) {
    const auto key = machine_.find(id).value();
    apply(machine_.child_started(key, lives_.at(key), now));
  }
  void not_ready(const std::string& id, std::string why) {
    const auto key = machine_.find(id).value();
    const auto life = lives_.at(key);
    lives_.erase(key);
    apply(machine_.child_start_failed(key, life, std::move(why), now));
  }
  void advance(milliseconds by) {
    const auto target = now + by;
    while (timer_ && *timer_ <= target && !end) {
      now = std::max(now, *timer_);
      timer_.reset();
      apply(machine_.timer_fired(now));
    }
    now = target;
  }

  /// Fires the timer once, if it is due.
  void tick() {
    if (!timer_ || *timer_ > now || end)
      return;
    timer_.reset();
    apply(machine_.timer_fired(now));
  }

  request_token add(child_options options) {
    apply(machine_.add_child(std::move(options), ++token_, now));
    return token_;
  }
  request_token add_to_pool() {
    apply(machine_.add_to_pool(++token_, now));
    return token_;
  }
  request_token terminate(child_key key) {
    apply(machine_.terminate_child(key, ++token_, now));
    return token_;
  }
  request_token terminate(const std::string& id) {
    apply(machine_.terminate_child(id, ++token_, now));
    return token_;
  }
  request_token restart(const std::string& id) {
    apply(machine_.restart_child(id, ++token_, now));
    return token_;
  }
  request_token remove(const std::string& id) {
    apply(machine_.delete_child(id, ++token_, now));
    return token_;
  }
  /// The answer to a request; fails where there is none yet.
  outcome answer(request_token token) const { return answers.at(token).outcome; }
  bool answered(request_token token) const { return answers.count(token) > 0; }

  tree_node view(const std::string& id) const {
    for (auto& [key, node] : machine_.children(now))
      if (node.path == id)
        return node;
    FAIL("no child " << id);
    return {};
  }
  /// Ids of the children in this state, in the order of their start.
  std::string in(child_state state) const {
    std::string ids;
    for (auto& [key, node] : machine_.children(now))
      if (node.state == state)
        ids += (ids.empty() ? "" : " ") + node.path;
    return ids;
  }
  std::string running() const { return in(child_state::running); }
  /// The log since the last call, as one line.
  std::string happened() {
    std::string line;
    for (auto& entry : std::exchange(log, {}))
      line += (line.empty() ? "" : ", ") + entry;
    return line;
  }
  std::size_t count(report_kind kind) const {
    return static_cast<std::size_t>(std::count_if(reports.begin(), reports.end(), [&](auto& r) { return r.kind == kind; }));
  }
  supervisor_machine& machine() { return machine_; }
  std::size_t lives() const { return lives_.size(); }

  time_point now{std::chrono::hours{1}};

 private:
  void apply(actions next_ones) {
    for (auto& each : next_ones)
      queue_.push_back(std::move(each));
    if (std::exchange(busy_, true))
      return;
    while (!queue_.empty()) {
      const auto next = std::move(queue_.front());
      queue_.pop_front();
      ++carried_out;
      REQUIRE_FALSE(end);                          // nothing follows `finished`
      std::visit([this](const auto& what) { carry_out(what); }, next);
    }
    busy_ = false;
  }

  void carry_out(const start_child& what) {
    const auto id = names_.count(what.key) ? names_[what.key] : names_[what.key] = name_of(what.key);
    log.push_back("start " + id);
    REQUIRE(lives_.count(what.key) == 0);          // never two lives of one child
    if (fails.count(id) > 0) {
      apply(machine_.child_start_failed(what.key, what.incarnation, "no " + id, now));
    } else if (declines.count(id) > 0) {
      apply(machine_.child_declined(what.key, what.incarnation, now));
    } else {
      lives_[what.key] = what.incarnation;
      if (slow_to_start.count(id) == 0)
        apply(machine_.child_started(what.key, what.incarnation, now));
    }
  }
  void carry_out(const stop_child& what) {
    const auto id = names_.at(what.key);
    log.push_back((what.kill ? "kill " : "stop ") + id);
    const auto life = lives_.find(what.key);
    if (life == lives_.end())                      // it ended, or failed to start, in the meantime
      return;
    REQUIRE(life->second == what.incarnation);
    if (immortal.count(id) > 0 || (!what.kill && ignores_asking.count(id) > 0))
      return;
    lives_.erase(what.key);
    apply(machine_.child_exited(what.key, what.incarnation,
                                what.kill ? exit_reason::abnormal("killed") : exit_reason::shutdown(), now));
  }
  void carry_out(const abandon_child& what) {
    log.push_back("abandon " + names_.at(what.key));
    lives_.erase(what.key);
  }
  void carry_out(const forget_child& what) { REQUIRE(lives_.count(what.key) == 0); }
  void carry_out(const arm_timer& what) {
    if (!timer_ || what.at < *timer_)
      timer_ = what.at;
  }
  void carry_out(const reply& what) {
    REQUIRE(answers.count(what.token) == 0);       // every request is answered once
    answers.emplace(what.token, what);
  }
  void carry_out(const report& what) { reports.push_back(what); }
  void carry_out(const finished& what) {
    REQUIRE(lives_.empty());
    end = what.reason;
  }

  std::string name_of(child_key key) const {
    for (auto& [each, node] : machine_.children(now))
      if (each == key)
        return node.path;
    return "?";
  }

  supervisor_machine machine_;
  std::deque<action> queue_;
  bool busy_ = false;
  std::map<child_key, std::uint64_t> lives_;
  std::map<child_key, std::string> names_;
  std::optional<time_point> timer_;
  request_token token_ = 0;
};

}  // namespace flott::supervision::test
