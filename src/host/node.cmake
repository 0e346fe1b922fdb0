# What a node does outside of itself; also for the simulation, which does it in virtual time.
equus_library(effects
    SOURCES confined_folder.cpp effects.cpp effects_files.cpp
    PUBLIC_LIBS equus::wire equus::base)

# The driver of one kernel. It names no kernel: the runtime's, or a test's, comes by the link.
equus_library(node
    SOURCES blocking_pool.cpp hosted_rdc.cpp node.cpp secret.cpp watchdog.cpp
    PUBLIC_LIBS equus::effects equus::base
    PRIVATE_LIBS equus::transport equus::linux pthread)
