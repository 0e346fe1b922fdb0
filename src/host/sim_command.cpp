// `sim`: a scenario over a range of seeds, for people and for scripts.
#include <equus/host/sim_diagram.hpp>
#include <equus/host/sim_scenario.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

namespace equus::sim {

namespace {

constexpr int all_passed = 0;
constexpr int some_failed = 1;
constexpr int wrong_usage = 2;

struct command_line {
    std::string program; ///< name
    std::string called;  ///< as it was called, to be called again
    std::string scenario;
    std::string elsewhere; ///< --program
    std::string seeds = "1..100";
    std::string mutant;
    std::string trace;
    std::string diagram;
    std::int64_t from_us = 0, to_us = -1;
    diagram_options drawn;
    std::uint32_t jobs = 2;
    std::uint32_t check_every = 8;
    bool json = false;
    bool list = false;
    bool mutants = false;
};

/// "17" or "1..2000".
bool read_range(const std::string& text, std::uint64_t& first, std::uint64_t& last) {
    const auto dots = text.find("..");
    const auto number = [](std::string_view digits, std::uint64_t& out) {
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), out);
        return read.ec == std::errc{} && read.ptr == digits.data() + digits.size();
    };
    const std::string_view all{text};
    if (dots == std::string::npos) {
        if (!number(all, first))
            return false;
        last = first;
        return true;
    }
    return number(all.substr(0, dots), first) && number(all.substr(dots + 2), last) &&
           first <= last && last != UINT64_MAX;
}

std::string quoted(const std::string& word) {
    return word.find_first_of(" '\"\\$") == std::string::npos ? word : "'" + word + "'";
}

std::string replay_of(const command_line& with, std::uint64_t seed) {
    std::string text = quoted(with.called) + " sim --scenario " + with.scenario + " --seeds " +
                       std::to_string(seed) + ".." + std::to_string(seed);
    if (!with.mutant.empty())
        text += " --mutant " + with.mutant;
    return text;
}

void print_failure(const command_line& with, const seed_outcome& failed) {
    std::printf("seed %" PRIu64 ": %s\n", failed.seed, failed.failure.c_str());
    if (!failed.mix.empty())
        std::printf("  faults: %s\n", failed.mix.c_str());
    std::printf("  replay: %s\n", replay_of(with, failed.seed).c_str());
    std::fflush(stdout);
}

nlohmann::json counters_as_json(const world_counters& of) {
    return {{"events", of.events},
            {"turns", of.turns},
            {"packets_sent", of.packets_sent},
            {"packets_lost", of.packets_lost},
            {"packets_duplicated", of.packets_duplicated},
            {"packets_overtaken", of.packets_overtaken},
            {"links_made", of.links_made},
            {"links_broken", of.links_broken},
            {"effects", of.effects},
            {"crashes", of.crashes},
            {"pauses", of.pauses},
            {"partitions", of.partitions},
            {"clock_jumps", of.clock_jumps},
            {"evictions", of.evictions}};
}

void print_json(const command_line& with, std::uint64_t first, std::uint64_t last,
                const campaign_result& got) {
    nlohmann::json out{{"scenario", with.scenario},
                       {"first", first},
                       {"last", last},
                       {"passed", got.passed},
                       {"failed", got.failures.size()},
                       {"hashes_compared", got.hashes_compared},
                       {"counters", counters_as_json(got.counters)},
                       {"failures", nlohmann::json::array()}};
    if (!with.mutant.empty())
        out["mutant"] = with.mutant;
    for (const seed_outcome& failed : got.failures)
        out["failures"].push_back({{"seed", failed.seed},
                                   {"text", failed.failure},
                                   {"faults", failed.mix},
                                   {"replay", replay_of(with, failed.seed)}});
    for (const auto& [name, times] : got.reached)
        out["reached"][name] = times;
    std::printf("%s\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

void print_list(const scenario_table& scenarios) {
    for (const auto& [name, each] : scenarios.all())
        std::printf("%-16s %s\n", name.c_str(), each.description.c_str());
}

int usage(const std::string& program, const std::string& text) {
    std::fprintf(stderr, "%s sim: %s\n", program.c_str(), text.c_str());
    return wrong_usage;
}

/// A program's scenarios are in the program: it is asked to run them itself.
int run_by_program(const command_line& with, char** argv, const scenario_table& scenarios,
                   const scenario_program& elsewhere) {
    std::string text = "no scenario '" + with.scenario + "'; there are:";
    for (const auto& [name, each] : scenarios.all())
        text += " " + name;
    if (!elsewhere)
        return usage(with.program, text);
    auto path = elsewhere(with.scenario, with.elsewhere);
    if (!path)
        return usage(with.program, text + "; and no program has it: " + path.error().describe());
    std::error_code unknown;
    if (std::filesystem::equivalent(*path, "/proc/self/exe", unknown))
        return usage(with.program, text);
    argv[0] = path->data();
    ::execv(path->c_str(), argv);
    return usage(with.program, *path + ": " + std::generic_category().message(errno));
}

int run_range(const command_line& with, const scenario& what, std::uint64_t first,
              std::uint64_t last) {
    campaign_options options;
    options.first = first;
    options.last = last;
    options.jobs = with.jobs;
    options.mutant = with.mutant;
    options.check_every = with.check_every;
    const bool live = !with.json && ::isatty(STDERR_FILENO) != 0;
    std::uint64_t done = 0, failed = 0;
    options.on_outcome = [&](const seed_outcome& outcome) {
        ++done;
        failed += outcome.passed() ? 0 : 1;
        if (live)
            std::fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 ", %" PRIu64 " failed ", done,
                         last - first + 1, failed);
        if (!outcome.passed() && !with.json) {
            if (live)
                std::fputc('\n', stderr);
            print_failure(with, outcome);
        }
    };
    if (!with.json) {
        std::printf("scenario %s, first seed %" PRIu64 "\n", what.name.c_str(), first);
        std::fflush(stdout);
    }
    const campaign_result got = run_campaign(what, options);
    if (live)
        std::fputs("\r\x1b[K", stderr);
    if (with.json)
        print_json(with, first, last, got);
    else
        std::printf("%" PRIu64 " passed, %zu failed (%" PRIu64 " run twice with equal hashes)\n",
                    got.passed, got.failures.size(), got.hashes_compared);
    return got.failures.empty() ? all_passed : some_failed;
}

/// One seed, here, and its picture.
int run_drawn(const command_line& with, const scenario& what, std::uint64_t seed) {
    diagram_options options = with.drawn;
    options.from = time_point{} + std::chrono::microseconds{with.from_us};
    if (with.to_us >= 0)
        options.to = time_point{} + std::chrono::microseconds{with.to_us};
    diagram picture{options};
    seed_options one;
    one.mutant = with.mutant;
    one.check_every = with.check_every;
    one.observer = &picture;
    const seed_outcome outcome = run_seed(what, seed, one);
    const std::string title = "scenario " + what.name + ", seed " + std::to_string(seed) +
                              (outcome.passed() ? ": passed" : ": failed");
    std::string failure = outcome.failure;
    if (!failure.empty())
        failure += "\nfaults: " + outcome.mix + "\nreplay: " + replay_of(with, seed);
    const std::string svg = picture.svg(title, failure);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{
        std::fopen(with.diagram.c_str(), "w"), &std::fclose};
    if (!file || std::fwrite(svg.data(), 1, svg.size(), file.get()) != svg.size() ||
        std::fflush(file.get()) != 0)
        return usage(with.program, with.diagram + ": " + std::generic_category().message(errno));
    if (!outcome.passed())
        print_failure(with, outcome);
    std::printf("seed %" PRIu64 ": %s, %s\n", seed, outcome.passed() ? "passed" : "failed",
                with.diagram.c_str());
    return outcome.passed() ? all_passed : some_failed;
}

/// Every planted fault has to be found by its scenario.
int run_mutants(const command_line& with, const scenario_table& scenarios) {
    int survivors = 0;
    std::printf("%-32s %-12s %6s  %s\n", "planted fault", "scenario", "seeds", "found");
    for (const planted_fault& each : planted_faults()) {
        if (!with.mutant.empty() && with.mutant != each.name)
            continue;
        const std::string name{each.name}, where{each.scenario};
        const scenario* what = scenarios.find(where);
        const mutant_outcome got = what ? hunt(each, *what, with.jobs) : mutant_outcome{};
        survivors += got.found.empty() ? 1 : 0;
        const std::string first = got.found.substr(0, got.found.find('\n'));
        std::printf("%-32s %-12s %6" PRIu64 "  %s\n", name.c_str(), where.c_str(), got.seeds,
                    got.found.empty() ? "SURVIVED" : first.c_str());
        std::fflush(stdout);
    }
    std::printf("%zu planted, %d survived\n", planted_faults().size(), survivors);
    return survivors == 0 ? all_passed : some_failed;
}

/// Seeds of which every record is wanted: here, one after the other.
int run_traced(const command_line& with, const scenario& what, std::uint64_t first,
               std::uint64_t last) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> trace{std::fopen(with.trace.c_str(), "w"),
                                                                &std::fclose};
    if (!trace)
        return usage(with.program, with.trace + ": " + std::generic_category().message(errno));
    int code = all_passed;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        seed_options one;
        one.mutant = with.mutant;
        one.trace = trace.get();
        one.check_every = with.check_every;
        std::fprintf(trace.get(), "seed %" PRIu64 "\n", seed);
        const seed_outcome outcome = run_seed(what, seed, one);
        std::printf("seed %" PRIu64 ": %s, hash %016" PRIx64 ", %" PRId64 " ms, %" PRIu64
                    " turns\n",
                    seed, outcome.passed() ? "passed" : "failed", outcome.hash,
                    outcome.virtual_time / std::chrono::milliseconds{1}, outcome.counters.turns);
        if (!outcome.passed()) {
            print_failure(with, outcome);
            code = some_failed;
        }
    }
    return code;
}

} // namespace

int sim_command(int argc, char** argv, const scenario_table& scenarios,
                const scenario_program& elsewhere) {
    command_line with;
    with.called = argc > 0 ? argv[0] : "equus";
    with.program = std::filesystem::path{with.called}.filename().string();
    CLI::App app{"Runs a scenario in many simulated worlds, one for each seed.",
                 with.program + " sim"};
    app.add_option("--scenario", with.scenario, "which one; --list shows them");
    app.add_option("--seeds", with.seeds, "A..B, or one")->capture_default_str();
    app.add_option("--program", with.elsewhere,
                   "path of the program that has the scenario; otherwise one of the scenario's "
                   "name beside this one");
    app.add_option("--jobs", with.jobs, "processes; 0: in this one")->capture_default_str();
    app.add_option("--mutant", with.mutant, "a planted fault to switch on (builds with mutants)");
    app.add_option("--trace", with.trace, "write every record of every kernel to this file");
    app.add_option("--diagram", with.diagram,
                   "draw the run of one seed as a space-time diagram, an SVG file");
    const CLI::AsNumberWithUnit times{
        std::map<std::string, std::int64_t>{{"us", 1}, {"ms", 1'000}, {"s", 1'000'000}}};
    app.add_option("--from", with.from_us, "the diagram begins there: 1500ms, 2s")
        ->transform(times);
    app.add_option("--to", with.to_us, "and ends there")->transform(times);
    app.add_option("--last", with.drawn.events_max,
                   "messages and faults in the diagram, the last ones")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000));
    app.add_flag("--by-node", with.drawn.by_node, "a line for each node, not for each incarnation");
    app.add_flag("--services", with.drawn.with_services, "draw the system's services too");
    app.add_option("--check-every", with.check_every, "invariants after each n-th turn; 0: never")
        ->capture_default_str();
    app.add_flag("--json", with.json, "one object, for programs");
    app.add_flag("--mutants", with.mutants,
                 "run each planted fault's scenario until a seed finds it (builds with mutants)");
    app.add_flag("--list", with.list, "the scenarios and the planted faults");
    app.footer("Exit codes: 0 all passed, 1 some failed, 2 wrong usage.\n"
               "Example: " +
               with.program + " sim --scenario streams --seeds 1..2000");
    // The command's own name may come first.
    const int skip = argc > 1 && std::string_view{argv[1]} == "sim" ? 1 : 0;
    try {
        app.parse(argc - skip, argv + skip);
    } catch (const CLI::ParseError& said) {
        return app.exit(said) == 0 ? all_passed : wrong_usage;
    }
    if (with.list) {
        print_list(scenarios);
        if (has_mutants())
            for (const planted_fault& each : planted_faults())
                std::printf("--mutant %s: %s\n", std::string{each.name}.c_str(),
                            std::string{each.what}.c_str());
        return all_passed;
    }
    std::uint64_t first = 0, last = 0;
    if (!read_range(with.seeds, first, last))
        return usage(with.program, "--seeds wants A..B with A <= B, not '" + with.seeds + "'");
    if ((with.mutants || !with.mutant.empty()) && !has_mutants())
        return usage(with.program, "this build has no mutants: use the preset 'mutants'");
    if (with.mutants)
        return run_mutants(with, scenarios);
    if (with.scenario.empty())
        return usage(with.program, "--scenario is missing; --list shows what there is");
    const scenario* what = scenarios.find(with.scenario);
    if (what == nullptr)
        return run_by_program(with, argv, scenarios, elsewhere);
    if (!with.diagram.empty())
        return first == last ? run_drawn(with, *what, first)
                             : usage(with.program,
                                     "--diagram draws one seed: --seeds " + std::to_string(first));
    return with.trace.empty() ? run_range(with, *what, first, last)
                              : run_traced(with, *what, first, last);
}

} // namespace equus::sim
