#include "actors/embedding/actor_node.hpp"

#include "actors/embedding/supervision_metrics.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <system_error>
#include <thread>

namespace flott {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto least_to_go = 500ms;                  // what was just killed comes to know of it

std::unique_ptr<caf::actor_system_config> default_system(std::size_t threads) {
  auto config = std::make_unique<caf::actor_system_config>();
  config->set("scheduler.policy", caf::atom("sharing"));
  config->set("scheduler.max-threads", threads > 0 ? threads : std::max<std::size_t>(2, std::thread::hardware_concurrency()));
  config->set("scheduler.max-throughput", std::size_t{50});
  return config;
}

std::chrono::milliseconds until(steady::time_point deadline) {
  return std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady::now()));
}

/// A tree that ends late cannot say itself how many it has given up.
class abandoned_counter final : public supervision_observer {
 public:
  void on_event(const supervision_event& event) override {
    if (event.kind == supervision::report_kind::child_abandoned)
      count_.fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace

/// Held by the node and by the thread that ends it.
struct actor_node::core {
  core(actor_node_options&& given)
      : options(std::move(given)),
        system(options.system ? std::move(options.system) : default_system(options.threads)) {}

  void run();
  [[nodiscard]] std::vector<std::shared_ptr<supervision_observer>> observers(std::shared_ptr<supervision_observer> counting) const;

  actor_node_options options;
  const std::shared_ptr<metrics_registry> metrics = std::make_shared<metrics_registry>();
  const std::shared_ptr<abandoned_counter> abandoned = std::make_shared<abandoned_counter>();
  std::shared_ptr<supervision_history> history;
  std::shared_ptr<supervision::dead_letters> lost;
  bounded_system system;
  const child_ref_ptr root = std::make_shared<child_ref>();

  std::shared_mutex use;                             // of the system: shared by whoever asks it, whole by whoever ends it
  bool system_over = false;

  mutable std::mutex mutex;
  std::condition_variable changed;
  bool started = false, stopping = false;
  std::optional<supervisor_end> tree_end;
  std::optional<actor_node_end> end;
  std::thread ender;
};

/// The node's own thread: waits until it has to end, and ends it.
void actor_node::core::run() {
  {
    std::unique_lock lock{mutex};
    changed.wait(lock, [this] { return stopping || tree_end; });
    stopping = true;
  }
  const auto deadline = steady::now() + options.stop_limit;
  const auto tree = root->as<supervisor_actor>();
  caf::anon_send_exit(tree, caf::exit_reason::user_shutdown);
  actor_node_end how;
  {
    std::unique_lock lock{mutex};
    how.in_time = changed.wait_until(lock, deadline, [this] { return tree_end.has_value(); });
    how.reason = tree_end ? tree_end->reason : supervision::exit_reason::abnormal("did not end in time");
    how.abandoned = tree_end ? tree_end->abandoned : abandoned->count();
  }
  if (!how.in_time)
    caf::anon_send_exit(tree, caf::exit_reason::kill);         // takes its children along
  root->set(nullptr);
  {
    const std::unique_lock lock{use};
    system_over = true;
  }
  how.left_behind = system.end(std::max(until(deadline), least_to_go));
  {
    const std::lock_guard lock{mutex};
    end = how;
    changed.notify_all();
  }
  if (options.on_end)
    options.on_end(how);
}

std::vector<std::shared_ptr<supervision_observer>> actor_node::core::observers(std::shared_ptr<supervision_observer> counting) const {
  std::vector<std::shared_ptr<supervision_observer>> all{std::move(counting), abandoned};
  if (options.observer)
    all.push_back(options.observer);
  return all;
}

result<std::unique_ptr<actor_node>> actor_node::start(supervisor_spec tree, actor_node_options options) {
  FLOTT_TRY(validate(tree));
  std::shared_ptr<core> made;
  try {
    made = std::make_shared<core>(std::move(options));
  } catch (const std::system_error& err) {
    return transient_failure("actor node", "no thread for it: " + std::string{err.what()});
  }
  auto host = measured_host(made->metrics);
  made->history = std::make_shared<supervision_history>(made->options.history, made->observers(std::move(host.observer)));
  made->lost = host.dead_letters;
  host.observer = made->history;
  host.seed = made->options.seed;
  host.if_abandoned = made->options.if_abandoned;
  host.on_started = [weak = std::weak_ptr(made)] {
    if (const auto self = weak.lock()) {
      {
        const std::lock_guard lock{self->mutex};
        self->started = true;
        self->changed.notify_all();
      }
      if (self->options.on_started)
        self->options.on_started();
    }
  };
  host.on_end = [weak = std::weak_ptr(made)](const supervisor_end& how) {
    if (const auto self = weak.lock()) {
      const std::lock_guard lock{self->mutex};
      self->tree_end = how;
      self->changed.notify_all();
    }
  };
  FLOTT_ASSIGN(const auto root, spawn_supervisor(made->system.get(), std::move(tree), std::move(host)));
  bounded_system::let_go();
  made->root->set(caf::actor_cast<caf::strong_actor_ptr>(root));
  std::unique_ptr<actor_node> node{new actor_node{made}};
  try {
    made->ender = std::thread{[made] { made->run(); }};
  } catch (const std::system_error& err) {
    return transient_failure("actor node", "no thread for it: " + std::string{err.what()});
  }
  return node;
}

actor_node::~actor_node() {
  bounded_system::let_go();
  auto& ender = core_->ender;
  if (!ender.joinable()) {                           // it never had one
    if (const auto tree = core_->root->as<supervisor_actor>())
      caf::anon_send_exit(tree, caf::exit_reason::kill);
    core_->root->set(nullptr);
    return;
  }
  stop();
  if (ender.get_id() == std::this_thread::get_id())  // by on_end
    ender.detach();
  else
    ender.join();
}

result<void> actor_node::wait_started(std::chrono::milliseconds limit) {
  std::unique_lock lock{core_->mutex};
  core_->changed.wait_for(lock, limit, [&] { return core_->started || core_->tree_end; });
  if (core_->started)
    return {};
  if (core_->tree_end)
    return transient_failure("actor node", core_->tree_end->reason.text);
  return transient_failure("actor node", "not all children were up within " + std::to_string(limit.count()) + " ms");
}

bool actor_node::ready() const {
  const std::lock_guard lock{core_->mutex};
  return core_->started && !core_->stopping && !core_->tree_end;
}

void actor_node::stop() {
  const std::lock_guard lock{core_->mutex};
  core_->stopping = true;
  core_->changed.notify_all();
}

actor_node_end actor_node::wait_ended() {
  bounded_system::let_go();
  std::unique_lock lock{core_->mutex};
  core_->changed.wait(lock, [&] { return core_->end.has_value(); });
  return *core_->end;
}

caf::actor_system& actor_node::system() { return core_->system.get(); }
supervisor_actor actor_node::root() const { return core_->root->as<supervisor_actor>(); }

result<supervision::tree_node_ptr> actor_node::tree(std::chrono::milliseconds limit) {
  const std::shared_lock lock{core_->use};
  const auto tree = root();
  if (core_->system_over || !tree)
    return transient_failure("actor node", "it has ended");
  auto shown = read_tree(core_->system.get(), tree, limit);
  bounded_system::let_go();
  return shown;
}

bool actor_node::answer(const http::request& asked, const http::responder& answer) const {
  const std::shared_lock lock{core_->use};
  if (core_->system_over && asked.path.starts_with("/flott/v1/")) {
    answer(http::error_response(503, "it has ended"));
    return true;
  }
  return process_pages{core_->system_over ? nullptr : &core_->system.get(), core_->root, core_->metrics.get(), [this] { return ready(); }}
    .answer(asked, answer);
}

const supervision_history& actor_node::history() const { return *core_->history; }
metrics_registry& actor_node::metrics() { return *core_->metrics; }
supervision::dead_letters& actor_node::dead_letters() { return *core_->lost; }

}  // namespace flott
