#pragma once

/// COMMITTER does a JobManager node's work on files, in the order it is told: publishing what finished jobs wrote aside,
/// removing what others did.
///
/// Lives  one per JobManager node, on a thread of its own since it blocks; child of the node's supervisor.
/// Hears  put, forget and flush from JOB MANAGERs.
/// Keeps  nothing.

#include "actors/interfaces.hpp"

namespace flott {

committer_actor::behavior_type committer(committer_actor::pointer self);

}  // namespace flott
