#pragma once

/// All that the author of a job needs.
#include "runtime/api/aggregates.hpp"
#include "runtime/api/job.hpp"
#include "runtime/api/job_builder.hpp"
#include "runtime/api/parameters.hpp"
#include "runtime/api/stream.hpp"
