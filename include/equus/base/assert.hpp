// An assertion names our own bug: a state the code has excluded. It stays on in release builds,
// because a kernel that goes on after a broken invariant loses other people's messages. Bad input
// and bad peers never end here; they are refused with an `errc` (result.hpp).
#pragma once

namespace equus {

/// Ends the program (hosted: prints file, line and the condition, then aborts; freestanding: the
/// board's panic). Defined once per target.
[[noreturn]] void assertion_failed(const char* file, int line, const char* condition) noexcept;

} // namespace equus

#define EQUUS_ASSERT(condition)                                                                    \
    (static_cast<bool>(condition) ? static_cast<void>(0)                                           \
                                  : ::equus::assertion_failed(__FILE__, __LINE__, #condition))
