# Everything a program links: the commands, the launcher, the node and the standard modules.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
equus_library(host
    SOURCES
        commands/conversation.cpp
        commands/describe.cpp
        commands/language_commands.cpp
        commands/live_graph.cpp
        commands/look_commands.cpp
        commands/node_commands.cpp
        commands/programs.cpp
        commands/run_command.cpp
        commands/schema_command.cpp
        commands/wait_graph.cpp
        commands/write_file.cpp
        configuration.cpp
        launch/child.cpp
        launch/launcher.cpp
        launch/launcher_nodes.cpp
        launch/node_process.cpp
        launch/pipe.cpp
        launch/report.cpp
        launch/run_folder.cpp
        main.cpp
    PUBLIC_LIBS equus::node equus::services equus::config equus::schema equus::sim equus::runtime equus::base
    PRIVATE_LIBS equus::linux CLI11::CLI11 nlohmann_json::nlohmann_json)
