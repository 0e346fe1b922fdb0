// The one copy of Catch2's main program; every test program links it.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
