#pragma once

/// Supervisors for a service's own CAF actors. The one header that brings CAF in. Needs Flott::flott.
#include "actors/supervisor.hpp"
