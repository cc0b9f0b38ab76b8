#pragma once

#include "runtime/base/failure.hpp"
#include "runtime/supervision/spec.hpp"

#include <caf/all.hpp>

#include <exception>
#include <typeinfo>

namespace flott {

/// A failure as the reason with which an actor ends, or as the error that answers a request; nothing of it is lost.
[[nodiscard]] caf::error to_error(const failure& what);

/// The failure behind an error; CAF's own errors become transient failures with their text.
[[nodiscard]] failure to_failure(const caf::error& err);

/// A type's name as it is written in C++.
[[nodiscard]] std::string type_name(const std::type_info& type);

/// For people: the failure's text, or CAF's name of the error with its context.
[[nodiscard]] std::string describe(const caf::error& err);

/// What a supervisor makes of the reason in a DOWN: `user_shutdown` is a shutdown, no error is normal, all else is
/// abnormal.
[[nodiscard]] supervision::exit_reason exit_reason_of(const caf::error& err);

/// The error that stands for an exception: a failure that was thrown, or `what()` with the name of its type.
[[nodiscard]] caf::error to_error(const std::exception_ptr& thrown, const char* where);

/// Keeps what an exception says. CAF by default prints it and ends the actor with an error that has lost the text;
/// with this the actor ends with the text as its reason, and its supervisor shows it. To be called first of all in
/// the function that makes an actor's behaviour.
template <class Self>
void keep_exception_text(Self* self) {
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    return to_error(thrown, self->name());
  });
}

}  // namespace flott
