#include "simulated_lab.hpp"

#include <equus/host/main.hpp>

int main(int argc, char** argv) {
    equus::main m{argc, argv};
    lab::add_lab(m.modules());
    m.scenario(lab::given());
    m.scenario(lab::mended());
    return m.run();
}
