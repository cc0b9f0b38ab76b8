#pragma once

/// All that the author of a job needs (link Flott::runtime), and to run jobs inside a program (link Flott::flott).
#include "actors/local_cluster.hpp"
#include "runtime/api/aggregates.hpp"
#include "runtime/api/job.hpp"
#include "runtime/api/job_builder.hpp"
#include "runtime/api/parameters.hpp"
#include "runtime/api/stream.hpp"
#include "runtime/connectors/connectors.hpp"
