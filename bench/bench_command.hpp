// `equus bench`: see bench/measure.hpp for what is measured and docs/performance.md for results.
#pragma once

namespace equus::bench {

/// Does what the arguments after the program's name say: argv[1] is "bench". The exit code: 0, 1
/// when a row could not be measured, 2 for wrong usage.
int bench_command(int argc, char** argv);

} // namespace equus::bench
