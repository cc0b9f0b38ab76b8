#pragma once

#include <string>
#include <string_view>

namespace flott::cli {

/// A supervision tree document (/flott/v1/tree, of a cluster or of one process) as an indented outline, one line an
/// actor: name, state, and as far as there is something to say restarts, lives given up, mailbox and the age of its oldest
/// message, what it is handling and for how long, what it holds, the last failure. What is no such document is given back
/// as it is, but for control characters.
[[nodiscard]] std::string tree_text(std::string_view document);

}  // namespace flott::cli
