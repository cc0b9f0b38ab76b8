#pragma once

#include <flott/actors.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

struct lookup { std::string key; };
struct found { std::string value, from; };
/// From chaos.
struct fail_now {};
struct hang_for { std::chrono::milliseconds time; };

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lookup)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fail_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hang_for)

/// A worker: one connection to the backend, and a thread, since it blocks. It knows no way to mend a connection: whatever goes
/// wrong ends it, its supervisor starts another one, and what it held is released before.
///
/// `port` is asked at each start.
[[nodiscard]] flott::child_factory connected_worker(std::function<std::uint16_t()> port);
