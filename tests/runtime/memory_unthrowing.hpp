// Compiled without exceptions: what its code allocates over its limit it gets, and ends.
#pragma once

#include <equus/module.hpp>

namespace equus::test {

/// "unthrowing": allocates `parameters.megabytes` in its main(), keeps them over one await, and
/// ends with the result 7.
void add_unthrowing(module_table& modules);

} // namespace equus::test
