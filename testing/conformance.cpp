#include "testing/conformance.hpp"

#include "testing/conformance_bench.hpp"

#include <algorithm>
#include <filesystem>

namespace flott::testing {
namespace {

using namespace conformance_parts;
using supervision::report_kind;
using supervision::restart_cause;
using supervision::restart_policy;

/// A property: its check gives what happened instead; empty: it holds.
struct property {
  const char* name;
  std::string (*check)(bench& at, const conformance_options& options);
  std::vector<const char*> needs;                  // starts of the names of those without which it says nothing
};

std::string text_of(const caf::error& err) { return err ? describe(err) : "nothing"; }

std::string not_ended(bench& at, const char* when) {
  const auto how = at.seen().last(report_kind::child_abandoned);
  return std::string("abandoned ") + when + (how ? ": " + how->text : std::string());
}

std::size_t open_files() {
  std::error_code ignored;
  std::size_t count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", ignored); it != std::filesystem::directory_iterator(); ++it)
    ++count;
  return count;
}

std::size_t held_by(const conformance_subject& subject) { return subject.held ? subject.held() : 0; }

/// Ends the child and starts it again, as requested. Empty: it went well.
std::string start_again(bench& at, const std::string& id) {
  if (const auto ended = at.ask(terminate_child_request{id}); ended->error)
    return "it can't be ended: " + text_of(*ended->error);
  if (const auto again = at.ask(restart_child_request{id}); again->error)
    return "its second start: " + text_of(*again->error);
  else if (!again->value)
    return "its second start was not answered";
  return {};
}

// --- starts and ends -----------------------------------------------------------------------------------------------

std::string starts(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.child("child")}); !why.empty())
    return why;
  if (at.seen().count(report_kind::child_declined) > 0)
    return "it declined";
  return at.handle("child") ? "" : "it ended at once";
}

std::string ends_when_asked(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.child("child")}); !why.empty())
    return why;
  at.ask(terminate_child_request{"child"});
  if (at.abandoned())
    return not_ended(at, "when it was asked to end");
  const auto how = at.seen().last(report_kind::child_stopped, "child");
  if (!how)
    return "it did not end";
  const bool at_once = at.subject().spec.shutdown && at.subject().spec.shutdown->is_at_once();
  return how->cause == restart_cause::exit || at_once ? "" : "it ended by: " + how->text;
}

std::string ends_when_killed(bench& at, const conformance_options&) {
  auto child = at.child("child");
  child.shutdown = supervision::shutdown_limit::at_once();
  if (auto why = at.boot({child}); !why.empty())
    return why;
  at.ask(terminate_child_request{"child"});
  if (at.abandoned())
    return not_ended(at, "when it was killed");
  return at.seen().last(report_kind::child_stopped, "child") ? "" : "it did not end";
}

std::string has_a_second_life(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.child("child")}); !why.empty())
    return why;
  const auto first = at.handle("child");
  if (auto why = start_again(at, "child"); !why.empty())
    return why;
  const auto second = at.handle("child");
  if (!second)
    return "its second life ended at once";
  if (second == first)
    return "its second life has the handle of the first";
  const auto found = at.ask(find_child_request{"child"});
  return found->value && found->value->incarnation == 2 ? "" : "its second life is not incarnation 2";
}

std::string gives_back_what_it_booked(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.child("child")}); !why.empty())
    return why;
  if (auto why = start_again(at, "child"); !why.empty())
    return why;
  {
    const std::lock_guard lock{at.seen().mutex};
    const auto& lives = at.seen().lives;
    for (const auto& life : lives)
      if (life.left_before > 0)
        return "life " + std::to_string(life.incarnation) + " began while the one before held " +
               std::to_string(life.left_before) + " things";
    if (lives.size() >= 2 && lives.front().booked > 0 && lives.back().ledger->size() == 0)
      return "its first life booked " + std::to_string(lives.front().booked) + " things, its second none on its own ledger";
  }
  at.ask(terminate_child_request{"child"});
  if (const auto how = at.seen().last(report_kind::release_failed, "child"))
    return "a release failed: " + how->text;
  const std::lock_guard lock{at.seen().mutex};
  return at.seen().latest->size() == 0 ? "" : "something is booked after its end";
}

// --- crashes and messages --------------------------------------------------------------------------------------------

std::string comes_back_fresh(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.bystander("sibling"), at.child("child")}); !why.empty())
    return why;
  const auto sibling = at.handle("sibling"), first = at.handle("child");
  const auto fresh = at.state_of("child");
  at.touch("child");
  if (!at.crash("child"))
    return "it does not end by an exception";
  if (!at.until([&] { return at.handle("child") != nullptr && at.seen().count(report_kind::child_restarted) > 0; }))
    return "it was not restarted";
  if (at.handle("child") == first)
    return "its second life has the handle of the first";
  if (at.handle("sibling") != sibling)
    return "its sibling was restarted as well";
  const auto after = at.state_of("child");
  return after == fresh ? "" : "its state began as \"" + fresh + "\", and after the restart it is \"" + after + "\"";
}

std::string survives_strangers(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.child("child")}); !why.empty())
    return why;
  const auto child = at.handle("child");
  const auto before = at.dead().count(supervision::loss::unhandled);
  auto sender_ended = std::make_shared<std::atomic<bool>>(false);
  auto sender = at.system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
    self->attach_functor([sender_ended](const caf::error&) { *sender_ended = true; });
    self->send(caf::actor_cast<caf::actor>(child), stranger{});
    return {[](int x) { return x; }};
  });
  const auto gone = [&] { return at.handle("child") != child; };
  const auto counted = [&] { return at.dead().count(supervision::loss::unhandled) > before; };
  at.at_once([&] { return gone() || *sender_ended || counted(); });
  const auto asked = at.send<caf::unit_t>(caf::actor_cast<caf::actor>(child), stranger{});
  const bool answered = at.at_once([&] { return asked->done() || gone(); });
  const bool sender_died = *sender_ended;
  caf::anon_send_exit(sender, caf::exit_reason::user_shutdown);
  sender = nullptr;
  if (gone())
    return "a message that it does not know ended it";
  if (sender_died)
    return "a message that it does not know ended its sender";
  if (!answered)
    return "a request that it does not know is not answered";
  return counted() ? "" : "a message that it does not know was not counted";
}

std::string answers_after_its_end(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.child("child")}); !why.empty())
    return why;
  const auto child = at.handle("child");
  at.ask(terminate_child_request{"child"});
  const auto asked = at.send<caf::unit_t>(caf::actor_cast<caf::actor>(child), stranger{});
  if (!at.at_once([&] { return asked->done(); }))
    return "a request to it after its end is not answered at once";
  const std::lock_guard lock{asked->mutex};
  return asked->error ? "" : "a request to it after its end was answered as if it lived";
}

std::string is_deaf_to_the_past(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.child("child")}); !why.empty())
    return why;
  const auto first = at.handle("child");
  const auto fresh = at.state_of("child");
  if (auto why = start_again(at, "child"); !why.empty())
    return why;
  const auto second = at.handle("child");
  at.touch("child");
  const auto touched = at.state_of("child");
  caf::anon_send(caf::actor_cast<caf::actor>(first), stranger{});
  if (at.subject().touch)
    at.subject().touch(caf::actor_cast<caf::actor>(first));
  at.pass(std::chrono::seconds(60));
  if (at.handle("child") != second)
    return "what its old life left under way ended the new one";
  const auto after = at.state_of("child");
  return after == touched ? "" : "what was sent to its old life, or by it, changed the new one from \"" + touched + "\" to \"" +
                                   after + "\"";
}

// --- what it leaves --------------------------------------------------------------------------------------------------

std::string leaves_nothing(bench& at, const conformance_options& options) {
  if (auto why = at.boot({}); !why.empty())
    return why;
  const auto running = at.running(), held = held_by(at.subject()), files = open_files();
  for (std::size_t round = 1; round <= options.rounds; ++round) {
    if (const auto up = at.ask(start_child_request{at.child("child", restart_policy::temporary)}); !up->value)
      return "start " + std::to_string(round) + ": " + (up->error ? text_of(*up->error) : "no answer");
    at.ask(terminate_child_request{"child"});
  }
  if (!at.until([&] { return at.running() <= running; }))
    return std::to_string(at.running() - running) + " actors run on after " + std::to_string(options.rounds) + " lives";
  if (const auto now = held_by(at.subject()); now > held)
    return std::to_string(now - held) + " things are still held after " + std::to_string(options.rounds) + " lives";
  if (const auto now = open_files(); options.rounds > 1 && now >= files + options.rounds)
    return std::to_string(now - files) + " files are still open after " + std::to_string(options.rounds) + " lives";
  return {};
}

std::string leaves_nothing_half_way(bench& at, const conformance_options&) {
  if (auto why = at.boot({}); !why.empty())
    return why;
  const auto running = at.running(), held = held_by(at.subject());
  constexpr std::size_t by_message = 24, by_time = 10;
  for (std::size_t k = 0; k < by_message + by_time; ++k) {
    const auto up = at.send<child_handle>(at.root(), start_child_request{at.child("child", restart_policy::temporary)});
    if (k < by_message)
      at.step(k);
    else
      at.pass(milliseconds{1ULL << (k - by_message)});
    at.ask(terminate_child_request{"child"});
    const auto where = k < by_message ? std::to_string(k) + " messages" : std::to_string(1ULL << (k - by_message)) + " ms";
    if (!at.until([&] { return up->done(); }))
      return "stopped " + where + " after its start was asked for, that request is not answered";
    at.ask(terminate_child_request{"child"});        // in real time the first may have come before the start
    if (!at.until([&] { return at.running() <= running; }))
      return "stopped " + where + " after its start was asked for, " + std::to_string(at.running() - running) + " actors run on";
    if (const auto now = held_by(at.subject()); now > held)
      return "stopped " + where + " after its start was asked for, it still holds " + std::to_string(now - held) + " things";
    const std::lock_guard lock{at.seen().mutex};
    if (at.seen().latest && at.seen().latest->size() > 0)
      return "stopped " + where + " after its start was asked for, something is still booked";
  }
  return {};
}

// --- in company --------------------------------------------------------------------------------------------------------

std::string stands_company(bench& at, const conformance_options&) {
  if (auto why = at.boot({at.child("one"), at.child("two")}); !why.empty())
    return why;
  const auto two = at.handle("two");
  const auto fresh = at.state_of("two");
  at.touch("one");
  if (const auto now = at.state_of("two"); now != fresh)
    return "what is done to the one changes the other from \"" + fresh + "\" to \"" + now + "\"";
  at.ask(terminate_child_request{"one"});
  if (at.handle("two") != two || !two)
    return "the end of the one was the end of the other";
  if (const auto again = at.ask(restart_child_request{"one"}); !again->value)
    return "the one does not come back beside the other: " + (again->error ? text_of(*again->error) : "no answer");
  const auto now = at.state_of("two");
  return at.handle("two") == two && now == fresh ? "" : "the return of the one changes the other";
}

std::string stops_in_parallel(bench& at, const conformance_options& options) {
  auto each = at.child("each");
  each.ref = nullptr;
  if (auto why = at.boot({each}, supervision::strategy::pool); !why.empty())
    return why;
  const auto start = [&]() -> std::string {
    const auto up = at.ask(start_pool_child_request{at.subject().arguments});
    if (up->value)
      return {};
    return "it does not start in a pool: " + (up->error ? text_of(*up->error) : "no answer");
  };
  if (auto why = start(); !why.empty())
    return why;
  const auto all = at.send<child_list>(at.root(), list_children_request{});
  at.until([&] { return all->done(); });
  const auto before = at.now();
  const auto first = at.seen().last(report_kind::child_started);
  const auto found = at.ask(find_child_request{first ? first->child : std::string()});
  if (found->value && found->value->handle)
    at.ask(terminate_handle_request{found->value->handle});
  const auto alone = at.now() - before;
  for (std::size_t i = 0; i < options.pool; ++i)
    if (auto why = start(); !why.empty())
      return why;
  const auto then = at.now();
  if (!at.stop())
    return "the pool does not stop";
  const auto together = at.now() - then;
  if (at.abandoned())
    return not_ended(at, "in a pool");
  if (together > 2 * alone + milliseconds{50})
    return std::to_string(options.pool) + " of them take " + std::to_string(together.count()) + " ms to stop, one takes " +
           std::to_string(alone.count()) + " ms";
  return {};
}

std::string lives_below(bench& at, const conformance_options&) {
  supervisor_spec inner;
  inner.name = "inner";
  inner.intensity = {1, std::chrono::seconds(60)};
  inner.children = {at.child("child")};
  if (auto why = at.boot({subtree(inner)}); !why.empty())
    return why;
  for (int crashes = 1; crashes <= 2; ++crashes) {   // the second is one too many for the inner supervisor
    const auto before = at.handle("child");
    if (!before || !at.crash("child"))
      return "it does not end by an exception";
    if (!at.until([&] { return at.handle("child") != nullptr && at.handle("child") != before; }))
      return crashes == 1 ? "it was not restarted" : "it did not come back with its supervisor";
  }
  if (!at.until([&] { return at.seen().count(report_kind::child_restarted, "inner") > 0; }))
    return "its supervisor was not restarted";
  if (!at.stop())
    return "the tree does not stop";
  return at.abandoned() ? not_ended(at, "below a nested supervisor") : "";
}

constexpr const char* must_end = "sup_stop_timeout: it ends when asked, within its limit, as a shutdown";

const std::vector<property>& properties() {
  static const std::vector<property> all{
    {"sup_start_normal: it starts, and is ready within its limit", starts, {}},
    {must_end, ends_when_asked, {"sup_start_normal"}},
    {"sup_start_restart_child: a second life has another handle, and the incarnation counts on", has_a_second_life,
     {"sup_start_normal"}},
    {"incarnation and ledger: what a life booked is released before the next one starts", gives_back_what_it_booked,
     {"sup_start_restart_child"}},
    {"one_for_one: after a crash in a handler it comes back with fresh state, its sibling unharmed", comes_back_fresh,
     {"sup_start_restart_child"}},
    {"no silent loss: a message it does not know ends neither it nor its sender, and is counted", survives_strangers,
     {"sup_start_normal"}},
    {"no silent loss: a request after its end is answered at once with an error", answers_after_its_end,
     {"sup_start_normal"}},
    {"TimerSpec: what an old life left under way does nothing to the new one", is_deaf_to_the_past,
     {"sup_start_restart_child", "one_for_one:"}},
    {"scale_start_stop_many_children: started and stopped many times, it leaves nothing", leaves_nothing,
     {"sup_start_restart_child"}},
    {"start stopped half-way: it leaves nothing", leaves_nothing_half_way, {"scale_start_stop_many_children"}},
    {"side by side: two of them do not disturb each other", stands_company, {"sup_start_restart_child", "one_for_one:"}},
    {"simple_one_for_one_shutdown: in a pool they stop in parallel", stops_in_parallel, {"side by side"}},
    {"tree: it lives below a nested supervisor, and returns with it", lives_below, {"one_for_one:"}},
    {"sup_stop_brutal_kill: it ends when killed", ends_when_killed, {"sup_start_normal"}},
  };
  return all;
}

}  // namespace

findings check_child(const conformance_subject& subject, const conformance_options& options) {
  findings all;
  bool stuck = false;
  for (const auto& each : properties()) {
    finding found{each.name};
    if (stuck && std::string_view(each.name) != must_end) {
      found.verdict = verdict::unchecked;
      found.what = "a life of it has not ended";
    }
    for (const auto* need : each.needs)
      for (const auto& before : all)
        if (found.verdict == verdict::passed && !before.passed() && before.property.starts_with(need)) {
          found.verdict = verdict::unchecked;
          found.what = "needs " + before.property;
        }
    if (found.verdict == verdict::passed) {
      bench at{subject, options};
      found.what = each.check(at, options);
      if (!found.what.empty())
        found.verdict = verdict::failed;
      at.stop();
      stuck = at.abandoned();
    }
    all.push_back(std::move(found));
  }
  return all;
}

std::string to_string(const findings& all) {
  std::string text;
  for (const auto& each : all)
    text += std::string(each.passed() ? "passed     " : each.verdict == verdict::failed ? "FAILED     " : "unchecked  ") +
            each.property + (each.what.empty() ? "" : "\n           " + each.what) + "\n";
  return text;
}

bool all_passed(const findings& all) {
  return std::all_of(all.begin(), all.end(), [](const finding& each) { return each.passed(); });
}

}  // namespace flott::testing
