#include "lookup.hpp"

using namespace flott;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_known = 1000;
constexpr auto cache_limit = 50ms;
constexpr auto worker_limit = 500ms;
constexpr int tries = 2;

using front_ptr = caf::stateful_actor<front_state>*;

void tell(const web_lookup& asked, const found& x) {
  asked.answer(http::json_response("{\"key\":" + http::json_quoted(asked.key) + ",\"value\":" + http::json_quoted(x.value) +
                                   ",\"from\":" + http::json_quoted(x.from) + "}"));
}

caf::actor next_worker(front_state& state) {
  for (std::size_t i = 0; i < state.workers.size(); ++i)
    if (const auto worker = state.workers[state.next++ % state.workers.size()]->as<caf::actor>())
      return worker;
  return nullptr;
}

void ask_worker(front_ptr self, const web_lookup& asked, int left, const std::string& last_failure) {
  const auto worker = next_worker(self->state);
  if (!worker)
    return asked.answer(http::error_response(503, "no worker is up: all are being started again", 1));
  if (left == 0)
    return asked.answer(http::error_response(503, "workers failed: " + last_failure, 1));
  self->request(worker, worker_limit, lookup{asked.key})
    .then(
      [=](const found& x) {
        if (const auto known = self->state.known->as<caf::actor>())
          self->send(known, remember{asked.key, x.value});
        tell(asked, x);
      },
      [=](const caf::error& err) { ask_worker(self, asked, left - 1, describe(err)); });
}

}  // namespace

caf::behavior cache(caf::event_based_actor*) {
  const auto known = std::make_shared<std::map<std::string, std::string>>();
  return {
    [known](const lookup& asked) -> caf::result<found> {
      const auto there = known->find(asked.key);
      if (there == known->end())
        return caf::make_error(caf::sec::runtime_error, "not known");
      return found{there->second, "cache"};
    },
    [known](const remember& x) {
      if (known->size() < most_known)
        known->insert_or_assign(x.key, x.value);
    },
    [](fail_now) { throw std::runtime_error("chaos asked for it"); },
  };
}

caf::behavior front(front_ptr self, child_ref_ptr known, std::vector<child_ref_ptr> workers) {
  self->state.known = std::move(known);
  self->state.workers = std::move(workers);
  return {[self](const web_lookup& asked) {
    const auto cache = self->state.known->as<caf::actor>();
    if (!cache)
      return ask_worker(self, asked, tries, {});
    self->request(cache, cache_limit, lookup{asked.key})
      .then([=](const found& x) { tell(asked, x); }, [=](const caf::error&) { ask_worker(self, asked, tries, {}); });
  }};
}
