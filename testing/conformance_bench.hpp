#pragma once

#include "testing/conformance.hpp"
#include "testing/virtual_system.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

/// Parts of `check_child`: a supervisor with the subject under it, in virtual or in real time.
namespace flott::testing::conformance_parts {

using supervision::milliseconds;

/// What no child has a handler for.
struct stranger {};

/// One life of a subject, as its factory was called.
struct seen_life {
  std::uint64_t incarnation = 0;
  std::shared_ptr<supervision::ledger> ledger;
  std::size_t left_before = 0;           ///< what its predecessor still held when it began
  std::size_t booked = 0;                ///< when it was ready
};

/// What is shared with actors and other threads.
struct record final : supervision_observer {
  void on_event(const supervision_event& event) override;
  [[nodiscard]] std::vector<supervision_event> all();
  [[nodiscard]] std::size_t count(supervision::report_kind kind, const std::string& child = {});
  /// The last of its kind; empty: there was none.
  [[nodiscard]] std::optional<supervision_event> last(supervision::report_kind kind, const std::string& child = {});

  std::mutex mutex;
  std::vector<supervision_event> events;
  std::vector<seen_life> lives;
  std::shared_ptr<supervision::ledger> latest;
  std::optional<supervisor_end> end;
  bool started = false;
  std::atomic<bool> supervised{false};   ///< the subject was spawned under supervision: its handlers can be reached
  std::atomic<bool> crash{false};        ///< the next message that the subject is to handle throws instead
};

/// What became of a request.
template <class Reply>
struct reply_of {
  std::mutex mutex;
  std::optional<Reply> value;
  std::optional<caf::error> error;
  [[nodiscard]] bool done() {
    const std::lock_guard lock{mutex};
    return value || error;
  }
};

class bench {
 public:
  bench(const conformance_subject& subject, const conformance_options& options);
  ~bench();
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  /// The subject as a child; `ref(id)` gives its living handle.
  [[nodiscard]] child_spec child(const std::string& id,
                                 supervision::restart_policy restart = supervision::restart_policy::permanent);
  /// A child of the bench's own that does nothing.
  [[nodiscard]] child_spec bystander(const std::string& id);
  [[nodiscard]] caf::strong_actor_ptr handle(const std::string& id) { return refs_.at(id)->get(); }

  /// Starts a tree, and waits until it is up. Empty: it is; otherwise why it is not.
  [[nodiscard]] std::string boot(std::vector<child_spec> children,
                                 supervision::strategy strategy = supervision::strategy::one_for_one, unsigned restarts = 1'000);
  /// Ends the tree in order, and waits. False: not within any reasonable time.
  bool stop();

  /// Waits until `condition` holds: virtual time passes; real time passes up to what no machine needs.
  bool until(const std::function<bool()>& condition);
  /// Virtual: no time passes.
  bool at_once(const std::function<bool()>& condition);
  /// Virtual only: lets some time pass, or some messages be handled.
  void pass(milliseconds time);
  void step(std::size_t messages);
  [[nodiscard]] bool real_time() const { return world_ == nullptr; }
  [[nodiscard]] milliseconds now();

  template <class Reply, class Handle, class... Request>
  std::shared_ptr<reply_of<Reply>> send(const Handle& whom, Request... request) {
    auto out = std::make_shared<reply_of<Reply>>();
    system().spawn([=](caf::event_based_actor* self) {
      self->request(whom, caf::infinite, request...)
        .then([out](const Reply& x) { const std::lock_guard lock{out->mutex}; out->value = x; },
              [out](const caf::error& x) { const std::lock_guard lock{out->mutex}; out->error = x; });
    });
    return out;
  }
  /// Asks the root, and waits for the answer.
  template <class Request>
  std::shared_ptr<reply_of<child_handle>> ask(Request request) {
    auto out = send<child_handle>(root_, std::move(request));
    until([&] { return out->done(); });
    return out;
  }
  /// The child's state as its probe tells it; empty without a probe.
  [[nodiscard]] std::string state_of(const std::string& id);
  void touch(const std::string& id);
  /// Lets the child throw in a handler. False: it did not end.
  bool crash(const std::string& id);

  [[nodiscard]] caf::actor_system& system();
  [[nodiscard]] const supervisor_actor& root() const { return root_; }
  [[nodiscard]] record& seen() { return *seen_; }
  [[nodiscard]] supervision::dead_letters& dead() { return *dead_; }
  /// Actors that run, those of the bench included.
  [[nodiscard]] std::size_t running() { return system().registry().running(); }
  [[nodiscard]] const conformance_subject& subject() const { return subject_; }
  /// A life was given up, and may still run.
  [[nodiscard]] bool abandoned() { return seen_->count(supervision::report_kind::child_abandoned) > 0; }

 private:
  struct real_world;
  const conformance_subject& subject_;
  std::unique_ptr<virtual_system> world_;
  std::unique_ptr<real_world> threads_;
  std::shared_ptr<record> seen_ = std::make_shared<record>();
  std::shared_ptr<supervision::dead_letters> dead_ = std::make_shared<supervision::dead_letters>();
  std::map<std::string, child_ref_ptr> refs_;
  supervisor_actor root_;
};

}  // namespace flott::testing::conformance_parts

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::testing::conformance_parts::stranger)
