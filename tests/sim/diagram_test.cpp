#include <equus/host/sim_diagram.hpp>
#include <equus/host/sim_scenario.hpp>

#include <catch2/catch.hpp>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace equus;
using namespace equus::literals;

namespace {

std::string read(const std::filesystem::path& from) {
    std::ifstream in{from, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::size_t count(const std::string& in, const std::string& what) {
    std::size_t found = 0;
    for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + 1))
        ++found;
    return found;
}

/// A run by hand: what a world tells its observer, one call after the other.
class story {
public:
    explicit story(sim::diagram_options options = {}) : picture{options} {
        using fate = sim::world_observer::fate;
        picture.on_node(at(0us), door, "door", fate::begins, {}, "begins life 1");
        picture.on_node(at(0us), office, "office", fate::begins, {}, "begins life 1");
        picture.on_created(at(5us), door, gate, "gate", "lab.turnstile");
        picture.on_created(at(5us), office, counter, "counter", "lab.counter");
        picture.on_created(at(5us), office, console, "console", "equus.console");
    }
    time_point at(duration later) { return time_point{} + (now += later); }

    void sent(incarnation_id by, sim::host where, std::uint64_t number) {
        record(trace_kind::sent, where, by, 7, number, 0);
    }
    void queued(incarnation_id by, sim::host where, std::uint64_t number, std::uint32_t call,
                incarnation_id to) {
        traced_message told;
        told.stream = {by, 7};
        told.number = number;
        told.receiver = to;
        told.name = call != 0 ? "visitor" : "say <it>";
        told.reply_name = "counted";
        if (call != 0)
            told.call = {by, call};
        picture.on_queued(at(40us), where, told);
    }
    void consumed(incarnation_id by, sim::host where, std::uint64_t number) {
        record(trace_kind::consumed, where, by, 7, number, 0);
    }
    void replied(incarnation_id by, std::uint32_t call) {
        record(trace_kind::reply_sent, office, by, call, 0, caller());
    }
    void ended(std::uint32_t call, errc how) {
        record(trace_kind::call_ended, door, gate, call, static_cast<std::uint64_t>(how), 0);
    }
    void record(trace_kind kind, sim::host where, incarnation_id who, std::uint64_t a,
                std::uint64_t b, std::uint64_t c) {
        trace_record made;
        made.kind = kind;
        made.who = who;
        made.a = a;
        made.b = b;
        made.c = c;
        picture.on_trace(at(10us), where, made);
    }
    std::uint64_t caller() const { return std::uint64_t{gate.node.value} << 32 | gate.counter; }

    /// One visitor is counted; the answer for the second is lost in a cut, and it is asked for
    /// again.
    void tell() {
        using fate = sim::world_observer::fate;
        call(1, 11, true);
        sent(gate, door, 2);
        queued(gate, office, 2, 12, counter);
        picture.on_cut(at(1us), office, door, true);
        picture.on_cut(at(0us), door, office, true);
        replied(counter, 12);
        picture.on_lost(at(1us), office, door);
        consumed(gate, office, 2);
        picture.on_node(at(100us), office, "office", fate::pauses, 2ms, "pauses for 2 ms");
        now += 500ms;
        ended(12, errc::maybe_delivered);
        picture.on_cut(at(1us), office, door, false);
        picture.on_cut(at(0us), door, office, false);
        picture.on_healed(at(1us));
        call(3, 13, true);
        sent(gate, door, 4);
        queued(gate, office, 4, 0, console);
        picture.on_remark(at(10us), office, "visitor 2 was counted as number 3");
        picture.on_node(at(1ms), office, "office", fate::crashes, {}, "crashes");
    }
    void call(std::uint64_t number, std::uint32_t counter_of_call, bool answered) {
        sent(gate, door, number);
        queued(gate, office, number, counter_of_call, counter);
        if (!answered)
            return;
        replied(counter, counter_of_call);
        consumed(gate, office, number);
        ended(counter_of_call, errc::ok);
    }

    static constexpr sim::host door{0}, office{1};
    static constexpr incarnation_id gate{node_id{1}, boot_number{1}, 2};
    static constexpr incarnation_id counter{node_id{2}, boot_number{2}, 2};
    static constexpr incarnation_id console{node_id{2}, boot_number{2}, 3};
    sim::diagram picture;
    duration now{};
};

sim::seed_outcome draw(sim::diagram& picture, const char* scenario, std::uint64_t seed) {
    const sim::scenario_table all = sim::built_in_scenarios();
    sim::seed_options options;
    options.observer = &picture;
    return sim::run_seed(*all.find(scenario), seed, options);
}

} // namespace

TEST_CASE("the picture of a run is the recorded one", "[sim][diagram]") {
    story told;
    told.tell();
    const std::string svg = told.picture.svg("scenario lab, seed 3: failed",
                                             "at 503 us: visitor 2 was counted as number 3 & more");
    const std::filesystem::path golden =
        std::filesystem::path{std::getenv("EQUUS_SOURCE")} / "tests/sim/testdata/diagram.svg";
    if (std::getenv("EQUUS_UPDATE_GOLDEN"))
        std::ofstream{golden, std::ios::binary} << svg;
    CHECK(svg == read(golden));
}

TEST_CASE("a picture has an arrow for each message, and a mark for each fault", "[sim][diagram]") {
    story told;
    told.tell();
    const std::string svg = told.picture.svg("a <title>", "");
    CHECK(count(svg, "class=\"invocation\"") == 3 + 1); // and one in the legend
    CHECK(count(svg, "class=\"reply\"") == 2 + 1);
    CHECK(count(svg, "class=\"never\"") == 1); // the answer that was lost
    CHECK(count(svg, ">maybe delivered<") + count(svg, ">maybe_delivered<") == 1);
    CHECK(count(svg, "door ↮ office") + count(svg, "office ↮ door") == 1);
    CHECK(count(svg, ">office pauses for 2 ms<") == 1);
    CHECK(count(svg, ">office crashes<") == 1);
    CHECK(count(svg, ">the faults end<") == 1);
    CHECK(count(svg, "a &lt;title&gt;") == 1);
    CHECK(count(svg, "console") == 0); // a service
    CHECK(count(svg, "class=\"verdict\"") == 0);

    sim::diagram_options all;
    all.with_services = true;
    story whole{all};
    whole.tell();
    CHECK(count(whole.picture.svg("", ""), ">say &lt;it&gt;<") == 1);
}

TEST_CASE("a picture is of the last events, or of a window, and says what it leaves out",
          "[sim][diagram]") {
    sim::diagram_options few;
    few.events_max = 3;
    story told{few};
    for (std::uint64_t i = 1; i <= 50; ++i)
        told.call(i, static_cast<std::uint32_t>(i), true);
    const std::string svg = told.picture.svg("", "");
    CHECK(count(svg, ">visitor<") + count(svg, ">counted<") == 3);
    CHECK(count(svg, "the last 3 messages and faults; 97 before them are left out") == 1);

    sim::diagram_options early;
    early.to = time_point{} + 300us;
    story cut{early};
    for (std::uint64_t i = 1; i <= 50; ++i)
        cut.call(i, static_cast<std::uint32_t>(i), true);
    CHECK(count(cut.picture.svg("", ""), ">visitor<") == 4);

    sim::diagram_options late;
    late.from = time_point{} + 3'900us;
    story rest{late};
    for (std::uint64_t i = 1; i <= 50; ++i)
        rest.call(i, static_cast<std::uint32_t>(i), true);
    CHECK(count(rest.picture.svg("", ""), ">visitor<") == 2);
}

TEST_CASE("many incarnations are drawn by their nodes", "[sim][diagram]") {
    sim::diagram_options narrow;
    narrow.lanes_max = 1;
    story told{narrow};
    told.tell();
    const std::string svg = told.picture.svg("", "");
    CHECK(count(svg, "lab.turnstile") == 0);
    CHECK(count(svg, "class=\"mid name\"") == 2);
}

TEST_CASE("the same seed gives the same picture, and drawing changes nothing", "[sim][diagram]") {
    for (const char* scenario : {"calls", "streams"}) {
        sim::diagram one, two;
        const sim::seed_outcome first = draw(one, scenario, 3);
        const sim::seed_outcome second = draw(two, scenario, 3);
        const sim::scenario_table all = sim::built_in_scenarios();
        const sim::seed_outcome plain = sim::run_seed(*all.find(scenario), 3);
        INFO(scenario);
        CHECK(first.hash == second.hash);
        CHECK(first.hash == plain.hash);
        const std::string svg = one.svg("seed 3", first.failure);
        CHECK(svg == two.svg("seed 3", second.failure));
        CHECK(count(svg, "class=\"said t-") >= 30);
        CHECK(count(svg, "are left out") == 1);
        CHECK(svg.size() < 100'000);
    }
}

TEST_CASE("sim --diagram writes the picture of one seed", "[sim][diagram]") {
    const std::string file =
        (std::filesystem::temp_directory_path() / ("equus-diagram-" + std::to_string(::getpid())))
            .string();
    const auto run = [&](std::vector<std::string> words) {
        std::vector<char*> argv;
        for (std::string& each : words)
            argv.push_back(each.data());
        return sim::sim_command(static_cast<int>(argv.size()), argv.data(),
                                sim::built_in_scenarios());
    };
    CHECK(run({"equus", "sim", "--scenario", "calls", "--seeds", "3", "--diagram", file, "--last",
               "20", "--to", "1500ms"}) == 0);
    const std::string svg = read(file);
    std::filesystem::remove(file);
    CHECK(count(svg, "scenario calls, seed 3: passed") == 1);
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(run({"equus", "sim", "--scenario", "calls", "--seeds", "3..4", "--diagram", file}) == 2);
    CHECK(run({"equus", "sim", "--scenario", "calls", "--seeds", "3", "--diagram",
               "/no/such/folder/x.svg"}) == 2);
    CHECK(run({"equus", "sim", "--scenario", "calls", "--seeds", "3", "--diagram", file, "--from",
               "soon"}) == 2);
    CHECK_FALSE(std::filesystem::exists(file));
}
