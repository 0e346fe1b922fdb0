equus_fuzzer(fuzz_packet SOURCES fuzz_packet.cpp LIBS equus::runtime equus::linux)
