# The simulated network: freestanding like the kernel, so that a card can be simulated on a card.
equus_library(sim_network FREESTANDING SOURCES sim/network.cpp PUBLIC_LIBS equus::base)
