#include "apps/top/comparison.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace flott::cli::top {
namespace {

using namespace std::chrono_literals;

constexpr std::array names{"busy", "mailbox", "oldest", "handled", "restarts", "path"};   // as in `order`

using place = std::pair<std::string_view, std::string_view>;                              // node and path
place place_of(const tree_actor& x) { return {x.node, x.path}; }

std::string where_of(const tree_actor& x) { return x.node.empty() ? x.path : x.node + ":" + x.path; }

std::string state_of(const tree_actor& x) {
  auto state = x.state;
  if (x.restart_in_ms)
    state += " in " + std::to_string(*x.restart_in_ms) + " ms";
  return x.unanswered ? state + ", no answer" : state;
}

/// Messages and busy milliseconds since then; nothing where the two are not to be compared.
std::optional<std::pair<std::uint64_t, std::uint64_t>> done_since(const tree_actor* then, const tree_actor& now) {
  if (then == nullptr || !now.shown || now.incarnation < then->incarnation)
    return std::nullopt;
  if (now.incarnation > then->incarnation)
    return std::pair{now.shown->handled, now.shown->busy_ms};
  if (!then->shown || now.shown->handled < then->shown->handled)
    return std::nullopt;
  // Not read at one instant: the time in handlers may seem to go back by a tick.
  return std::pair{now.shown->handled - then->shown->handled, now.shown->busy_ms - std::min(now.shown->busy_ms, then->shown->busy_ms)};
}

row row_of(const tree_actor* then, const tree_actor& now, std::chrono::milliseconds apart) {
  row made;
  made.where = where_of(now);
  made.state = state_of(now);
  made.restarts = now.restarts;
  made.last_failure = now.last_failure;
  if (now.shown) {
    made.waiting = now.shown->waiting;
    if (now.shown->waiting > 0)
      made.oldest_ms = now.shown->oldest_ms;
    if (now.shown->in_handler_ms > 0)
      made.in_handler_ms = now.shown->in_handler_ms;
    made.handling = now.shown->handling;
  }
  if (const auto done = done_since(then, now); done && apart > 0ms) {
    const auto ms = static_cast<double>(apart.count());
    made.handled_per_s = static_cast<double>(done->first) * 1000.0 / ms;
    made.busy_percent = std::min(100.0, static_cast<double>(done->second) * 100.0 / ms);
  }
  return made;
}

void count(const tree_actor& x, const row& shown, totals& all) {
  ++(x.supervisor ? all.supervisors : all.actors);
  all.restarting += x.state == "restarting" ? 1 : 0;
  all.stopping += x.state == "stopping" ? 1 : 0;
  all.abandoned += x.state == "abandoned" ? 1 : 0;
  all.given_up += x.depth > 0 ? x.abandoned : 0;   // a root's number is the sum of its children's
  if (shown.handled_per_s)
    all.handled_per_s = all.handled_per_s.value_or(0) + *shown.handled_per_s;
}

/// What rows are sorted by; absent: last.
std::optional<double> key_of(const row& x, order by) {
  const auto of = [](const auto& number) { return number ? std::optional(static_cast<double>(*number)) : std::nullopt; };
  switch (by) {
    case order::busy: return of(x.busy_percent);
    case order::mailbox: return of(x.waiting);
    case order::oldest: return of(x.oldest_ms);
    case order::handled: return of(x.handled_per_s);
    case order::restarts: return static_cast<double>(x.restarts);
    case order::path: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(order x) { return names.at(static_cast<std::size_t>(x)); }

std::optional<order> parse_order(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? std::nullopt : std::optional(static_cast<order>(found - names.begin()));
}

std::optional<order> order_of_key(char key) {
  const auto found = std::find_if(names.begin(), names.end(), [key](std::string_view name) { return name[0] == key; });
  return found == names.end() ? std::nullopt : std::optional(static_cast<order>(found - names.begin()));
}

comparison compare(const tree_document* before, const tree_document& now, std::chrono::milliseconds apart, order by) {
  comparison made;
  std::map<place, const tree_actor*> then;
  if (before != nullptr)
    for (const auto& actor : before->actors)
      then.emplace(place_of(actor), &actor);
  bool stopping = false;                           // the process whose tree we are in
  for (const auto& actor : now.actors) {
    if (actor.depth == 0)
      stopping = actor.state == "stopping";
    const auto found = then.find(place_of(actor));
    made.rows.push_back(row_of(found == then.end() ? nullptr : found->second, actor, apart));
    made.rows.back().place = made.rows.size();
    count(actor, made.rows.back(), made.all);
    if (stopping && actor.state == "stopping" && actor.shown && actor.shown->in_handler_ms > 0)
      made.blockers.push_back({made.rows.back().where, actor.shown->handling, actor.shown->in_handler_ms});
  }
  std::set<std::string_view> there;
  for (const auto& process : now.processes) {
    there.insert(process.node);
    if (!process.trouble.empty())
      made.silent.push_back(process.node.empty() ? process.trouble : process.node + ": " + process.trouble);
  }
  if (before != nullptr)
    for (const auto& process : before->processes)
      if (!there.contains(process.node))
        made.gone.push_back(process.node);
  sort(made.rows, by);
  return made;
}

void sort(std::vector<row>& rows, order by) {
  std::sort(rows.begin(), rows.end(), [by](const row& a, const row& b) {
    const auto left = key_of(a, by), right = key_of(b, by);
    return left != right ? left > right : a.place < b.place;
  });
}

}  // namespace flott::cli::top
