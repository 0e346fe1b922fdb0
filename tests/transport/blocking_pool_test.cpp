#include "host/blocking_pool.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

using equus::host::blocking_pool;

namespace {

/// Jobs that wait until the test lets them go.
struct gate {
    void wait() { opened.wait(); }
    void open() { promise.set_value(); }
    std::promise<void> promise;
    std::shared_future<void> opened = promise.get_future().share();
};

} // namespace

TEST_CASE("every accepted job is done once", "[transport]") {
    constexpr int jobs = 1'000;
    std::atomic<int> done{0};
    std::promise<void> all;
    blocking_pool pool{4, jobs};
    for (int i = 0; i < jobs; ++i)
        REQUIRE(pool.submit([&] {
            if (++done == jobs)
                all.set_value();
        }));
    all.get_future().wait();
    REQUIRE(done == jobs);
}

TEST_CASE("a job that blocks does not hold up the others", "[transport]") {
    gate slow;
    std::promise<void> quick;
    {
        blocking_pool pool{2, 10};
        REQUIRE(pool.submit([&] { slow.wait(); }));
        REQUIRE(pool.submit([&] { quick.set_value(); }));
        quick.get_future().wait();
        slow.open();
    }
    SUCCEED();
}

TEST_CASE("as many jobs run at once as the pool has threads", "[transport]") {
    gate hold;
    std::atomic<int> running{0};
    std::promise<void> three;
    {
        blocking_pool pool{3, 10};
        for (int i = 0; i < 6; ++i)
            REQUIRE(pool.submit([&] {
                if (++running == 3)
                    three.set_value();
                hold.wait();
            }));
        three.get_future().wait();
        REQUIRE(running == 3);
        hold.open();
    }
}

TEST_CASE("a full queue refuses a job and leaves it with its owner", "[transport]") {
    gate hold;
    std::promise<void> begun;
    {
        blocking_pool pool{1, 2};
        REQUIRE(pool.submit([&] {
            begun.set_value();
            hold.wait();
        }));
        begun.get_future().wait();
        REQUIRE(pool.submit([] {}));
        REQUIRE(pool.submit([] {}));
        bool ran = false;
        std::function<void()> refused = [&] { ran = true; };
        REQUIRE(!pool.submit(std::move(refused)));
        REQUIRE(refused != nullptr);
        refused();
        REQUIRE(ran);
        hold.open();
    }
}

TEST_CASE("the end of a pool waits for what is running", "[transport]") {
    std::promise<void> begun;
    std::atomic<bool> finished{false};
    {
        blocking_pool pool{1, 10};
        REQUIRE(pool.submit([&] {
            begun.set_value();
            std::this_thread::yield();
            finished = true;
        }));
        begun.get_future().wait();
    }
    REQUIRE(finished);
}
