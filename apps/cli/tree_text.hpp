#pragma once

#include <string>
#include <string_view>

namespace flott::cli {

/// A supervision tree document (/flott/v1/tree, of a cluster or of one process) as an indented outline, one line an
/// actor: name, state, restarts and the last failure where there were any. What is no such document is given back as it
/// is.
[[nodiscard]] std::string tree_text(std::string_view document);

}  // namespace flott::cli
