// The programs that the test data uses, as they would describe themselves.
#pragma once

#include <equus/base/result.hpp>
#include <equus/manifest.hpp>

#include <string>

namespace equus::test {

/// print_shop, laboratory and hello; anything else is not found.
result<manifest> test_program(const std::string& name);

} // namespace equus::test
