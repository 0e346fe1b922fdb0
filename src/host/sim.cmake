# Whole clusters in one process (equus::sim), scenarios and campaigns.
equus_library(sim
    SOURCES
        sim_faults.cpp
        sim_launch.cpp
        sim_nemesis.cpp
        sim_scenarios.cpp
        sim_seed.cpp
        sim_streams.cpp
        sim_streams_cast.cpp
        sim_turn.cpp
        sim_world.cpp
    PUBLIC_LIBS equus::runtime equus::services equus::effects equus::wire equus::base
    PRIVATE_LIBS equus::sim_network)
