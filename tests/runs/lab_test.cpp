#include "runs.hpp"

using namespace equus::test;

TEST_CASE("the lab's turnstile and its solution count right on a quiet day", "[run]") {
    for (const char* file : {"lab_counter.rdc", "solution.rdc"}) {
        const scratch here;
        const outcome ran =
            command(run_line(source(std::string{"samples/lab_counter/"} + file), 2, ""));
        INFO(ran.text);
        CHECK(ran.code == 0);
        CHECK(ran.text.find("10 visitors passed and were counted\n") != std::string::npos);
    }
}
