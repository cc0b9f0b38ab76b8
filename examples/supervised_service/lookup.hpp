#pragma once

#include "worker.hpp"

#include <flott/actors.hpp>

#include <map>
#include <string>
#include <vector>

struct remember { std::string key, value; };
/// A lookup of an HTTP client's. Whatever becomes of it, the client is answered: if the message is lost, by the server.
struct web_lookup { std::string key; flott::http::responder answer; };

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(remember)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(web_lookup)

/// Answers `lookup` with `found`, or with an error when it does not know; keeps the first 1,000 keys that it is told.
caf::behavior cache(caf::event_based_actor* self);

struct front_state {
  front_state() {}                                   // NOLINT: an aggregate state would take CAF's arguments
  flott::child_ref_ptr known;
  std::vector<flott::child_ref_ptr> workers;
  std::size_t next = 0;
  static inline const char* name = "front";
};

/// Answers `web_lookup` from the cache or by one of the workers that are up, by another one if that fails; or with 503 and
/// the reason.
caf::behavior front(caf::stateful_actor<front_state>* self, flott::child_ref_ptr known, std::vector<flott::child_ref_ptr> workers);
