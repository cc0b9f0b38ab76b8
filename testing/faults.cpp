#include "testing/faults.hpp"

#include <condition_variable>
#include <map>
#include <mutex>

namespace flott::testing {
namespace {

/// A number in [0, 1) that follows from what it is made of.
double chance(std::uint64_t seed, const std::string& where, std::uint64_t incarnation, std::uint64_t number, std::uint64_t what) {
  std::uint64_t x = seed;
  const auto mix = [&](std::uint64_t more) {          // splitmix64 (Steele, Lea, Flood 2014)
    x += more + 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    x ^= x >> 31;
  };
  for (const char c : where)
    mix(static_cast<unsigned char>(c));
  mix(incarnation);
  mix(number);
  mix(what);
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

bool is_exit(const caf::type_erased_tuple& content) {
  return content.size() == 1 && content.type(0).first == caf::type_nr<caf::exit_msg>::value;
}

}  // namespace

struct fault_plan::shared_state {
  shared_state(std::uint64_t s, fault_rates r) : seed(s), rates(r) {}

  const std::uint64_t seed;
  const fault_rates rates;
  std::mutex mutex;
  std::condition_variable let_go;
  std::vector<scripted_fault> script;
  std::vector<injected_fault> done;
  std::map<std::string, std::uint64_t> starts, calls;   // so far, by place
  virtual_system* world = nullptr;
  bool calmed = false;
  std::uint64_t releases = 0;

  /// Whether `kind` strikes here; notes it if so. Requires the mutex.
  bool strikes(fault_kind kind, double rate, const std::string& where, std::uint64_t incarnation, std::uint64_t number) {
    if (calmed)
      return false;
    bool hit = rate > 0 && chance(seed, where, incarnation, number, static_cast<std::uint64_t>(kind)) < rate;
    for (auto fault = script.begin(); fault != script.end(); ++fault)
      if (fault->kind == kind && fault->number == number && (fault->where.empty() || fault->where == where) &&
          (fault->incarnation == 0 || fault->incarnation == incarnation)) {
        script.erase(fault);
        hit = true;
        break;
      }
    if (hit)
      done.push_back({kind, where, number, incarnation});
    return hit;
  }

  /// As above, for messages and ends of one life.
  bool strikes_life(fault_kind kind, double rate, const std::string& where, std::uint64_t incarnation, std::uint64_t number) {
    const std::lock_guard lock{mutex};
    return strikes(kind, rate, where, incarnation, number);
  }

  [[noreturn]] static void fail(const char* what, const std::string& where) {
    throw fault_injected(std::string("fault_plan: ") + what + " of " + where);
  }

  void stall() {
    std::unique_lock lock{mutex};
    const auto before = releases;
    let_go.wait(lock, [&] { return releases != before; });
  }

  /// Lets the life that `context` begins throw when its time has come.
  static void arm(const std::shared_ptr<shared_state>& state, const child_context& context, bool first_step) {
    if (!context.vitals)
      return;
    intercept_too(*context.vitals, [state, first_step, path = context.path, life = context.incarnation,
                                    number = std::uint64_t{0}, asked = false](const caf::type_erased_tuple* message) mutable {
      if (message == nullptr) {
        if (first_step)
          fail("first step", path);
      } else if (is_exit(*message)) {
        if (state->strikes_life(fault_kind::stop_throws, state->rates.stop_throws, path, life, 1))
          fail("stop", path);
        if (state->world == nullptr && !std::exchange(asked, true) &&
            state->strikes_life(fault_kind::stop_stalls, state->rates.stop_stalls, path, life, 1))
          state->stall();
      } else if (is_own_message(*message)) {
        if (state->strikes_life(fault_kind::handler_throws, state->rates.handler_throws, path, life, ++number))
          fail("handler", path);
      }
    });
  }

  static void watch_stop(const std::shared_ptr<shared_state>& state, const child_context& context,
                         const caf::strong_actor_ptr& handle) {
    if (state->world == nullptr || !handle)
      return;
    if (dynamic_cast<caf::resumable*>(caf::actor_cast<caf::abstract_actor*>(handle)) == nullptr)
      return;
    bool possible = state->rates.stop_stalls > 0;
    for (const auto& fault : state->script)
      possible = possible || fault.kind == fault_kind::stop_stalls;
    if (!possible)
      return;
    state->world->freeze_at(handle, [state, path = context.path, life = context.incarnation,
                                     asked = false](const caf::type_erased_tuple& message) mutable {
      return is_exit(message) && !std::exchange(asked, true) &&
             state->strikes_life(fault_kind::stop_stalls, state->rates.stop_stalls, path, life, 1);
    });
  }
};

fault_plan::fault_plan(std::uint64_t seed, fault_rates rates) : state_(std::make_shared<shared_state>(seed, rates)) {}

fault_plan& fault_plan::script(scripted_fault fault) {
  const std::lock_guard lock{state_->mutex};
  state_->script.push_back(std::move(fault));
  return *this;
}

fault_plan& fault_plan::in(virtual_system& world) {
  state_->world = &world;
  return *this;
}

child_factory fault_plan::disturb(child_factory start) const {
  return [state = state_, start = std::move(start)](const child_context& context) -> start_outcome {
    const auto& rates = state->rates;
    bool fails = false, throws = false, declines = false, first_step = false;
    {
      const std::lock_guard lock{state->mutex};
      const auto number = ++state->starts[context.path];
      const auto strikes = [&](fault_kind kind, double rate) {
        return state->strikes(kind, rate, context.path, context.incarnation, number);
      };
      fails = strikes(fault_kind::start_fails, rates.start_fails);
      throws = !fails && strikes(fault_kind::start_throws, rates.start_throws);
      declines = !fails && !throws && strikes(fault_kind::start_declines, rates.start_declines);
      first_step = !fails && !throws && !declines && strikes(fault_kind::first_step_throws, rates.first_step_throws);
    }
    if (fails)
      return transient_failure(context.path, "fault_plan: the start fails");
    if (throws)
      shared_state::fail("start", context.path);
    if (declines)
      return started_child{};
    shared_state::arm(state, context, first_step);
    auto outcome = start(context);
    if (outcome)
      shared_state::watch_stop(state, context, outcome.value().handle);
    return outcome;
  };
}

result<void> fault_plan::connect(const std::string& name) const {
  bool fails = false, throws = false;
  {
    const std::lock_guard lock{state_->mutex};
    const auto number = ++state_->calls[name];
    fails = state_->strikes(fault_kind::connect_fails, state_->rates.connect_fails, name, 0, number);
    throws = !fails && state_->strikes(fault_kind::connect_throws, state_->rates.connect_throws, name, 0, number);
  }
  if (throws)
    shared_state::fail("connect", name);
  if (fails)
    return transient_failure(name, "fault_plan: no connection");
  return {};
}

void fault_plan::calm() {
  {
    const std::lock_guard lock{state_->mutex};
    state_->calmed = true;
  }
  release();
}

void fault_plan::arm() {
  const std::lock_guard lock{state_->mutex};
  state_->calmed = false;
}

void fault_plan::release() {
  {
    const std::lock_guard lock{state_->mutex};
    ++state_->releases;
  }
  state_->let_go.notify_all();
  if (state_->world != nullptr)
    state_->world->thaw_all();
}

std::uint64_t fault_plan::injected() const {
  const std::lock_guard lock{state_->mutex};
  return state_->done.size();
}

std::uint64_t fault_plan::injected(fault_kind kind) const {
  const std::lock_guard lock{state_->mutex};
  std::uint64_t count = 0;
  for (const auto& fault : state_->done)
    count += fault.kind == kind;
  return count;
}

std::vector<injected_fault> fault_plan::log() const {
  const std::lock_guard lock{state_->mutex};
  return state_->done;
}

std::string fault_plan::to_string() const {
  std::string text = "fault_plan, seed " + std::to_string(state_->seed) + "\n";
  for (const auto& fault : log())
    text += "  " + testing::to_string(fault) + "\n";
  return text;
}

bool is_own_message(const caf::type_erased_tuple& content) {
  if (is_system_message(content))
    return false;
  return !(content.size() == 3 && content.match_elements<caf::atom_value, caf::atom_value, std::string>() &&
           *static_cast<const caf::atom_value*>(content.get(0)) == caf::sys_atom::value);
}

void intercept_too(actor_vitals& vitals, actor_vitals::interceptor also) {
  if (!vitals.intercepts())
    return vitals.intercept(std::move(also));
  vitals.intercept([before = *vitals.intercepts(), also = std::move(also)](const caf::type_erased_tuple* message) mutable {
    before(message);
    also(message);
  });
}

const char* to_string(fault_kind x) {
  switch (x) {
    case fault_kind::start_fails: return "start_fails";
    case fault_kind::start_throws: return "start_throws";
    case fault_kind::start_declines: return "start_declines";
    case fault_kind::first_step_throws: return "first_step_throws";
    case fault_kind::handler_throws: return "handler_throws";
    case fault_kind::stop_throws: return "stop_throws";
    case fault_kind::stop_stalls: return "stop_stalls";
    case fault_kind::connect_fails: return "connect_fails";
    case fault_kind::connect_throws: return "connect_throws";
  }
  return "unknown";
}

std::string to_string(const injected_fault& x) {
  return std::string(to_string(x.kind)) + " " + x.where +
         (x.incarnation > 0 ? "#" + std::to_string(x.incarnation) : std::string()) + ", number " + std::to_string(x.number);
}

}  // namespace flott::testing
