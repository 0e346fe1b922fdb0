equus_fuzzer(fuzz_framing SOURCES fuzz_framing.cpp LIBS equus::link equus::linux)
