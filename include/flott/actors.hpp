#pragma once

/// Supervisors for a service's own CAF actors, and what puts them into it. This header brings CAF in. Needs Flott::flott.
#include "actors/embedding/actor_node.hpp"
#include "actors/supervisor.hpp"
