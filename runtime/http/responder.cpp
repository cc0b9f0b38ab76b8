#include "runtime/http/server.hpp"

#include <atomic>

namespace flott::http {

struct responder::state {
  explicit state(std::unique_ptr<sink> s) : to(std::move(s)) {}
  ~state() {
    if (!answered.exchange(true))
      to->answer(error_response(503, "nobody is there to answer this request at the moment", 1));
  }
  std::unique_ptr<sink> to;
  std::atomic<bool> answered{false};
};

responder::responder(std::unique_ptr<sink> to) : state_(std::make_shared<state>(std::move(to))) {}

void responder::operator()(response reply) const {
  if (state_ && !state_->answered.exchange(true))
    state_->to->answer(std::move(reply));
}

}  // namespace flott::http
