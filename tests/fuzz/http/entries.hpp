#pragma once

#include <string_view>

namespace flott::fuzz {

// Each takes any bytes and throws std::logic_error if a promise is broken.

/// A connection's bytes: read whole and in pieces, with the same requests as the outcome, or a refusal.
void request(std::string_view bytes);
/// A multipart body (boundary "b"): whole and in pieces, with the same parts.
void multipart(std::string_view bytes);
/// A target, then a line break, then a JSON body: routed, and read as a run request; what was read survives writing.
void run_request(std::string_view bytes);

}  // namespace flott::fuzz
