equus_fuzzer(fuzz_wire SOURCES fuzz_wire.cpp LIBS equus::wire equus::schema equus::linux)
