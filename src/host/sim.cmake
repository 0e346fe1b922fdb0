# Whole clusters in one process (equus::sim), scenarios, campaigns and the command.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
equus_library(sim
    SOURCES
        sim_asleep.cpp
        sim_at_rest.cpp
        sim_bulk.cpp
        sim_bulk_cast.cpp
        sim_calls.cpp
        sim_calls_cast.cpp
        sim_campaign.cpp
        sim_command.cpp
        sim_dependency.cpp
        sim_diagram.cpp
        sim_drawing.cpp
        sim_events.cpp
        sim_faults.cpp
        sim_fork.cpp
        sim_launch.cpp
        sim_ledger.cpp
        sim_membership.cpp
        sim_migrate.cpp
        sim_migrate_cast.cpp
        sim_model.cpp
        sim_model_cast.cpp
        sim_multicast.cpp
        sim_multicast_cast.cpp
        sim_nemesis.cpp
        sim_planted.cpp
        sim_scenarios.cpp
        sim_seed.cpp
        sim_space.cpp
        sim_space_cast.cpp
        sim_staged.cpp
        sim_streams.cpp
        sim_streams_cast.cpp
        sim_svg.cpp
        sim_turn.cpp
        sim_world.cpp
    PUBLIC_LIBS equus::runtime equus::services equus::effects equus::wire equus::base
    PRIVATE_LIBS equus::sim_network equus::linux CLI11::CLI11 nlohmann_json::nlohmann_json)
