#include "bench/bench_command.hpp"

#include <equus/host/main.hpp>

int main(int argc, char** argv) {
    equus::main program{argc, argv, EQUUS_VERSION};
    program.command("bench", "Measure this build against bare programs",
                    equus::bench::bench_command);
    return program.run();
}
