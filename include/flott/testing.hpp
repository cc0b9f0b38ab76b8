#pragma once

/// The test kit for actors under supervision: virtual time, faults, conformance of a kind of child, random hierarchies.
/// For tests only. Needs Flott::testing, and no test framework.
#include "testing/conformance.hpp"
#include "testing/faults.hpp"
#include "testing/hierarchy.hpp"
#include "testing/virtual_system.hpp"
