// The modules that every program of a run has: stream space and its caches, the launch, files,
// control. `equus::main` and the simulation register them; a program that makes its own node calls
// this once.
#pragma once

#include <equus/module.hpp>

namespace equus {

/// Adds the modules named "equus.*" and the services `system.space`, `system.launch` and
/// `system.files`.
void add_standard_modules(module_table& modules);

} // namespace equus
