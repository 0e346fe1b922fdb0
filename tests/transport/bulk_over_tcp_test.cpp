#include <equus/equus.hpp>
#include <equus/host/asio.hpp>
#include <equus/services/standard.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <string>

using namespace equus;
using namespace equus::literals;

namespace {

/// Far beyond what this needs; reached only by one that hangs.
constexpr auto patience = std::chrono::seconds{60};

struct seen_there {
    std::uint64_t size = 0;
    bool right = false;
    EQUUS_FIELDS(size, right)
};
struct load {
    using reply = seen_there;
    std::uint64_t seed = 0;
    bulk body;
    EQUUS_FIELDS(seed, body)
};
struct ping {
    using reply = seen_there;
    std::uint64_t n = 0;
    EQUUS_FIELDS(n)
};
using loading = protocol<"test.loading", load, ping>;
struct ready {
    stream<loading> door;
    buffer_handle area;
    EQUUS_FIELDS(door, area)
};
using announcing = protocol<"test.announcing", ready>;

constexpr std::size_t area_bytes = std::size_t{5} << 20;

void fill(std::span<std::byte> out, std::uint64_t seed) {
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::byte>((i * 7 + (i >> 9) + seed) & 0xff);
}
bool is_filled(std::span<const std::byte> what, std::uint64_t seed) {
    for (std::size_t i = 0; i < what.size(); ++i)
        if (what[i] != static_cast<std::byte>((i * 7 + (i >> 9) + seed) & 0xff))
            return false;
    return true;
}

struct diary {
    std::vector<std::string> wrong;
    std::size_t rounds = 0;
    std::size_t pings = 0;
    bool done = false;
};
diary seen;

class keeper : public incarnation<keeper> {
public:
    port<loading> in{*this, "in"};
    stream<announcing> home{*this, "home"};
    task<> start() {
        area_ = co_await ok(buffer::of(area_bytes));
        co_await ok(co_await home.send<ready>(in.open_stream(), area_.handle()));
    }
    task<seen_there> on(load l) {
        const buffer got = co_await ok(co_await l.body.fetch());
        co_return seen_there{got.size(), is_filled(got.span(), l.seed)};
    }
    seen_there on(ping p) { return {p.n, true}; }

private:
    buffer area_;
};

class visitor : public incarnation<visitor> {
public:
    port<announcing> in{*this, "in"};
    task<> main() {
        auto done = co_await as_result(visit());
        if (!done)
            seen.wrong.push_back(done.error().describe());
        seen.done = true;
        co_await sleep(for_ever);
    }
    task<ready> meet() {
        creation what;
        what.module = "keeper";
        what.given["home"] = any_reference{in.open_stream()};
        auto made = co_await create(what, node_id{2});
        co_await ok(std::move(made));
        auto came = co_await ok(co_await in.receive());
        co_return co_await ok(came.take<ready>());
    }
    task<> visit() {
        while (members().size() < 2)
            co_await sleep(1ms);
        const ready at = co_await meet();
        const ready other = co_await meet();
        pinging_.start(pings(other.door));
        constexpr std::size_t sizes[] = {1,       4'096,     65'536,          65'537,
                                         500'003, 3'000'001, (8u << 20) + 7u, 20'000'000};
        for (const std::size_t size : sizes)
            for (std::uint64_t seed = 0; seed < 3; ++seed) {
                auto mine = co_await ok(buffer::of(size));
                fill(mine.span(), seed);
                auto answer = co_await at.door.invoke<load>(seed, bulk::of(mine));
                const seen_there there = co_await ok(std::move(answer));
                if (there.size != size || !there.right)
                    seen.wrong.push_back("bulk of " + std::to_string(size) + " bytes");
                ++seen.rounds;
            }
        auto mine = co_await ok(buffer::of(area_bytes));
        fill(mine.span(), 9);
        co_await ok(co_await at.area.copy_to(0, mine.span()));
        auto back = co_await ok(buffer::of(area_bytes));
        co_await ok(co_await at.area.copy_from(0, back.span()));
        if (!is_filled(back.span(), 9))
            seen.wrong.push_back("what was written to a buffer is not what is there");
    }
    task<> pings(stream<loading> to) {
        for (std::uint64_t n = 0;; ++n) {
            co_await ok(co_await to.invoke<ping>(n));
            ++seen.pings;
        }
    }

private:
    task_group pinging_;
};

} // namespace

TEST_CASE("bulk of many sizes passes a TCP link whole, with calls beside it",
          "[transport][K21][K32]") {
    seen = {};
    module_table modules;
    add_standard_modules(modules);
    modules.add<keeper>("keeper");
    modules.add<visitor>("visitor");
    asio::io_context context{1};
    const run_secret secret = new_run_secret();
    const auto options = [&](std::string name) {
        node_options made;
        made.kernel.name = std::move(name);
        made.secret = secret;
        return made;
    };
    node first{context, options("first"), modules};
    REQUIRE(first.start());
    node_options later = options("second");
    later.kernel.root = false;
    later.kernel.root_address = first.address();
    node second{context, std::move(later), modules};
    REQUIRE(second.start());
    creation what;
    what.module = "visitor";
    bytes encoded(wire::size_bytes(what));
    wire::encode(what, encoded.span());
    first.post([&](kernel& core) { REQUIRE(core.boot(encoded)); });
    const auto limit = std::chrono::steady_clock::now() + patience;
    while (!seen.done)
        REQUIRE(context.run_one_until(limit) == 1);
    REQUIRE(seen.wrong == std::vector<std::string>{});
    REQUIRE(seen.rounds == 24);
    REQUIRE(seen.pings > 24);
    REQUIRE(first.kernel().check_invariants() == "");
    REQUIRE(second.kernel().check_invariants() == "");
}
