#include <equus/host/main.hpp>

int main(int argc, char** argv) {
    return equus::main{argc, argv, EQUUS_VERSION}.run();
}
