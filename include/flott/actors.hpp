#pragma once

/// Supervisors for a service's own CAF actors. This header brings CAF in. Needs Flott::flott.
#include "actors/supervisor.hpp"
