equus_fuzzer(fuzz_rdc
    SOURCES fuzz_rdc.cpp ${PROJECT_SOURCE_DIR}/tests/config/manifests.cpp
    LIBS equus::config equus::linux)
equus_fuzzer(fuzz_rdc_pack SOURCES fuzz_rdc_pack.cpp LIBS equus::config_pack equus::linux)
