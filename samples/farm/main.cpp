#include "farm.hpp"
#include "simulated_farm.hpp"

#include <equus/host/main.hpp>

int main(int argc, char** argv) {
    equus::main m{argc, argv};
    farm::add_farm(m.modules());
    m.effect<farm::count_primes>(std::string{farm::count_effect}, farm::primes_in);
    m.scenario(farm::simulated_farm());
    return m.run();
}
